"""What ``eval_args`` may be, where RecBole ignores what is wrong, or stops after reading the data.

It ignores an unknown key, and meets a share or a number that is missing with a message of Python's
own. Not looked at is what it says itself (``labeled`` with ranking metrics, ``order: RO`` of a
sequential model), and a ``split`` or ``order`` of None, which pre-split data may have.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

_KEYS = ("split", "order", "group_by", "mode")
_PHASES = ("valid", "test")
_LEAVE_ONE_OUT = ("valid_and_test", "valid_only", "test_only")
_BY_SHARES = ("RS", "TS")
_ORDERS = ("RO", "TO")
_SAMPLED = ("uni", "pop")
_SPLIT = (
    "'split' is {'LS': 'valid_and_test'} (or valid_only, test_only), or has the shares of "
    "training, validation and test: {'RS': [0.8, 0.1, 0.1]}, or the same of TS"
)
_MODE = (
    "'mode' is full, labeled, or uni or pop with a number of items behind it, such as uni100 (or "
    "{'valid': 'uni100', 'test': 'full'})"
)


def of_eval_args(value: Any) -> str | None:
    """What the arguments of the evaluation must be.

    Args:
        value: of ``eval_args``; not None.

    Returns:
        E.g. "a mapping whose 'order' is RO or TO"; None where the value can work.
    """
    only = f"a mapping with no keys but {_listed(_KEYS)}"
    if not isinstance(value, dict):
        return only
    stranger = _stranger(value, _KEYS)
    if stranger is not None:
        return f"{only} ({stranger})"
    wrong = (
        _of_split(value.get("split"))
        or _of_order(value.get("order"))
        or _of_grouping(value.get("group_by"))
        or _of_mode(value.get("mode", "full"))
    )
    return f"a mapping whose {wrong}" if wrong else None


def _of_split(split: Any) -> str | None:
    if split is None:
        return None
    if not isinstance(split, dict) or len(split) != 1:
        return _SPLIT
    ((kind, how),) = split.items()
    if kind == "LS":
        return None if isinstance(how, str) and how in _LEAVE_ONE_OUT else _SPLIT
    return None if kind in _BY_SHARES and _are_shares(how) else _SPLIT


def _are_shares(shares: Any) -> bool:
    """Whether RecBole can split by them: a list, and no tuple; their sum is theirs to choose."""
    if not isinstance(shares, list) or len(shares) != 3:
        return False
    if not all(isinstance(share, Real) and float(share) >= 0 for share in shares):
        return False
    return 0 < sum(map(float, shares)) < math.inf


def _of_order(order: Any) -> str | None:
    if order is None or (isinstance(order, str) and order in _ORDERS):
        return None
    return "'order' is RO (random) or TO (by time)"


def _of_grouping(group_by: Any) -> str | None:
    is_known = isinstance(group_by, str) and (group_by == "user" or group_by.lower() == "none")
    return None if group_by is None or is_known else "'group_by' is user or none"


def _of_mode(mode: Any) -> str | None:
    if not isinstance(mode, Mapping):
        return None if _is_mode(mode) else _MODE
    stranger = _stranger(mode, _PHASES)
    if stranger is not None:
        return f"'mode' has no keys but {_listed(_PHASES)} ({stranger})"
    return None if all(map(_is_mode, mode.values())) else _MODE


def _is_mode(mode: Any) -> bool:
    if not isinstance(mode, str) or mode[:3] not in _SAMPLED:
        return mode in ("full", "labeled")
    try:
        return int(mode[3:]) > 0
    except ValueError:
        return False


def _stranger(keys: Iterable[Any], known: Sequence[str]) -> str | None:
    """The first unknown key, with what was probably meant."""
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(str(key).lower(), known, n=1)
            return f"{key!r} is none" + (f", did you mean {near[0]!r}?" if near else "")
    return None


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
