"""A generated multimodal data set of any size: RecBole atomic files and one `.npz` per modality.

Item popularity follows Zipf's law, history lengths are log-normal, features are random numbers.
Nothing can be learned from it; it has the shape and the cost of a real one. The defaults of
exponent and sigma come near Amazon Beauty (median history 6, mean 8.9, most popular 1,000 items
above 29 interactions).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy_format

#: column of the generated `.item` file
CATEGORY_FIELD = "category"

# the oldest time a zip member can carry; a fixed one makes two runs byte-identical
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_ROWS_PER_BLOCK = 65_536
_LINES_PER_BLOCK = 500_000
_FIRST_SECOND, _LAST_START = 1_000_000_000, 1_300_000_000


@dataclass(frozen=True)
class DataSize:
    """What is generated; equal sizes give equal bytes.

    Attributes:
        users: number of users.
        items: number of items, each with one interaction or more.
        interactions: number of interactions.
        modalities: content modalities, one feature file each.
        dimension: length of a feature vector.
        categories: category labels, one for every item.
        minimum_length: shortest history.
        zipf: exponent of the items' popularity; 0 is uniform.
        length_sigma: sigma of the log-normal part of the lengths; 0 makes them equal.
        seed: of everything drawn.
    """

    users: int
    items: int
    interactions: int
    modalities: int = 2
    dimension: int = 768
    categories: int = 60
    minimum_length: int = 5
    zipf: float = 0.7
    length_sigma: float = 1.3
    seed: int = 0

    @property
    def name(self) -> str:
        """The data set's name: file names and RecBole's `dataset`."""
        return (
            f"generated_{self.users}_{self.items}_{self.interactions}_"
            f"{self.modalities}x{self.dimension}"
        )

    @property
    def modality_names(self) -> tuple[str, ...]:
        """``text``, ``image``, then ``modality3`` and so on."""
        names = ["text", "image", *(f"modality{n}" for n in range(3, self.modalities + 1))]
        return tuple(names[: self.modalities])

    def check(self) -> None:
        """Refuse sizes that contradict each other.

        Raises:
            ValueError: names the numbers.
        """
        for field in ("users", "items", "categories", "minimum_length"):
            if getattr(self, field) < 1:
                raise ValueError(f"generated data: {field} is {getattr(self, field)}; use 1 or up.")
        if self.modalities < 0 or (self.modalities and self.dimension < 1):
            raise ValueError(
                f"generated data: {self.modalities} modalities of dimension {self.dimension}; use "
                f"0 or more modalities of dimension 1 or up."
            )
        if self.zipf < 0 or self.length_sigma < 0:
            raise ValueError(
                f"generated data: Zipf exponent {self.zipf} and sigma {self.length_sigma} must not "
                f"be negative."
            )
        needed = max(self.users * self.minimum_length, self.items)
        if self.interactions < needed:
            raise ValueError(
                f"generated data: {self.interactions} interactions are too few for {self.users} "
                f"users of {self.minimum_length} or more and {self.items} items of one or more; "
                f"give at least {needed}."
            )


#: named sizes; ``games`` has the counts of Amazon Games as HM4SR's authors report them
PRESETS = {"games": DataSize(users=24_303, items=10_672, interactions=231_780)}


def apportion(weights: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers in proportion to weights that add up exactly (largest remainders).

    Args:
        weights: ``(n,)`` non-negative, not all zero.
        total: what the result adds up to.

    Returns:
        ``(n,)`` int64.
    """
    quotas = weights * (total / weights.sum())
    counts = np.floor(quotas).astype(np.int64)
    missing = total - int(counts.sum())
    if missing > 0:
        counts[np.argsort(counts - quotas, kind="stable")[:missing]] += 1
    return counts


def history_lengths(size: DataSize, rng: np.random.Generator) -> np.ndarray:
    """Length of every history.

    Args:
        size: what is generated.
        rng: draws the log-normal parts.

    Returns:
        ``(users,)``, none below ``minimum_length``; they add up to ``interactions``.
    """
    parts = rng.lognormal(0.0, size.length_sigma, size.users)
    return size.minimum_length + apportion(
        parts, size.interactions - size.users * size.minimum_length
    )


def item_counts(size: DataSize) -> np.ndarray:
    """How often each item occurs: once, and its share of the rest by Zipf's law.

    Args:
        size: what is generated.

    Returns:
        ``(items,)``, descending; they add up to ``interactions``.
    """
    rank = np.arange(1, size.items + 1, dtype=np.float64)
    return 1 + apportion(rank**-size.zipf, size.interactions - size.items)


def write_dataset(size: DataSize, folder: str | Path) -> Path:
    """Write `.inter`, `.item` and the feature files, unless the same size is there already.

    Args:
        size: what to generate.
        folder: receives a folder named after the data set.

    Returns:
        The data set's folder.

    Raises:
        ValueError: sizes that contradict each other.
    """
    size.check()
    target = Path(folder) / size.name
    stamp = target / "size.json"
    wanted = json.dumps(asdict(size), indent=1)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return target
    target.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    rng = np.random.default_rng(size.seed)
    _write_interactions(size, target / f"{size.name}.inter", rng)
    _write_items(size, target / f"{size.name}.item", rng)
    for modality in size.modality_names:
        _write_features(size, target / f"{size.name}.{modality}.npz", rng)
    stamp.write_text(wanted, encoding="utf-8")  # last: a folder with a stamp is complete
    return target


def _item_tokens(size: DataSize) -> list[str]:
    return [f"i{item}" for item in range(size.items)]


def _write_interactions(size: DataSize, path: Path, rng: np.random.Generator) -> None:
    lengths = history_lengths(size, rng)
    users = np.repeat(np.arange(size.users), lengths)
    items = np.repeat(np.arange(size.items), item_counts(size))
    rng.shuffle(items)
    # gaps of minutes to months; a user's first interaction comes at a time of its own
    gaps = 1 + rng.lognormal(12.0, 2.0, size.interactions).astype(np.int64)
    first = np.cumsum(lengths) - lengths
    gaps[first] = rng.integers(_FIRST_SECOND, _LAST_START, size.users)
    times = np.cumsum(gaps)
    times -= np.repeat(times[first] - gaps[first], lengths)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write("user_id:token\titem_id:token\ttimestamp:float\n")
        for start in range(0, size.interactions, _LINES_PER_BLOCK):
            block = slice(start, start + _LINES_PER_BLOCK)
            columns = (users[block].tolist(), items[block].tolist(), times[block].tolist())
            file.writelines(f"u{user}\ti{item}\t{time}\n" for user, item, time in zip(*columns))


def _write_items(size: DataSize, path: Path, rng: np.random.Generator) -> None:
    rank = np.arange(1, size.categories + 1, dtype=np.float64)
    labels = rng.choice(size.categories, size.items, p=rank**-1 / (rank**-1).sum())
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(f"item_id:token\t{CATEGORY_FIELD}:token\n")
        file.writelines(
            f"{token}\tc{label}\n" for token, label in zip(_item_tokens(size), labels.tolist())
        )


def _write_features(size: DataSize, path: Path, rng: np.random.Generator) -> None:
    """Streamed, so that a catalogue of a million items never stands in memory."""
    tokens = np.array(_item_tokens(size))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with _member(archive, "item_id.npy") as file:
            npy_format.write_array(file, tokens, allow_pickle=False)
        with _member(archive, "feature.npy") as file:
            shape = (size.items, size.dimension)
            header = {"descr": "<f2", "fortran_order": False, "shape": shape}
            npy_format.write_array_header_1_0(file, header)
            for rows in _blocks(size.items):
                block = rng.standard_normal((rows, size.dimension), dtype=np.float32)
                file.write(block.astype("<f2").tobytes())


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    member = zipfile.ZipInfo(name, date_time=_FIXED_TIME)
    member.create_system = 3
    member.external_attr = 0o644 << 16
    return archive.open(member, "w", force_zip64=True)


def _blocks(rows: int) -> Iterator[int]:
    for start in range(0, rows, _ROWS_PER_BLOCK):
        yield min(_ROWS_PER_BLOCK, rows - start)
