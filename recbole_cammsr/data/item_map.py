"""Item maps: which row of a row-aligned feature file belongs to which item token."""

from __future__ import annotations

import json
from typing import Any


def read_item_map(path: str) -> dict[str, int]:
    """Read which row belongs to which item token.

    Args:
        path: ``.ids``/``.txt`` (one token a line, in row order), ``.json`` (token to row), or a
            table of two columns, token and row, with or without a header (``item2index``, MMRec's
            ``i_id_mapping.csv``).

    Returns:
        Row number per token, in file order.

    Raises:
        ValueError: a token appears twice, or a row number is not an integer.
    """
    with open(path, encoding="utf-8-sig") as handle:
        if path.lower().endswith(".json"):
            try:
                content = json.load(handle)
            except json.JSONDecodeError as error:
                raise ValueError(f"item map {path} is not valid JSON ({error}).") from error
            if not isinstance(content, dict):
                raise ValueError(f"item map {path} must be one JSON object, token to row number.")
            pairs: list[tuple[str, Any]] = list(content.items())
        else:
            lines = handle.read().splitlines()
            pairs = _parse_map_lines(path, lines)
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
    """Whether a map is a list: a token a line, in the order of the rows."""
    return path.lower().endswith((".ids", ".txt"))


def _parse_map_lines(path: str, lines: list[str]) -> list[tuple[str, Any]]:
    if is_list(path):
        return [(line, row) for row, line in enumerate(lines)]
    separator = "\t" if lines and "\t" in lines[0] else ","
    cells = [line.split(separator) for line in lines if line.strip()]
    if cells and len(cells[0]) >= 2 and not cells[0][1].strip().lstrip("-").isdigit():
        cells = cells[1:]  # a header
    short = [line for line in cells if len(line) < 2]
    if short:
        raise ValueError(f"item map {path}: line {short[0]!r} is not `token<tab or comma>row`.")
    return [(line[0].strip(), line[1].strip()) for line in cells]
