"""The adaptor against loops over its equations."""

from __future__ import annotations

import pytest
import torch

from recbole_cammsr.model.moe_adaptor import MoEAdaptor


def make(positions=None, dropout=0.0, noisy=True) -> MoEAdaptor:
    torch.manual_seed(0)
    adaptor = MoEAdaptor(
        size=6, dimension=4, experts=3, dropout=dropout, noisy=noisy, positions=positions
    ).double()
    with torch.no_grad():
        for parameter in adaptor.parameters():
            parameter.normal_()
    return adaptor


def naive(adaptor, features, gates, position=None) -> torch.Tensor:
    rows = []
    for row, gate in zip(features, gates):
        total = torch.zeros(4, dtype=torch.float64)
        for index in range(3):
            shift = adaptor.shift[index] if position is None else adaptor.shift[index, position]
            total += gate[index] * (adaptor.weight[index] @ (row - shift))
        rows.append(total)
    return torch.stack(rows)


def test_eval_mode_is_the_equation_without_noise():
    adaptor = make(dropout=0.5).eval()
    features = torch.randn(5, 6, dtype=torch.float64)
    logits = torch.stack([features @ row for row in adaptor.gate.weight], dim=1)
    exponentials = logits.exp()
    gates = exponentials / exponentials.sum(dim=1, keepdim=True)
    assert torch.allclose(adaptor.gates(features), gates)
    assert torch.allclose(adaptor(features), naive(adaptor, features, gates))


def test_the_noise_of_training_has_a_learned_spread():
    adaptor = make().train()
    features = torch.randn(5, 6, dtype=torch.float64)
    torch.manual_seed(1)
    gates = adaptor.gates(features)
    torch.manual_seed(1)
    noise = torch.randn(5, 3, dtype=torch.float64)
    spread = (1 + (features @ adaptor.noise.weight.t()).exp()).log() + 0.01
    logits = features @ adaptor.gate.weight.t() + noise * spread
    assert torch.allclose(gates, logits.softmax(dim=1))
    torch.manual_seed(1)
    assert torch.allclose(adaptor(features), naive(adaptor, features, gates))
    quiet = make(noisy=False).train()
    assert quiet.noise is None
    assert torch.equal(quiet.gates(features), quiet.gates(features))


@pytest.mark.parametrize("length", [3, 5])
def test_positions_have_shifts_of_their_own(length):
    adaptor = make(positions=5).eval()
    features = torch.randn(2, length, 6, dtype=torch.float64)
    mixture, gates = adaptor.mixture(features.flatten(end_dim=1))
    gates = gates.view(2, length, 3)
    adapted = mixture.view(2, length, 4) - adaptor.shifted(gates)
    for position in range(length):
        expected = naive(adaptor, features[:, position], gates[:, position], position)
        assert torch.allclose(adapted[:, position], expected)


def test_each_expert_drops_features_of_its_own():
    adaptor = make(dropout=0.5).train()
    features = torch.ones(1, 6, dtype=torch.float64)
    torch.manual_seed(2)
    mixture, gates = adaptor.mixture(features)
    torch.manual_seed(2)
    torch.randn(1, 3, dtype=torch.float64)  # the gates' noise comes first
    dropped = [adaptor.dropout(features) for _ in range(3)]
    assert len({tuple(part[0].tolist()) for part in dropped}) > 1
    parts = zip(gates[0], adaptor.weight, dropped)
    expected = sum(gate * (weight @ part[0]) for gate, weight, part in parts)
    assert torch.allclose(mixture[0], expected)


def test_what_is_dropped_under_autocast_is_rounded_once():
    adaptor = make(dropout=0.5, noisy=False).float()
    features = torch.randn(200, 6)
    results = []
    for enabled in (False, True):
        torch.manual_seed(1)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            results.append(adaptor(features).float())
    precise, rounded = results
    assert torch.allclose(precise, rounded, atol=0.05 * float(precise.abs().max()))
    assert not torch.equal(precise, rounded)
