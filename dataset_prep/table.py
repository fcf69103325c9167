"""Any table of interactions, with or without one of items, as a source."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .cells import as_category_paths, as_id, as_text
from .interaction_records import InteractionFields, readable_interactions
from .record_file import RecordFile
from .staging import StagingWriter

#: parts of a second
TIME_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
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
#: roles that every record must fill
REQUIRED = frozenset({"user", "item"})
NO_ITEM_ID = "{}: record without item id"
NO_CATEGORY = "{}: category (item kept) that is no label, path or list of paths"


@dataclass(frozen=True)
class TableMapping:
    """Which field plays which role.

    Attributes:
        interactions: Role (see ``INTERACTION_DEFAULTS``) to field, for those named by the user; a
            default field may be absent from the file, a named one may not.
        items: The same for items, see ``ITEM_DEFAULTS``.
        separator: What stands between the cells of a text table; None decides by the file name.
        category_separator: What stands between the levels of a path given as one text, e.g.
            ``" > "``; None takes such a text as one label, or as JSON where it starts with ``[``.
        time_unit: Unit of numeric times, a key of ``TIME_UNITS``.

    Raises:
        ValueError: If a role or the unit is unknown.
    """

    interactions: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)
    separator: str | None = None
    category_separator: str | None = None
    time_unit: str = "s"

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


@dataclass(frozen=True)
class Table:
    """A file of interactions and, optionally, one of items.

    Attributes:
        interactions: See ``RecordFile`` for the formats.
        items: Likewise; None where items have no metadata.
        mapping: Which field plays which role.
        progress: Whether to show progress bars.

    Raises:
        ValueError: If fields of items are named and there is no file of items.
    """

    interactions: str | os.PathLike[str]
    items: str | os.PathLike[str] | None = None
    mapping: TableMapping = field(default_factory=TableMapping)
    progress: bool = False

    def __post_init__(self) -> None:
        if self.items is None and self.mapping.items:
            raise ValueError(
                f"fields of items are named ({', '.join(self.mapping.items.values())}), but no "
                "file of items: give --items"
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
        return asdict(self.mapping)

    def stage(self, writer: StagingWriter) -> None:
        """Stage items, then interactions, record by record.

        Args:
            writer: Receives them; records without ids or with an unreadable time are skipped.

        Raises:
            FileNotFoundError: If a file does not exist.
            ValueError: If a required or named field is absent, or the files share no item.
        """
        self.inputs()
        listed = self._stage_items(writer)
        shared = not listed
        example = ""
        file = RecordFile(Path(self.interactions), self.mapping.separator, self.progress)
        names = {**INTERACTION_DEFAULTS, **self.mapping.interactions}
        fields = InteractionFields(
            names["user"],
            names["item"],
            names["timestamp"],
            names["rating"],
            TIME_UNITS[self.mapping.time_unit],
        )
        for user, item, rating, time in readable_interactions(file, fields, writer):
            example = example or item
            shared = shared or item in listed
            writer.interaction(user, item, rating, time)
        file.require_fields(_required(names, self.mapping.interactions))
        if not shared and example:
            raise ValueError(
                f"{file.path} field {names['item']!r} and {self.items} share no item (e.g. "
                f"{example!r} and {min(listed)!r}): name the matching fields"
            )

    def _stage_items(self, writer: StagingWriter) -> set[str]:
        """Stage the items and return their ids."""
        if self.items is None:
            return set()
        file = RecordFile(Path(self.items), self.mapping.separator, self.progress)
        names = {**ITEM_DEFAULTS, **self.mapping.items}
        listed: set[str] = set()
        for record in file.records(writer, set(names.values())):
            item = as_id(record.get(names["item"]))
            if not item:
                writer.skip(NO_ITEM_ID.format(file.path.name))
                continue
            try:
                paths = as_category_paths(
                    record.get(names["categories"]), self.mapping.category_separator
                )
            except ValueError:
                writer.skip(NO_CATEGORY.format(file.path.name))
                paths = []
            writer.item(
                item,
                title=as_text(record.get(names["title"])),
                description=as_text(record.get(names["description"])),
                brand=as_text(record.get(names["brand"])),
                categories=paths,
                image=_references(record.get(names["image"])),
            )
            listed.add(item)
        file.require_fields(_required(names, self.mapping.items))
        if not listed:
            raise ValueError(f"{file.path}: no item in the file")
        return listed


def _references(value: Any) -> list[str]:
    """Image references of a cell."""
    several = value if isinstance(value, (list, tuple)) else [value]
    return [reference for reference in map(as_text, several) if reference]


def _required(names: Mapping[str, str], named: Mapping[str, str]) -> dict[str, str]:
    """Roles whose field must occur in the file."""
    wanted: Sequence[str] = [role for role in names if role in REQUIRED or role in named]
    return {role: names[role] for role in wanted}
