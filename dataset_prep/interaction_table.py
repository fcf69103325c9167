"""Any interaction table: ``python -m recbole_cammsr.dataset_prep.interaction_table --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .atomic_file import write_inter_file, write_item_file
from .category_labels import as_paths, check_level_and_count, flat_labels, path_labels
from .command_line import run
from .source_folder import refuse_replacing
from .table_reader import field, read_records, read_table


@dataclass(frozen=True)
class Columns:
    """Names of the source's columns and fields."""

    user: str = "user_id"
    item: str = "item_id"
    time: str = "timestamp"
    item_id: str = "item_id"
    title: str = "title"
    categories: str | None = "categories"


@dataclass(frozen=True)
class CategoryRule:
    """How the category field becomes labels; see ``category_labels``.

    Attributes:
        kind: ``"path"`` (ordered levels) or ``"flat"`` (unordered tags).
        skip_levels: Leading levels of a path to drop.
        level: Depth of the single label, None for the deepest.
        min_count: Fewest items a label may have.
    """

    kind: str = "path"
    skip_levels: int = 0
    level: int | None = None
    min_count: int = 1

    def __post_init__(self) -> None:
        """Refuse a rule before a source is read for it."""
        if self.kind not in ("path", "flat"):
            raise ValueError(f"categories are 'path' or 'flat', not {self.kind!r}")
        if self.skip_levels < 0:
            raise ValueError(f"the levels to drop cannot be negative ({self.skip_levels})")
        check_level_and_count(self.level, self.min_count)


@dataclass(frozen=True)
class Counts:
    """What was written."""

    users: int
    items: int
    interactions: int
    unlisted_items: int


def convert(
    inter: str | Path,
    items: str | Path,
    output: str | Path,
    dataset: str,
    columns: Columns,
    categories: CategoryRule,
    separator: str | None = None,
) -> Counts:
    """Write ``.inter`` and ``.item`` of a table of interactions and a JSON-lines file of items.

    Args:
        inter: CSV or TSV with a header; rows keep their order.
        items: JSON lines, one item each.
        output: Folder that receives the two files.
        dataset: Data set name.
        columns: Names of the source's columns and fields.
        categories: How categories become labels.
        separator: Field separator of ``inter``; None decides by the file name.

    Returns:
        The counts; ``unlisted_items`` interacted with but absent from ``items``.

    Raises:
        FileNotFoundError: If a source file does not exist.
        ValueError: If a column is absent, a value unusable, the two files share no item, or one of
            them would be replaced.
    """
    folder = Path(output)
    inter_path, item_path = folder / f"{dataset}.inter", folder / f"{dataset}.item"
    refuse_replacing([Path(inter), Path(items)], [inter_path, item_path])
    ids, titles, nested = _read_items(Path(items), columns, categories)
    if categories.kind == "flat":
        labels = flat_labels(nested, categories.min_count)
    else:
        labels = path_labels(nested, categories.level, categories.min_count)
    users: set[str] = set()
    bought: set[str] = set()

    def rows() -> Iterator[tuple[str, str, str]]:
        source = read_table(inter, (columns.user, columns.item, columns.time), separator)
        for user, item, time in source:
            users.add(user)
            bought.add(item)
            yield user, item, time
        # Checked before the file is put in place: ids of two namings never meet.
        if not bought & set(ids):
            raise ValueError(
                f"{inter} column {columns.item!r} and {items} field {columns.item_id!r} share no "
                f"id (e.g. {sorted(bought)[:3]} and {ids[:3]}): name the matching column"
            )

    count = write_inter_file(inter_path, rows())
    write_item_file(item_path, ids, titles, labels)
    return Counts(len(users), len(ids), count, len(bought - set(ids)))


def _read_items(
    path: Path, columns: Columns, categories: CategoryRule
) -> tuple[list[str], list[str], list[list[tuple[str, ...]]]]:
    """Return ids, titles and category paths of all items."""
    ids, titles, nested = [], [], []
    for record in read_records(path):
        token = str(field(record, columns.item_id, path))
        ids.append(token)
        titles.append(str(field(record, columns.title, path) or ""))
        value = None if columns.categories is None else field(record, columns.categories, path)
        try:
            nested.append(as_paths(value, categories.skip_levels))
        except ValueError as error:
            raise ValueError(
                f"{path}, item {token}, field {columns.categories!r}: {error}"
            ) from error
    if not ids:
        raise ValueError(f"{path}: no item in the file")
    return ids, titles, nested


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert an interaction table.

    Args:
        arguments: Command-line arguments; None takes the process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="interaction_table", description=__doc__)
    parser.add_argument("--inter", required=True, help="interactions with a header (.csv, .tsv)")
    parser.add_argument("--items", required=True, help="JSON lines, one item each (.jsonl[.gz])")
    parser.add_argument("--dataset", required=True, help="data set name")
    parser.add_argument("--output", required=True, help="folder that receives the files")
    parser.add_argument("--user-column", default="user_id")
    parser.add_argument("--item-column", default="item_id")
    parser.add_argument("--time-column", default="timestamp")
    parser.add_argument("--item-field", default="item_id")
    parser.add_argument("--title-field", default="title")
    parser.add_argument("--category-field", default=None, help="none: items have no category")
    parser.add_argument("--separator", default=None, help="default: by file name")
    add_category_options(parser)
    options = parser.parse_args(arguments)

    def command() -> None:
        columns = Columns(
            options.user_column,
            options.item_column,
            options.time_column,
            options.item_field,
            options.title_field,
            options.category_field,
        )
        rule = CategoryRule(
            options.category_kind,
            options.category_skip_levels,
            options.category_level,
            options.category_min_count,
        )
        counts = convert(
            options.inter,
            options.items,
            options.output,
            options.dataset,
            columns,
            rule,
            options.separator,
        )
        print(
            f"{options.dataset}: {counts.users} users, {counts.items} items, "
            f"{counts.interactions} interactions, {counts.unlisted_items} items without metadata"
        )

    return run(command)


def add_category_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``CategoryRule``.

    Args:
        parser: The command's parser.
    """
    group = parser.add_argument_group(
        "categories: one label per item (category) and all of its labels (categories)"
    )
    group.add_argument(
        "--category-kind",
        choices=("path", "flat"),
        default="path",
        help="levels of a path, or unordered tags such as genres, of which the rarest is the one "
        "label (default path; flat where a source has tags)",
    )
    group.add_argument(
        "--category-skip-levels",
        type=int,
        default=0,
        metavar="LEVELS",
        help="leading levels to drop, e.g. 1 for a root that all items share (default 0)",
    )
    group.add_argument(
        "--category-level",
        type=int,
        metavar="LEVEL",
        help="depth of the one label below them, from 1 (default: the deepest)",
    )
    group.add_argument(
        "--category-min-count",
        type=int,
        default=20,
        metavar="ITEMS",
        help="labels of fewer items join their parent, or Other (default 20)",
    )


if __name__ == "__main__":
    sys.exit(main())
