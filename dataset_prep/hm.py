"""H&M Personalized Fashion Recommendations as a source: transactions, articles, images by id."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .line_files import LineFile
from .source_folder import MALFORMED, noted_rows, require_files, shown
from .staging import StagingWriter

TRANSACTIONS = "transactions_train.csv"
ARTICLES = "articles.csv"
#: digits of an article id, leading zeros included
ARTICLE_DIGITS = 10
#: two independent hierarchies: what the article is, and whom it is for
CATEGORY_COLUMNS = (
    ("product_group_name", "product_type_name"),
    ("index_group_name", "index_name"),
)


@dataclass(frozen=True)
class HM:
    """The unpacked files of the H&M competition.

    Attributes:
        folder: Folder of ``transactions_train.csv``, ``articles.csv`` and ``images``.
        images: Name of the image folder below ``folder``.
        progress: Whether to show progress bars.
    """

    folder: str | os.PathLike[str]
    images: str = "images"
    progress: bool = False

    @property
    def name(self) -> str:
        """``hm``."""
        return "hm"

    def settings(self) -> dict[str, Any]:
        """The name of the image folder stands in the image references."""
        return {"images": self.images}

    def inputs(self) -> list[Path]:
        """List the transactions and the articles.

        Raises:
            FileNotFoundError: If one of them is missing.
        """
        return require_files(self.folder, TRANSACTIONS, ARTICLES)

    def stage(self, writer: StagingWriter) -> None:
        """Stage articles, then transactions; one row per piece bought.

        Prices are relative and no ratings, so ``rating`` stays empty. The time is midnight UTC of
        the day.

        Args:
            writer: Receives them; malformed rows are counted as skipped.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If a column is absent.
        """
        transactions, articles = self.inputs()
        levels = [column for path in CATEGORY_COLUMNS for column in path]
        wanted = ("article_id", "prod_name", "detail_desc", *levels)
        for article, title, description, *cells in self._rows(articles, wanted, writer):
            labels = iter(cells)
            paths = [[next(labels) for _ in columns] for columns in CATEGORY_COLUMNS]
            token = article_token(article)
            writer.item(
                token,
                title=title,
                description=description,
                # A gap ends a path: what stands below it would lack its parent.
                categories=[_until_gap(path) for path in paths],
                image=image_reference(token, self.images),
            )
        seconds: dict[str, float | None] = {}
        wanted = ("t_dat", "customer_id", "article_id")
        for day, customer, article in self._rows(transactions, wanted, writer):
            if day not in seconds:
                seconds[day] = _midnight(day)
            time = seconds[day]
            if time is None:
                writer.skip(f"{transactions.name}: t_dat is no day YYYY-MM-DD", example=shown(day))
            else:
                writer.interaction(customer, article_token(article), None, time)

    def _rows(
        self, path: Path, columns: Sequence[str], writer: StagingWriter
    ) -> Iterator[list[str]]:
        """Yield the named cells of each row."""
        rows = noted_rows(LineFile(path, progress=self.progress), writer)
        header = [cell.strip() for cell in next(rows, [])]
        absent = [column for column in columns if column not in header]
        if absent:
            raise ValueError(f"{path}: no column {absent[0]!r}; the header has {header}")
        where = [header.index(column) for column in columns]
        for row in rows:
            if len(row) != len(header):
                writer.skip(MALFORMED.format(path.name), example=shown(row))
                continue
            yield [row[index] for index in where]


def article_token(article: str) -> str:
    """Return the article id with the leading zeros that spreadsheets and data frames drop.

    Data frames with a gap in the column also add a decimal point.

    Args:
        article: The id as a file spells it.

    Returns:
        The id of ten digits, e.g. ``"0108775015"``; nothing for an empty cell, which is no id.
    """
    digits = article.strip().removesuffix(".0")
    return digits.zfill(ARTICLE_DIGITS) if digits else ""


def image_reference(token: str, images: str = "images") -> str:
    """Return where the release keeps the image of an article.

    Args:
        token: Article id of ten digits.
        images: Name of the image folder.

    Returns:
        E.g. ``"images/010/0108775015.jpg"``.
    """
    return f"{images}/{token[:3]}/{token}.jpg"


def _until_gap(path: Sequence[str]) -> list[str]:
    """The labels before the first empty one."""
    labels = [label.strip() for label in path]
    return labels[: labels.index("")] if "" in labels else labels


def _midnight(day: str) -> float | None:
    """Seconds since 1970 of a day's start in UTC, None if it is no day."""
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None
