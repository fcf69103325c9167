"""The category labels of the items to be found, by which a breakdown groups test rows."""

from __future__ import annotations

import logging
import os
from typing import Any

import numpy as np

from recbole_cammsr import default_settings
from recbole_cammsr.analysis.ranks import LABEL_SEPARATOR
from recbole_cammsr.data.atomic_header import read_header
from recbole_cammsr.data.categories import categories_of
from recbole_cammsr.run import config_files


def category_field(config: Any) -> str | None:
    """The category column of a data set, also for a model that does not read it itself."""
    if config["category_field"]:
        return str(config["category_field"])
    own = default_settings.properties_file("dataset", config["dataset"])
    field = config_files.read(own).get("category_field") if own is not None else None
    return str(field) if field else None


def target_labels(config: Any, dataset: Any, folder: str) -> np.ndarray:
    """Labels of every item, joined; all empty where the data set has none.

    They come from the untouched data set in ``folder``: groups of targets must be the same for
    every share of wrong labels that models are trained with, and for every seed.

    Args:
        config: RecBole's.
        dataset: made of it.
        folder: of the data set's files.

    Returns:
        ``(n_items,)`` by item id. All empty, with a warning in the log, where a model that reads
        no categories has data whose labels cannot be read.

    Raises:
        ValueError: the `category_field` of the settings is no column, or the model reads
            categories and these cannot be read.
    """
    field = category_field(config)
    path = os.path.join(folder, f"{config['dataset']}.item")
    joined = np.full(dataset.item_num, "", dtype=object)
    if field is None or not os.path.isfile(path):
        return joined.astype(str)
    try:
        table = categories_of(config, folder, field, dataset.field2token_id[dataset.iid_field])
    except ValueError as error:
        if getattr(dataset, "categories", None) is not None:
            raise
        # "replace": `error` may be that of the encoding
        encoding = config["encoding"] or "utf-8"
        fields = read_header(path, config["field_separator"], encoding, errors="replace").names
        if config["category_field"] and field not in fields:
            raise ValueError(
                f"item file {path} has the fields {fields} but not {field!r}, the "
                "`category_field` that test rows are grouped by; name the right one, or none"
            ) from error
        logging.getLogger().warning(
            f"test rows are not grouped by category; {config['model']} needs none, but a model "
            f"that reads them would stop here: {error}"
        )
        return joined.astype(str)
    for item, label in table.targets.nonzero().tolist():
        joined[item] += (LABEL_SEPARATOR if joined[item] else "") + table.labels[label]
    return joined.astype(str)
