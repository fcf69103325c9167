"""Wrong category labels and missing modalities, as derived files beside untouched originals.

Which items are hit is decided by a hash of seed and token, so a draw depends on neither the order
of files nor on the platform, and the items hit by a small share are among those of a larger one.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recbole_cammsr.analysis import files
from recbole_cammsr.data.atomic_header import BYTE_ORDER_MARK, AtomicHeader
from recbole_cammsr.data.missing_cells import MISSING_CELLS
from recbole_cammsr.data.quoted_cells import cells_of, joined, labels_in, python_strings
from recbole_cammsr.data.settings import is_number, modality_file, modality_names

#: share of the labelled items whose category labels are replaced by wrong ones
CATEGORY_NOISE = "category_noise"
#: share of the items that lose a content modality, drawn for each modality by itself
MISSING = "missing"


def check(corruption: Mapping[str, float]) -> None:
    """Refuse an unknown corruption or a share outside 0 to 1.

    Raises:
        ValueError: as said.
    """
    for kind, share in corruption.items():
        if kind not in (CATEGORY_NOISE, MISSING):
            raise ValueError(
                f"there is no corruption {kind!r}; known are {CATEGORY_NOISE} and {MISSING}"
            )
        if not is_number(share) or not 0 <= share <= 1:
            raise ValueError(f"{kind} is {share!r}; it must be a share from 0 to 1")


def described(corruption: Mapping[str, float]) -> str:
    """A corruption in words, e.g. ``category_noise 0.3, missing 0.5``; empty for none."""
    return ", ".join(f"{kind} {share}" for kind, share in corruption.items() if share)


def apply(corruption: Mapping[str, float], config: Any, seed: int, folder: Path) -> None:
    """Point a configuration at corrupted copies of its category and feature files.

    What the user gave (`external_config_dict`, which a checkpoint is resumed with) is pointed at
    them as well.

    Args:
        corruption: kind to share.
        config: RecBole's; `data_path` and `modality_files` are changed in it.
        seed: of the draw.
        folder: an empty one for the copies, made where it is absent; it must outlive the data
            set, and the checkpoints that are to be opened.

    Raises:
        ValueError: the model reads no categories, or has no content modality.
    """
    check(corruption)
    if corruption.get(MISSING):
        paths = _thin_features(config, corruption[MISSING], seed, folder)
        config["modality_files"] = config.external_config_dict["modality_files"] = paths
    if corruption.get(CATEGORY_NOISE):
        noisy = _noisy_data(config, corruption[CATEGORY_NOISE], seed, folder)
        # as given it is the folder of all data sets, and RecBole adds the name of the one
        config["data_path"] = str(noisy)
        config.external_config_dict["data_path"] = str(noisy.parent)


def chosen(tokens: Sequence[str], share: float, seed: int, purpose: str) -> np.ndarray:
    """Which tokens a share hits.

    Args:
        tokens: distinct.
        share: 0 to 1; ``round(share * n)`` tokens are hit.
        seed: of the draw.
        purpose: makes draws for different things independent.

    Returns:
        ``(n,)`` bool.
    """
    order = sorted(range(len(tokens)), key=lambda i: _number(seed, purpose, tokens[i]))
    hit = np.zeros(len(tokens), dtype=bool)
    hit[order[: round(share * len(tokens))]] = True
    return hit


def wrong_labels(labels: Sequence[str], all_labels: Sequence[str], seed: int, token: str) -> list:
    """As many labels as an item has, none of them its own.

    Args:
        labels: the item's.
        all_labels: of the data set, sorted.
        seed: of the draw.
        token: the item's.

    Returns:
        Distinct labels; fewer where the data set has too few others.
    """
    others = sorted(set(all_labels) - set(labels), key=lambda x: _number(seed, f"label {x}", token))
    return others[: len(labels)]


def _number(seed: int, purpose: str, token: str) -> int:
    digest = hashlib.blake2b(f"{seed}\n{purpose}\n{token}".encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def _thin_features(config: Any, share: float, seed: int, folder: Path) -> dict[str, Any]:
    from recbole_cammsr.data.formats import features_of

    modalities = modality_names(config["modalities"])
    if not modalities:
        raise ValueError(
            f"{config['model']} has no content modality that items could lose; name some in "
            "`modalities`"
        )
    paths: dict[str, Any] = {}
    for modality in modalities:
        source = modality_file(
            modality, config["modality_files"], config["data_path"], config["dataset"]
        )
        raw = features_of(config, source)
        kept = ~chosen([str(t) for t in raw.tokens], share, seed, f"missing {modality}")
        if not kept.any():
            raise ValueError(
                f"with a share of {share} no item keeps its {modality}; use a smaller share, or "
                f"take {modality!r} out of `modalities`"
            )
        target = folder / f"{modality}.npz"
        files.write_features(target, raw.tokens, raw.values, kept)
        paths[modality] = str(target)
    return paths


def _noisy_data(config: Any, share: float, seed: int, folder: Path) -> Path:
    field = config["category_field"]
    if not field:
        raise ValueError(
            "no `category_field` is set, so there are no category labels that could be wrong"
        )
    source, name = Path(config["data_path"]), config["dataset"]
    target = folder / "data" / name
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        if path.name != f"{name}.item":
            _link(path, target / path.name)  # folders too: `modality_files` may lie in them
    encoding = config["encoding"] or "utf-8"
    text = (source / f"{name}.item").read_text(encoding=encoding)
    noisy = corrupt_item_file(
        text,
        field,
        config["ITEM_ID_FIELD"],
        share,
        seed,
        config["field_separator"],
        config["seq_separator"],
    )
    files.write_bytes(target / f"{name}.item", noisy.encode(encoding))
    return target


def corrupt_item_file(
    text: str,
    field: str,
    item_field: str,
    share: float,
    seed: int,
    field_separator: str = "\t",
    sequence_separator: str = " ",
) -> str:
    """The text of an ``.item`` file with wrong labels for a share of its labelled items.

    Args:
        text: of the original; cells that RecBole reads as missing values are no labels.
        field: the category column.
        item_field: the token column.
        share: of the labelled items.
        seed: of the draw.
        field_separator: between columns.
        sequence_separator: between the labels of a ``token_seq``.

    Raises:
        ValueError: a column is absent, a quote is left open, or there are fewer than two labels.
    """
    lines = io.StringIO(text.removeprefix(BYTE_ORDER_MARK))
    first, *cells = [row for _, row in cells_of("the item file", lines, field_separator)]
    header = AtomicHeader("the item file", field_separator, tuple(first))
    names = header.names
    if field not in names or item_field not in names:
        raise ValueError(f"the item file has the fields {names} but not {field!r}")
    token_column, label_column = names.index(item_field), names.index(field)
    several = header.types.get(field) == "token_seq"

    def labels_of(row: list[str]) -> list[str]:
        # as read_categories does: a missing value is no label, so the item is not labelled
        cell = row[label_column].strip() if label_column < len(row) else ""
        return [] if cell in MISSING_CELLS else labels_in(cell, several, sequence_separator)

    labelled = [row for row in cells if labels_of(row)]
    # "NA" among several labels is one, but alone in a cell it would take the item its label
    all_labels = sorted({label for row in labelled for label in labels_of(row)} - MISSING_CELLS)
    if len(all_labels) < 2:
        raise ValueError(f"the field {field!r} has {len(all_labels)} labels; none can be wrong")
    tokens = [row[token_column] for row in labelled]
    for row, hit in zip(labelled, chosen(tokens, share, seed, "category noise")):
        if hit:
            labels = wrong_labels(labels_of(row), all_labels, seed, row[token_column])
            as_strings = several and python_strings(row[label_column].strip()) is not None
            row[label_column] = str(labels)[1:-1] if as_strings else sequence_separator.join(labels)
    return joined([first, *cells], field_separator)


def _link(source: Path, target: Path) -> None:
    try:
        os.symlink(source.resolve(), target, target_is_directory=source.is_dir())
    except OSError:  # a file system without symbolic links
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
