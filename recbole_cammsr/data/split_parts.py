"""Refuses a split that leaves training, or a part that it asks for, without rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_PARTS = ("training", "validation", "test")
#: modes of leave-one-out -> parts that take one row of a user, the last first
_HELD_OUT = {
    "valid_and_test": ("test", "validation"),
    "valid_only": ("validation",),
    "test_only": ("test",),
}
# a user's first interaction has no history and makes no row, and one row is for training
_NOT_HELD_OUT = 2


def check_parts(split: Mapping[str, Any], sizes: Sequence[int]) -> None:
    """Refuse empty parts.

    Without a check RecBole trains to the end, and its table of results is empty.

    Args:
        split: of `eval_args`, such as ``{LS: valid_and_test}``.
        sizes: rows for training, validation and test.

    Raises:
        ValueError: there is nothing to train on, or a part that the split asks for is empty.
    """
    if not sizes[0]:
        raise ValueError(
            f"the split {split} of `eval_args` leaves none of {sum(sizes)} rows for training; give "
            f"training a larger share."
        )
    ((mode, how),) = split.items()
    held_out = _HELD_OUT.get(how, ()) if mode == "LS" else ()
    for part, size in zip(_PARTS, sizes):
        if size:
            continue
        if part in held_out:
            least = _NOT_HELD_OUT + 1 + held_out.index(part)
            fix = f"no user has the {least} interactions that this takes: give more of them"
            if len(held_out) > 1:
                fix += ", or hold rows out for one part alone (`{LS: test_only}`)"
        elif mode != "LS" and how[_PARTS.index(part)] > 0:
            fix = "give it a larger share, or none"
        else:
            continue
        raise ValueError(
            f"the split {split} of `eval_args` leaves none of {sum(sizes)} rows for {part}; {fix}."
        )
