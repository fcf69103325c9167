"""Digests of a data set that go into checkpoints: of its tokens' numbers, and of its interactions.

RecBole numbers users and items in the order in which a file names them. A checkpoint of one of its
models that is opened after the lines have been put into another order has every user's and item's
embedding at another one's number, and says nothing. Nor does it where interactions are others: what
is tested then may be what the checkpoint was trained on.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

#: settings that carry the digests into checkpoints
SETTING = "token_digest"
INTERACTIONS = "interaction_digest"


def note(config: Any, dataset: Any) -> None:
    """Put the digests of a data set into its configuration.

    Args:
        config: RecBole's; is saved with every checkpoint.
        dataset: made from it.
    """
    digest = hashlib.blake2b(digest_size=16)
    for field in (dataset.uid_field, dataset.iid_field):
        tokens = dataset.field2id_token.get(field, np.empty(0, dtype=str))
        digest.update("\n".join(map(str, tokens.tolist())).encode() + b"\n\n")
    config[SETTING] = digest.hexdigest()
    config[INTERACTIONS] = _of_rows(dataset.inter_feat)


def differs(before: Any, now: Any, setting: str = SETTING) -> bool:
    """Whether the data set of a checkpoint had other numbers, or other interactions.

    Args:
        before: configuration in the checkpoint; one of an earlier version has no digest.
        now: configuration that the data set has been made from since.
        setting: :data:`SETTING` or :data:`INTERACTIONS`.
    """
    return bool(before[setting]) and before[setting] != now[setting]


def _of_rows(rows: Any) -> str:
    """Digest of a table of numbers and lists of numbers, column by column, in the order of rows."""
    digest = hashlib.blake2b(digest_size=16)
    for column in rows.columns:
        cells = np.asarray(rows[column])
        digest.update(f"{column}\n".encode())
        if cells.dtype == object:  # of lists
            digest.update(np.array([len(cell) for cell in cells], dtype=np.int64).tobytes())
            cells = np.concatenate([np.empty(0), *cells])
        # stacks differ in what they hold a number in; no copy where it is this
        digest.update(np.ascontiguousarray(cells, dtype=np.float64).reshape(-1).data)
    return digest.hexdigest()
