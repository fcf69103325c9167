"""Cross-entropy over logits of any making, of which only some rows are held at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint


def recomputed_cross_entropy(
    logits_of: Callable[[torch.Tensor], torch.Tensor],
    users: torch.Tensor,
    classes: torch.Tensor,
    at_a_time: int,
) -> torch.Tensor:
    """Mean cross-entropy of rows; where they are many, their logits are made twice.

    Args:
        logits_of: ``(n, C)`` logits of ``(n, d)`` users; draws nothing at random.
        users: ``(T, d)``.
        classes: ``(T,)``.
        at_a_time: rows whose logits are held together.

    Returns:
        Scalar.
    """

    def summed(some: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(logits_of(some), own, reduction="sum")

    parts = list(zip(users.split(at_a_time), classes.split(at_a_time)))
    if len(parts) == 1:
        return summed(*parts[0]) / len(classes)
    # the logits of a part are made once more in the backward pass, and not held until then
    sums = [checkpoint(summed, *part, use_reentrant=False) for part in parts]
    return torch.stack(sums).sum() / len(classes)
