"""Any table of interactions, with or without one of items, as a source."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

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
NO_IDS = "{}: record without user or item id"
NO_ITEM_ID = "{}: record without item id"
NO_TIME = "{}: time that is neither a number nor an ISO date"
NO_RATING = "{}: rating that is no number"
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
        units = TIME_UNITS[self.mapping.time_unit]
        for record in file.records(writer, set(names.values())):
            user, item = as_id(record.get(names["user"])), as_id(record.get(names["item"]))
            if not user or not item:
                writer.skip(NO_IDS.format(file.path.name))
                continue
            try:
                time = as_seconds(record.get(names["timestamp"]), units)
            except ValueError:
                writer.skip(NO_TIME.format(file.path.name))
                continue
            try:
                rating = as_number(record.get(names["rating"]))
            except ValueError:
                writer.skip(NO_RATING.format(file.path.name))
                continue
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


def as_id(value: Any) -> str:
    """Spell an id; whole numbers stored as floats, as data frames do, lose their ``.0``.

    Args:
        value: Text, UTF-8 bytes, number or None.

    Returns:
        The id, empty for none and for what names nothing: a truth value, a list or an object.
    """
    if isinstance(value, str):
        return value.strip()
    if value is None or isinstance(value, (bool, list, tuple, dict)):
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def as_number(value: Any) -> float | None:
    """Read a number.

    Args:
        value: Number, text or None.

    Returns:
        The number, None for an empty cell.

    Raises:
        ValueError: If the value is no number.
    """
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{value!r:.100} is no number") from error


def as_seconds(value: Any, units: int = 1) -> float | None:
    """Read a time.

    Args:
        value: A number, its text, an ISO date or date and time (UTC where it names no zone), or a
            ``datetime``.
        units: Units of numbers in a second, e.g. 1000.

    Returns:
        Seconds since 1970, None for an empty cell.

    Raises:
        ValueError: If the value is none of these.
    """
    if isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime(*value.timetuple()[:3])
    else:
        try:
            number = as_number(value)
            return None if number is None else number / units
        except ValueError:
            # Python before 3.11 does not read the Z that stands for UTC.
            moment = datetime.fromisoformat(str(value).strip().replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def as_category_paths(value: Any, separator: str | None = None) -> list[list[str]]:
    """Read categories.

    Args:
        value: None, one label, a list of labels (one path), a list of such lists, or the JSON of
            any of these.
        separator: What stands between the levels of a path given as one text.

    Returns:
        The paths.

    Raises:
        ValueError: If the value is none of these.
    """
    if isinstance(value, str):
        text = value.strip()
        if separator is not None:
            value = [label.strip() for label in text.split(separator) if label.strip()]
        elif text.startswith("["):
            try:
                value = json.loads(text)
            except RecursionError as error:
                raise ValueError(f"{text!r:.100} is nested too deeply") from error
        else:
            value = [text] if text else []
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return []
    nested = list(value) if isinstance(value, (list, tuple)) else [value]
    if not any(isinstance(part, (list, tuple)) for part in nested):
        nested = [nested]
    for path in nested:
        if not isinstance(path, (list, tuple)) or not all(isinstance(x, str) for x in path):
            raise ValueError(f"{value!r:.100} is no label, path or list of paths")
    return [list(path) for path in nested if path]


def as_text(value: Any) -> str | None:
    """Read a text; a list of texts, as some dumps store a description, is joined by blanks.

    Args:
        value: Text, UTF-8 bytes, list of texts, number or None.

    Returns:
        The text, None for none.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (list, tuple)):
        return " ".join(str(part) for part in value if part is not None) or None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value) or None


def _references(value: Any) -> list[str]:
    """Image references of a cell."""
    several = value if isinstance(value, (list, tuple)) else [value]
    return [reference for reference in map(as_text, several) if reference]


def _required(names: Mapping[str, str], named: Mapping[str, str]) -> dict[str, str]:
    """Roles whose field must occur in the file."""
    wanted: Sequence[str] = [role for role in names if role in REQUIRED or role in named]
    return {role: names[role] for role in wanted}
