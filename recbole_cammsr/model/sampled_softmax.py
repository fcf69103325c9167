"""Cross-entropy against a sample of the catalogue, corrected for how it was drawn."""

from __future__ import annotations

import math

import torch
from torch import nn


class NegativeSampler(nn.Module):
    """Draws items with replacement, popular ones more often.

    Args:
        counts: ``(n_items,)`` how often each item is a training target; entry 0 is padding.
        size: items a draw.
        exponent: items are drawn in proportion to (count + 1)^exponent; 0 is uniform.
    """

    cumulative: torch.Tensor
    log_expected: torch.Tensor

    def __init__(self, counts: torch.Tensor, size: int, exponent: float = 0.75) -> None:
        super().__init__()
        self.size = size
        mass = (counts.double() + 1.0) ** exponent
        mass[0] = 0.0
        share = mass / mass.sum()
        self.register_buffer("cumulative", share.cumsum(0), persistent=False)
        self.register_buffer("log_expected", (size * share).log().float(), persistent=False)

    def draw(self) -> torch.Tensor:
        """Draw item ids.

        Returns:
            ``(size,)``, none of them 0.
        """
        at = torch.rand(self.size, dtype=torch.float64, device=self.cumulative.device)
        items = torch.searchsorted(self.cumulative, at * self.cumulative[-1], right=True)
        return items.clamp_(1, len(self.cumulative) - 1)


def sampled_cross_entropy(
    users: torch.Tensor,
    own: torch.Tensor,
    targets: torch.Tensor,
    negatives: torch.Tensor,
    drawn: torch.Tensor,
    log_expected: torch.Tensor,
) -> torch.Tensor:
    """Cross-entropy whose sum over the other items is estimated from a sample.

    The softmax's denominator is exp(s_t) + sum over j != t of exp(s_j). The sum is estimated
    without bias by importance sampling: every drawn item counts exp(s_j) / (expected number of its
    draws), and draws of the target itself count nothing (Bengio and Senecal, 2008).

    Args:
        users: ``(T, d)``.
        own: ``(T, d)`` candidate vectors of the targets.
        targets: ``(T,)`` item ids.
        negatives: ``(S, d)`` candidate vectors of the drawn items.
        drawn: ``(S,)`` their ids.
        log_expected: ``(S,)`` logarithm of the expected number of draws of each.

    Returns:
        Scalar, float32 (float64 for float64 input).
    """
    precise = torch.float64 if users.dtype == torch.float64 else torch.float32
    positive = (users.to(precise) * own.to(precise)).sum(dim=1)
    logits = (users @ negatives.t()).to(precise) - log_expected
    logits = logits.masked_fill(targets.unsqueeze(1) == drawn, -math.inf)
    normaliser = torch.logaddexp(positive, torch.logsumexp(logits, dim=1))
    return (normaliser - positive).mean()
