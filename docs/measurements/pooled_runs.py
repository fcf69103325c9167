"""A model beside its ablations, each seed on each device a sample: docs/results/gpu.md.

    python docs/measurements/pooled_runs.py docs/results/runs/amazon_beauty.csv \
        docs/results/runs/gpu.csv --dataset amazon_beauty --settings '{"hidden_size": 256}' \
        --without 'CAMoE={"fusion": "sum"}' --without 'modality swap={"swap_weight": 0}'

Means over seeds, and Welch's t-test between those of the model and those of each variant: its p
knows how much seeds differ, where a test paired over users knows how much users do. A seed counts
once a file, as the mean of what it gave in float32, bfloat16 and float16 (`enable_amp`,
`enable_scaler`): these share their random numbers. The files are of devices that do not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_cammsr.analysis import files, tables
from recbole_cammsr.analysis.significance import seed_test

_METRICS = ("valid ndcg@10", "test ndcg@10", "test recall@10")
_PRECISION = ("enable_amp", "enable_scaler")
_HEADER = ["model", "seeds"] + [
    cell
    for metric in _METRICS
    for cell in (metric.replace("ndcg", "NDCG").replace("recall", "Recall"), "", "p")
]


def what_counts(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that make a model another one.

    Args:
        settings: of a run; left out are the precision, and the experts' width where there are none.
    """
    unread = {*_PRECISION, *(["expert_size"] if settings.get("fusion") == "sum" else [])}
    return {name: value for name, value in settings.items() if name not in unread}


def read(paths: Sequence[Path], dataset: str, model: str) -> pd.DataFrame:
    """The test runs of a model on undamaged data, settings parsed.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file is not what run_digest.py writes, or there is no such run.
    """
    needed = ["dataset", "model", "settings", "damage", "stage", "seed", *_METRICS]
    parts = []
    for path in paths:
        runs = files.read_csv(path, needed, "run_digest.py")
        chosen = runs[
            (runs["dataset"] == dataset)
            & (runs["model"] == model)
            & (runs["stage"] == "test")
            & (runs["damage"] == "{}")
        ]
        part = files.numbers(chosen, ["seed", *_METRICS], path)
        settings = [what_counts(_object(text)) for text in chosen["settings"]]
        parts.append(part.assign(settings=settings, file=str(path)))
    found = pd.concat(parts, ignore_index=True)
    if found.empty:
        raise ValueError(f"no test run of {model} on {dataset} in {', '.join(map(str, paths))}")
    return found


def figures_of(runs: pd.DataFrame, settings: Mapping[str, Any], name: str) -> np.ndarray:
    """Its metrics, ``(seeds, 3)``.

    Raises:
        ValueError: fewer than two seeds have these settings.
    """
    wanted = what_counts(settings)
    found = runs[[settings_of_run == wanted for settings_of_run in runs["settings"]]]
    figures = found.groupby(["file", "seed"])[list(_METRICS)].mean()
    if len(figures) < 2:
        raise ValueError(f"{name}: {len(figures)} seeds have the settings {wanted}; it takes two")
    return figures.to_numpy()


def row_of(name: str, ours: np.ndarray, theirs: np.ndarray | None = None) -> list[str]:
    """A line of the table: means, and how far the model is above the variant, with p.

    Args:
        name: first cell.
        ours: of the model, ``(seeds, 3)``.
        theirs: of the variant whose line it is; None for the model's own.
    """
    shown = ours if theirs is None else theirs
    cells = [name, str(len(shown))]
    for column, mean in enumerate(shown.mean(axis=0)):
        cells.append(f"{mean:.4f}".replace("0.", ".", 1))
        if theirs is None:
            cells += ["", ""]
            continue
        gain = 100 * (ours[:, column].mean() / mean - 1)
        p = seed_test(ours[:, column], theirs[:, column])
        if p is None:
            raise ValueError(f"{name}: a test between seeds takes two of each")
        said = "< .0001" if p < 1e-4 else f"{p:#.2g}".replace("0.", ".", 1)
        cells += [f"{gain:+.1f} %", said]
    return cells


def _object(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f'{text!r} is not {{"setting": value}}: {error}') from error
    if not isinstance(parsed, dict):
        raise ValueError(f'{text!r} is not {{"setting": value}}')
    return parsed


def _pair(text: str) -> tuple[str, str]:
    name, found, settings = text.partition("=")
    if not found:
        raise ValueError(f'--without {text!r} is not NAME={{"setting": value}}')
    return name, settings


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="of run_digest.py")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--model", default="CAMMSR")
    parser.add_argument("--settings", default="{}", help="of the model, as JSON")
    parser.add_argument(
        "--without", action="append", default=[], metavar="NAME=JSON",
        help="a variant: its name, and what it changes in the settings",
    )  # fmt: skip
    options = parser.parse_args()
    try:
        runs = read(options.files, options.dataset, options.model)
        settings = _object(options.settings)
        ours = figures_of(runs, settings, options.model)
        rows = [row_of(options.model, ours)]
        for name, changed in map(_pair, options.without):
            theirs = figures_of(runs, {**settings, **_object(changed)}, name)
            rows.append(row_of(f"without {name}", ours, theirs))
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"pooled_runs: error: {error}")
    print(tables.markdown(_HEADER, rows))


if __name__ == "__main__":
    main()
