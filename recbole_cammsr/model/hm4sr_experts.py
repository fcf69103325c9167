"""The two mixtures of experts of HM4SR, and the time that the second one is told."""

from __future__ import annotations

import math

import torch
from torch import nn

#: base of the geometric series of frequencies, as of sinusoidal positions
_LOWEST_FREQUENCY = 1e-4
_TEMPORAL_EXPERT_STD = 0.1


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


class TimeEmbedding(nn.Module):
    """What is known of an interaction's time: how long after the last one, and when.

    The interval ``D`` since the previous interaction of the row looks up row
    ``floor(scale log2(1 + D))`` of a table; a row's first interaction has 0. The absolute time
    ``t`` becomes ``cos((w t + b) f)`` with learned ``w, b`` and fixed frequencies ``f`` from 1
    down to nearly 1/10000.

    Args:
        dimension: ``d`` of each of the two.
        interval_scale: rows of the table for each doubling of the interval.
        longest_interval: that the table must hold; longer ones share its last row.
        unit: by which absolute times are divided.
    """

    frequency: torch.Tensor

    def __init__(
        self, *, dimension: int, interval_scale: float, longest_interval: float, unit: float
    ) -> None:
        super().__init__()
        self.interval_scale = float(interval_scale)
        self.unit = float(unit)
        rows = int(self.interval_scale * math.log2(longest_interval + 1)) + 1
        self.interval = nn.Embedding(rows, dimension)
        self.absolute = nn.Linear(1, dimension)
        exponent = torch.arange(dimension, dtype=torch.float) / dimension
        self.register_buffer("frequency", 1 / (1 / _LOWEST_FREQUENCY) ** exponent, persistent=False)

    def forward(self, times: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        """Time vectors of the positions that are not padding.

        Args:
            times: ``(B, L)`` in the data's unit, in the precision that intervals need.
            inside: ``(B, L)`` bool, P of them true.

        Returns:
            ``(P, 2 d)``, the interval first.
        """
        since = torch.zeros_like(times)
        # from a row's last item to its padding time runs backwards
        since[:, 1:] = (times[:, 1:] - times[:, :-1]).clamp_min(0)
        row = torch.floor(self.interval_scale * torch.log2(since[inside] + 1)).long()
        interval = self.interval(row.clamp_max(self.interval.num_embeddings - 1))
        when = (times[inside] / self.unit).to(self.frequency.dtype)
        # 16 bits cannot tell the days of a year apart
        with torch.autocast(when.device.type, enabled=False):
            absolute = torch.cos(self.absolute(when.unsqueeze(1)) * self.frequency)
        return torch.cat([interval, absolute], dim=1)


class TemporalMixture(nn.Module):
    """Experts that scale the modalities of an item by what the time says.

    ``x * sum_k softmax(G t)_k E_k`` with an expert ``E_k`` of one learned factor per modality and
    dimension.

    Args:
        modalities: number ``M`` of modalities.
        dimension: hidden size ``d``.
        experts: number ``K`` of experts.
        trained: whether the experts are; in the authors' code they are not.
    """

    def __init__(self, *, modalities: int, dimension: int, experts: int, trained: bool) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * dimension, experts)
        start = torch.randn(experts, modalities * dimension) * _TEMPORAL_EXPERT_STD
        self.experts = nn.Parameter(start, requires_grad=trained)

    def forward(self, vectors: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """The vectors as the time scales them.

        Args:
            vectors: ``(P, M, d)``.
            time: ``(P, 2 d)``.

        Returns:
            ``(P, M, d)``.
        """
        factors = self.gate(time).softmax(dim=-1) @ self.experts.to(time.dtype)
        return vectors * factors.view_as(vectors)
