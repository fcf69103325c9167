"""Auxiliary category prediction that guides the fusion (docs/model.md eq. 3)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.model.pick import pick

# cells of the label table that are made into numbers at a time: 64 MiB of them
_PRIOR_CELLS = 1 << 24


class CategoryPrediction(NamedTuple):
    """What is predicted of items' categories.

    Attributes:
        hidden: ``(n, d)`` t.
        probability: ``(n, C)`` predicted distribution p over the labels; a row sums to 1.
        logits: ``(n, C)`` of the category task.
    """

    hidden: torch.Tensor
    probability: torch.Tensor
    logits: torch.Tensor

    def rows(self, index: torch.Tensor) -> CategoryPrediction:
        """The prediction of some of the items.

        Args:
            index: ``(k,)`` rows.

        Returns:
            Prediction of ``k`` items.
        """
        return CategoryPrediction(*(pick(values, index) for values in self))


class CategoryHead(nn.Module):
    """Predicts an item's category from all its modalities.

    ``t = GELU(W_t LN([x^1; ...; x^M]))``, logits ``W_y t``, ``p = softmax`` of them (one label an
    item) or their sigmoid, normalised (several labels); context ``p B + t``.

    Args:
        n_modalities: ``M``.
        dimension: hidden size ``d``.
        n_categories: ``C``.
        multi_label: whether items can have several labels.
        guides: whether a fusion uses the context; without one there is no label embedding B and
            the context is t alone.
    """

    def __init__(
        self,
        *,
        n_modalities: int,
        dimension: int,
        n_categories: int,
        multi_label: bool,
        guides: bool = True,
    ) -> None:
        super().__init__()
        self.multi_label = multi_label
        # modality vectors start at a size of about 0.02: rescaled, so that the task learns at once
        self.norm = nn.LayerNorm(n_modalities * dimension)
        self.transform = nn.Linear(n_modalities * dimension, dimension)
        self.classify = nn.Linear(dimension, n_categories)
        self.label_embedding: nn.Parameter | None = None
        if guides:
            self.label_embedding = nn.Parameter(torch.empty(n_categories, dimension))
            nn.init.normal_(self.label_embedding, std=dimension**-0.5)

    def forward(self, modalities: torch.Tensor) -> CategoryPrediction:
        """Predict the category.

        Args:
            modalities: ``(n, M, d)``.

        Returns:
            Middle layer, distribution and logits.
        """
        hidden = F.gelu(self.transform(self.norm(modalities.flatten(1))))
        logits = self.classify(hidden)
        if self.multi_label:
            probability = torch.sigmoid(logits)
            probability = probability / probability.sum(dim=1, keepdim=True).clamp_min(1e-6)
        else:
            probability = torch.softmax(logits, dim=1)
        return CategoryPrediction(hidden, probability, logits)

    def context(self, prediction: CategoryPrediction) -> torch.Tensor:
        """What the experts are told about items' categories; apart, since they see few items.

        Args:
            prediction: of ``n`` items.

        Returns:
            ``(n, d)`` p B + t.
        """
        if self.label_embedding is None:
            return prediction.hidden
        return prediction.hidden + prediction.probability @ self.label_embedding


def category_loss(logits: torch.Tensor, targets: torch.Tensor, multi_label: bool) -> torch.Tensor:
    """Cross-entropy (one label) or binary cross-entropy (several) over labelled items.

    Args:
        logits: ``(n, C)``.
        targets: ``(n, C)`` bool; items without a label do not count.
        multi_label: which of the two.

    Returns:
        Scalar, float32; zero where no item is labelled.
    """
    labelled = targets.any(dim=1)
    logits = logits.float()
    if multi_label:
        per_item = F.binary_cross_entropy_with_logits(
            logits, targets.to(logits.dtype), reduction="none"
        ).mean(dim=1)
    else:
        per_item = F.cross_entropy(logits, targets.to(torch.uint8).argmax(dim=1), reduction="none")
    weight = labelled.to(per_item.dtype)
    return (per_item * weight).sum() / weight.sum().clamp_min(1.0)


def label_prior(targets: torch.Tensor) -> torch.Tensor:
    """Average label distribution of the labelled items.

    Args:
        targets: ``(n, C)`` bool; an item's labels share its mass equally.

    Returns:
        ``(C,)``, sums to 1.
    """
    total = torch.zeros(targets.shape[1], dtype=torch.float64, device=targets.device)
    labelled = 0
    for block in targets.split(max(1, _PRIOR_CELLS // max(1, targets.shape[1]))):
        shares = block[block.any(dim=1)].float()
        shares /= shares.sum(dim=1, keepdim=True)
        total += shares.sum(dim=0)
        labelled += len(shares)
    return (total / labelled).float()
