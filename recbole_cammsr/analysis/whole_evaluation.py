"""What a part of ``eval_args`` leaves open: the protocol's, for every row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recbole_cammsr.run import protocol

#: what RecBole itself puts in for what is left out, where most protocols have the same
_OF_RECBOLE = {"group_by": "user", "mode": "full"}


def completed(settings: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """Settings of a job that name the split of which RecBole would else take its own.

    A job is known by its settings, so those that say all that matters stay as they are.

    Args:
        settings: of a model on the data set.
        dataset: name of the data set.
    """
    given = protocol.evaluation_given(settings)
    if given is None:
        return dict(settings)
    lacking = {
        name: value
        for name, value in protocol.evaluation(dataset).items()
        if name not in given and _OF_RECBOLE.get(name) != value
    }
    return {**settings, "eval_args": {**given, **lacking}} if lacking else dict(settings)
