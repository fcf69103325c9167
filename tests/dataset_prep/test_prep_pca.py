"""PCA against scikit-free algebra: same subspace, fixed signs."""

from __future__ import annotations

import numpy as np
import pytest
from recbole_cammsr.dataset_prep.chunked_encoding import Chunk, EncodedChunk, encode_to_file
from recbole_cammsr.dataset_prep.pca import reduce_pca


def test_variances_are_the_leading_eigenvalues():
    features = np.random.default_rng(0).normal(size=(50, 6)) * [5, 4, 3, 2, 1, 0.5]
    reduced = reduce_pca(features, 3)
    assert reduced.dtype == np.float32
    expected = np.sort(np.linalg.eigvalsh(np.cov(features.T)))[::-1][:3]
    np.testing.assert_allclose(np.cov(reduced.T), np.diag(expected), atol=1e-4)
    np.testing.assert_allclose(reduced.mean(0), 0, atol=1e-5)


def test_all_components_keep_distances():
    features = np.random.default_rng(1).normal(size=(9, 4))
    reduced = reduce_pca(features, 4)

    def distances(x):
        return np.linalg.norm(x[:, None] - x[None], axis=-1)

    np.testing.assert_allclose(distances(reduced), distances(features), atol=1e-5)


def test_small_differences_beside_a_large_mean_are_kept():
    features = np.random.default_rng(3).normal(1000, 0.01, (500, 4)).astype(np.float32)
    exact = features - features.astype(np.float64).mean(axis=0)
    lengths = np.linalg.norm(reduce_pca(features, 4), axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(exact, axis=1), rtol=1e-3)


def test_signs_do_not_depend_on_the_order_of_rows():
    features = np.random.default_rng(2).normal(size=(30, 5)) * [5, 4, 3, 2, 1]
    order = np.random.default_rng(3).permutation(30)
    np.testing.assert_allclose(
        reduce_pca(features, 3)[order], reduce_pca(features[order], 3), atol=1e-5
    )


@pytest.mark.parametrize(("shape", "n"), [((5, 3), 4), ((2, 3), 3), ((5, 3), 0), ((5,), 1)])
def test_impossible_sizes_are_refused(shape, n):
    with pytest.raises(ValueError, match=f"to {n} components"):
        reduce_pca(np.ones(shape), n)


def test_more_components_than_values_are_refused_after_the_first_chunk(tmp_path):
    encoded = []

    def chunk(number: int) -> Chunk:
        def encode() -> EncodedChunk:
            encoded.append(number)
            tokens = [f"{number}{row}" for row in range(5)]
            return EncodedChunk(tokens, np.eye(5, 3, dtype=np.float32), {})

        return Chunk(str(number), 5, encode)

    with pytest.raises(ValueError, match=r"4 components of features of 3 values: .* at most 3"):
        encode_to_file(map(chunk, range(4)), tmp_path / "x.npz", components=4)
    assert encoded == [0]


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        reduce_pca(np.array([[np.nan, 1], [1, 2]]), 1)
