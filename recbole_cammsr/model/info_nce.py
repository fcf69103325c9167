"""Contrast of vectors with those of the other rows of a batch (InfoNCE)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F


def info_nce(
    anchors: torch.Tensor,
    candidates: torch.Tensor,
    targets: torch.Tensor,
    temperature: float,
    false_negative_logit: float = -math.inf,
) -> torch.Tensor:
    """Cross-entropy of each anchor's own candidate against those of the batch.

    Args:
        anchors: ``(T, d)``.
        candidates: ``(T, d)``.
        targets: ``(T,)`` next items; rows with the same one are no negatives of each other.
        temperature: divides the cosine similarities.
        false_negative_logit: what stands in their place: minus infinity leaves them out. HM4SR's
            authors' code has 0, which counts each as a candidate of similarity 0.

    Returns:
        Scalar, float32.
    """
    logits = _logits(anchors, candidates, targets, temperature, false_negative_logit)
    return _of_the_diagonal(logits)


def symmetric_info_nce(
    view_a: torch.Tensor, view_b: torch.Tensor, targets: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Mean of :func:`info_nce` of two views in both directions; the similarities are made once.

    Args:
        view_a: ``(B, d)``.
        view_b: ``(B, d)``.
        targets: ``(B,)`` next item of each row; rows of the same one are no negatives.
        temperature: divides the cosine similarities.

    Returns:
        Scalar, float32.
    """
    logits = _logits(view_a, view_b, targets, temperature, -math.inf)
    return (_of_the_diagonal(logits) + _of_the_diagonal(logits.t())) / 2


def _logits(
    anchors: torch.Tensor,
    candidates: torch.Tensor,
    targets: torch.Tensor,
    temperature: float,
    false_negative_logit: float,
) -> torch.Tensor:
    similarity = F.normalize(anchors.float(), dim=1) @ F.normalize(candidates.float(), dim=1).t()
    same = targets.unsqueeze(0) == targets.unsqueeze(1)
    same.fill_diagonal_(False)
    return (similarity / temperature).masked_fill(same, false_negative_logit)


def _of_the_diagonal(logits: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
