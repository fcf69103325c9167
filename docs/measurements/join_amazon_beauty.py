"""Puts the Amazon Beauty of the results together from three public repositories.

``python docs/measurements/join_amazon_beauty.py --s3rec CIKM2020-S3Rec --ticoserec TiCoSeRec
--transrec TransRec --output beauty`` reads checkouts of RUCAIBox/CIKM2020-S3Rec (users, items and
order), KingGugu/TiCoSeRec (days) and Linxyhaha/TransRec (titles and category paths), and writes
``interactions.tsv`` and ``items.jsonl.gz``, which ``cammsr-prep`` reads (docs/results).

The three number users alike, in the same order, and items each in its own way. S3-Rec and TransRec
have the items of a user in the same order, so that items are matched by their places. TiCoSeRec
orders those of one day otherwise, but all are in order of time, so the k-th time of a user is that
of the k-th item. What does not fit is an error, never a guess.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Checkouts(NamedTuple):
    """Folders of the three repositories."""

    s3rec: Path
    ticoserec: Path
    transrec: Path


class _Array:
    """Stands for numpy's array around an object: takes what it is made of, and does nothing."""

    def __init__(self, *_: Any) -> None:
        self.content: Any = None

    def __setstate__(self, state: Sequence[Any]) -> None:
        self.content = state[-1]


class _PlainUnpickler(pickle.Unpickler):
    """Reads text, lists and mappings; nothing that a file names is imported or called."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in ("_reconstruct", "ndarray", "dtype"):
            return _Array
        raise ValueError(f"the file asks for {module}.{name}, and may hold text and lists only")


def read_mapping(path: Path, key: str) -> dict[str, Any]:
    """The mapping under a key of a dictionary that ``numpy.save`` wrote as an object.

    Args:
        path: the ``.npy`` file.
        key: of the dictionary.

    Raises:
        ValueError: it is no such file, or holds more than text, lists and mappings.
    """
    with path.open("rb") as file:
        head = file.read(10)
        if head[:8] != b"\x93NUMPY\x01\x00":
            raise ValueError(f"{path} is no .npy file of version 1")
        file.seek(int.from_bytes(head[8:], "little"), 1)
        try:
            array = _PlainUnpickler(file).load()
            return dict(array.content[0][key])
        except (pickle.UnpicklingError, EOFError, LookupError, AttributeError, TypeError) as error:
            raise ValueError(f"{path} holds no dictionary with {key!r}: {error}") from error


def histories(path: Path) -> dict[int, list[int]]:
    """Numbers of a file with a user a line: the user's, then one for each interaction."""
    rows = (list(map(int, line.split())) for line in path.read_text(encoding="ascii").splitlines())
    return {user: values for user, *values in rows}


def same_items(first: dict[int, list[int]], second: dict[int, list[int]]) -> dict[int, int]:
    """Numbers of items in two files that have the same histories.

    Raises:
        ValueError: histories differ in length, or an item of one stands for two of the other.
    """
    forth: dict[int, int] = {}
    back: dict[int, int] = {}
    for user, items in first.items():
        others = second.get(user, [])
        if len(items) != len(others):
            raise ValueError(
                f"user {user} has {len(items)} items in one file, {len(others)} in another"
            )
        for one, other in zip(items, others):
            if forth.setdefault(one, other) != other or back.setdefault(other, one) != one:
                raise ValueError(f"item {one} of user {user} is not always item {other}")
    return forth


def join(checkouts: Checkouts, output: Path) -> tuple[int, int]:
    """Write the two files.

    Args:
        checkouts: where the repositories lie.
        output: folder of the files.

    Returns:
        Number of interactions and of items.

    Raises:
        ValueError: the files do not belong together.
    """
    s3rec = histories(checkouts.s3rec / "data" / "Beauty.txt")
    times = histories(checkouts.ticoserec / "data" / "Beauty" / "Beauty_time_org_rank.txt")
    beauty = checkouts.transrec / "data" / "beauty" / "rec_data"
    number = same_items(s3rec, histories(beauty / "sequential_data.txt"))
    titles = read_mapping(beauty / "title_maps.npy", "id2title")
    categories = read_mapping(beauty / "category_map.npy", "id2category")
    output.mkdir(parents=True, exist_ok=True)
    count = 0
    with (output / "interactions.tsv").open("w", encoding="ascii", newline="\n") as file:
        file.write("user_id\titem_id\ttimestamp\n")
        for user, items in s3rec.items():
            when = times.get(user, [])
            if len(items) != len(when) or when != sorted(when):
                unsorted = " out of order" if when != sorted(when) else ""
                raise ValueError(
                    f"user {user} has {len(items)} items and {len(when)} times{unsorted}"
                )
            file.writelines(f"{user}\t{item}\t{time}\n" for item, time in zip(items, when))
            count += len(items)
    with gzip.GzipFile(output / "items.jsonl.gz", "wb", mtime=0) as packed:
        for item in sorted(number):
            name = str(number[item])
            row = {"item_id": item, "title": titles[name], "categories": categories[name]}
            packed.write((json.dumps(row) + "\n").encode())
    return count, len(number)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name in Checkouts._fields:
        parser.add_argument(f"--{name}", type=Path, required=True, help="checkout of that project")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    options = parser.parse_args()
    checkouts = Checkouts(options.s3rec, options.ticoserec, options.transrec)
    try:
        interactions, items = join(checkouts, options.output)
    except (OSError, ValueError) as error:
        raise SystemExit(f"join_amazon_beauty: {error}") from None
    print(f"{interactions:,} interactions with {items:,} items in {options.output}")


if __name__ == "__main__":
    main()
