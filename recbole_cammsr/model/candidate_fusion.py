"""Scores of candidates whose modalities are weighed anew for each user: MISSRec."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from recbole_cammsr.model.pick import pick

#: values of `candidate_fusion`
CANDIDATE_FUSIONS = ("static", "shared", "item")


def unit_vectors(vectors: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Vectors of unit length, zero where unknown: normalising zeros has a gradient of 1e12.

    Args:
        vectors: ``(..., d)``.
        known: ``(...)`` bool.

    Returns:
        ``(..., d)``.
    """
    return torch.where(known.unsqueeze(-1), F.normalize(vectors, dim=-1), 0.0)


class CandidateFusion(nn.Module):
    """A user's cosines with a candidate's ID and content vectors, made into one score.

    Source: Wang et al., MISSRec (ACM MM 2023), dynamic fusion. With cosines c_m of the k content
    modalities that the candidate has, content counts for c = Σ_m softmax_m(φ c_m) c_m, so the
    modality that the user agrees with counts most; the score is (c_ID + k c) / (1 + k), or c
    without IDs.

    Args:
        kind: ``static`` (φ = 0, the mean), ``shared`` (one learned φ, 0 at the start) or ``item``
            (a φ for each item).
        n_items: with padding.
    """

    def __init__(self, kind: str, n_items: int) -> None:
        super().__init__()
        self.factor: nn.Parameter | None = None
        if kind != "static":
            self.factor = nn.Parameter(torch.zeros(1 if kind == "shared" else n_items))

    def forward(
        self,
        of_content: torch.Tensor,
        of_id: torch.Tensor | None,
        present: torch.Tensor,
        items: torch.Tensor,
    ) -> torch.Tensor:
        """Scores from cosines.

        Args:
            of_content: ``(M, ..., n)`` cosines; those of missing modalities do not count.
            of_id: ``(..., n)`` cosines, None without IDs.
            present: ``(M, n)`` bool, modalities that the candidates have.
            items: ``(n,)`` their ids.

        Returns:
            ``(..., n)``, from -1 to 1; 0 for a candidate with neither ID nor content.
        """
        present = present.view(len(present), *[1] * (of_content.dim() - 2), -1)
        logits = torch.zeros_like(of_content)
        if self.factor is not None:
            factor = self.factor if len(self.factor) == 1 else pick(self.factor, items)
            logits = of_content * factor.to(of_content.dtype)
        # not -inf: a softmax over nothing but that is not a number
        weights = logits.masked_fill(~present, torch.finfo(logits.dtype).min).softmax(dim=0)
        content = (weights * of_content).masked_fill(~present, 0).sum(dim=0)
        if of_id is None:
            return content
        modalities = present.sum(dim=0)
        return (of_id + modalities * content) / (1 + modalities)
