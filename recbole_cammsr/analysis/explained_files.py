"""Files of ``cammsr-explain``: what they are called, and which of them a new call makes untrue."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from recbole_cammsr.analysis import files

#: of the whole catalogue; which of them there are depends on the model
CATALOGUE_PICTURES = (
    *("modality_weights.png", "expert_usage.png", "category_confusion.png", "item_map.png"),
    "recency.png",
)


def user_stem(user: str) -> str:
    """Name without extension of a user's files."""
    return f"user_{files.stem(user)}"


def remove_stale(folder: Path, users: Iterable[str], written: Iterable[Path]) -> list[Path]:
    """Remove pictures of an earlier call that stand beside the JSON of this one.

    Those of other users stay: each names its checkpoint, as does the JSON file beside it.

    Args:
        folder: of the output.
        users: tokens of this call.
        written: what this call wrote.

    Returns:
        What was removed.
    """
    names = [*CATALOGUE_PICTURES, *(f"{user_stem(user)}.png" for user in users)]
    kept = set(written)
    stale = [path for name in names if (path := folder / name) not in kept and path.is_file()]
    for path in stale:
        path.unlink()
    return stale
