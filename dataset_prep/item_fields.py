"""What the records of a table say about items, field by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

from .cells import as_category_paths, as_text
from .line_files import REPLACEMENT
from .list_cells import list_in_cell, words_in_sequence
from .record_file import RecordFile
from .source_folder import DamageSink, shown

NO_CATEGORY = "{}: category (item kept) that is no label, path or list of paths"
NO_TEXT = "{}: {} (item kept) that is an object or a list of them, no text"


class ItemFields:
    """Read the fields of items; one that cannot be read is counted and left empty.

    Args:
        file: The records.
        names: Role of each field to its name: title, description, brand, categories and image.
        category_separator: See ``TableMapping``.
        sink: Receives the counts, each with an example.
    """

    def __init__(
        self,
        file: RecordFile,
        names: Mapping[str, str],
        category_separator: str | None,
        sink: DamageSink,
    ) -> None:
        self._file = file
        self._names = names
        self._separator = category_separator
        self._sink = sink
        self._readers: dict[str, tuple[str, Callable[[Any], Any]]] = {
            "categories": (NO_CATEGORY, self._categories),
            **dict.fromkeys(("title", "description", "brand"), (NO_TEXT, _text)),
            "image": (NO_TEXT, self._references),
        }
        self._filled: Counter[str] = Counter()
        self._unreadable: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._undecoded = 0
        self._undecoded_example = ""

    def read(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Read what a record says.

        Args:
            record: The record.

        Returns:
            Role to value, as ``StagingWriter.item`` takes them.
        """
        fields: dict[str, Any] = {"categories": ()}
        for role, (reason, reader) in self._readers.items():
            value = record.get(self._names[role])
            try:
                fields[role] = reader(value)
                self._filled[role] += bool(fields[role])
            except ValueError:
                self._unreadable[role] += 1
                self._examples.setdefault(role, shown(value))
                example = f"{shown(value)} in {self._names[role]!r}"
                self._sink.skip(reason.format(self._file.path.name, role), example=example)
        odd = next((value for value in fields.values() if REPLACEMENT in str(value)), None)
        if odd is not None:
            self._undecoded += 1
            self._undecoded_example = self._undecoded_example or shown(odd)
        return fields

    def unreadable(self, roles: Collection[str]) -> list[str]:
        """Say, after reading, which fields could be read in no record.

        Args:
            roles: Those whose field the user has named.

        Returns:
            A sentence for each such field that some record fills.
        """
        return [
            f"{self._file.path.name}: the field {self._names[role]!r}, named for {role}, can be "
            f"read in none of the {self._unreadable[role]:,} records that fill it (e.g. "
            f"{self._examples[role]}): name another field, or write "
            + ("labels, lists of labels or lists of paths" if role == "categories" else "texts")
            for role in self._readers
            if role in roles and self._unreadable[role] and not self._filled[role]
        ]

    def undecoded(self) -> list[str]:
        """Say, after reading, whether bytes of another encoding were lost.

        Returns:
            A sentence where items hold U+FFFD.
        """
        if not self._undecoded:
            return []
        return [
            f"{self._file.path.name}: {self._undecoded:,} items hold U+FFFD, which stands for "
            f"bytes that are not {self._file.encoding}, e.g. {self._undecoded_example}: name the "
            "file's encoding, e.g. --encoding cp1252"
        ]

    def _categories(self, value: Any) -> list[list[str]]:
        """Category paths of a cell."""
        several = self._file.is_sequence(self._names["categories"])
        return as_category_paths(value, self._separator, several)

    def _references(self, value: Any) -> list[str]:
        """Image references of a cell."""
        value = list_in_cell(value)
        if isinstance(value, str) and self._file.is_sequence(self._names["image"]):
            value = words_in_sequence(value)
        several = value if isinstance(value, (list, tuple)) else [value]
        return [reference for reference in map(as_text, several) if reference]


def _text(value: Any) -> str | None:
    """Text of a cell, which may spell a list of texts."""
    return as_text(list_in_cell(value))
