"""The sampled softmax against the sums that it estimates."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from recbole_cammsr.model.sampled_softmax import NegativeSampler, sampled_cross_entropy


def make_sampler(size, exponent=0.75):
    counts = torch.tensor([0, 8, 0, 3, 1, 30])
    return NegativeSampler(counts, size, exponent), counts


def test_items_are_drawn_in_proportion_and_never_padding():
    torch.manual_seed(0)
    sampler, counts = make_sampler(200_000, exponent=0.5)
    drawn = sampler.draw()
    mass = [0.0] + [math.sqrt(int(count) + 1) for count in counts[1:]]
    share = torch.bincount(drawn, minlength=6) / len(drawn)
    for item in range(6):
        assert abs(float(share[item]) - mass[item] / sum(mass)) < 0.01
    assert share[0] == 0
    expected = 200_000 * mass[5] / sum(mass)
    assert abs(float(sampler.log_expected[5].exp()) / expected - 1) < 1e-5


def test_the_denominator_is_estimated_without_bias():
    torch.manual_seed(1)
    sampler, _ = make_sampler(4)
    users = torch.randn(1, 3, dtype=torch.float64)
    items = torch.randn(6, 3, dtype=torch.float64)
    target = torch.tensor([3])
    scores = (users @ items.t())[0]
    others = [scores[i].exp() for i in (1, 2, 4, 5)]
    ratios = []
    for _ in range(20_000):
        drawn = sampler.draw()
        loss = sampled_cross_entropy(
            users, items[target], target, items[drawn], drawn, sampler.log_expected[drawn]
        )
        # loss = log(exp(s_t) + estimate) - s_t
        ratios.append(float((loss.exp() - 1) * scores[3].exp()))
    assert abs(sum(ratios) / len(ratios) / float(sum(others)) - 1) < 0.02


def test_a_large_sample_is_the_full_softmax():
    torch.manual_seed(2)
    sampler, _ = make_sampler(400_000)
    users = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    items = torch.randn(6, 3, dtype=torch.float64)
    targets = torch.tensor([1, 2, 5, 5])
    drawn = sampler.draw()
    ours = sampled_cross_entropy(
        users, items[targets], targets, items[drawn], drawn, sampler.log_expected[drawn]
    )
    plain = F.cross_entropy((users @ items.t())[:, 1:], targets - 1)
    assert abs(float(ours.detach() - plain.detach())) < 0.01
    (ours_gradient,) = torch.autograd.grad(ours, users)
    (plain_gradient,) = torch.autograd.grad(plain, users)
    assert torch.allclose(ours_gradient, plain_gradient, atol=0.01)


def test_the_loss_is_in_single_precision_unless_asked_in_double():
    sampler, _ = make_sampler(4)
    items, drawn = torch.randn(6, 3), sampler.draw()
    targets = torch.tensor([1, 2])
    for own, precise in ((torch.bfloat16, torch.float32), (torch.float64, torch.float64)):
        vectors = items.to(own)
        of_items = vectors[targets], targets, vectors[drawn], drawn, sampler.log_expected[drawn]
        assert sampled_cross_entropy(vectors[:2], *of_items).dtype == precise


def test_scores_of_targets_are_summed_up_in_full_precision_where_vectors_are_not():
    torch.manual_seed(3)
    users, own = (torch.randn(20, 64).to(torch.bfloat16) for _ in range(2))
    # drawn items score 0, so that nothing but the targets' own scores can be rounded
    drawn, nothing = torch.tensor([1, 2]), torch.zeros(2, 64, dtype=torch.bfloat16)
    targets = torch.full((20,), 3)
    loss = sampled_cross_entropy(users, own, targets, nothing, drawn, torch.zeros(2))
    exact = (users.double() * own.double()).sum(dim=1)
    expected = ((exact.exp() + 2).log() - exact).mean()
    assert float(loss) == pytest.approx(float(expected), abs=1e-4)
