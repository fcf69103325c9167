"""docs/results: what a table says of a row's seeds is what docs/results/runs has of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

RESULTS = Path(__file__).parents[2] / "docs" / "results"
PRECISIONS = {"enable_amp", "enable_scaler"}
#: half a unit of the last digit that pages give, and what five digits in the runs leave open
ROUNDED = 5.6e-5
#: rows made with run_recbole, or whose records are lost (docs/results/README.md): page, and how the
#: row's first cell begins
WITHOUT_RUNS = {
    ("ml-100k.md", "with the former defaults"),
    ("ml-100k.md", "with position vectors"),
    ("ml-100k.md", "item IDs only, without overlap"),
    ("ml-100k.md", "RecBole's SASRec"),
    ("ml-100k.md", "RecBole's GRU4Rec"),
    ("ml-100k.md", "RecBole's SASRecF"),
    ("ml-100k.md", "RecBole's FDSA"),
    ("ml-100k.md", "RecBole's Pop"),
    # validation with histories masked, of checkpoints that are there as they were trained
    ("design_choices.md", "without CAMoE"),
    ("design_choices.md", "the mixture dropped"),
    ("design_choices.md", "experts on content alone, one a view"),
    ("design_choices.md", "two a view"),
    # two of its five seeds were run with code that was changed for a try
    ("history.md", "CAMMSR, cosine, 256 dimensions, experts of 512, `mixture_dropout"),
}


def load_runs() -> list[pd.DataFrame]:
    files = ("amazon_beauty", "amazon_scientific", "ml_100k", "gpu")
    runs = pd.concat(
        [pd.read_csv(RESULTS / "runs" / f"{name}.csv").assign(file=name) for name in files]
    )
    runs = runs[runs["stage"] == "test"].reset_index(drop=True)
    runs["any precision"] = [
        json.dumps({k: v for k, v in sorted(json.loads(text).items()) if k not in PRECISIONS})
        for text in runs["settings"]
    ]
    # one precision first: a row of several is looked for where no row of one has its figures
    return [
        group
        for settings in ("settings", "any precision")
        for _, group in runs.groupby(["file", "dataset", "model", settings, "damage"], sort=False)
    ]


RUNS = load_runs()


@dataclass
class Row:
    page: str
    line: int
    header: list[str]
    values: list[str]

    def figures(self, column: str) -> list[float]:
        text = next((v for h, v in zip(self.header, self.values) if h.startswith(column)), "")
        return numbers(text.split("(")[0].split("±")[0])

    def behind(self, column: str) -> str:
        """The cell of the mean beside a column of seeds."""
        at = next(i for i, name in enumerate(self.header) if name.startswith(column))
        return (
            self.values[at + 1]
            if self.header[at + 1 : at + 2] and self.header[at + 1].startswith("mean")
            else ""
        )


def numbers(text: str) -> list[float]:
    return [float(figure) for figure in re.findall(r"(?<![\d.])\.\d{3,5}", text)]


def rows_of_seeds() -> list[Row]:
    """Every row of a page with validation and test of three seeds and more."""
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
                continue
            row = Row(path.name, line, header, values)
            valid, test = row.figures("valid NDCG@10"), row.figures("test NDCG@10")
            if len(test) >= 3 and len(valid) == len(test):
                rows.append(row)
    return rows


ROWS = rows_of_seeds()


FIGURES = [group[["valid ndcg@10", "test ndcg@10"]].to_numpy() for group in RUNS]


def matching(row: Row) -> list[pd.DataFrame]:
    """The groups of runs that have the row's seeds, in its order."""
    seeds = list(zip(row.figures("valid NDCG@10"), row.figures("test NDCG@10")))
    found = []
    for group, figures in zip(RUNS, FIGURES):
        taken: list[int] = []
        for seed in seeds:
            near = np.flatnonzero((np.abs(figures - seed) < ROUNDED).all(axis=1))
            free = [int(run) for run in near if run not in taken]
            if not free:
                break
            taken.append(free[0])
        else:
            found.append(group.iloc[taken])
    return found


def contradictions(row: Row, runs: pd.DataFrame) -> list[str]:
    """What the row says and its runs do not."""
    wrong = []
    for column in ("valid", "test"):
        cell = row.behind(f"{column} NDCG@10")
        said = numbers(cell)
        values = runs[f"{column} ndcg@10"]
        if said and abs(said[0] - values.mean()) > ROUNDED:
            wrong.append(f"{column} mean {said[0]} is {values.mean():.5f}")
        if "±" in cell and abs(said[1] - values.std()) > ROUNDED:
            wrong.append(f"{column} deviation {said[1]} is {values.std():.5f}")
    recall = row.figures("Recall@10") or row.figures("test Recall@10")
    if len(recall) == 1 and abs(recall[0] - runs["test recall@10"].mean()) > ROUNDED:
        wrong.append(f"Recall@10 {recall[0]} is {runs['test recall@10'].mean():.5f}")
    for name, value in zip(row.header, row.values):
        column = {"best epochs": "best_epoch", "epochs": "epochs"}.get(name.split(",")[0])
        said_epochs = [int(number) for number in re.findall(r"\d+", value)]
        if column and said_epochs and said_epochs != list(runs[column]):
            wrong.append(f"{name} {value} are {list(runs[column])}")
    return wrong


def test_pages_have_rows_of_seeds() -> None:
    assert len(ROWS) > 80
    assert {row.page for row in ROWS} >= {"amazon_beauty.md", "amazon_scientific.md", "gpu.md"}


def exception(row: Row) -> tuple[str, str] | None:
    """The entry of WITHOUT_RUNS that the row's first filled cell begins with, the longest one."""
    name = next(cell for cell in row.values if cell)
    fitting = [
        entry for entry in WITHOUT_RUNS if entry[0] == row.page and name.startswith(entry[1])
    ]
    return max(fitting, key=lambda entry: len(entry[1]), default=None)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.page}:{row.line}")
def test_row_is_what_its_runs_are(row: Row) -> None:
    found = matching(row)
    if not found:
        assert exception(row) in WITHOUT_RUNS, f"no runs have these figures: {row.values}"
        return
    wrong = [contradictions(row, runs) for runs in found]
    assert [] in wrong, f"{row.values[0]}: {wrong[0]}"


def test_each_exception_is_needed() -> None:
    assert {exception(row) for row in ROWS if not matching(row)} == WITHOUT_RUNS


def test_a_wrong_figure_is_found() -> None:
    """The comparison itself: another mean, another epoch, another seed's figure."""
    row = next(row for row in ROWS if row.page == "gpu.md" and row.values[0] == "without CAMoE")
    runs = matching(row)[0]
    assert contradictions(row, runs) == []

    def with_cell(column: str, text: str) -> Row:
        values = [text if name == column else v for name, v in zip(row.header, row.values)]
        return Row(row.page, row.line, row.header, values)

    said = contradictions(with_cell("best epochs", "9 9 9 9 9"), runs)
    assert [text.split(" 9")[0] for text in said] == ["best epochs"]
    assert contradictions(with_cell("mean ± sd", ".0927 ± .0008"), runs)
    assert contradictions(with_cell("Recall@10", ".1480"), runs)
    other_seed = row.values[row.header.index("test NDCG@10 by seed")].replace(".0914", ".0999")
    assert not matching(with_cell("test NDCG@10 by seed", other_seed))
