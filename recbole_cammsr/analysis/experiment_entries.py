"""Entries of an experiment file: of the right kind, or refused in one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from recbole_cammsr.run import setting_text
from recbole_cammsr.run.errors import UsageError

#: numpy's generators take no larger seed
_SEEDS_BELOW = 2**32


def mapping(value: Any, where: str) -> dict[str, Any]:
    """A mapping; nothing at all is an empty one.

    Args:
        value: as the file has it.
        where: it stands; opens the sentence.

    Raises:
        UsageError: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"{where} must be a mapping, not {value!r}")
    return value


def by_name(value: Any, where: str) -> dict[str, Any]:
    """A mapping whose keys are names: ``2024:`` is the name ``2024``.

    Args:
        value: as the file has it.
        where: it stands; opens the sentence.

    Raises:
        UsageError: it is no mapping, or two of its keys are one name.
    """
    named: dict[str, Any] = {}
    for key, own in mapping(value, where).items():
        if str(key) in named:
            raise UsageError(
                f"{where} has two entries of the name {str(key)!r}, one with and one without "
                "quotes; give one of them another name"
            )
        named[str(key)] = own
    return named


def settings(value: Any, where: str) -> dict[str, Any]:
    """Settings of values that a result file can hold: text, numbers, lists and mappings.

    Args:
        value: as the file has it.
        where: it stands; opens the sentence.

    Raises:
        UsageError: it is no mapping, or YAML made a date, a set or the like of a value, or
            something other than text of a key.
    """
    found = mapping(value, where)
    _check_plain(found, where)
    return found


def _check_plain(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise UsageError(f"{where} has the key {key!r}, which is no text; put it in quotes")
            _check_plain(inner, f"{where}: {key}")
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _check_plain(inner, where)
    elif not (value is None or isinstance(value, (str, int, float))):
        raise UsageError(
            f"{where} holds {value}, which is read as a {type(value).__name__}, and no setting "
            "takes one; write a number, or text in quotes"
        )


def names(values: Sequence[Any], entry: str) -> Sequence[Any]:
    """The names of a list, none of which brings settings along.

    Args:
        values: as the file has them.
        entry: of the file.

    Raises:
        UsageError: something in the list is no name.
    """
    for value in values:
        if isinstance(value, (dict, list)):
            raise UsageError(
                f"{entry!r} is a list, which takes names alone, not {value!r}; write a mapping "
                f"(no hyphens, each name followed by a colon)"
            )
    return values


def check_keys(content: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    """Refuse keys that nobody reads.

    Args:
        content: of an entry.
        known: the keys that it may have.
        where: it stands; opens the sentence.

    Raises:
        UsageError: names the first one, and the nearest known one.
    """
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise UsageError(f"{where} has the unknown entry {key!r}; {hint}")


def title(value: Any) -> str:
    """The title of the report.

    Args:
        value: as the file has it; none is "benchmark". Line breaks become blanks.

    Raises:
        UsageError: it is a mapping or a list.
    """
    if isinstance(value, (dict, list)):
        raise UsageError(f"'name' is the title of the report, a text, not {value!r}")
    return " ".join(str(value or "").split()) or "benchmark"


def grid(value: Any, where: str) -> dict[str, list[Any]]:
    """Settings and the values that tuning tries.

    Args:
        value: as the file has it.
        where: it stands; opens the sentence.

    Raises:
        UsageError: a setting has no list of values, or one value twice, which would be two of the
            budget's combinations.
    """
    found = settings(value, where)
    for name, values in found.items():
        if not isinstance(values, list) or not values:
            raise UsageError(f"{where}: {name} needs a list of values, not {values!r}")
        # YAML takes 1e-3 for text, of which RecBole makes the number
        read = [setting_text.value(one) if isinstance(one, str) else one for one in values]
        for position, one in enumerate(read):
            if one in read[:position]:
                first = values[read.index(one)]
                as_text = f", once as {first!r}" if repr(first) != repr(values[position]) else ""
                raise UsageError(
                    f"{where}: {name} has the value {values[position]!r} twice{as_text}, and each "
                    "combination counts in the budget; take one out"
                )
    return found


def seeds(value: Any) -> list[int]:
    """One seed or a list of them.

    Args:
        value: as the file has it.

    Raises:
        UsageError: not whole numbers from 0, or one of them twice.
    """
    given = value if isinstance(value, list) else [value]
    if not given or not all(isinstance(seed, int) and not isinstance(seed, bool) for seed in given):
        raise UsageError(f"seeds must be whole numbers, not {value!r}")
    if not all(0 <= seed < _SEEDS_BELOW for seed in given):
        raise UsageError(f"seeds lie from 0 to {_SEEDS_BELOW - 1}, unlike {value!r}")
    if len(set(given)) < len(given):
        raise UsageError(f"seeds must differ from each other, not {given}")
    return given
