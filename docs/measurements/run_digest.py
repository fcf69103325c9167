"""One line per run of ``cammsr-benchmark`` and ``cammsr-ablate``: ``docs/results/runs``.

    python docs/measurements/run_digest.py results/scientific results/benchmark > runs.csv

Reads the ``jobs`` of the output folders named. A run that several folders share (same model, data
set, seed, settings, damage and code) is written once. ``settings`` are those that the run was given
beside the defaults of the version whose digest ``code`` names; ``data_path`` is left out.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from recbole_cammsr.analysis.job import JobResult
from recbole_cammsr.analysis.store import ResultStore

_SCORES = ("valid ndcg@10", "test ndcg@10", "test recall@10", "test ndcg@20", "test recall@20")
_HEADER = [
    "dataset",
    "model",
    "settings",
    "damage",
    "stage",
    "seed",
    "epochs",
    "best_epoch",
    "code",
]


def row_of(result: JobResult) -> list[str]:
    """The line of one stored run; test figures are empty where only validation was computed."""
    job = result.job
    settings = {name: value for name, value in job.settings.items() if name != "data_path"}
    row = [job.dataset, job.model, json.dumps(settings), json.dumps(dict(job.corruption))]
    row += [job.stage, str(job.seed), str(result.epochs), str(result.best_epoch), result.code]
    for name in _SCORES:
        split, metric = name.split()
        value = {"valid": result.valid, "test": result.test}[split].get(metric)
        row.append("" if value is None else f"{value:.5f}")
    return row


def digest(folders: Iterable[Path]) -> list[list[str]]:
    """The lines of all runs below ``folders``, sorted.

    Raises:
        FileNotFoundError: a folder has no stored runs.
        ValueError: a file below ``jobs`` is no result.
    """
    rows: dict[tuple[str, ...], list[str]] = {}
    for folder in folders:
        found = [row_of(result) for result in ResultStore(folder).results()]
        if not found:
            raise FileNotFoundError(f"{folder} has no finished runs below jobs/; name the --output")
        rows.update((tuple(row[: len(_HEADER)]), row) for row in found)
    return sorted(rows.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="output folders of the commands")
    try:
        rows = digest(parser.parse_args().folders)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"run_digest: error: {error}")
    csv.writer(sys.stdout, lineterminator="\n").writerows([[*_HEADER, *_SCORES], *rows])


if __name__ == "__main__":
    main()
