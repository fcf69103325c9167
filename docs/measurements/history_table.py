"""The tables of docs/results/history.md: means over the seeds of runs/own_history.csv.

    python docs/measurements/history_table.py docs/results/runs/own_history.csv

One Markdown table a data set, its models in alphabetical order; the page groups them by kind, and
``tests/docs/test_history_page.py`` checks that its rows are these.
"""

from __future__ import annotations

import argparse
import sys
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from recbole_cammsr.analysis import files, tables

_OWN = "own items among the first ten"
#: after the model's name and its seeds: column of the file, digits
_COLUMNS = (
    (_OWN, 2),
    ("NDCG@10", 4),
    ("NDCG@10, history masked", 4),
    ("Recall@10", 4),
    ("Recall@10, history masked", 4),
)
_HEADER = ["model", "seeds", _OWN, "NDCG@10", "history masked", "Recall@10", "history masked"]


def seeds_in_words(seeds: list[int]) -> str:
    """``1 to 5`` for three or more that follow each other, else ``1, 3``; in any order."""
    ordered = sorted(seeds)
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{ordered[0]} to {ordered[-1]}"
    return ", ".join(map(str, ordered))


def mean_of(figures: list[str], digits: int) -> str:
    """Their mean, rounded in decimals: a figure of five digits may be halfway between two of four.

    Args:
        figures: as the file has them.
        digits: after the point; more than two are written without the zero before it.
    """
    total = sum((Decimal(figure) for figure in figures), Decimal(0))
    mean = (total / len(figures)).quantize(Decimal(10) ** -digits, ROUND_HALF_EVEN)
    return str(mean) if digits == 2 else str(mean).replace("0.", ".", 1)


def rows_of(source: Path) -> dict[str, list[list[str]]]:
    """By data set, one row a model: its name, its seeds, and means over them of its test figures.

    Raises:
        FileNotFoundError: there is no ``source``.
        ValueError: ``source`` is no CSV, lacks a column or test rows, has a seed of a model twice,
            or something that is no number.
    """
    needed = ["dataset", "model", "seed", "split", *(column for column, _ in _COLUMNS)]
    runs = files.read_csv(source, needed, "own_history.py")
    tests = runs[runs["split"] == "test"]
    if tests.empty:
        raise ValueError(f"{source} has no rows of the test split; own_history.py writes them")
    files.numbers(tests, ["seed", *(column for column, _ in _COLUMNS)], source)
    twice = tests[tests.duplicated(["dataset", "model", "seed"])]
    if len(twice):
        raise ValueError(f"{source} has seeds twice: {twice[['model', 'seed']].values.tolist()}")
    by_dataset: dict[str, list[list[str]]] = {}
    for (dataset, model), rows in tests.groupby(["dataset", "model"]):
        cells = [str(model), seeds_in_words([int(seed) for seed in rows["seed"]])]
        cells += [mean_of(rows[column].tolist(), digits) for column, digits in _COLUMNS]
        by_dataset.setdefault(str(dataset), []).append(cells)
    return by_dataset


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path, metavar="FILE", help="what own_history.py has written")
    try:
        by_dataset = rows_of(parser.parse_args().source)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"history_table: error: {error}")
    for dataset, rows in by_dataset.items():
        print(f"\n**{dataset}**\n", tables.markdown(_HEADER, rows), sep="\n")


if __name__ == "__main__":
    main()
