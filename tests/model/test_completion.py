"""Completion of missing content against naive loops; in the whole model: test_cammsr.py."""

from __future__ import annotations

import torch

from recbole_cammsr.model.completion import CategoryCompletion

ITEMS, LABELS, CONTENTS, D = 6, 4, 2, 3


def made_up():
    torch.manual_seed(0)
    prior = torch.tensor([0.4, 0.3, 0.2, 0.1])
    completion = CategoryCompletion(prior=prior, n_contents=CONTENTS, dimension=D)
    modalities = torch.randn(ITEMS, 1 + CONTENTS, D, requires_grad=True)
    present = torch.ones(ITEMS, 1 + CONTENTS, dtype=torch.bool)
    present[1, 1] = present[2, 2] = present[3, 1] = present[3, 2] = False
    probability = torch.softmax(torch.randn(ITEMS, LABELS, requires_grad=True), dim=1)
    probability.retain_grad()
    return completion, modalities, present, probability


def test_training_starts_from_the_learned_vector():
    completion, modalities, present, probability = made_up()
    assert torch.equal(completion(modalities, present, probability), modalities)


def test_what_is_missing_departs_by_category_and_nothing_else_changes():
    completion, modalities, present, probability = made_up()
    torch.nn.init.normal_(completion.by_label)
    found = completion(modalities, present, probability)
    for item in range(ITEMS):
        for m in range(1 + CONTENTS):
            expected = modalities[item, m].clone()
            if not present[item, m]:
                for label in range(LABELS):
                    row = completion.by_label[label].view(CONTENTS, D)[m - 1]
                    expected = expected + (probability[item, label] - completion.prior[label]) * row
            assert torch.allclose(found[item, m], expected, atol=1e-6)


def test_gradients_reach_what_is_learned_and_not_the_prediction():
    completion, modalities, present, probability = made_up()
    torch.nn.init.normal_(completion.by_label)
    completion(modalities, present, probability).square().sum().backward()
    assert probability.grad is None
    assert (completion.by_label.grad != 0).all()
    assert (modalities.grad != 0).all()


def test_the_dtype_of_the_modalities_stays():
    completion, modalities, present, probability = made_up()
    for dtype in (torch.float32, torch.bfloat16):
        assert completion(modalities.to(dtype), present, probability).dtype == dtype
