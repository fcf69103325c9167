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

    Sequences of which twice the length fits into N are transformed at that length: nothing of them
    comes round to a position that is read, so the result is the same (docs/baselines.md).

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
        read = ids.shape[1]
        size = min(2 * read, self.length)
        id_spectrum, text_spectrum = self._spectrum(ids, size), self._spectrum(texts, size)
        filtered = self._sequence(id_spectrum * self._filter_spectrum(size), size, read)
        # the scale of the transforms of length N, whose product the paper takes
        scale = (size / self.length) ** 0.5
        mutual = self._sequence(id_spectrum * (text_spectrum * scale), size, read)
        return 2 * (
            filtered * self.filter_gate(filtered).sigmoid()
            + mutual * self.mutual_gate(mutual).sigmoid()
        )

    def _filter_spectrum(self, size: int) -> torch.Tensor:
        """Spectrum of the filter ``(size // 2 + 1, d)``, of its nearest taps where size is below N.

        A sequence of ``size / 2`` items is reached by the taps of distance -size/2 to size/2.
        """
        spectrum = torch.view_as_complex(self._precise(self.filter) * self.real_ends)
        if size == self.length:
            return spectrum
        taps = torch.fft.irfft(spectrum, n=self.length, dim=0)
        return torch.fft.rfft(torch.cat([taps[: size // 2], taps[-(size // 2) :]]), dim=0)

    @staticmethod
    def _precise(values: torch.Tensor) -> torch.Tensor:
        # there is no transform of bfloat16
        return values.to(torch.promote_types(values.dtype, torch.float32))

    def _spectrum(self, sequence: torch.Tensor, size: int) -> torch.Tensor:
        return torch.fft.rfft(self._precise(sequence), n=size, dim=1, norm="ortho")

    def _sequence(self, spectrum: torch.Tensor, size: int, length: int) -> torch.Tensor:
        sequence = torch.fft.irfft(spectrum, n=size, dim=1, norm="ortho")
        return sequence[:, :length].to(self.filter_gate.weight.dtype)
