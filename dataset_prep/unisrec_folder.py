"""Reader of UniSRec/MISSRec-style folders: history lists, ``item2index``, headerless features."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from .table_reader import open_text, read_table

History = tuple[list[str], str]
_COLUMNS = ("user_id", "item_id_list", "item_id")


def read_index(path: Path) -> dict[str, str]:
    """Read ``raw id <tab> index``.

    Args:
        path: ``.item2index`` or ``.user2index``.

    Returns:
        Index (as text) to raw id, in file order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is malformed or an index or id repeats.
    """
    raw: dict[str, str] = {}
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            parts = line.rstrip("\r\n").split("\t")
            if len(parts) != 2 or not parts[1].isdecimal():
                raise ValueError(f"{path}, line {number}: not 'id<tab>index': {line!r:.100}")
            index = str(int(parts[1]))
            if index in raw:
                raise ValueError(f"{path}, line {number}: index {index} occurs twice")
            raw[index] = parts[0]
    if len(set(raw.values())) < len(raw):
        raise ValueError(f"{path}: an id occurs twice")
    return raw


def read_items(folder: Path, name: str) -> list[str]:
    """Read the items in the order of their index.

    Args:
        folder: The source folder.
        name: File prefix, e.g. ``"Scientific"``.

    Returns:
        Raw id of each item.

    Raises:
        FileNotFoundError: If there is no ``item2index``.
        ValueError: If it is malformed, or the indices are not 0, 1, 2, ...
    """
    path = folder / f"{name}.item2index"
    index = read_index(path)
    if sorted(map(int, index)) != list(range(len(index))):
        raise ValueError(f"{path}: indices are not 0..{len(index) - 1}")
    return [index[str(row)] for row in range(len(index))]


def read_interactions(
    folder: Path, name: str, items: Sequence[str]
) -> Iterator[tuple[str, str, int]]:
    """Read every user's whole sequence.

    Args:
        folder: The source folder.
        name: File prefix, e.g. ``"Scientific"``.
        items: As read by :func:`read_items`.

    Yields:
        Raw user id (the index where there is no ``user2index``), raw item id, and the position
        1, 2, 3, ... in the user's sequence, which stands for the time that the folder lacks.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the files contradict each other.
    """
    users_path = folder / f"{name}.user2index"
    users = read_index(users_path) if users_path.is_file() else {}
    for user, sequence in read_sequences(folder, name).items():
        for position, index in enumerate(sequence, start=1):
            if not index.isdecimal() or int(index) >= len(items):
                raise ValueError(
                    f"{folder / name}.*.inter: item {index!r} of user {user} is not in "
                    "item2index: the files do not belong together"
                )
            yield users.get(user, user), items[int(index)], position


def read_sequences(folder: Path, name: str) -> dict[str, list[str]]:
    """Rebuild each user's full item sequence from the leave-one-out files.

    Args:
        folder: The source folder.
        name: File prefix, e.g. ``"Scientific"``.

    Returns:
        User index to item indices, oldest first; users in order of first appearance.

    Raises:
        FileNotFoundError: If a split file is missing.
        ValueError: If a user's rows do not continue each other.
    """
    rows: dict[str, list[History]] = defaultdict(list)
    last: dict[str, list[History]] = defaultdict(list)
    for split, into in (("train", rows), ("valid", last), ("test", last)):
        for user, history, target in read_table(folder / f"{name}.{split}.inter", _COLUMNS):
            into[user].append((history.split(), target))
    sequences = {}
    for user in dict.fromkeys((*last, *rows)):
        train = sorted(rows[user], key=lambda row: len(row[0]))
        # Histories may be cut to a window; rows of equal length are then ordered by the file,
        # which some sources write newest first.
        reverse = rows[user][::-1]
        reverse.sort(key=lambda row: len(row[0]))
        sequence = _chain([*train, *last[user]]) or _chain([*reverse, *last[user]])
        if sequence is None:
            raise ValueError(
                f"{folder / name}.*.inter: the rows of user {user} do not continue each other, so "
                "his sequence cannot be rebuilt: the splits must be leave-one-out in time order"
            )
        sequences[user] = sequence
    return sequences


def _chain(rows: Iterable[History]) -> list[str] | None:
    """Append row after row: each history must start with the sequence so far, or be its end."""
    sequence: list[str] = []
    for history, target in rows:
        if history[: len(sequence)] == sequence:
            sequence = [*history, target]
        elif history and sequence[-len(history) :] == history:
            sequence.append(target)
        else:
            return None
    return sequence


def read_texts(path: Path) -> dict[str, str]:
    """Read ``item_id:token <tab> text:token_seq``.

    Args:
        path: The ``.text`` file.

    Returns:
        Raw item id to text.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column is absent.
    """
    return {row[0]: row[1] for row in read_table(path, ("item_id", "text"))}


def read_features(path: Path, n_items: int) -> np.ndarray:
    """Read a headerless float32 matrix whose row is the item index.

    Args:
        path: The ``.feat*CLS`` file.
        n_items: Number of rows.

    Returns:
        Features, float32 (n_items, d).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file's size is no multiple of ``n_items`` rows.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    size = path.stat().st_size
    if size == 0 or n_items == 0 or size % (4 * n_items):
        raise ValueError(
            f"{path}: {size} bytes are no float32 matrix of {n_items} rows (the items of "
            "item2index): the feature file and the index do not belong together"
        )
    return np.fromfile(path, dtype="<f4").reshape(n_items, -1)
