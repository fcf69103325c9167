"""What a model computes of its items."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_cammsr.analysis.item_view import item_view
from recbole_cammsr.analysis.trained_model import TrainedModel


@pytest.mark.parametrize("use_id", [True, False])
def test_usable_experts_are_those_whose_modalities_the_item_has(make_checkpoint, use_id):
    trained = TrainedModel(make_checkpoint(use_id=use_id))
    camoe = trained.model.item_encoder.camoe
    with torch.no_grad():  # a switch: all attention to one expert, exact zeros for the others
        camoe.query.weight.mul_(1e7)
        camoe.query.bias.mul_(1e7)
    view = item_view(trained)
    for item, has in enumerate(view.present):
        has = has if has.any() else np.ones_like(has)  # without any, all are its learned vectors
        expected = [all(has[m] for m in expert.modalities) for expert in camoe.experts]
        assert view.usable[item].tolist() == expected
        assert not view.attention[item][~view.usable[item]].any()
    assert not view.usable.all()
    assert (view.usable & (view.attention == 0)).any()
