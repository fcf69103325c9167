"""Features in fewer bits: what they cannot hold is refused, what they can is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_cammsr.data import feature_table
from recbole_cammsr.data.feature_table import align
from recbole_cammsr.data.formats import RawFeatures

TOKENS = [f"i{n}" for n in range(50)]
TOKEN_TO_ID = {"[PAD]": 0, **{token: n for n, token in enumerate(TOKENS, start=1)}}
NORMAL = np.random.default_rng(0).normal(size=(50, 8))


def aligned(values, dtype, resident=True):
    return align(
        RawFeatures("f.npz", np.array(TOKENS), values), "text", TOKEN_TO_ID, dtype, resident
    )


@pytest.mark.parametrize("scale", [1e-9, 1e-7])
@pytest.mark.parametrize("block", [1, 1 << 22])
def test_values_that_float16_rounds_to_nothing_are_refused(monkeypatch, scale, block):
    monkeypatch.setattr(feature_table, "_BLOCK_BYTES", block)
    small = (NORMAL * scale).astype(np.float32)
    with pytest.raises(
        ValueError, match=r"too small for float16.*feature_dtype: float32"
    ) as caught:
        aligned(small, torch.float16)
    assert "f.npz" in str(caught.value)
    assert "\n" not in str(caught.value)
    one = NORMAL.astype(np.float32)
    one[7] *= scale
    with pytest.raises(ValueError, match="of 1 rows or more"):
        aligned(one, torch.float16)
    for dtype in (torch.float32, torch.bfloat16):  # which have small numbers
        held = aligned(small, dtype).values[1:].float().numpy()
        assert np.allclose(held, small, rtol=0.004, atol=0)
    for one_sided in (np.abs(small), -np.abs(small)):  # as after a ReLU
        with pytest.raises(ValueError, match="too small for float16"):
            aligned(one_sided, torch.float16)
    left = aligned(small, torch.float16, resident=False)  # read as float32
    assert np.array_equal(left.rows(torch.arange(1, 51)).numpy(), small)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_what_half_precision_can_hold_is_held(dtype, scale):
    rows = (NORMAL * scale).astype(np.float32)
    rows[3] = 0  # an item without content, as some files have it
    rows[4, 1:] *= 1e-9  # beside values that count
    held = aligned(rows, dtype)
    assert held.zero_rows == 1
    assert np.allclose(held.values[1:].float().numpy(), rows, rtol=0.005, atol=4e-8)


@pytest.mark.parametrize("block", [1, 1 << 22])
def test_rows_that_half_precision_makes_one_are_refused(monkeypatch, block):
    monkeypatch.setattr(feature_table, "_BLOCK_BYTES", block)
    rows = (1000 + 0.05 * NORMAL).astype(np.float32)
    assert len(np.unique(rows.astype(np.float16), axis=0)) == 1
    with pytest.raises(ValueError, match=r"in float16 they are all the same.*float32") as caught:
        aligned(rows, torch.float16)
    assert "\n" not in str(caught.value)
    assert np.array_equal(aligned(rows, torch.float32).values[1:].numpy(), rows)


@pytest.mark.parametrize("resident", [True, False])
def test_double_precision_that_float32_rounds_to_nothing_is_refused(resident):
    with pytest.raises(ValueError, match=r"too small for float32.*; scale the features"):
        aligned(NORMAL * 1e-60, torch.float32, resident)
