"""What HM4SR learns besides the next item and contrast: placeholders and categories."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.model.info_nce import info_nce


def draw_placeholders(length: torch.Tensor, width: int, share: float) -> torch.Tensor:
    """Positions of each history that a placeholder takes, drawn without replacement.

    Args:
        length: ``(B,)`` of the histories.
        width: of the result.
        share: of a history's positions, rounded down.

    Returns:
        ``(B, width)`` bool, ``floor(share length)`` of a row true.
    """
    inside = torch.arange(width, device=length.device) < length.unsqueeze(1)
    order = torch.rand(inside.shape, device=length.device).masked_fill(~inside, 2.0)
    rank = order.argsort(dim=1).argsort(dim=1)
    return rank < (length * share).floor().unsqueeze(1)


class Placeholders(nn.ModuleList):
    """Histories must be recognised when some of their items are known by their time alone.

    A linear layer of each content modality makes of an item's time what stands in its place.

    Args:
        modalities: of content; none without the task.
        dimension: ``d``, of a modality's vectors.
        share: of a history's positions that placeholders take, rounded down.
        temperature: of the contrast between histories.
        false_negative_logit: of rows with the same target, as :func:`info_nce` has it.
    """

    def __init__(
        self,
        modalities: int,
        dimension: int,
        share: float,
        temperature: float,
        false_negative_logit: float,
    ) -> None:
        super().__init__(nn.Linear(2 * dimension, dimension) for _ in range(modalities))
        self.share = share
        self.temperature = temperature
        self.false_negative_logit = false_negative_logit

    def forward(
        self,
        inside: torch.Tensor,
        length: torch.Tensor,
        targets: torch.Tensor,
        vectors: torch.Tensor,
        time: torch.Tensor,
        ends: torch.Tensor,
        encoders: nn.ModuleList,
    ) -> torch.Tensor:
        """The loss of a batch.

        Args:
            inside: ``(B, L)`` bool, positions that are not padding, ``P`` of them.
            length: ``(B,)`` of the histories.
            targets: ``(B,)`` next items.
            vectors: ``(P, M, d)`` after both mixtures; modality 0 is the ID.
            time: ``(P, 2 d)``.
            ends: ``(B, M d)`` states after the last items.
            encoders: of the ``M`` modalities.

        Returns:
            Scalar, the mean over the content modalities.
        """
        taken = draw_placeholders(length, inside.shape[1], self.share)[inside]
        total = torch.zeros((), device=ends.device)
        of_modality = ends.view(len(ends), len(encoders), -1)
        for m, placeholder in enumerate(self, start=1):
            replaced = torch.where(taken.unsqueeze(1), placeholder(time), vectors[:, m])
            total = total + info_nce(
                of_modality[:, m],
                encoders[m](replaced, inside, only_ends=True),
                targets,
                self.temperature,
                self.false_negative_logit,
            )
        return total / len(self)


def prefixes_of_positions(length: torch.Tensor, count: torch.Tensor, width: int) -> torch.Tensor:
    """How many of a row's trained prefixes hold each of its positions.

    RecBole's classic rows train one prefix, which holds all of them; a packed row stands for one
    classic row for each of its last ``count`` positions.

    Args:
        length: ``(B,)`` of the histories.
        count: ``(B,)`` trained positions, at most ``length``.
        width: of the result.

    Returns:
        ``(B, width)`` integers, 0 at padding.
    """
    position = torch.arange(width, device=length.device)
    left = (length.unsqueeze(1) - position).clamp_min(0)
    return torch.minimum(left, count.unsqueeze(1))


def weighted_category_loss(
    logits: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Binary cross-entropy over all labels of the labelled items.

    Args:
        logits: ``(n, C)``.
        labels: ``(n, C)`` bool; items without any do not count.
        weight: ``(n,)`` of the items.

    Returns:
        Scalar, float32; zero where no item is labelled.
    """
    logits = logits.float()
    per_item = F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none")
    weight = weight.to(logits.dtype) * labels.any(dim=1)
    return (per_item.mean(dim=1) * weight).sum() / weight.sum().clamp_min(1.0)


def misindexed_category_loss(
    logits: torch.Tensor, labels: torch.Tensor, inside: torch.Tensor
) -> torch.Tensor:
    """The category task as the authors' code computes it, for comparison.

    Row and column numbers of the batch's positions are used as numbers of items and of labels:
    the position in column l of row b trains label l of the b-th position of the batch, counted
    over all rows, padding included.

    Args:
        logits: ``(B, C)`` of the first B positions of the flattened batch.
        labels: ``(B, C)`` bool, of the same.
        inside: ``(B, L)`` bool, not padding; L is at most C.

    Returns:
        Scalar, float32.
    """
    width = inside.shape[1]
    return F.binary_cross_entropy_with_logits(
        logits[:, :width][inside].float(), labels[:, :width][inside].float()
    )
