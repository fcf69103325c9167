"""Exact cross-entropy over catalogues whose item vectors do not fit a training step at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch.utils.checkpoint import checkpoint


def blockwise_cross_entropy(
    users: torch.Tensor,
    own: torch.Tensor,
    candidates: Callable[[slice], torch.Tensor],
    blocks: Iterable[slice],
) -> torch.Tensor:
    """Mean cross-entropy against the whole catalogue, whose vectors are made block by block.

    A block's candidate vectors and logits are made, reduced to one number per user, dropped, and
    made again in the backward pass: memory is that of one block, at the price of a second forward
    pass.

    Args:
        users: ``(T, d)``.
        own: ``(T, d)`` candidate vectors of the targets.
        candidates: from a range of item ids to their ``(n, d)`` candidate vectors; must be a
            function of the parameters alone, since it is called twice.
        blocks: ranges that cover every item but padding once.

    Returns:
        Scalar, float32 (float64 for float64 input).
    """

    def normaliser(queries: torch.Tensor, block: slice) -> torch.Tensor:
        logits = queries @ candidates(block).t()
        return torch.logsumexp(_precise(logits), dim=1)

    parts = [
        checkpoint(normaliser, users, block, use_reentrant=False, preserve_rng_state=False)
        for block in blocks
    ]
    whole = torch.logsumexp(torch.stack(parts), dim=0)
    return (whole - (_precise(users) * _precise(own)).sum(dim=1)).mean()


def _precise(values: torch.Tensor) -> torch.Tensor:
    return values if values.dtype == torch.float64 else values.float()
