"""The least a training step can cost: the softmax over the catalogue, and the encoder, alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

from recbole_cammsr.analysis.speed_contenders import Conditions
from recbole_cammsr.analysis.speed_meter import Meter, Stretch, prepare_torch

SOFTMAX_PLAIN = "softmax floor, F.cross_entropy"
SOFTMAX_FUSED = "softmax floor, fused"
ENCODER = "encoder floor"
#: matrices of logits beyond this (elements) are not made: F.cross_entropy needs several of them
MOST_PLAIN_LOGITS = 1 << 28


class FloorRun:
    """Forward and backward of one part of the model, on given inputs, without an optimiser.

    Args:
        floor: :data:`SOFTMAX_PLAIN`, :data:`SOFTMAX_FUSED` or :data:`ENCODER`.
        shapes: ``(rows, longest history, targets)`` of batches as drawn in packed training.
        items: candidates of the softmax.
        encoder: arguments of the history encoder.
        conditions: what all contenders share.
    """

    def __init__(
        self,
        floor: str,
        shapes: Sequence[tuple[int, int, int]],
        items: int,
        encoder: dict[str, Any],
        conditions: Conditions,
    ) -> None:
        prepare_torch(conditions)
        import torch

        from recbole_cammsr.model.encoder import HistoryEncoder

        self.floor, self.shapes, self.conditions = floor, shapes, conditions
        torch.manual_seed(conditions.seed)
        self.device = torch.device(conditions.device)
        self.encoder = HistoryEncoder(**encoder).to(self.device).train()
        most = max(max(rows * longest, targets) for rows, longest, targets in shapes)
        self.vectors = torch.randn(most, encoder["dimension"], device=self.device)
        if floor != ENCODER:  # a table of a million items would only take memory there
            self.items = torch.randn(items, encoder["dimension"], device=self.device)
            self.items.mul_(0.02).requires_grad_()
            self.truth = torch.randint(1, items, (most,), device=self.device)
        self._turn = cycle(shapes)
        self.meter = Meter(conditions.device)

    def warm_up(self) -> None:
        """One step that is not timed."""
        self._run(self.shapes[:1])

    def train(self, batches: int | None) -> Stretch:
        """Steps in the shapes that are next.

        Args:
            batches: how many; None takes every shape once.
        """
        count = batches if batches is not None else len(self.shapes)
        shapes = list(islice(self._turn, count))
        return self.meter.measure(lambda: self._run(shapes))

    def _run(self, shapes: Sequence[tuple[int, int, int]]) -> int:
        import torch

        for rows, longest, targets in shapes:
            with torch.autocast(self.device.type, enabled=self.conditions.amp):
                if self.floor == ENCODER:
                    inputs = self.vectors[: rows * longest].view(rows, longest, -1).detach()
                    states = self.encoder(inputs.requires_grad_())
                else:
                    loss = self._softmax(targets)
            if self.floor == ENCODER:
                states.backward(states.detach())
                self.encoder.zero_grad()
            else:
                loss.backward()
                self.items.grad = None
        return sum(targets for _, _, targets in shapes)

    def _softmax(self, targets: int) -> Any:
        import torch.nn.functional as F

        from recbole_cammsr.model.losses import catalogue_cross_entropy

        users = self.vectors[:targets].detach().requires_grad_()
        truth = self.truth[:targets]
        if self.floor == SOFTMAX_FUSED:
            return catalogue_cross_entropy(users, self.items, truth)
        return F.cross_entropy(users @ self.items.t(), truth)
