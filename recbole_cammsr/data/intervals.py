"""Log-bucketed time since the user's previous interaction (docs/model.md eq. 2)."""

from __future__ import annotations

import numpy as np


def interval_buckets(user_ids: np.ndarray, times: np.ndarray, buckets: int) -> np.ndarray:
    """Bucket of the time that passed since the previous interaction of the same user.

    Args:
        user_ids: ``(I,)`` users, equal users adjacent.
        times: ``(I,)`` raw times (any unit), ascending per user.
        buckets: number of buckets; the last one takes all longer intervals.

    Returns:
        ``(I,)`` int64 in ``[0, buckets)``: 0 for a user's first interaction, then
        ``1 + floor(log2(1 + interval))``.
    """
    result = np.zeros(len(user_ids), dtype=np.int64)
    if len(user_ids) > 1:
        follows = user_ids[1:] == user_ids[:-1]
        interval = np.maximum(times[1:] - times[:-1], 0.0)
        bucket = 1 + np.floor(np.log2(1.0 + interval)).astype(np.int64)
        result[1:] = np.where(follows, np.minimum(bucket, buckets - 1), 0)
    return result
