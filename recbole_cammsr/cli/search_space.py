"""Reads RecBole's params file: the settings to tune, one a line as ``name type values``."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from recbole_cammsr.cli.errors import UsageError

_RANGES = {"uniform": 2, "quniform": 3, "loguniform": 2}


@dataclass(frozen=True)
class Parameter:
    """One setting to tune: its ``kind`` and the choices, or the ends of the range (and a step)."""

    name: str
    kind: str
    values: tuple[Any, ...]


def read(path: str) -> list[Parameter]:
    """The parameters in a file.

    Args:
        path: the params file; empty lines and lines that start with ``#`` are left out.

    Returns:
        The parameters in the file's order.

    Raises:
        UsageError: the file is missing, empty, or a line cannot be understood.
    """
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except OSError as error:
        raise UsageError(f"params file {path} cannot be read: {error.strerror}") from error
    parameters = [
        _parameter(line, f"{path} line {number}")
        for number, line in enumerate(lines, start=1)
        if line and not line.startswith("#")
    ]
    if not parameters:
        raise UsageError(f"params file {path} names nothing to tune")
    return parameters


def _parameter(line: str, place: str) -> Parameter:
    name, kind, text = (*line.split(None, 2), "", "")[:3]
    values: tuple[Any, ...] = ()
    if kind == "choice":
        values = _choices(text)
    elif kind in _RANGES:
        values = _numbers(text)
        if len(values) != _RANGES[kind]:
            values = ()
    if not values:
        raise UsageError(
            f"{place} is not understood: {line!r}; write 'name choice [a,b]', "
            "'name uniform low,high', 'name quniform low,high,step' or 'name loguniform low,high'"
        )
    return Parameter(name, kind, values)


def _choices(text: str) -> tuple[Any, ...]:
    try:
        values = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return ()
    return tuple(values) if isinstance(values, (list, tuple)) else ()


def _numbers(text: str) -> tuple[Any, ...]:
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        return ()
