"""Which tokens have which numbers in a data set: what the embeddings of a checkpoint go by.

RecBole numbers users and items in the order in which a file names them. A checkpoint of one of its
models that is opened after the lines have been put into another order has every user's and item's
embedding at another one's number, and says nothing.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

#: setting that carries the digest into checkpoints
SETTING = "token_digest"


def note(config: Any, dataset: Any) -> None:
    """Put the digest of a data set's users and items into its configuration.

    Args:
        config: RecBole's; is saved with every checkpoint.
        dataset: made from it.
    """
    digest = hashlib.blake2b(digest_size=16)
    for field in (dataset.uid_field, dataset.iid_field):
        tokens = dataset.field2id_token.get(field, np.empty(0, dtype=str))
        digest.update("\n".join(map(str, tokens.tolist())).encode() + b"\n\n")
    config[SETTING] = digest.hexdigest()


def differs(before: Any, now: Any) -> bool:
    """Whether the data set of a checkpoint had other numbers.

    Args:
        before: configuration in the checkpoint; one of an earlier version has no digest.
        now: configuration that the data set has been made from since.
    """
    return bool(before[SETTING]) and before[SETTING] != now[SETTING]
