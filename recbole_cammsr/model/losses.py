"""Cross-entropy over the whole catalogue, in pieces where the logits would not fit."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint


def catalogue_cross_entropy(
    users: torch.Tensor,
    items: torch.Tensor,
    targets: torch.Tensor,
    max_logits: int = 1 << 26,
) -> torch.Tensor:
    """Mean cross-entropy of ``users @ items.T`` against ``targets``.

    Padding (item 0) is no candidate. Where ``targets`` times catalogue exceeds ``max_logits``, the
    targets go through in chunks whose logits are recomputed in the backward pass, so that memory
    is bounded by ``max_logits`` whatever the catalogue's size.

    Args:
        users: ``(T, d)``.
        items: ``(n_items, d)``, row 0 padding.
        targets: ``(T,)`` item ids, none of them 0.
        max_logits: most logits held at a time.

    Returns:
        Scalar, float32.
    """
    count = len(targets)
    candidates = items[1:]
    classes = targets - 1
    if count * len(candidates) <= max_logits:
        return F.cross_entropy((users @ candidates.t()).float(), classes)
    chunk = max(1, max_logits // len(candidates))
    total = users.new_zeros((), dtype=torch.float32)
    for start in range(0, count, chunk):
        block = slice(start, start + chunk)
        total = total + checkpoint(
            _summed_cross_entropy, users[block], candidates, classes[block], use_reentrant=False
        )
    return total / count


def _summed_cross_entropy(
    users: torch.Tensor, candidates: torch.Tensor, classes: torch.Tensor
) -> torch.Tensor:
    return F.cross_entropy((users @ candidates.t()).float(), classes, reduction="sum")
