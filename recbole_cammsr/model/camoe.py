"""CAMoE: category-guided attentive mixture of experts (docs/model.md eq. 4-6)."""

from __future__ import annotations

import math
from itertools import combinations
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn


class Fused(NamedTuple):
    """What CAMoE makes of items.

    Attributes:
        items: ``(n, d)`` representation h = r + gamma z.
        weights: ``(n, M)`` modality weights; a row sums to M.
        attention: ``(n, K)`` over experts; a row sums to 1.
    """

    items: torch.Tensor
    weights: torch.Tensor
    attention: torch.Tensor


class Expert(nn.Module):
    """Linear-GELU-Linear from some view of the modalities to ``d``.

    Args:
        modalities: indices of the modalities that it sees. Of a pair (a, b) it sees also the
            product of the two: ``[x^a; x^b; x^a * x^b]``.
        dimension: hidden size ``d``.
        inner: width of the middle layer.
        dropout: after the activation.
    """

    def __init__(
        self, modalities: tuple[int, ...], dimension: int, inner: int, dropout: float
    ) -> None:
        super().__init__()
        self.modalities = modalities
        views = len(modalities) + (1 if len(modalities) == 2 else 0)
        self.inner = nn.Linear(views * dimension, inner)
        self.outer = nn.Linear(inner, dimension)
        self.dropout = nn.Dropout(dropout)

    def forward(self, modalities: torch.Tensor) -> torch.Tensor:
        """Args: modalities ``(n, M, d)``. Returns: ``(n, d)``."""
        views = [modalities[:, m] for m in self.modalities]
        if len(views) == 2:
            views.append(views[0] * views[1])
        return self.outer(self.dropout(F.gelu(self.inner(torch.cat(views, dim=1)))))


def expert_views(n_modalities: int) -> list[tuple[int, ...]]:
    """The views that experts take: each modality, each pair, and all where there are more than two.

    Args:
        n_modalities: ``M``.

    Returns:
        Tuples of modality indices.
    """
    views: list[tuple[int, ...]] = [(m,) for m in range(n_modalities)]
    views += list(combinations(range(n_modalities), 2))
    if n_modalities > 2:
        views.append(tuple(range(n_modalities)))
    return views


class CAMoE(nn.Module):
    """Fuses the modality vectors of items; a function of the item alone.

    * weights ``w = M softmax(g(c))`` over the modalities that the item has, residual
      ``r = sum_m w_m x^m``;
    * experts ``o_j`` on each view (:func:`expert_views`), attention
      ``alpha = softmax(q . W_k o_j / sqrt d)`` with ``q = W_q c``, mixture ``z = sum_j alpha_j o_j``;
    * ``h = r + gamma z``, gamma small at start: training starts from plain weighted fusion.

    Args:
        n_modalities: ``M``, the ID included.
        dimension: hidden size ``d``.
        inner: width of the experts.
        copies: experts per view.
        dropout: inside the experts.
        gamma: start value of the learned scale of the mixture.
        gate_scale: multiplies the modality logits, so that the weights can move at the model's
            learning rate.
    """

    def __init__(
        self,
        *,
        n_modalities: int,
        dimension: int,
        inner: int,
        copies: int = 1,
        dropout: float = 0.0,
        gamma: float = 0.1,
        gate_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.n_modalities = n_modalities
        self.gate_scale = gate_scale
        views = [view for view in expert_views(n_modalities) for _ in range(copies)]
        self.experts = nn.ModuleList(Expert(view, dimension, inner, dropout) for view in views)
        sees = torch.zeros(len(views), n_modalities, dtype=torch.bool)
        for row, view in enumerate(views):
            sees[row, list(view)] = True
        self.register_buffer("sees", sees, persistent=False)
        # contexts and expert outputs start small and of unequal size; normalised, logits are of
        # order one from the first step and gates learn
        self.context_norm = nn.LayerNorm(dimension)
        self.modality_gate = nn.Linear(dimension, n_modalities)
        self.query = nn.Linear(dimension, dimension)
        self.key_norm = nn.LayerNorm(dimension)
        self.key = nn.Linear(dimension, dimension, bias=False)
        self.gamma = nn.Parameter(torch.tensor(float(gamma)))

    def forward(
        self, modalities: torch.Tensor, mask: torch.Tensor, context: torch.Tensor
    ) -> Fused:
        """Fuse.

        Args:
            modalities: ``(n, M, d)``.
            mask: ``(n, M)`` bool, whether the item has the modality; at least one per item.
            context: ``(n, d)`` category context, or ``(1, d)`` the same for all.

        Returns:
            Items, modality weights and expert attention.
        """
        context = self.context_norm(context)
        logits = (self.gate_scale * self.modality_gate(context)).masked_fill(~mask, -math.inf)
        weights = self.n_modalities * torch.softmax(logits, dim=1)
        residual = torch.einsum("nm,nmd->nd", weights.to(modalities.dtype), modalities)

        outputs = torch.stack([expert(modalities) for expert in self.experts], dim=1)
        # an expert is usable where the item has all that it sees
        usable = ~((~mask).float() @ self.sees.t().float()).bool()
        keys = self.key(self.key_norm(outputs))
        scores = (keys * self.query(context).unsqueeze(1)).sum(dim=2) / math.sqrt(keys.shape[2])
        attention = torch.softmax(scores.masked_fill(~usable, -math.inf), dim=1)
        mixture = torch.einsum("nk,nkd->nd", attention.to(outputs.dtype), outputs)
        return Fused(residual + self.gamma * mixture, weights, attention)
