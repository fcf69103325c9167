"""Cross-entropy against a sample of the catalogue, corrected for how it was drawn."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from recbole_cammsr.model.losses import (
    Gradient,
    fill_with_exponentials,
    operands,
    tile_of,
    to_shares,
)


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
    max_logits: int = 1 << 26,
) -> torch.Tensor:
    """Cross-entropy whose sum over the other items is estimated from a sample.

    The softmax's denominator is exp(s_t) + sum over j != t of exp(s_j). The sum is estimated
    without bias by importance sampling: every drawn item counts exp(s_j) / (expected number of its
    draws), and draws of the target itself count nothing (Bengio and Senecal, 2008). Logits become
    their gradient chunk by chunk, as in
    :func:`~recbole_cammsr.model.losses.catalogue_cross_entropy`.

    Args:
        users: ``(T, d)``.
        own: ``(T, d)`` candidate vectors of the targets.
        targets: ``(T,)`` item ids.
        negatives: ``(S, d)`` candidate vectors of the drawn items.
        drawn: ``(S,)`` their ids.
        log_expected: ``(S,)`` logarithm of the expected number of draws of each.
        max_logits: most logits held at a time; at least one target's are.

    Returns:
        Scalar, float32 (float64 for float64 input). Differentiable once, by ``users``, ``own`` and
        ``negatives``.
    """
    loss: torch.Tensor = _SampledCrossEntropy.apply(
        users,
        own,
        negatives,
        targets,
        drawn,
        log_expected,
        *tile_of(users, negatives, max_logits),
    )
    return loss


def _correct(
    targets: torch.Tensor,
    drawn: torch.Tensor,
    log_expected: torch.Tensor,
    tile: torch.Tensor,
    some: slice,
) -> None:
    """Weigh the drawn items of a tile ``(R, c)`` by how they were drawn, targets by nothing."""
    tile.sub_(log_expected[some])
    tile.masked_fill_(targets == drawn[some], -math.inf)


class _SampledCrossEntropy(torch.autograd.Function):
    """Computes the gradients during the forward pass, chunk by chunk."""

    @staticmethod
    def forward(
        ctx: Any,
        users: torch.Tensor,
        own: torch.Tensor,
        negatives: torch.Tensor,
        targets: torch.Tensor,
        drawn: torch.Tensor,
        log_expected: torch.Tensor,
        rows: int,
        columns: int,
    ) -> torch.Tensor:
        count = len(targets)
        queries, candidates, precise = operands(users, negatives)
        total = torch.zeros((), dtype=precise, device=users.device)
        gradient = Gradient(queries, candidates, precise) if any(ctx.needs_input_grad) else None
        of_own = torch.zeros_like(own, dtype=precise)
        room = torch.empty((rows, len(negatives)), dtype=precise, device=users.device)
        with torch.autocast(users.device.type, enabled=False):
            for start in range(0, count, rows):
                chunk = slice(start, start + rows)
                user, answer = users[chunk].to(precise), own[chunk].to(precise)
                logits = room[: len(user)]
                top, parts = fill_with_exponentials(
                    logits,
                    queries[chunk],
                    candidates,
                    columns,
                    partial(_correct, targets[chunk].unsqueeze(1), drawn, log_expected),
                )
                positive = (user * answer).sum(dim=1, keepdim=True)
                others = parts.logsumexp(dim=1, keepdim=True)
                normaliser = torch.logaddexp(positive, others)
                # not what is left of two like numbers, for where the target is nearly certain
                total += torch.logaddexp(others - positive, torch.zeros_like(others)).sum()
                if gradient is not None:
                    to_shares(logits, top, normaliser, columns)
                    gradient.add(chunk, logits, columns)
                    missing = -(others - normaliser).exp()  # the target's share less one
                    gradient.queries[chunk] += missing * answer
                    of_own[chunk] = missing * user
        if gradient is not None:
            sums = (gradient.queries, of_own, gradient.candidates)
            ctx.save_for_backward(*(each.div_(count) for each in sums))
            ctx.dtypes = users.dtype, own.dtype, negatives.dtype
        return total / count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        of_operands = (
            (gradient * each).to(dtype) for each, dtype in zip(ctx.saved_tensors, ctx.dtypes)
        )
        return (*of_operands, None, None, None, None, None)
