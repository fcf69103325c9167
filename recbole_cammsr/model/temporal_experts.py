"""Temporal experts: an item of a history scaled by what its time says (docs/model.md eq. 2).

The second mixture of HM4SR (Zhang et al., "Hierarchical Time-Aware Mixture of Experts for
Multi-Modal Sequential Recommendation", WWW 2025), which CAMMSR borrows for its own histories with
`time_encoding: experts`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

#: base of the geometric series of frequencies, as of sinusoidal positions
_LOWEST_FREQUENCY = 1e-4
_EXPERT_STD = 0.1
#: a hundred years of days
_MOST_UNITS = 36_525
#: embedded intervals; a hundred years of milliseconds have some 4,000 at the scale of the defaults
_MOST_INTERVALS = 1_000_000


def unit_warning(span: float, unit: float) -> str | None:
    """What is odd about the unit of absolute times, where something is.

    Args:
        span: of the data set's times, in the unit of the time field.
        unit: `time_unit`.

    Returns:
        A sentence for the log; None where the span lies between one unit and a hundred years of
        days.
    """
    units = span / unit
    if units > _MOST_UNITS:
        usual = "86400000 for days where times are milliseconds"
    elif 0 < units < 1:
        usual = "1 where times are days or numbers of order"
    else:
        return None
    return (
        f"The interactions span {units:.3g} times `time_unit` ({unit:g}), where years of days are "
        f"usual: absolute times will hardly tell anything. Set `time_unit` for the unit of the "
        f"time field: 86400 for days where times are seconds, {usual}."
    )


class TimeEmbedding(nn.Module):
    """What is known of an interaction's time: how long after the last one, and when.

    The interval ``D`` since the previous interaction of the row looks up row
    ``floor(scale log2(1 + D))`` of a table; a row's first interaction has 0. The absolute time
    ``t`` becomes ``cos((w t + b) f)`` with learned ``w, b`` and fixed frequencies ``f`` from 1
    down to nearly 1/10000.

    What is learned belongs to the table's length and to the moment that ``t`` is counted from.
    Both go with the parameters: loaded over other interactions of the same items, a model reads
    their times as those that it was trained with.

    Args:
        dimension: ``d`` of each of the two.
        interval_scale: rows of the table for each doubling of the interval.
        longest_interval: that the table must hold; longer ones share its last row.
        unit: by which absolute times are divided.
        first_time: of the data set, which its times are counted from.

    Raises:
        ValueError: the scale asks for a table that no memory would hold.
    """

    frequency: torch.Tensor

    def __init__(
        self,
        *,
        dimension: int,
        interval_scale: float,
        longest_interval: float,
        unit: float,
        first_time: float = 0.0,
    ) -> None:
        super().__init__()
        self.first_time = float(first_time)
        self.trained_from = self.first_time
        self.interval_scale = float(interval_scale)
        self.unit = float(unit)
        doublings = math.log2(longest_interval + 1)
        if self.interval_scale * doublings > _MOST_INTERVALS:
            raise ValueError(
                f"`interval_scale` is {interval_scale:g}, which for the longest interval of the "
                f"data ({longest_interval:g}, in the unit of the time field) makes a table of "
                f"{self.interval_scale * doublings:.3g} intervals, and at most "
                f"{_MOST_INTERVALS:,} are held; set it to {int(_MOST_INTERVALS / doublings)} or "
                f"less (default 100)."
            )
        rows = int(self.interval_scale * doublings) + 1
        self.interval = nn.Embedding(rows, dimension)
        self.absolute = nn.Linear(1, dimension)
        exponent = torch.arange(dimension, dtype=torch.float) / dimension
        self.register_buffer("frequency", 1 / (1 / _LOWEST_FREQUENCY) ** exponent, persistent=False)

    def get_extra_state(self) -> torch.Tensor:
        """The moment that absolute times are counted from: no buffer, it needs all its digits."""
        return torch.tensor(self.trained_from, dtype=torch.float64)

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Count absolute times from where they were counted in training."""
        self.trained_from = float(state)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        # other interactions may have a longer interval, or lack the longest one
        rows = state_dict.get(f"{prefix}interval.weight")
        if rows is not None and len(rows) != self.interval.num_embeddings:
            # the parameter stays the one that an optimizer may hold
            self.interval.weight.data = self.interval.weight.new_empty(rows.shape)
            self.interval.num_embeddings = len(rows)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(self, times: torch.Tensor) -> torch.Tensor:
        """Time vectors of all positions; those of padding mean nothing.

        Args:
            times: ``(B, L)`` in the data's unit, in the precision that intervals need.

        Returns:
            ``(B, L, 2 d)``, the interval first.
        """
        # from a row's last item to its padding time runs backwards
        since = F.pad((times[:, 1:] - times[:, :-1]).clamp_min(0), (1, 0))
        row = torch.floor(self.interval_scale * torch.log2(since + 1)).long()
        interval = self.interval(row.clamp_max(self.interval.num_embeddings - 1))
        elapsed = times + (self.first_time - self.trained_from)
        when = (elapsed / self.unit).to(self.frequency.dtype)
        # 16 bits cannot tell the days of a year apart
        with torch.autocast(when.device.type, enabled=False):
            absolute = torch.cos(self.absolute(when.unsqueeze(-1)) * self.frequency)
        return torch.cat([interval, absolute], dim=-1)


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
        start = torch.randn(experts, modalities * dimension) * _EXPERT_STD
        self.experts = nn.Parameter(start, requires_grad=trained)

    def forward(self, vectors: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """The vectors as the time scales them.

        Args:
            vectors: ``(..., M, d)``, or ``(..., d)`` of one modality.
            time: ``(..., 2 d)``.

        Returns:
            The shape of the vectors.
        """
        factors = self.gate(time).softmax(dim=-1) @ self.experts.to(time.dtype)
        return vectors * factors.view_as(vectors)


class TemporalExperts(nn.Module):
    """What the times of a history do to its items: a time embedding and a mixture of experts.

    Args:
        dimension: hidden size ``d``.
        experts: see :class:`TemporalMixture`.
        interval_scale: see :class:`TimeEmbedding`, as the next two.
        longest_interval: between two successive interactions of a user.
        unit: of absolute times.
        first_time: of the data set.
    """

    def __init__(
        self,
        *,
        dimension: int,
        experts: int,
        interval_scale: float,
        longest_interval: float,
        unit: float,
        first_time: float = 0.0,
    ) -> None:
        super().__init__()
        self.time = TimeEmbedding(
            dimension=dimension,
            interval_scale=interval_scale,
            longest_interval=longest_interval,
            unit=unit,
            first_time=first_time,
        )
        self.mixture = TemporalMixture(
            modalities=1, dimension=dimension, experts=experts, trained=True
        )

    @classmethod
    def of_config(
        cls, config: Any, longest_interval: float, first_time: float = 0.0
    ) -> TemporalExperts:
        """Temporal experts as the settings say.

        Args:
            config: RecBole's Config.
            longest_interval: of the data set.
            first_time: of the data set.
        """
        return cls(
            dimension=config["hidden_size"],
            experts=config["temporal_experts"],
            interval_scale=config["interval_scale"],
            longest_interval=longest_interval,
            unit=config["time_unit"],
            first_time=first_time,
        )

    def forward(self, items: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """The items as their times scale them.

        Args:
            items: ``(B, L, d)`` item vectors of histories.
            times: ``(B, L)`` when they were interacted with.

        Returns:
            ``(B, L, d)``.
        """
        scaled: torch.Tensor = self.mixture(items, self.time(times))
        return scaled
