"""docs/results: a row with a mean ± deviation over seeds is what docs/results/runs has of them."""

from __future__ import annotations

import functools
import itertools
import json
import re
import runpy
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

DOCS = Path(__file__).parents[2] / "docs"
RESULTS = DOCS / "results"
#: half a unit of the last digit that pages give, and what five digits in the runs leave open
ROUNDED = 5.6e-5
#: of docs/results/runs, and what made them; beside one may lie runs made without cammsr-benchmark
FILES = {"amazon_beauty": "cpu", "amazon_scientific": "cpu", "ml_100k": "cpu", "gpu": "gpu"}
FIGURES = ["valid ndcg@10", "test ndcg@10", "test recall@10", "epochs"]
#: settings that change when and how fast a model is trained, not what it is
SPEED = {"train_packing", "trim_padding", "stopping_step"}
#: rows whose runs are in no file: page, and how the row's first filled cell begins
WITHOUT_RUNS: set[tuple[str, str]] = {
    # Recall@10 of two of its five seeds is recorded as their mean only
    ("history.md", "CAMMSR, cosine, 256 dimensions, experts of 512, `mixture_dropout"),
    # run with code that was changed for the try (design_choices_by_hand.csv)
    ("design_choices.md", "the mixture dropped"),
    ("design_choices.md", "experts on content alone, one a view"),
    ("design_choices.md", "two a view"),
}

pooled = SimpleNamespace(**runpy.run_path(str(DOCS / "measurements" / "pooled_runs.py")))
defaults_of = functools.cache(pooled.defaults_of)


def settings_of(switches: str) -> str:
    """``--a=1 --b=x`` as the JSON that files of run_digest.py have."""
    pairs = (switch.removeprefix("--").split("=", 1) for switch in switches.split())
    return json.dumps({name: yaml.safe_load(value) for name, value in pairs})


def what_counts(model: str, dataset: str, settings: dict[str, Any]) -> str:
    """Whatever makes a model another one, as JSON."""
    counts = pooled.what_counts(settings, defaults_of(model, dataset))
    return json.dumps({k: v for k, v in sorted(counts.items()) if k not in SPEED})


def load_runs() -> list[pd.DataFrame]:
    """Test runs of one model, data set and settings, of whatever version and precision."""
    parts = []
    for name in FILES:
        path = RESULTS / "runs" / f"{name}.csv"
        runs = pd.read_csv(path, keep_default_na=False)
        parts.append(runs[runs["stage"] == "test"].assign(device=FILES[name]))
        by_hand = path.with_name(f"{name}_by_hand.csv")
        if by_hand.exists():
            runs = pd.read_csv(by_hand, keep_default_na=False)
            settings = [settings_of(text) for text in runs["switches"]]
            dataset = name.replace("ml_100k", "ml-100k")
            parts.append(
                runs.assign(settings=settings, dataset=dataset, damage="{}", device=FILES[name])
            )
    runs = pd.concat(parts, ignore_index=True)
    runs[FIGURES] = runs[FIGURES].apply(pd.to_numeric)
    runs["what counts"] = [
        what_counts(model, dataset, json.loads(text))
        for model, dataset, text in zip(runs["model"], runs["dataset"], runs["settings"])
    ]
    keys = ["device", "dataset", "model", "what counts", "damage"]
    return [group for _, group in runs.groupby(keys, sort=False)]


RUNS = load_runs()


@dataclass
class Row:
    page: str
    line: int
    cells: dict[str, str]

    @property
    def name(self) -> str:
        """Its first filled cell."""
        return next(cell for cell in self.cells.values() if cell)

    def figures(self, column: str) -> list[float]:
        """Mean, and deviation if it is there."""
        text = next((v for k, v in self.cells.items() if k.endswith(column)), "")
        return [float(figure) for figure in re.findall(r"(?<![\d.])\.\d{3,5}", text)]

    def seeds(self) -> tuple[int, ...] | int:
        """Those that are named, or how many."""
        text = self.cells["seeds"]
        if through := re.fullmatch(r"(\d+) to (\d+)", text):
            return tuple(range(int(through[1]), int(through[2]) + 1))
        named = tuple(int(seed) for seed in re.findall(r"\d+", text))
        return named[0] if len(named) == 1 else named

    def epochs(self) -> list[int]:
        """The least and the most, as the cell has them; empty without such a cell."""
        text = self.cells.get("epochs", "")
        return [int(number) for number in re.findall(r"\d+", text)]


def rows_of_means() -> list[Row]:
    """Every row with the seeds, one mean of validation, and one mean ± deviation of test."""
    rows = []
    for path in sorted(RESULTS.glob("*.md")):
        header: list[str] = []
        for line, text in enumerate(path.read_text().splitlines(), start=1):
            if not text.startswith("|"):
                header = []
                continue
            values = [cell.strip() for cell in re.split(r"(?<!\\)\|", text.strip())[1:-1]]
            if not header:
                header = values
            elif {"seeds", "valid NDCG@10", "test NDCG@10"} <= set(header):
                row = Row(path.name, line, dict(zip(header, values)))
                deviation = "±" in row.cells["test NDCG@10"]
                if deviation and len(row.figures("test NDCG@10")) == 2:
                    rows.append(row)
    return rows


ROWS = rows_of_means()


@functools.cache
def summaries_of(group: int, seeds: tuple[int, ...] | int) -> np.ndarray:
    """What a row would say, for each way to take one run of each seed, or the mean of its runs.

    Returns:
        ``(ways, 8)``: mean and deviation of each of the three metrics, least and most epochs.
    """
    runs = RUNS[group]
    if isinstance(seeds, int):
        named = tuple(sorted(set(runs["seed"])))
        seeds = named if len(named) == seeds else ()
    if not seeds or not set(seeds) <= set(runs["seed"]):
        return np.empty((0, 8))
    candidates = []
    for seed in seeds:
        of_seed = runs.loc[runs["seed"] == seed, FIGURES].to_numpy(dtype=float)
        # a seed that was run in several precisions counts as their mean (pooled_runs.py)
        candidates.append([*of_seed, of_seed.mean(axis=0)] if len(of_seed) > 1 else [*of_seed])
    ways = np.array(list(itertools.islice(itertools.product(*candidates), 4096)))
    mean, deviation = ways[:, :, :3].mean(axis=1), ways[:, :, :3].std(axis=1, ddof=1)
    metrics = np.stack([mean, deviation], axis=2).reshape(len(ways), 6)
    return np.column_stack([metrics, ways[:, :, 3].min(axis=1), ways[:, :, 3].max(axis=1)])


def said_by(row: Row) -> np.ndarray:
    """Its figures in the order of `summaries_of`, NaN where it has none."""
    cells = [row.figures(column) for column in ("valid NDCG@10", "test NDCG@10", "Recall@10")]
    metrics = [figure for cell in cells for figure in (*cell, np.nan, np.nan)[:2]]
    epochs = row.epochs() or [np.nan]
    return np.array([*metrics, min(epochs), max(epochs)])


def mistakes(row: Row) -> str:
    """Empty where some model of the runs has the row's figures; else what is nearest."""
    said = said_by(row)
    margin = np.array([ROUNDED] * 6 + [0.0] * 2)
    ways = np.concatenate([summaries_of(group, row.seeds()) for group in range(len(RUNS))])
    if not len(ways):
        return f"no model has the seeds {row.seeds()}"
    # where a run has no figure, the row may not have one either
    wrong = ~((np.abs(ways - said) <= margin) | np.isnan(said))
    nearest = np.lexsort([np.abs(ways[:, 2] - said[2]), wrong.sum(axis=1)])[0]
    return f"{said} is {np.round(ways[nearest], 5)}" if wrong[nearest].any() else ""


def exception(row: Row) -> tuple[str, str] | None:
    fitting = [e for e in WITHOUT_RUNS if e[0] == row.page and row.name.startswith(e[1])]
    return max(fitting, key=lambda entry: len(entry[1]), default=None)


def test_pages_have_rows_of_means() -> None:
    assert len(ROWS) > 150
    pages = {"amazon_beauty.md", "amazon_scientific.md", "ml-100k.md", "gpu.md", "robustness.md"}
    assert {row.page for row in ROWS} >= pages


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.page}:{row.line}")
def test_row_is_the_mean_of_its_runs(row: Row) -> None:
    wrong = mistakes(row)
    assert not wrong or exception(row) in WITHOUT_RUNS, f"{row.name}: {wrong}"


def test_each_exception_is_needed() -> None:
    assert {exception(row) for row in ROWS if mistakes(row)} == WITHOUT_RUNS


def test_a_wrong_figure_is_found() -> None:
    """The comparison itself: another mean, deviation, seed, epoch."""
    row = next(row for row in ROWS if row.page == "amazon_beauty.md" and "TedRec" in row.name)
    assert not mistakes(row)
    for column, text in {
        "valid NDCG@10": ".0649",
        "test NDCG@10": ".0519 ± .0012",
        "Recall@10": ".0878",
        "seeds": "1 to 4",
        "epochs": "27 to 38",
    }.items():
        assert mistakes(replace(row, cells={**row.cells, column: text})), column
