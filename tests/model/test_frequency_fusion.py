"""The fusion in the frequency domain against convolutions written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_cammsr.model.frequency_fusion import FrequencyFusion

DIMENSION = 3


def make(length: int) -> FrequencyFusion:
    torch.manual_seed(0)
    fusion = FrequencyFusion(DIMENSION, length).double()
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter.normal_()
    return fusion


def circular_convolution(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    size = len(one)
    result = np.zeros(size)
    for target in range(size):
        for source in range(size):
            result[target] += one[source] * other[(target - source) % size]
    return result


@pytest.mark.parametrize(
    ("length", "width"), [(6, 6), (7, 7), (8, 3), (5, 1), (9, 4), (9, 5), (8, 4)]
)
def test_products_of_spectra_are_circular_convolutions(length, width):
    fusion = make(length)
    ids, texts = torch.randn(2, 2, width, DIMENSION, dtype=torch.float64)
    fused = fusion(ids, texts).detach().numpy()
    assert fused.shape == (2, width, DIMENSION)
    padding = [(0, length - width), (0, 0)]
    spectrum = fusion.filter.detach().numpy()
    taps = np.fft.irfft(spectrum[..., 0] + 1j * spectrum[..., 1], n=length, axis=0)
    for row in range(2):
        filtered, mutual = np.zeros((2, length, DIMENSION))
        padded_ids = np.pad(ids[row].numpy(), padding)
        padded_texts = np.pad(texts[row].numpy(), padding)
        for channel in range(DIMENSION):
            x, y = padded_ids[:, channel], padded_texts[:, channel]
            filtered[:, channel] = circular_convolution(x, taps[:, channel])
            mutual[:, channel] = circular_convolution(x, y) / length**0.5
        expected = np.zeros((length, DIMENSION))
        for gate, part in ((fusion.filter_gate, filtered), (fusion.mutual_gate, mutual)):
            logit = part @ gate.weight[0].detach().numpy() + float(gate.bias)
            expected += 2 * part / (1 + np.exp(-logit))[:, None]
        np.testing.assert_allclose(fused[row], expected[:width], atol=1e-12)


def test_a_position_knows_the_items_after_it():
    fusion = make(8)
    ids, texts = torch.randn(2, 1, 8, DIMENSION, dtype=torch.float64)
    later = ids.clone()
    later[0, 5] += 1
    assert not torch.allclose(fusion(ids, texts)[0, 0], fusion(later, texts)[0, 0])


def test_reduced_precision_is_transformed_in_float32():
    fusion = FrequencyFusion(DIMENSION, 6)
    fusion.reset_parameters(0.5)
    ids, texts = torch.randn(2, 2, 4, DIMENSION)
    precise = fusion(ids.bfloat16().float(), texts.bfloat16().float())
    assert torch.equal(fusion(ids.bfloat16(), texts.bfloat16()), precise)
