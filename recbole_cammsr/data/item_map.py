"""Item maps: which row of a row-aligned feature file belongs to which item token."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from recbole_cammsr.data.quoted_cells import cells_of
from recbole_cammsr.data.row_column import is_whole, split_header, token_and_row


class _JsonObject(list[tuple[str, Any]]):
    """Names and values of a JSON object, those that stand twice included."""


def read_item_map(path: str) -> dict[str, int]:
    """Read which row belongs to which item token.

    Args:
        path: ``.ids``/``.txt`` (one token a line, in row order), ``.npy`` (an array of tokens, in
            row order), ``.json`` (token to row), or a table of two columns, token and row, with or
            without a header (``item2index``, MMRec's ``i_id_mapping.csv``). The column of rows may
            stand anywhere if its name has the word ``row``, ``index``, ``idx`` or ``position`` in
            it, is ``itemID``, as MMRec's, or is empty, as that of pandas' index. Cells may be
            quoted.

    Returns:
        Row number per token, in file order.

    Raises:
        ValueError: the file cannot be read, a token appears twice, a row number is not an integer,
            or nothing says which of the columns has the rows.
    """
    if path.lower().endswith(".npy"):
        return _rows(path, [(str(token), row) for row, token in enumerate(_load_tokens(path))])
    try:
        return _rows(path, _read_pairs(path))
    except UnicodeDecodeError as error:
        raise ValueError(f"item map {path} is not text in utf-8 ({error.reason}).") from error


def _read_pairs(path: str) -> list[tuple[str, Any]]:
    with open(path, encoding="utf-8-sig") as handle:
        if path.lower().endswith(".json"):
            try:
                content = json.load(handle, object_pairs_hook=_JsonObject)
            except json.JSONDecodeError as error:
                raise ValueError(f"item map {path} is not valid JSON ({error}).") from error
            if not isinstance(content, _JsonObject):
                raise ValueError(f"item map {path} must be one JSON object, token to row number.")
            return content
        if is_list(path):
            # not splitlines(): a token may have other separators of lines in it, such as U+2028
            return [(line.rstrip("\n"), row) for row, line in enumerate(handle)]
        return _parse_table(path, handle.readlines())


def _load_tokens(path: str) -> np.ndarray:
    try:
        tokens: np.ndarray = np.load(path, allow_pickle=False)
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"item map {path} cannot be read ({reason}); save an array of strings, "
            f"`np.save(path, tokens.astype(str))`."
        ) from error
    return as_tokens(tokens, f"item map {path}")


def as_tokens(ids: np.ndarray, where: str) -> np.ndarray:
    """Item tokens of an array as strings.

    Args:
        ids: ``(N,)`` strings or whole numbers.
        where: what holds them, for the message.

    Raises:
        ValueError: another shape or type.
    """
    if ids.ndim != 1 or ids.dtype.kind not in "UiuS":
        raise ValueError(
            f"{where} has dtype {ids.dtype} and shape {ids.shape}; it must be a one-dimensional "
            "array of item tokens (strings)."
        )
    return np.char.decode(ids, "utf-8") if ids.dtype.kind == "S" else ids.astype(str)


def _rows(path: str, pairs: list[tuple[str, Any]]) -> dict[str, int]:
    if not pairs:
        raise ValueError(f"item map {path} names no item; write one line per item.")
    result: dict[str, int] = {}
    for token, row in pairs:
        if token in result:
            raise ValueError(f"item map {path} names item {token!r} twice; keep one line per item.")
        number = _row_number(row)
        if number is None:
            raise ValueError(
                f"item map {path}: row number {row!r} of item {token!r} is not an integer; write "
                f"the token first and its row second, or name the column of rows `row`."
            )
        result[token] = number
    return result


def _row_number(row: Any) -> int | None:
    """A whole number, be it text; None for anything else."""
    if isinstance(row, str):
        return int(row) if is_whole(row) else None
    if isinstance(row, bool) or not isinstance(row, (int, float)):
        return None
    return int(row) if row == row // 1 else None


def is_list(path: str) -> bool:
    """Whether a map is a list: tokens in the order of the rows."""
    return path.lower().endswith((".ids", ".txt", ".npy"))


def _parse_table(path: str, lines: list[str]) -> list[tuple[str, Any]]:
    separator = "\t" if lines and "\t" in lines[0] else ","
    rows = cells_of(f"item map {path}", lines, separator)
    cells = [row for _, row in rows if any(cell.strip() for cell in row)]
    if not cells:
        return []
    header, cells = split_header(cells)
    token, row = token_and_row(path, header, cells)
    short = [line for line in cells if len(line) <= max(token, row)]
    if short:
        line = separator.join(short[0])
        raise ValueError(f"item map {path}: line {line!r} is not `token<tab or comma>row`.")
    return [(line[token].strip(), line[row].strip()) for line in cells]
