"""Items with their nearest neighbours in one modality, for a person to look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .items import ItemTable
from .neighbours import MOST_CANDIDATES, Embedding, nearest, sample_queries

ROWS = 12
NEIGHBOURS = 6


@dataclass(frozen=True)
class Cell:
    """One item of a sheet.

    Attributes:
        token: Item token.
        title: Its title; the token where there is none.
        labels: Its category labels.
        cosine: To the first item of the row, None for that item itself.
        related: Whether it shares a category with the first item of the row.
    """

    token: str
    title: str
    labels: tuple[str, ...]
    cosine: float | None
    related: bool


@dataclass(frozen=True)
class Sheet:
    """Rows of an item followed by its neighbours, nearest first."""

    modality: str
    rows: tuple[tuple[Cell, ...], ...]
    sampled: bool


def make_sheet(embedding: Embedding, items: ItemTable) -> Sheet:
    """Choose items evenly over the catalogue and look up their neighbours.

    Args:
        embedding: Usable rows of the modality.
        items: Titles and labels.

    Returns:
        The sheet.
    """
    count = len(embedding.tokens)
    queries = sample_queries(count, ROWS)
    found, cosines = nearest(embedding.unit, queries, min(NEIGHBOURS, count - 1))
    rows = []
    for query, near, values in zip(queries, found, cosines):
        first = _cell(str(embedding.tokens[query]), None, items, frozenset())
        own = items.labels.get(first.token, frozenset())
        others = [
            _cell(str(embedding.tokens[row]), float(value), items, own)
            for row, value in zip(near, values)
        ]
        rows.append((first, *others))
    return Sheet(embedding.modality, tuple(rows), count >= MOST_CANDIDATES)


def shown_tokens(sheets: Iterable[Sheet]) -> set[str]:
    """Tokens of all items on some sheets.

    Args:
        sheets: The sheets.

    Returns:
        Distinct tokens.
    """
    return {cell.token for sheet in sheets for row in sheet.rows for cell in row}


def _cell(token: str, cosine: float | None, items: ItemTable, own: frozenset[str]) -> Cell:
    """Describe one item."""
    labels = items.labels.get(token, frozenset())
    title = items.titles.get(token) or token
    return Cell(token, title, tuple(sorted(labels)), cosine, bool(labels & own))
