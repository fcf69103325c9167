"""Item maps: which row of a row-aligned feature file belongs to which item token."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

#: words in the name of a column that holds rows and not tokens
_WORDS_OF_ROWS = frozenset({"row", "rows", "index", "idx", "position"})
#: the column of rows in MMRec's maps, and names that pandas gives its own index
_ROWS_OF_MMREC, _INDEX_OF_PANDAS = ("itemid",), ("", "unnamed: 0")


def read_item_map(path: str) -> dict[str, int]:
    """Read which row belongs to which item token.

    Args:
        path: ``.ids``/``.txt`` (one token a line, in row order), ``.npy`` (an array of tokens, in
            row order), ``.json`` (token to row), or a table of two columns, token and row, with or
            without a header (``item2index``, MMRec's ``i_id_mapping.csv``). The column of rows may
            stand anywhere if its name has the word ``row``, ``index``, ``idx`` or ``position`` in
            it, is ``itemID``, as MMRec's, or is empty, as that of pandas' index.

    Returns:
        Row number per token, in file order.

    Raises:
        ValueError: the file cannot be read, a token appears twice, a row number is not an integer,
            or nothing says which of several columns has the rows.
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
                content = json.load(handle)
            except json.JSONDecodeError as error:
                raise ValueError(f"item map {path} is not valid JSON ({error}).") from error
            if not isinstance(content, dict):
                raise ValueError(f"item map {path} must be one JSON object, token to row number.")
            return list(content.items())
        return _parse_map_lines(path, handle.read().splitlines())


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
        try:
            result[token] = int(row)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"item map {path}: row number {row!r} of item {token!r} is not an integer."
            ) from error
    return result


def is_list(path: str) -> bool:
    """Whether a map is a list: tokens in the order of the rows."""
    return path.lower().endswith((".ids", ".txt", ".npy"))


def _parse_map_lines(path: str, lines: list[str]) -> list[tuple[str, Any]]:
    if is_list(path):
        return [(line, row) for row, line in enumerate(lines)]
    separator = "\t" if lines and "\t" in lines[0] else ","
    cells = [line.split(separator) for line in lines if line.strip()]
    token, row = 0, 1
    if cells and len(cells[0]) >= 2 and not cells[0][1].strip().lstrip("-").isdigit():
        header, *cells = cells
        token, row = _columns(path, [name.strip() for name in header])
    elif cells and len(cells[0]) > 2:
        _refuse_columns(path, cells[0])
    short = [line for line in cells if len(line) <= max(token, row)]
    if short:
        raise ValueError(f"item map {path}: line {short[0]!r} is not `token<tab or comma>row`.")
    return [(line[token].strip(), line[row].strip()) for line in cells]


def _columns(path: str, header: list[str]) -> tuple[int, int]:
    """Which columns of a table have the tokens and the rows."""
    names = [name.lower() for name in header]
    is_row: tuple[Callable[[str], bool], ...] = (
        lambda name: not _WORDS_OF_ROWS.isdisjoint(re.split(r"[\W_]+", name)),
        lambda name: name in _ROWS_OF_MMREC,
        lambda name: name in _INDEX_OF_PANDAS,
    )
    for kind in is_row:
        found = [place for place, name in enumerate(names) if kind(name)]
        if len(found) == 1:
            (row,) = found
            others = [place for place in range(len(names)) if place != row]
            # pandas' index beside a column of rows says nothing
            told = [place for place in others if names[place] not in _INDEX_OF_PANDAS]
            return (told or others)[0], row
    if len(names) > 2:
        _refuse_columns(path, header)
    return 0, 1


def _refuse_columns(path: str, cells: list[str]) -> NoReturn:
    raise ValueError(
        f"item map {path} begins with {cells[:4]}, and nothing says which column has the row "
        "numbers; write two columns, token and row, or name one of them `row`."
    )
