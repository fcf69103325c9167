"""Weighed candidates against loops over users and items."""

from __future__ import annotations

import math

import pytest
import torch

from recbole_cammsr.model.candidate_fusion import CANDIDATE_FUSIONS, CandidateFusion, unit_vectors


@torch.no_grad()
@pytest.mark.parametrize("kind", CANDIDATE_FUSIONS)
@pytest.mark.parametrize("use_id", [True, False])
@pytest.mark.parametrize("modalities", [2, 3])
def test_scores_are_those_of_loops(kind, use_id, modalities):
    torch.manual_seed(0)
    items = torch.tensor([4, 1, 7, 2, 5])
    content, of_id = torch.rand(modalities, 3, 5) * 2 - 1, torch.rand(3, 5) * 2 - 1
    present = torch.rand(modalities, 5) < 0.6
    present[:, 0], present[:, 1] = True, False
    fusion = CandidateFusion(kind, 9)
    if kind != "static":
        assert not fusion.factor.any()  # the mean at the start
        fusion.factor.copy_(torch.randn_like(fusion.factor) * 3)
    scores = fusion(content, of_id if use_id else None, present, items)
    for user in range(3):
        for place, item in enumerate(items.tolist()):
            factor = {"static": 0.0, "shared": None, "item": None}[kind]
            if factor is None:
                factor = float(fusion.factor[0 if kind == "shared" else item])
            held = [float(content[m, user, place]) for m in range(modalities) if present[m, place]]
            shares = [math.exp(factor * cosine) for cosine in held]
            mixed = sum(s * c for s, c in zip(shares, held)) / (sum(shares) or 1)
            expected = mixed
            if use_id:
                expected = (float(of_id[user, place]) + len(held) * mixed) / (1 + len(held))
            assert float(scores[user, place]) == pytest.approx(expected, abs=1e-6)


def test_missing_content_neither_scores_nor_learns():
    fusion = CandidateFusion("shared", 4)
    content = torch.tensor([[[0.3, 0.9]], [[0.5, -0.2]]], requires_grad=True)
    present = torch.tensor([[True, False], [True, False]])
    scores = fusion(content, None, present, torch.tensor([1, 2]))
    assert scores.tolist() == [[pytest.approx(0.4), 0.0]]
    scores.sum().backward()
    assert content.grad[..., 0].all()
    assert not content.grad[..., 1].any()


def test_unknown_vectors_are_zero_and_learn_nothing():
    vectors = torch.tensor([[3.0, 4.0], [0.0, 0.0], [1.0, 0.0]], requires_grad=True)
    known = torch.tensor([True, False, False])
    units = unit_vectors(vectors, known)
    assert torch.allclose(units, torch.tensor([[0.6, 0.8], [0.0, 0.0], [0.0, 0.0]]))
    (units * torch.tensor([1.0, 2.0])).sum().backward()
    assert vectors.grad[0].abs().max() < 1
    assert not vectors.grad[1:].any()
