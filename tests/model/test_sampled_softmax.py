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


def plain(users, own, targets, negatives, drawn, log_expected):
    """The same with the whole matrix of logits, and torch's gradients."""
    positive = (users * own).sum(dim=1, keepdim=True)
    logits = users @ negatives.t() - log_expected
    logits = logits.masked_fill(targets.unsqueeze(1) == drawn, -math.inf)
    return -torch.cat([positive, logits], dim=1).log_softmax(dim=1)[:, 0].mean()


def random_task(n_targets, n_drawn, size=5, n_items=30):
    users, own = (torch.randn(n_targets, size, dtype=torch.float64) for _ in range(2))
    drawn = torch.randint(1, n_items, (n_drawn,))
    vectors = torch.randn(n_drawn, size, dtype=torch.float64)
    targets = torch.randint(1, n_items, (n_targets,))
    return users, own, targets, vectors, drawn, torch.randn(n_drawn, dtype=torch.float64)


@pytest.mark.parametrize("max_logits", [1, 7 * 23, 1 << 26])
@pytest.mark.parametrize(("n_targets", "n_drawn"), [(9, 23), (300, 7), (3, 5000), (4, 1)])
def test_loss_and_gradients_are_those_of_the_whole_matrix(n_targets, n_drawn, max_logits):
    torch.manual_seed(n_targets)
    task = random_task(n_targets, n_drawn)
    results = []
    for function in (plain, lambda *each: sampled_cross_entropy(*each, max_logits)):
        learned = [task[index].clone().requires_grad_() for index in (0, 1, 3)]
        loss = function(learned[0], learned[1], task[2], learned[2], *task[4:])
        (3 * loss).backward()
        results.append([loss.detach(), *(each.grad for each in learned)])
    for one, two in zip(*results):
        assert torch.allclose(one, two, atol=1e-12)


def test_a_target_that_is_all_that_was_drawn_costs_nothing():
    users, own, _, vectors, _, expected = random_task(2, 4)
    users.requires_grad_()
    drawn = torch.full((4,), 6)
    loss = sampled_cross_entropy(users, own, drawn[:2], vectors, drawn, expected)
    loss.backward()
    assert float(loss) == 0.0
    assert torch.equal(users.grad, torch.zeros_like(users))


def test_under_autocast_gradients_are_close_and_of_the_operands_type():
    torch.manual_seed(4)
    task = [each.float() if each.is_floating_point() else each for each in random_task(40, 90)]
    results = []
    for enabled in (False, True):
        learned = [task[index].clone().requires_grad_() for index in (0, 1, 3)]
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss = sampled_cross_entropy(learned[0], learned[1], task[2], learned[2], *task[4:])
        loss.backward()
        assert loss.dtype == torch.float32
        assert all(each.grad.dtype == torch.float32 for each in learned)
        results.append([loss.detach(), *(each.grad for each in learned)])
    assert not torch.equal(results[0][1], results[1][1])
    for one, two in zip(*results):
        assert torch.allclose(one, two, rtol=0.1, atol=2e-3)


def test_no_more_logits_are_held_than_allowed(monkeypatch):
    held = []
    stock = torch.empty

    def empty(*size, **keywords):
        held.append(math.prod(size[0]) if isinstance(size[0], tuple) else math.prod(size))
        return stock(*size, **keywords)

    task = random_task(50, 20)
    monkeypatch.setattr(torch, "empty", empty)
    sampled_cross_entropy(*task, 100)
    assert held == [100]


def test_what_a_sure_target_lacks_is_not_rounded_away():
    task = random_task(20, 50)
    users = 4.5 * task[0] / task[0].norm(dim=1, keepdim=True)
    # scores of 20 for targets, of others about 0
    task = (users, users, task[2], task[3] / 100, *task[4:])
    results = []
    for precise in (torch.float64, torch.float32):
        users, own, targets, *rest = (
            each.to(precise) if each.is_floating_point() else each for each in task
        )
        own = own.clone().requires_grad_()
        loss = sampled_cross_entropy(users, own, targets, *rest)
        loss.backward()
        results.append((loss.detach().double(), own.grad.double()))
    (exact, exact_slope), (single, single_slope) = results
    assert 0 < float(exact) < 1e-5
    assert float(single) == pytest.approx(float(exact), rel=1e-4)
    assert torch.allclose(single_slope, exact_slope, rtol=1e-4, atol=0)
