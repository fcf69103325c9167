"""Any table of interactions, with or without one of items, as a source."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from recbole_cammsr.data.quoted_cells import python_strings

from .cells import as_id
from .filter_failure import left_out
from .interaction_records import InteractionFields, readable_interactions
from .item_fields import ItemFields
from .line_files import check_encoding
from .record_file import RecordFile
from .source_folder import shown
from .staging import StagingWriter
from .time_range import TIME_UNITS

INTERACTION_DEFAULTS = {
    "user": "user_id",
    "item": "item_id",
    "rating": "rating",
    "timestamp": "timestamp",
}
ITEM_DEFAULTS = {
    "item": "item_id",
    "title": "title",
    "description": "description",
    "brand": "brand",
    "categories": "categories",
    "image": "image",
}
#: the options of ``cammsr-prep table`` that name the unit of times and columns without a header
UNIT_OPTION = "--time-unit"
COLUMNS_OPTION = "--columns"
ITEM_COLUMNS_OPTION = "--item-columns"
#: those that say what stands between cells
SEPARATOR_OPTION = "--separator"
ITEM_SEPARATOR_OPTION = "--item-separator"
#: what stands between the labels of many dumps that are no paths
LIST_SEPARATOR = ", "
#: roles that every record must fill
REQUIRED = frozenset({"user", "item"})
NO_ITEM_ID = "{}: record without item id"
REPEATED = "{}: record that repeats an item"
CONFLICTING = "{}: record of an item that stands before with other fields"


@dataclass(frozen=True)
class TableMapping:
    """Which field plays which role.

    Attributes:
        interactions: Role (see ``INTERACTION_DEFAULTS``) to field, for those named by the user; a
            default field may be absent from the file, a named one may not.
        items: The same for items, see ``ITEM_DEFAULTS``.
        separator: What stands between the cells of a text table; None decides by the file name.
        item_separator: The same for items; None takes ``separator``.
        category_separator: What stands between the levels of a path given as one text, e.g.
            ``" > "``; None takes such a text as one label, or as words where it stands in a
            ``token_seq`` column of an atomic file. Lists are lists either way.
        time_unit: Unit of numeric times, a key of ``TIME_UNITS``.
        columns: Names of the cells of interactions without a header; a role's own name plays it.
        item_columns: The same for items.
        encoding: Encoding of text tables and JSON lines; UTF-16 with a byte order mark is
            recognised.

    Raises:
        ValueError: If a role, the unit or the encoding is unknown, or a column has no name.
    """

    interactions: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)
    separator: str | None = None
    category_separator: str | None = None
    time_unit: str = "s"
    columns: Sequence[str] = ()
    item_columns: Sequence[str] = ()
    item_separator: str | None = None
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        for kind, known in (("interactions", INTERACTION_DEFAULTS), ("items", ITEM_DEFAULTS)):
            for role, name in getattr(self, kind).items():
                if role not in known:
                    raise ValueError(f"{kind} have no {role!r}; the roles are {', '.join(known)}")
                if not isinstance(name, str) or not name:
                    raise ValueError(f"{kind}: the field of {role!r} must be a name, not {name!r}")
        if self.time_unit not in TIME_UNITS:
            raise ValueError(
                f"no time unit {self.time_unit!r}; the units are {', '.join(TIME_UNITS)}"
            )
        check_encoding(self.encoding)
        for option, names in (
            (COLUMNS_OPTION, self.columns),
            (ITEM_COLUMNS_OPTION, self.item_columns),
        ):
            if not all(isinstance(name, str) and name for name in names):
                raise ValueError(f"{option}: each column must have a name, not {list(names)}")

    def interaction_fields(self) -> dict[str, str]:
        """Role to field of interactions."""
        return _fields_of(INTERACTION_DEFAULTS, self.columns, self.interactions)

    def separator_of_items(self) -> str | None:
        """What stands between the cells of items."""
        return self.separator if self.item_separator is None else self.item_separator

    def item_fields(self) -> dict[str, str]:
        """Role to field of items."""
        return _fields_of(ITEM_DEFAULTS, self.item_columns, self.items)


@dataclass(frozen=True)
class Table:
    """A file of interactions and, optionally, one of items.

    Attributes:
        interactions: See ``RecordFile`` for the formats.
        items: Likewise; None where items have no metadata.
        mapping: Which field plays which role.
        progress: Whether to show progress bars.

    Raises:
        ValueError: If fields or columns of items are named and there is no file of items.
    """

    interactions: str | os.PathLike[str]
    items: str | os.PathLike[str] | None = None
    mapping: TableMapping = field(default_factory=TableMapping)
    progress: bool = False

    def __post_init__(self) -> None:
        named = [*self.mapping.items.values(), *self.mapping.item_columns]
        named += [] if self.mapping.item_separator is None else [ITEM_SEPARATOR_OPTION]
        if self.items is None and named:
            raise ValueError(
                f"fields of items are named ({', '.join(named)}), but no file of items: give "
                "--items"
            )

    @property
    def name(self) -> str:
        """``table``."""
        return "table"

    def inputs(self) -> list[Path]:
        """List the files.

        Raises:
            FileNotFoundError: If one of them does not exist.
        """
        paths = [Path(self.interactions), *([] if self.items is None else [Path(self.items)])]
        for path in paths:
            if not path.is_file():
                raise FileNotFoundError(f"{path}: no such file")
        return paths

    def settings(self) -> Mapping[str, Any]:
        """The mapping decides the staged rows."""
        lists = {"columns": [*self.mapping.columns], "item_columns": [*self.mapping.item_columns]}
        return {**asdict(self.mapping), **lists}

    def stage(self, writer: StagingWriter) -> None:
        """Stage items, then interactions, record by record.

        Args:
            writer: Receives them; records without ids, with an unreadable time or rating, or of an
                item that stands before are skipped.

        Raises:
            FileNotFoundError: If a file does not exist.
            ValueError: If a required or named field is absent, or the files share no item.
        """
        self.inputs()
        listed = self._stage_items(writer)
        shared = not listed
        example = ""
        file = RecordFile(
            Path(self.interactions),
            self.mapping.separator,
            self.progress,
            self.mapping.columns,
            COLUMNS_OPTION,
            SEPARATOR_OPTION,
            self.mapping.encoding,
        )
        names = self.mapping.interaction_fields()
        fields = InteractionFields(
            names["user"],
            names["item"],
            names["timestamp"],
            names["rating"],
            TIME_UNITS[self.mapping.time_unit],
            UNIT_OPTION,
        )
        for user, item, rating, time in readable_interactions(file, fields, writer):
            example = example or item
            shared = shared or item in listed
            writer.interaction(user, item, rating, time)
        why = left_out(writer.report.as_dict())
        file.require_fields(_required(names, self.mapping.interactions), why)
        if not shared and example:
            raise ValueError(
                f"{file.path} field {names['item']!r} and {self.items} share no item (e.g. "
                f"{example!r} and {min(listed)!r}): {_advice(example, listed)}"
            )

    def _stage_items(self, writer: StagingWriter) -> Collection[str]:
        """Stage the items and return their ids."""
        if self.items is None:
            return ()
        file = RecordFile(
            Path(self.items),
            self.mapping.separator_of_items(),
            self.progress,
            self.mapping.item_columns,
            ITEM_COLUMNS_OPTION,
            ITEM_SEPARATOR_OPTION,
            self.mapping.encoding,
        )
        names = self.mapping.item_fields()
        reader = ItemFields(file, names, self.mapping.category_separator, writer)
        # The fields' hash tells a repeat from a contradiction and needs little memory.
        listed: dict[str, int] = {}
        conflicting = ""
        texts = with_separator = 0
        for record in file.records(writer, set(names.values())):
            item = as_id(record.get(names["item"]))
            if not item:
                writer.skip(NO_ITEM_ID.format(file.path.name), example=shown(dict(record)))
                continue
            fields = reader.read(record)
            content = hash(repr(fields))
            if item not in listed:
                listed[item] = content
                writer.item(item, **fields)
                label = record.get(names["categories"])
                if isinstance(label, str) and label.strip() and not label.lstrip().startswith("["):
                    texts += 1
                    with_separator += LIST_SEPARATOR in label and not (
                        file.is_sequence(names["categories"]) and python_strings(label.strip())
                    )
            elif listed[item] == content:
                writer.skip(REPEATED.format(file.path.name), example=shown(item))
            else:
                conflicting = conflicting or item
                writer.skip(CONFLICTING.format(file.path.name), example=shown(item))
        why = left_out(writer.report.as_dict())
        file.require_fields(_required(names, self.mapping.items), why)
        if not listed:
            raise ValueError(f"{file.path}: no item in the file" + (f"; {why}" if why else ""))
        if conflicting:
            writer.warn(
                f"{file.path.name}: items stand more than once with different fields, first "
                f"{conflicting!r}, and their first record is taken: keep one record an item"
            )
        for sentence in (*reader.unreadable(self.mapping.items), *reader.undecoded()):
            writer.warn(sentence)
        if self.mapping.category_separator is None and 2 * with_separator > texts:
            taken = "split at blanks" if file.is_sequence(names["categories"]) else "one label each"
            writer.note(
                f"{file.path.name}: {with_separator:,} of {texts:,} texts in "
                f"{names['categories']!r} hold {LIST_SEPARATOR!r} and are {taken}: where they are "
                f'lists, give --category-separator "{LIST_SEPARATOR}" --category-kind flat'
            )
        return listed


def _fields_of(
    defaults: Mapping[str, str], columns: Sequence[str], named: Mapping[str, str]
) -> dict[str, str]:
    """Role to field: as named, else the default, else a column that has the role's name."""
    own = {role: role for role in defaults if role in columns and defaults[role] not in columns}
    return {**defaults, **own, **named}


def _required(names: Mapping[str, str], named: Mapping[str, str]) -> dict[str, str]:
    """Roles whose field must occur in the file."""
    wanted: Sequence[str] = [role for role in names if role in REQUIRED or role in named]
    return {role: names[role] for role in wanted}


def _advice(example: str, listed: Collection[str]) -> str:
    """What to do where two files share no item, of which one has this id and the other those."""
    if {example.removesuffix(".0"), f"{example}.0"} & set(listed):
        return (
            "one of them spells whole numbers as fractions, as data frames write a column with "
            "gaps; write the ids as whole numbers"
        )
    return "name the matching fields"
