"""The first line of an atomic file, which names its columns: ``user_id:token``, ``time:float``."""

from __future__ import annotations

from dataclasses import dataclass

from recbole_cammsr.data.text_encoding import other_encoding

#: what RecBole knows of a column; its ``FeatureType``
TYPES = ("token", "float", "token_seq", "float_seq")

#: some spreadsheets write it before the first name, of which it is no part
BYTE_ORDER_MARK = "\ufeff"

# wrong columns that a message shows
_SHOWN = 3


@dataclass(frozen=True)
class AtomicHeader:
    """Columns of an atomic file, or of a file that was taken for one: nothing is refused unasked.

    Attributes:
        file: what messages call it.
        separator: between its columns.
        columns: as they stand in it, ``field:type``.
    """

    file: str
    separator: str
    columns: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Names of all columns, also of those without a type."""
        return [column.partition(":")[0] for column in self.columns]

    @property
    def types(self) -> dict[str, str]:
        """Type by name; columns without a type are left out."""
        parts = (column.partition(":") for column in self.columns)
        return {name: kind for name, colon, kind in parts if colon}

    def check(self, separator_hint: str = " (`field_separator`)") -> None:
        """Refuse what RecBole cannot read.

        Args:
            separator_hint: where the separator is set.

        Raises:
            ValueError: no column, one without a name or a type that RecBole knows, or one that
                stands twice.
        """
        known = f"a type out of {', '.join(TYPES)}"
        if self.columns == ("",):
            raise ValueError(
                f"the first line of {self.file} is empty; name its columns there, field:type, with "
                f"{known}."
            )
        wrong = [column for column in self.columns if not _is_typed(column)]
        if wrong:
            shown = ", ".join(map(repr, wrong[:_SHOWN])) + ", …" * (len(wrong) > _SHOWN)
            raise ValueError(
                f"column{'s' * (len(wrong) > 1)} {shown} in the first line of {self.file} "
                f"{'is' if len(wrong) == 1 else 'are'} not named field:type, with {known}; columns "
                f"are separated by {self.separator!r}{separator_hint}."
            )
        self.check_names()

    def check_names(self) -> None:
        """Refuse a name that stands twice, of whatever types.

        Raises:
            ValueError: names it.
        """
        names = self.names
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"column {name!r} stands twice in the first line of {self.file}; leave one out."
                )


def header_of(line: str, separator: str, file: str) -> AtomicHeader:
    """The columns that a first line names.

    Args:
        line: with its line end, and a byte order mark if the file has one.
        separator: between columns.
        file: what messages call it.
    """
    text = line.removeprefix(BYTE_ORDER_MARK).rstrip("\r\n")
    return AtomicHeader(file, separator, tuple(text.split(separator)))


def read_header(
    path: str, separator: str, encoding: str | None, errors: str = "strict"
) -> AtomicHeader:
    """The columns that a file's first line names.

    Args:
        path: the file.
        separator: between columns.
        encoding: of the file; None is the platform's.
        errors: as ``open`` takes it; "replace" where the cells' reader speaks of the encoding.

    Raises:
        ValueError: the file is in another encoding.
    """
    try:
        with open(path, encoding=encoding, errors=errors) as handle:
            return header_of(handle.readline(), separator, path)
    except UnicodeDecodeError as error:
        raise ValueError(other_encoding(path, encoding, error)) from error


def _is_typed(column: str) -> bool:
    name, _, kind = column.partition(":")
    return bool(name) and kind in TYPES
