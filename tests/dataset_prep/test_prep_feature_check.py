"""The check of a feature file needs not hold the file."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from recbole_cammsr.dataset_prep.checks import features, neighbours
from recbole_cammsr.dataset_prep.checks.neighbours import embedding


def test_only_a_sample_of_a_large_file_is_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(neighbours, "MOST_CANDIDATES", 100)
    monkeypatch.setattr(features, "_BLOCK", 2**16)
    count, width = 4_000, 1_024
    path = tmp_path / "toy.text.npz"
    values = np.random.default_rng(0).standard_normal((count, width), dtype=np.float32)
    np.savez(path, item_id=np.arange(count).astype(str), feature=values)
    del values
    tracemalloc.start()
    try:
        section, found = features.check_features("text", str(path), None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not [finding for finding in section.findings if finding.level == "error"]
    assert len(found.unit) == 100
    assert peak < path.stat().st_size / 2


@pytest.mark.parametrize("most", [3, 100])
def test_rows_are_those_of_their_tokens(monkeypatch, most):
    monkeypatch.setattr(neighbours, "MOST_CANDIDATES", most)
    tokens = np.array(["d", "b", "e", "a", "c", "f"])
    values = np.array([[4.0, 3], [0, 2], [0, 0], [3, 0], [5, 5], [3, 4]])
    found = embedding("text", tokens, values, np.array([0, 1, 3, 5]))
    assert found.tokens.tolist() == sorted(found.tokens)
    assert len(found.tokens) == min(most, 4)
    expected = {"a": [1, 0], "b": [0, 1], "d": [0.8, 0.6], "f": [0.6, 0.8]}
    for token, row in zip(found.tokens.tolist(), found.unit):
        np.testing.assert_allclose(row, expected[token], rtol=1e-6)
