"""Parameters that stand for content which items lack, where others lacked it in training.

Completion (docs/model.md eq. 4) is there only where an item lacks a modality, and a learned vector
of a missing modality is trained only there.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import torch

Parameters = Mapping[str, torch.Tensor]

#: ends the names of parameters that are there where an item lacks a modality; zero at the start
_COMPLETION = ("completion.by_label",)
#: a part of the names of the vectors that stand for what an item lacks
_MISSING = "missing"


def in_one_only(state_dict: Parameters, own: Parameters) -> set[str]:
    """Names of completion that a checkpoint has and the model in memory has not, or the reverse.

    Args:
        state_dict: parameters of a checkpoint.
        own: those of the model in memory.

    Returns:
        The names; empty where both have it or neither.
    """
    return {key for key in state_dict.keys() ^ own.keys() if key.endswith(_COMPLETION)}


def fitted(state_dict: Parameters, own: Parameters) -> Parameters:
    """Parameters with completion where the model in memory has it: zero where none was trained.

    Args:
        state_dict: parameters of a checkpoint.
        own: those of the model in memory.

    Returns:
        Those of the checkpoint where nothing is to be changed, else a copy.
    """
    different = in_one_only(state_dict, own)
    if not different:
        return state_dict
    result: Any = copy.copy(state_dict)  # with the versions that torch notes in it
    for key in different:
        if key in own:
            result[key] = torch.zeros_like(own[key])
        else:
            del result[key]
    changed: Parameters = result
    return changed


def remark_on_untrained(now: Iterable[str], then: Iterable[str], own: Parameters) -> str | None:
    """What to say of modalities that some item lacks now and none lacked in training.

    Args:
        now: modalities that some item lacks.
        then: those that some item lacked.
        own: parameters of the model in memory.

    Returns:
        A sentence for the log; None where there are none, or nothing is learned of them.
    """
    untrained = [name for name in now if name not in set(then)]
    if not untrained or not any(_MISSING in key.split(".") for key in own):
        return None
    return (
        f"some items lack {' and '.join(untrained)}, which none lacked when the checkpoint was "
        f"trained; what stands for it there is untrained"
    )
