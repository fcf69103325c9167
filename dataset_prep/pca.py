"""Principal components with a fixed sign, so that two runs give the same features."""

from __future__ import annotations

import numpy as np
from scipy import linalg


def reduce_pca(features: np.ndarray, n_components: int) -> np.ndarray:
    """Project centred features on their leading principal axes.

    The sign of an axis is arbitrary in the singular value decomposition; here its entry of
    largest absolute value is positive.

    Args:
        features: (n, d), finite.
        n_components: Number of axes, at most ``min(n, d)``.

    Returns:
        float32 (n, n_components), variance falling from left to right.

    Raises:
        ValueError: If the shape or the number of components does not fit, or a value is not finite.
    """
    if features.ndim != 2 or not 1 <= n_components <= min(features.shape):
        raise ValueError(
            f"PCA of features of shape {features.shape} to {n_components} components: needs shape "
            "(n, d) and between 1 and min(n, d) components"
        )
    if not np.isfinite(features).all():
        raise ValueError("PCA needs finite features: drop the items with NaN or infinite values")
    centred = features.astype(np.float64)
    centred -= centred.mean(axis=0)
    _, _, axes = linalg.svd(centred, full_matrices=False, lapack_driver="gesvd")
    axes = axes[:n_components]
    largest = np.abs(axes).argmax(axis=1)
    signs = np.where(axes[np.arange(n_components), largest] < 0, -1.0, 1.0)
    return np.asarray(centred @ (axes * signs[:, None]).T, dtype=np.float32)
