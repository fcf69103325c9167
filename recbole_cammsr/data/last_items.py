"""Histories from files (`benchmark_filename`) with their last `MAX_ITEM_LIST_LENGTH` items.

RecBole cuts the histories that it makes of interactions, and leaves those that files bring as they
are: models that have a position for each item fail with longer ones, and others read more than the
models that they are compared with. This package's data sets cut them always, those of RecBole's own
sequential models with ``keep_last_items: True``, which ``--protocol`` sets.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import torch

from recbole_cammsr.data import own_items


def history_field(dataset: Any) -> str:
    """The field with the histories of a data set's rows.

    Args:
        dataset: a RecBole ``SequentialDataset``.
    """
    return f"{dataset.config['ITEM_ID_FIELD']}{dataset.config['LIST_SUFFIX']}"


def lengths_of(cells: pd.Series) -> np.ndarray:
    """Length of each list, int64 (n,)."""
    return np.fromiter(map(len, cells), dtype=np.int64, count=len(cells))


def _keep(dataset: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Cut histories, and other lists of the same lengths, to their last items.

    Args:
        dataset: a ``SequentialDataset`` of pre-split data; its ``inter_feat`` is still a table.

    Returns:
        Items of all whole histories, one after the other, and the lengths of these; None where
        none is longer than ``MAX_ITEM_LIST_LENGTH``.
    """
    most, rows, field = dataset.max_item_list_len, dataset.inter_feat, history_field(dataset)
    lengths = lengths_of(rows[field])
    too_long = int((lengths > most).sum())
    if not too_long:
        return None
    whole = np.concatenate(rows[field].to_list())
    for name in dataset.seq_fields:
        # lists of other lengths say nothing of the history's items
        of_history = name in rows and name.endswith(dataset.config["LIST_SUFFIX"])
        if of_history and np.array_equal(lengths_of(rows[name]), lengths):
            rows[name] = rows[name].map(lambda cell: cell[-most:])
            dataset.field2seqlen[name] = min(dataset.field2seqlen[name], most)
    rows[dataset.item_list_length_field] = lengths.clip(max=most)
    dataset.logger.info(
        f"{too_long} of {len(rows)} histories of the pre-split data {dataset.dataset_name} are "
        f"longer than MAX_ITEM_LIST_LENGTH ({most}), up to {lengths.max()} items; their last "
        f"{most} are kept."
    )
    return whole, lengths


def offer(module: Any) -> None:
    """Let RecBole's own data sets follow ``keep_last_items``.

    Data sets with ``keeps_last_items`` follow it whatever it says.

    Args:
        module: ``recbole.data.dataset``.
    """
    dataset_class = module.SequentialDataset
    original = dataset_class._change_feat_format

    # when a data set is built: its items have numbers, and those that are cut off are candidates
    @functools.wraps(original)
    def _change_feat_format(self: Any) -> None:
        whole = _keep(self) if _is_asked(self) else None
        original(self)
        if whole is not None and self.config["mask_history"]:
            items, lengths = map(torch.from_numpy, whole)
            rows = self.inter_feat
            rows.update(type(rows)(own_items.note_given(self, items, lengths)))

    dataset_class._change_feat_format = _change_feat_format


def _is_asked(dataset: Any) -> bool:
    config, field = dataset.config, history_field(dataset)
    if config["benchmark_filename"] is None or field not in dataset.inter_feat:
        return False
    cuts = config["keep_last_items"] or getattr(dataset, "keeps_last_items", False)
    return bool(cuts) and dataset.field2type[field].value == "token_seq"
