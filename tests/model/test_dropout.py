"""Dropout has the law, the scale and the gradient of torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from recbole_cammsr.model.dropout import Dropout, use_fast_dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_each_value_is_dropped_with_probability_p_and_the_rest_is_scaled(p, dtype):
    torch.manual_seed(0)
    x = torch.full((400, 250), 3.0, dtype=dtype, requires_grad=True)
    out = Dropout(p)(x)
    assert out.dtype == dtype
    dropped = out == 0
    share = float(dropped.float().mean())
    assert abs(share - p) < 5 * (p * (1 - p) / x.numel()) ** 0.5
    by_row = dropped.float().mean(dim=1)  # no row or column is dropped as a whole
    assert float((by_row - p).abs().max()) < 6 * (p * (1 - p) / 250) ** 0.5
    values = out[~dropped].double()
    assert torch.allclose(values, torch.full_like(values, 3.0 / (1 - p)), rtol=1e-2)
    out.sum().backward()
    assert torch.equal(x.grad == 0, dropped)
    assert torch.allclose(3.0 * x.grad, out)


def test_draws_follow_the_seed_and_differ_from_call_to_call():
    layer, x = Dropout(0.5), torch.ones(50, 50)
    torch.manual_seed(1)
    first, second = layer(x), layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_evaluation_and_the_extremes_are_those_of_torch(p):
    x = torch.randn(7, 5)
    assert torch.equal(Dropout(p).eval()(x), x)
    if p in (0.0, 1.0):
        assert torch.equal(Dropout(p)(x), nn.Dropout(p)(x))


def test_torchs_layers_get_it_and_keep_their_parameters():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3)
    names = [name for name, _ in layer.named_parameters()]
    nested = nn.Sequential(nn.Dropout(0.5), nn.Sequential(layer, nn.Dropout1d(0.5)))
    use_fast_dropout(nested)
    kinds = [
        type(part) for part in nested.modules() if isinstance(part, nn.modules.dropout._DropoutNd)
    ]
    assert kinds.count(Dropout) == 4
    assert kinds.count(nn.Dropout1d) == 1
    assert nn.Dropout not in kinds
    assert layer.dropout1.p == 0.3
    assert [name for name, _ in layer.named_parameters()] == names
