"""Mixture-of-experts adaptor: from the space of a text encoder to that of the recommender.

Source: Hou et al., "Towards Universal Sequence Representation Learning for Recommender Systems"
(KDD 2022), parametric whitening and the MoE-enhanced adaptor; with one shift per position: Xu et
al., "Sequence-level Semantic Representation Fusion for Recommender Systems" (CIKM 2024).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.model.autocast import autocast_dtype
from recbole_cammsr.model.dropout import Dropout

# least standard deviation of the noise on the gates
_LEAST_NOISE = 1e-2


class MoEAdaptor(nn.Module):
    """``sum_k g_k W_k (x - b_k)`` with gates ``g = softmax(G x + noise)``.

    Each expert whitens the features: a learned shift ``b_k``, then a learned linear map ``W_k``.
    In training the gates are noisy, with a learned spread ``softplus(S x)``, so that no expert is
    left out; in eval mode they are not. As ``W_k (x - b_k) = W_k x - W_k b_k``, what depends on the
    features (:meth:`mixture`) is kept apart from what does not (:meth:`shifted`): one product
    serves all rows, and all positions where the shift differs from position to position.

    Args:
        size: of the features, ``d_m``.
        dimension: hidden size ``d``.
        experts: number ``K`` of them.
        dropout: on the features, drawn anew for each expert; the gates see them whole.
        noisy: whether the gates are noisy in training.
        positions: number of positions that have shifts of their own, None for one shift for all.
    """

    def __init__(
        self,
        *,
        size: int,
        dimension: int,
        experts: int,
        dropout: float,
        noisy: bool,
        positions: int | None = None,
    ) -> None:
        super().__init__()
        self.gate = nn.Linear(size, experts, bias=False)
        self.noise = nn.Linear(size, experts, bias=False) if noisy else None
        self.weight = nn.Parameter(torch.empty(experts, dimension, size))
        shape = (experts, size) if positions is None else (experts, positions, size)
        self.shift = nn.Parameter(torch.zeros(shape))
        self.dropout = Dropout(dropout)

    def reset_parameters(self, std: float) -> None:
        """Normal maps of standard deviation ``std``; gates that prefer no expert; no shift."""
        nn.init.normal_(self.weight, std=std)
        nn.init.zeros_(self.shift)
        nn.init.zeros_(self.gate.weight)
        if self.noise is not None:
            nn.init.zeros_(self.noise.weight)

    def gates(self, features: torch.Tensor) -> torch.Tensor:
        """How much each expert has to say.

        Args:
            features: ``(n, d_m)``.

        Returns:
            ``(n, K)``, rows sum to one.
        """
        logits = self.gate(features)
        if self.noise is not None and self.training:
            spread = F.softplus(self.noise(features)) + _LEAST_NOISE
            logits = logits + spread * torch.randn_like(spread)
        return logits.softmax(dim=-1)

    def mixture(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The part of the result that depends on the features.

        Args:
            features: ``(n, d_m)``.

        Returns:
            ``(n, d)`` ``sum_k g_k W_k x``, and the gates ``(n, K)``.
        """
        gates = self.gates(features)
        # one expert at a time: each has a dropout of its own, and autocast would round each copy
        features = features.to(autocast_dtype(features.device.type) or features.dtype)
        result = features.new_zeros(())
        for index, weight in enumerate(self.weight):
            said = F.linear(self.dropout(features), weight)
            result = result + gates[:, index, None] * said
        return result, gates

    def shifted(self, gates: torch.Tensor) -> torch.Tensor:
        """The other part, ``sum_k g_k W_k b_k``.

        Args:
            gates: ``(n, K)``, or ``(B, L, K)`` where each position has its own shifts.

        Returns:
            ``(n, d)``, or ``(B, L, d)``.
        """
        if self.shift.dim() == 2:
            return gates @ torch.einsum("kds,ks->kd", self.weight, self.shift)
        shift = torch.einsum("kds,kls->lkd", self.weight, self.shift[:, : gates.shape[1]])
        return torch.einsum("blk,lkd->bld", gates, shift)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Adapted features, with the same shifts for all.

        Args:
            features: ``(n, d_m)``.

        Returns:
            ``(n, d)``.
        """
        mixture, gates = self.mixture(features)
        return mixture - self.shifted(gates)
