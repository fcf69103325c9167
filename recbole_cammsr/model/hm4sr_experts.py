"""The first of HM4SR's two mixtures of experts (the second: temporal_experts.py)."""

from __future__ import annotations

import torch
from torch import nn


class InteractiveMixture(nn.Module):
    """Experts that see all modalities of an item, gated by each modality on its own.

    ``x_m + w_m sum_k softmax(G_m x_m)_k (W_k [x_1; ...; x_M] + b_k)_m``: an expert's output has a
    part for every modality, and every modality weighs the experts itself.

    Args:
        modalities: number ``M`` of modalities, the ID first.
        dimension: hidden size ``d``.
        experts: number ``K`` of experts.
        id_scale: start value of the learned ``w`` of the ID.
        content_scale: start value of the learned ``w`` of the other modalities.
    """

    def __init__(
        self,
        *,
        modalities: int,
        dimension: int,
        experts: int,
        id_scale: float,
        content_scale: float,
    ) -> None:
        super().__init__()
        width = modalities * dimension
        self.experts = nn.ModuleList(nn.Linear(width, width) for _ in range(experts))
        self.gates = nn.ModuleList(nn.Linear(dimension, experts) for _ in range(modalities))
        scale = [float(id_scale)] + [float(content_scale)] * (modalities - 1)
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """The vectors with what the experts add to them.

        Args:
            vectors: ``(P, M, d)``.

        Returns:
            ``(P, M, d)``.
        """
        logits = [gate(vectors[:, index]) for index, gate in enumerate(self.gates)]
        weights = torch.stack(logits, dim=1).softmax(dim=-1)
        joined = vectors.flatten(1)
        mixed = torch.zeros_like(vectors)
        for index, expert in enumerate(self.experts):
            mixed = mixed + weights[..., index : index + 1] * expert(joined).view_as(vectors)
        return vectors + self.scale.unsqueeze(1) * mixed
