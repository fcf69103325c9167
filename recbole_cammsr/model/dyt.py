"""Dynamic Tanh (DyT), a normalisation-free stand-in for LayerNorm."""

from __future__ import annotations

import torch
from torch import nn


class DyT(nn.Module):
    """``weight * tanh(alpha * x) + bias`` with a learned scalar ``alpha``.

    Source: Zhu et al., "Transformers without Normalization" (CVPR 2025); docs/model.md eq. 8.
    It squashes but does not rescale: vectors much smaller than one pass almost unchanged, so an
    embedding sum of size 0.02 still needs a LayerNorm before the blocks.

    With ``alpha`` 1 it starts as the identity of small values. (The paper starts at 0.5; what was
    measured here is in docs/results/design_choices.md.)

    Args:
        dimension: size ``d`` of the last axis.
        alpha: start value of the scalar.
    """

    def __init__(self, dimension: int, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.full((1,), alpha))
        self.weight = nn.Parameter(torch.ones(dimension))
        self.bias = nn.Parameter(torch.zeros(dimension))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply elementwise.

        Args:
            x: ``(..., d)``.

        Returns:
            ``(..., d)``.
        """
        return torch.tanh(self.alpha * x) * self.weight + self.bias


def make_norm(kind: str, dimension: int, eps: float = 1e-12) -> nn.Module:
    """The normalisation that `norm` of the configuration names.

    Args:
        kind: ``layernorm`` or ``dyt``.
        dimension: size of the last axis.
        eps: of LayerNorm.

    Returns:
        The module.

    Raises:
        ValueError: another name.
    """
    if kind == "layernorm":
        return nn.LayerNorm(dimension, eps=eps)
    if kind == "dyt":
        return DyT(dimension)
    raise ValueError(f"`norm` is {kind!r}; it must be 'layernorm' or 'dyt'.")
