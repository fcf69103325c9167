"""CAMoE against loops over items and experts."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from recbole_cammsr.model import category_head
from recbole_cammsr.model.camoe import CAMoE, Expert, expert_views
from recbole_cammsr.model.category_head import CategoryHead, category_loss, label_prior

N, M, D, C = 5, 3, 8, 4


def make(prior=True, copies=1, n_modalities=M, mixture_dropout=0.0):
    torch.manual_seed(0)
    camoe = CAMoE(
        n_modalities=n_modalities,
        dimension=D,
        inner=6,
        prior=torch.tensor([0.4, 0.3, 0.2, 0.1]) if prior else None,
        copies=copies,
        dropout=0.5,
        mixture_dropout=mixture_dropout,
        gamma=0.3,
        gate_scale=2.0,
    ).eval()
    if camoe.gate is not None:
        torch.nn.init.normal_(camoe.gate)
    return camoe


def inputs():
    torch.manual_seed(1)
    mask = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0], [1, 1, 0], [1, 1, 1]]).bool()
    return torch.randn(N, M, D), mask, torch.randn(N, D), torch.softmax(torch.randn(N, C), dim=1)


def test_views_are_each_modality_each_pair_and_all():
    assert expert_views(1) == [(0,)]
    assert expert_views(2) == [(0,), (1,), (0, 1)]
    assert expert_views(3) == [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    assert len(expert_views(4)) == 4 + 6 + 1


def test_residual_is_the_weighted_sum_of_what_the_item_has():
    camoe = make()
    x, mask, _, p = inputs()
    residual = camoe.residual(x, mask, p)
    for n in range(N):
        logits = 2.0 * (p[n] - camoe.prior) @ camoe.gate
        has = [m for m in range(M) if mask[n, m]]
        total = sum(math.exp(float(logits[m])) for m in has)
        expected = torch.zeros(D)
        for m in range(M):
            weight = M * math.exp(float(logits[m])) / total if m in has else 0.0
            assert abs(float(residual.weights[n, m]) - weight) < 1e-5
            expected = expected + weight * x[n, m]
        assert torch.allclose(residual.items[n], expected, atol=1e-5)


@pytest.mark.parametrize("copies", [1, 2])
def test_mixture_is_the_attention_over_usable_experts(copies):
    camoe = make(copies=copies)
    x, mask, context, _ = inputs()
    mixture = camoe.mixture(x, mask, context)
    for n in range(N):
        outputs, scores = [], []
        query = camoe.query(camoe.context_norm(context[n]))
        for expert in camoe.experts:
            seen = [x[n, m] for m in expert.modalities]
            if len(seen) == 2:
                seen.append(seen[0] * seen[1])
            outputs.append(expert.outer(F.gelu(expert.inner(torch.cat(seen)))))
            usable = all(mask[n, m] for m in expert.modalities)
            score = float(query @ camoe.key(camoe.key_norm(outputs[-1]))) / math.sqrt(D)
            scores.append(score if usable else -math.inf)
        weights = torch.softmax(torch.tensor(scores), dim=0)
        expected = 0.3 * sum(w * o for w, o in zip(weights, outputs))
        assert torch.allclose(mixture.attention[n], weights, atol=1e-5)
        assert torch.allclose(mixture.items[n], expected, atol=1e-5)


@pytest.mark.parametrize("modalities", [(1,), (0, 2)])
def test_dropout_of_an_expert_drops_its_middle_layer(modalities):
    torch.manual_seed(0)
    expert = Expert(modalities, D, 6, dropout=1.0)
    x = torch.randn(N, M, D)
    nothing_left = expert.outer.bias.expand(N, -1)
    assert torch.equal(expert.train()(x), nothing_left)
    assert not torch.allclose(expert.eval()(x), nothing_left, atol=1e-2)


def test_in_training_an_item_has_the_whole_mixture_or_none_of_it():
    camoe = make(mixture_dropout=0.25)
    for expert in camoe.experts:
        expert.dropout.p = 0.0
    x = torch.randn(4000, M, D)
    mask, context = torch.ones(4000, M, dtype=torch.bool), torch.randn(4000, D)
    whole = camoe.mixture(x, mask, context).items
    camoe.train()
    items = camoe.mixture(x, mask, context).items
    dropped = (items == 0).all(dim=1)
    assert torch.allclose(items[~dropped], whole[~dropped] / 0.75, atol=1e-5)
    # 1000 of 4000 are expected, with a standard deviation of 27
    assert 860 < int(dropped.sum()) < 1140


def test_nothing_is_drawn_where_the_mixture_is_not_dropped():
    camoe = make().train()
    for expert in camoe.experts:
        expert.dropout.p = 0.0
    x, mask, context, _ = inputs()
    before = torch.random.get_rng_state()
    camoe.mixture(x, mask, context)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_average_item_and_an_unguided_one_weigh_all_modalities_alike():
    x, mask, _, _ = inputs()
    everything = torch.ones_like(mask)
    camoe = make()
    average = camoe.residual(x, everything, camoe.prior.expand(N, -1))
    assert torch.allclose(average.weights, torch.ones(N, M))
    unguided = make(prior=False).residual(x, everything, None)
    assert torch.allclose(unguided.weights, torch.ones(N, M))
    assert torch.allclose(unguided.items, x.sum(dim=1), atol=1e-5)


def test_training_starts_from_equal_weights_whatever_the_category():
    x, mask, _, p = inputs()
    prior = torch.tensor([0.4, 0.3, 0.2, 0.1])
    camoe = CAMoE(n_modalities=M, dimension=D, inner=6, prior=prior)
    for row, weights in zip(mask, camoe.residual(x, mask, p).weights):
        assert torch.allclose(weights, row * (M / row.sum()))


def test_the_gate_learns_but_does_not_bend_the_prediction():
    camoe = make()
    x, mask, _, p = inputs()
    p.requires_grad_()
    camoe.residual(x, mask, p).items.pow(2).sum().backward()
    assert camoe.gate.grad.abs().max() > 0
    assert p.grad is None


def test_a_single_modality_needs_no_attention():
    camoe = make(n_modalities=1)
    x, _, _, p = inputs()
    mask = torch.ones(N, 1, dtype=torch.bool)
    assert torch.equal(camoe.residual(x[:, :1], mask, p).items, x[:, 0])
    assert torch.equal(camoe.mixture(x[:, :1], mask, None).attention, torch.ones(N, 1))
    assert {name.split(".")[0] for name, _ in camoe.named_parameters()} == {"experts", "gamma"}


@pytest.mark.parametrize("multi_label", [False, True])
def test_category_head_follows_its_formula(multi_label):
    torch.manual_seed(0)
    head = CategoryHead(n_modalities=M, dimension=D, n_categories=C, multi_label=multi_label)
    x = torch.randn(N, M, D)
    result = head(x)
    for n in range(N):
        t = F.gelu(head.transform(head.norm(torch.cat(list(x[n])))))
        logits = head.classify(t)
        p = torch.sigmoid(logits) if multi_label else torch.softmax(logits, dim=0)
        p = p / p.sum()
        assert torch.allclose(result.logits[n], logits, atol=1e-5)
        assert torch.allclose(result.probability[n], p, atol=1e-5)
        assert torch.allclose(head.context(result)[n], p @ head.label_embedding + t, atol=1e-5)


@pytest.mark.parametrize("bias", [-5.0, 0.0, 5.0])
def test_several_labels_share_a_probability_of_one_however_likely_each_is(bias):
    torch.manual_seed(0)
    head = CategoryHead(n_modalities=M, dimension=D, n_categories=C, multi_label=True)
    torch.nn.init.constant_(head.classify.bias, bias)
    found = head(torch.randn(N, M, D))
    for logits, probability in zip(found.logits.tolist(), found.probability.tolist()):
        each = [1 / (1 + math.exp(-logit)) for logit in logits]
        assert probability == pytest.approx([p / sum(each) for p in each], rel=1e-4)


def test_an_item_to_which_no_label_fits_has_a_finite_prediction():
    head = CategoryHead(n_modalities=M, dimension=D, n_categories=C, multi_label=True)
    with torch.no_grad():
        head.classify.bias.fill_(-200.0)  # all sigmoids are zero
    assert torch.isfinite(head(torch.randn(N, M, D)).probability).all()


def test_category_loss_counts_labelled_items_only():
    torch.manual_seed(0)
    logits = torch.randn(4, C)
    one = torch.zeros(4, C, dtype=torch.bool)
    one[0, 2] = one[2, 1] = True
    expected = -(F.log_softmax(logits[0], 0)[2] + F.log_softmax(logits[2], 0)[1]) / 2
    assert torch.allclose(category_loss(logits, one, multi_label=False), expected)
    single = one.clone()
    single[0] = False
    assert torch.allclose(
        category_loss(logits, single, multi_label=False), -F.log_softmax(logits[2], 0)[1]
    )
    many = one.clone()
    many[0, 0] = True
    terms = [
        -math.log(torch.sigmoid(logits[n, c]) if many[n, c] else 1 - torch.sigmoid(logits[n, c]))
        for n in (0, 2)
        for c in range(C)
    ]
    ours = category_loss(logits, many, multi_label=True)
    assert abs(float(ours) - sum(terms) / len(terms)) < 1e-5
    assert float(category_loss(logits, torch.zeros_like(one), multi_label=False)) == 0


@pytest.mark.parametrize("multi_label", [False, True])
def test_category_loss_of_half_precision_is_that_of_full_precision(multi_label):
    torch.manual_seed(0)
    logits = torch.randn(50, C).to(torch.bfloat16)
    targets = F.one_hot(torch.randint(0, C, (50,)), C).bool()
    loss = category_loss(logits, targets, multi_label)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, category_loss(logits.float(), targets, multi_label))


def test_label_prior_is_the_mean_distribution_of_labelled_items():
    targets = torch.tensor([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]]).bool()
    assert torch.allclose(label_prior(targets), torch.tensor([0.75, 0.25, 0.0]))


def test_the_prior_of_a_large_catalogue_is_made_in_blocks(monkeypatch):
    torch.manual_seed(0)
    targets = torch.rand(500, 7) < 0.2
    whole = label_prior(targets)
    labelled = targets[targets.any(dim=1)].float()
    assert 0 < len(labelled) < 500
    assert torch.equal(whole, (labelled / labelled.sum(dim=1, keepdim=True)).mean(dim=0))
    made = []
    convert = torch.Tensor.float

    def counted(tensor):
        made.append(tensor.numel())
        return convert(tensor)

    monkeypatch.setattr(category_head, "_PRIOR_CELLS", 7 * 32)
    monkeypatch.setattr(torch.Tensor, "float", counted)
    assert torch.allclose(label_prior(targets), whole, atol=1e-7)
    assert max(made) <= 7 * 32
