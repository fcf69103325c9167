"""Fusion of two sequences in the frequency domain.

Source: Xu et al., "Sequence-level Semantic Representation Fusion for Recommender Systems" (CIKM
2024), contextual convolution with mutual filters.
"""

from __future__ import annotations

import torch
from torch import nn


class FrequencyFusion(nn.Module):
    """Item IDs convolved with a learned filter and with their texts, each gated, and added up.

    Products of spectra are circular convolutions of the sequences, here of length ``N``: with
    F the orthonormal transform, ``F^-1(F x * w)`` is x convolved with the filter of spectrum w, and
    ``F^-1(F x * F y)`` is x convolved with y, divided by the square root of N. The convolution
    reaches every position from every other: a position knows the items after it.

    Args:
        dimension: ``d``.
        length: ``N``; shorter sequences are continued with zeros.
    """

    real_ends: torch.Tensor

    def __init__(self, dimension: int, length: int) -> None:
        super().__init__()
        self.length = length
        #: real and imaginary part of the spectrum of the filter
        self.filter = nn.Parameter(torch.empty(length // 2 + 1, dimension, 2))
        # a real sequence has no imaginary part at frequency zero, nor at the highest of an even N;
        # what an inverse transform makes of one is up to the device's library
        real_ends = torch.ones(length // 2 + 1, 1, 2)
        real_ends[0, :, 1] = 0
        if length % 2 == 0:
            real_ends[-1, :, 1] = 0
        self.register_buffer("real_ends", real_ends, persistent=False)
        self.filter_gate = nn.Linear(dimension, 1)
        self.mutual_gate = nn.Linear(dimension, 1)

    def reset_parameters(self, std: float) -> None:
        """A filter of standard deviation ``std``; the gates are linear layers as any other."""
        nn.init.normal_(self.filter, std=std)

    def forward(self, ids: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        """Fused sequences.

        Args:
            ids: ``(B, L, d)``, L at most N.
            texts: ``(B, L, d)``.

        Returns:
            ``(B, L, d)``.
        """
        id_spectrum, text_spectrum = self._spectrum(ids), self._spectrum(texts)
        weight = torch.view_as_complex(self._precise(self.filter) * self.real_ends)
        filtered = self._sequence(id_spectrum * weight, ids.shape[1])
        mutual = self._sequence(id_spectrum * text_spectrum, ids.shape[1])
        return 2 * (
            filtered * self.filter_gate(filtered).sigmoid()
            + mutual * self.mutual_gate(mutual).sigmoid()
        )

    @staticmethod
    def _precise(values: torch.Tensor) -> torch.Tensor:
        # there is no transform of bfloat16
        return values.to(torch.promote_types(values.dtype, torch.float32))

    def _spectrum(self, sequence: torch.Tensor) -> torch.Tensor:
        return torch.fft.rfft(self._precise(sequence), n=self.length, dim=1, norm="ortho")

    def _sequence(self, spectrum: torch.Tensor, length: int) -> torch.Tensor:
        sequence = torch.fft.irfft(spectrum, n=self.length, dim=1, norm="ortho")
        return sequence[:, :length].to(self.filter_gate.weight.dtype)
