"""CAMoE: category-guided attentive mixture of experts (docs/model.md eq. 4-6)."""

from __future__ import annotations

import math
from itertools import combinations
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.model.dropout import Dropout


class Residual(NamedTuple):
    """Weighted sum of an item's modalities.

    Attributes:
        items: ``(n, d)`` r.
        weights: ``(n, M)`` modality weights; a row sums to M.
    """

    items: torch.Tensor
    weights: torch.Tensor


class Mixture(NamedTuple):
    """What the experts add.

    Attributes:
        items: ``(n, d)`` gamma z.
        attention: ``(n, K)`` over experts; a row sums to 1.
    """

    items: torch.Tensor
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
        self.dropout = Dropout(dropout)

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
    """Fuses the modality vectors of items, ``h = r + gamma z``; a function of the item alone.

    * :meth:`residual`: ``r = sum_m w_m x^m`` with weights ``w = M softmax(s (p - prior) G)`` over
      the modalities that the item has or has completed, from the predicted category distribution
      p and one row of G per label. What is learned is how a category departs from the average
      item: a gate that sees more than p, or that can raise a modality for all items at once,
      overfits (docs/model.md, "What was measured").
    * :meth:`mixture`: experts ``o_j`` on each view (:func:`expert_views`), attention
      ``alpha = softmax(q . W_k LN(o_j) / sqrt d)`` with ``q = W_q LN(c)``, and
      ``z = sum_j alpha_j o_j``. gamma is small at start: training starts from plain weighted
      fusion.

    Without guidance there is no p: all modalities weigh the same and q is one learned vector.

    Args:
        n_modalities: ``M``, the ID included.
        dimension: hidden size ``d``.
        inner: width of the experts.
        prior: ``(C,)`` share of each label in the catalogue, None without guidance.
        copies: experts per view.
        dropout: inside the experts.
        mixture_dropout: probability that an item of a training step goes without the mixture
            (stochastic depth), so that the encoder learns to read both h and r.
        gamma: start value of the learned scale of the mixture.
        gate_scale: ``s``, multiplies the modality logits; larger values let the weights move
            faster at the model's learning rate.
    """

    prior: torch.Tensor
    sees: torch.Tensor

    def __init__(
        self,
        *,
        n_modalities: int,
        dimension: int,
        inner: int,
        prior: torch.Tensor | None,
        copies: int = 1,
        dropout: float = 0.0,
        mixture_dropout: float = 0.0,
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
        self.register_buffer("prior", prior, persistent=False)
        # with one modality its weight is 1 whatever the category
        self.gate: nn.Parameter | None = None
        if prior is not None and n_modalities > 1:
            self.gate = nn.Parameter(torch.zeros(len(prior), n_modalities))
        self.attends = len(views) > 1
        if self.attends:
            # contexts and expert outputs start small and of unequal size; normalised, attention
            # logits are of order one from the first step and the attention learns
            self.context_norm = nn.LayerNorm(dimension)
            self.query = nn.Linear(dimension, dimension)
            self.key_norm = nn.LayerNorm(dimension)
            self.key = nn.Linear(dimension, dimension, bias=False)
        self.gamma = nn.Parameter(torch.tensor(float(gamma)))
        self.mixture_dropout = Dropout(mixture_dropout)

    def usable(self, mask: torch.Tensor) -> torch.Tensor:
        """Which experts items can ask: those of which they have all that the expert sees.

        Args:
            mask: ``(n, M)`` bool, as in :meth:`mixture`.

        Returns:
            ``(n, K)`` bool.
        """
        return ~((~mask).float() @ self.sees.t().float()).bool()

    def residual(
        self, modalities: torch.Tensor, mask: torch.Tensor, probability: torch.Tensor | None
    ) -> Residual:
        """Allocate the modality weights and sum up.

        Args:
            modalities: ``(n, M, d)``.
            mask: ``(n, M)`` bool, whether the item has the modality, or has it completed; at least
                one per item.
            probability: ``(n, C)`` predicted categories, None without guidance. No gradient flows
                into it: the gate uses the prediction, it must not bend it.

        Returns:
            Sum and weights; the weight of a masked modality is zero.
        """
        if self.gate is None or probability is None:
            logits = torch.zeros(mask.shape, device=mask.device)
        else:
            departure = (probability.detach() - self.prior).to(self.gate.dtype)
            logits = self.gate_scale * departure @ self.gate
        logits = logits.masked_fill(~mask, -math.inf)
        weights = self.n_modalities * torch.softmax(logits, dim=1)
        # as a product of tiny matrices (einsum) this costs several times as much
        weighed = weights.to(modalities.dtype).unsqueeze(2) * modalities
        return Residual(weighed.sum(dim=1), weights)

    def mixture(
        self, modalities: torch.Tensor, mask: torch.Tensor, context: torch.Tensor | None
    ) -> Mixture:
        """Ask the experts.

        Args:
            modalities: ``(n, M, d)``.
            mask: ``(n, M)`` bool, whether the item has the modality; at least one per item.
            context: ``(n, d)`` category context, or ``(1, d)`` the same for all; not used where
                there is a single expert.

        Returns:
            Scaled mixture and attention.
        """
        outputs = torch.stack([expert(modalities) for expert in self.experts], dim=1)
        if not self.attends or context is None:
            attention = torch.ones(outputs.shape[:2], device=outputs.device)
        else:
            keys = self.key(self.key_norm(outputs))
            query = self.query(self.context_norm(context)).unsqueeze(1)
            scores = (keys * query).sum(dim=2).float() / math.sqrt(keys.shape[2])
            attention = torch.softmax(scores.masked_fill(~self.usable(mask), -math.inf), dim=1)
        mixture = torch.einsum("nk,nkd->nd", attention.to(outputs.dtype), outputs)
        if self.training and self.mixture_dropout.p:
            mixture = mixture * self.mixture_dropout(mixture.new_ones(len(mixture), 1))
        return Mixture(self.gamma * mixture, attention)
