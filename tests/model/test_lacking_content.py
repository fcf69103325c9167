"""Completion of a checkpoint whose items lacked other content; whole models: test_changed_data."""

from __future__ import annotations

import torch
from torch import nn

from recbole_cammsr.model.lacking_content import fitted, in_one_only, remark_on_untrained

NAME = "item_encoder.completion.by_label"


def test_completion_is_filled_with_zeros_or_left_out():
    without = nn.Linear(2, 3).state_dict()
    completed = {**without, NAME: torch.ones(4, 6)}
    assert in_one_only(without, completed) == in_one_only(completed, without) == {NAME}
    filled = fitted(without, completed)
    assert torch.equal(filled[NAME], torch.zeros(4, 6))
    assert filled._metadata == without._metadata  # torch's versions of the layers
    assert fitted(completed, without).keys() == without.keys()
    assert NAME not in without
    assert NAME in completed
    assert fitted(completed, completed) is completed


def test_only_what_is_learned_of_a_missing_modality_can_be_untrained():
    own = {"item_init.missing.0": torch.zeros(2)}
    assert "lack image, which none" in str(remark_on_untrained(["text", "image"], ["text"], own))
    assert remark_on_untrained(["text"], ["text", "image"], own) is None
    assert remark_on_untrained(["text"], [], {"adaptors.0.weight": torch.zeros(2)}) is None
