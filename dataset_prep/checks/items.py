"""Checks of the ``.item`` file: tokens against the interactions, titles, categories."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from recbole_cammsr.data.categories import NEARLY_NAMES
from recbole_cammsr.data.missing_cells import MISSING_CELLS
from recbole_cammsr.data.quoted_cells import labels_in

from ..item_records import LABEL_NAMES
from .atomic_table import AtomicTable, check_tokens, read_atomic_table
from .finding import Bars, Section, percent, some

# A label that covers more items than this says next to nothing.
LARGEST_SHARE = 0.9
# Labels with fewer items than this cannot be learned.
SMALL_LABEL = 5
_CATEGORY_NAME = re.compile(rf"{LABEL_NAMES}|^cats?$")
_BARS = 20


@dataclass(frozen=True)
class ItemTable:
    """What other checks need of the ``.item`` file.

    Attributes:
        titles: Item token to title; empty where there is no title field.
        labels: Item token to the labels of the category field that was chosen; only labelled items.
    """

    titles: dict[str, str] = field(default_factory=dict)
    labels: dict[str, frozenset[str]] = field(default_factory=dict)


def check_items(
    path: Path, item_field: str, item_tokens: np.ndarray | None, category_fields: Sequence[str]
) -> tuple[Section, ItemTable]:
    """Check an ``.item`` file.

    Args:
        path: The file; it may be absent.
        item_field: Name of the item field.
        item_tokens: Distinct item tokens of the interactions, None where these cannot be read.
        category_fields: Names of the category fields; empty looks for usual names.

    Returns:
        The section, and titles and labels by token.
    """
    section = Section(f"items: {path.name}")
    if not path.is_file():
        section.warning(f"{path.name}: no such file, so there are no categories and no titles")
        return section, ItemTable()
    table = read_atomic_table(path, section)
    if table is None:
        return section, ItemTable()
    if table.types.get(item_field) != "token":
        section.error(f"{path.name}: no field {item_field}:token; it has {', '.join(table.types)}")
        return section, ItemTable()
    check_tokens(table, item_field, section)
    tokens = table.cells[item_field]
    twice = pd.unique(tokens[tokens.duplicated()])
    if len(twice):
        section.error(
            f"{path.name}: {len(twice):,} items stand more than once, e.g. {some(twice)}: keep one "
            "row per item"
        )
    section.fact("items", table.rows)
    section.fact("fields", ", ".join(f"{name}:{kind}" for name, kind in table.types.items()))
    used = np.ones(table.rows, dtype=bool)
    if item_tokens is not None:
        used = _match(tokens, item_tokens, path.name, section)
    titles = _check_titles(table, item_field, used, section)
    chosen = list(category_fields) or [x for x in table.types if _CATEGORY_NAME.search(x.lower())]
    labels: dict[str, frozenset[str]] = {}
    for name in chosen:
        if table.types.get(name) not in ("token", "token_seq"):
            section.error(f"{path.name}: no category field {name} of type token or token_seq")
            continue
        found = _check_categories(table, name, item_field, used, section)
        labels = labels or found
    if not chosen:
        section.warning(f"{path.name}: no category field, so category guidance cannot be used")
    return section, ItemTable(titles, labels)


def _match(tokens: pd.Series, item_tokens: np.ndarray, name: str, section: Section) -> np.ndarray:
    """Compare the tokens with those of the interactions; return which rows are interacted with."""
    used = tokens.isin(set(item_tokens)).to_numpy()
    absent = np.setdiff1d(item_tokens.astype(str), tokens.to_numpy(dtype=str))
    matched = len(item_tokens) - len(absent)
    section.fact(
        "interacted items with a row",
        f"{matched:,} of {len(item_tokens):,} ({percent(matched, len(item_tokens))})",
    )
    section.fact("rows without interaction", int((~used).sum()))
    if matched == 0:
        section.error(
            f"{name}: no item of the interactions is in this file (interactions: "
            f"{some(item_tokens)}; file: {some(tokens.to_numpy())}): the tokens are of two kinds"
        )
    elif len(absent):
        section.warning(
            f"{name}: {len(absent):,} interacted items have no row, e.g. {some(absent)}"
        )
    return used


def _check_titles(
    table: AtomicTable, item_field: str, used: np.ndarray, section: Section
) -> dict[str, str]:
    """Count titles; return them by token."""
    name = next((name for name in table.types if "title" in name.lower() or name == "name"), None)
    if name is None:
        return {}
    titles = table.cells[name]
    filled = (~titles.isin({"", *MISSING_CELLS})).to_numpy()
    section.fact(f"items with a {name}", percent(int((filled & used).sum()), int(used.sum())))
    repeated = int(titles[filled].duplicated(keep=False).sum())
    section.fact(f"items that share their {name}", repeated)
    return dict(zip(table.cells[item_field], titles))


def _labels(cell: str, several: bool) -> frozenset[str]:
    """Labels of a cell as models read it: a cell spelled like a missing value has none."""
    if not cell or cell in MISSING_CELLS:
        return frozenset()
    return frozenset(labels_in(cell.strip(), several, " "))


def _check_categories(
    table: AtomicTable, name: str, item_field: str, used: np.ndarray, section: Section
) -> dict[str, frozenset[str]]:
    """Judge one category field; return the labels of each labelled item."""
    several = table.types[name] == "token_seq"
    texts = [cell.strip() for cell in table.cells[name]]
    cells = [_labels(text, several) for text in texts]
    labels = dict(zip(table.cells[item_field], cells))
    inside = [labels_ for labels_, is_used in zip(cells, used) if is_used]
    counts = pd.Series([label for labels_ in inside for label in sorted(labels_)], dtype=str)
    counts = counts.value_counts()
    # Equal counts in the order of names, so that the output never depends on the file's order.
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
    covered = sum(bool(labels_) for labels_ in inside)
    missing = Counter(
        text for text, is_used in zip(texts, used) if is_used and text in MISSING_CELLS
    )
    if missing:
        section.warning(
            f"category {name}: {sum(missing.values()):,} items have the label "
            f"{some(sorted(missing))}, which is read as missing: rename it if it is a label"
        )
    section.fact(
        f"category {name}",
        f"{len(ranked):,} labels, {percent(covered, len(inside))} of interacted items labelled",
    )
    if not ranked:
        section.warning(f"category {name}: no interacted item has a label")
        return {}
    top, most = ranked[0]
    small = sum(count < SMALL_LABEL for _, count in ranked)
    section.fact(f"category {name}, largest", f"{top}: {percent(most, covered)}")
    section.fact(f"category {name}, labels under {SMALL_LABEL} items", small)
    # Of several labels a common one is no harm, as long as items differ in the others.
    together = Counter(labels_ for labels_ in inside if labels_)
    frequent, times = min(together.items(), key=lambda pair: (-pair[1], sorted(pair[0])))
    if times > LARGEST_SHARE * covered:
        same = f"the label{'s' if len(frequent) > 1 else ''} {' '.join(sorted(frequent))!r}"
        section.warning(
            f"category {name}: {percent(times, covered)} of items have {same}, so it says next to "
            "nothing: choose a deeper level or another field"
        )
    elif len(ranked) > NEARLY_NAMES * covered:
        section.warning(
            f"category {name}: {len(ranked):,} labels for {covered:,} labelled items, so they are "
            "names of items (a title or an id?) rather than of kinds: choose another field"
        )
    elif len(ranked) > 1 and small > len(ranked) / 2:
        section.warning(
            f"category {name}: {small:,} of {len(ranked):,} labels have fewer than {SMALL_LABEL} "
            "items: raise the minimum count of a label"
        )
    if covered < len(inside) / 2:
        section.warning(f"category {name}: most items have no label")
    rest = sum(count for _, count in ranked[_BARS:])
    bars = [(str(label), count) for label, count in ranked[:_BARS]]
    if rest:
        bars.append((f"{len(ranked) - _BARS:,} more labels", rest))
    section.figures.append(
        Bars(f"items by {name}", tuple(x for x, _ in bars), tuple(x for _, x in bars), True)
    )
    return {token: labels_ for token, labels_ in labels.items() if labels_}
