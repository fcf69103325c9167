"""A model beside its ablations, or beside itself with other settings; gpu.md and sensitivity.md.

    WIDE='{"time_encoding": "experts", "scoring": "cosine", "score_temperature": 0.07,
        "hidden_size": 256, "expert_size": 512, "stopping_step": 5}'
    python docs/measurements/pooled_runs.py docs/results/runs/amazon_beauty.csv \
        docs/results/runs/gpu.csv --dataset amazon_beauty --settings "$WIDE" \
        --without 'CAMoE={"fusion": "sum"}' --without 'modality swap={"swap_weight": 0}'
    python docs/measurements/pooled_runs.py docs/results/runs/amazon_scientific.csv \
        --dataset amazon_scientific --code ecdbe0ccedd6,4e4422fef5ac --sweep swap_ratio=0.2,0.8

Means over seeds, and Welch's t-test between those of the model and those of each variant: its p
knows how much seeds differ, where a test paired over users knows how much users do. A seed counts
once a file, as the mean of what it gave in float32, bfloat16 and float16 (`enable_amp`,
`enable_scaler`): these share their random numbers. The files are of devices that do not. Settings
that say what is the default anyway count as not said; `--code` leaves out what was run by versions
whose defaults were others.
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

from recbole_cammsr import default_settings
from recbole_cammsr.analysis import files, tables
from recbole_cammsr.analysis.significance import seed_test
from recbole_cammsr.cli import value_lists
from recbole_cammsr.run import config_files

_METRICS = ("valid ndcg@10", "test ndcg@10", "test recall@10")
_PRECISION = ("enable_amp", "enable_scaler")
_HEADER = ["model", "seeds"] + [
    cell
    for metric in _METRICS
    for cell in (metric.replace("ndcg", "NDCG").replace("recall", "Recall"), "", "p")
]


def defaults_of(model: str, dataset: str) -> dict[str, Any]:
    """What ``properties/`` says of a model, and of a data set, which wins; empty without files."""
    paths = [
        default_settings.properties_file("model", model),
        default_settings.properties_file("dataset", dataset),
    ]
    return config_files.read_all([path for path in paths if path])


def what_counts(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that make a model another one.

    Args:
        settings: of a run; left out are the precision, and the experts' width where there are none.
        defaults: of `defaults_of`; left out is what is said and the same as these.
    """
    unread = {*_PRECISION, *(["expert_size"] if settings.get("fusion") == "sum" else [])}
    unread |= {name for name in settings if name in defaults and settings[name] == defaults[name]}
    return {name: value for name, value in settings.items() if name not in unread}


def read(
    paths: Sequence[Path], dataset: str, model: str, codes: Sequence[str] = ()
) -> pd.DataFrame:
    """The test runs of a model on undamaged data, settings parsed.

    Args:
        paths: files of run_digest.py.
        dataset, model: their names.
        codes: digests of the versions whose runs count; of all without any.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file is not what run_digest.py writes, or there is no such run, or none of
            one of ``codes``.
    """
    needed = ["dataset", "model", "settings", "damage", "stage", "seed", *_METRICS]
    needed += ["code"] if codes else []
    known: set[str] = set()
    defaults = defaults_of(model, dataset)
    parts = []
    for path in paths:
        runs = files.read_csv(path, needed, "run_digest.py")
        chosen = runs[
            (runs["dataset"] == dataset)
            & (runs["model"] == model)
            & (runs["stage"] == "test")
            & (runs["damage"] == "{}")
            & (runs["code"].isin(codes) if codes else True)
        ]
        part = files.numbers(chosen, ["seed", *_METRICS], path)
        settings = [what_counts(_object(text), defaults) for text in chosen["settings"]]
        parts.append(part.assign(settings=settings, file=str(path)))
        known.update(chosen["code"] if codes else [])
    found = pd.concat(parts, ignore_index=True)
    if unknown := sorted(set(codes) - known):
        raise ValueError(f"no test run of {model} on {dataset} is of the code {unknown}")
    if found.empty:
        raise ValueError(f"no test run of {model} on {dataset} in {', '.join(map(str, paths))}")
    return found


def figures_of(runs: pd.DataFrame, wanted: Mapping[str, Any], name: str) -> np.ndarray:
    """Its metrics, ``(seeds, 3)``.

    Args:
        runs: of `read`.
        wanted: `what_counts` of the settings.
        name: of the model, for the message.

    Raises:
        ValueError: fewer than two seeds have these settings.
    """
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
    parser.add_argument(
        "--sweep", action="append", default=[], metavar="NAME=A,B",
        help="variants: values of a setting, as cammsr-ablate takes them",
    )  # fmt: skip
    parser.add_argument(
        "--code", default="", metavar="A,B", help="versions whose runs count (default: all)"
    )
    options = parser.parse_args()
    try:
        codes = [code for code in options.code.split(",") if code]
        runs = read(options.files, options.dataset, options.model, codes)
        settings = _object(options.settings)
        defaults = defaults_of(options.model, options.dataset)
        ours = figures_of(runs, what_counts(settings, defaults), options.model)
        rows = [row_of(options.model, ours)]
        variants = [
            (f"without {name}", _object(changed)) for name, changed in map(_pair, options.without)
        ]
        variants += [
            (f"`{name}` {value}", {name: value})
            for name, values in map(value_lists.read_sweep, options.sweep)
            for value in values
        ]
        for name, changes in variants:
            wanted = what_counts({**settings, **changes}, defaults)
            theirs = figures_of(runs, wanted, name)
            rows.append(row_of(name, ours, theirs))
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"pooled_runs: error: {error}")
    print(tables.markdown(_HEADER, rows))


if __name__ == "__main__":
    main()
