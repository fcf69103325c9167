"""What models are told of the times of a history's items (docs/model.md eq. 2)."""

from __future__ import annotations

import numpy as np

#: field of the bucketed time since the previous interaction; its list is what models read
INTERVAL_FIELD = "interval_bucket"
#: field of the exact time since the data set's first interaction; its list is what models read
ELAPSED_FIELD = "elapsed_time"
#: `time_encoding` that reads a field -> the field; the other encodings read none
FIELD_OF_ENCODING = {"interval": INTERVAL_FIELD, "experts": ELAPSED_FIELD}

# shares of the intervals that the last bucket, and the first, may have
_SHARE_OF_LAST, _SHARE_OF_FIRST = 0.05, 0.95


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


def interval_warning(found: np.ndarray, buckets: int) -> str | None:
    """A sentence where a good part of the intervals cannot be told apart, else None.

    Args:
        found: ``(I,)`` of :func:`interval_buckets`.
        buckets: number of buckets.
    """
    intervals = found[found > 0]
    in_first = int((intervals == 1).sum())
    if buckets > 2 and in_first > _SHARE_OF_FIRST * len(intervals):
        return (
            f"time_encoding interval: {in_first} of {len(intervals)} intervals share the first "
            f"bucket, which takes all below 1; give times in seconds, not scaled and not in days."
        )
    in_last = int((intervals == buckets - 1).sum())
    if in_last <= _SHARE_OF_LAST * len(intervals):
        return None
    return (
        f"time_encoding interval: {in_last} of {len(intervals)} intervals share the last of the "
        f"{buckets} buckets, which takes all of 2^{buckets - 2} and more; raise `interval_buckets`,"
        f" or give times in seconds if they are in milliseconds."
    )


def elapsed_times(times: np.ndarray) -> np.ndarray:
    """Time since the first interaction of the data set.

    RecBole's own list of times is float32, in which the seconds since 1970 are multiples of 128.

    Args:
        times: ``(I,)`` raw times.

    Returns:
        ``(I,)`` float64, in the unit of the time field.
    """
    elapsed: np.ndarray = times - times.min(initial=np.inf)
    return elapsed


def longest_interval(user_ids: np.ndarray, times: np.ndarray) -> float:
    """Longest time between two successive interactions of a user.

    Args:
        user_ids: ``(I,)`` users, equal users adjacent.
        times: ``(I,)`` raw times, ascending per user.

    Returns:
        In the unit of the time field; 0 where nobody has two interactions.
    """
    follows = user_ids[1:] == user_ids[:-1]
    return float(np.diff(times)[follows].max(initial=0.0))
