"""docs/results/history.md and gpu.md say what the files of own items in runs/ say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

DOCS = Path(__file__).parents[2] / "docs"
RUNS = DOCS / "results" / "runs" / "own_history.csv"
TITLES = {
    "amazon_beauty": "**Amazon Beauty**",
    "amazon_scientific": "**Amazon Scientific**",
    "ml-100k": "**MovieLens-100K**",
}
PAGES = [("history.md", "own_history.csv"), ("gpu.md", "gpu_own_history.csv")]


@pytest.fixture(scope="module")
def history_table() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(DOCS / "measurements" / "history_table.py")))


def rows_below(title: str, page: str) -> list[list[str]]:
    """The rows of the first table after ``title``, without its header and the marks of bold."""
    table = page.split(f"\n{title}\n", 1)[1].lstrip("\n").split("\n\n", 1)[0]
    lines = [line.replace("**", "") for line in table.splitlines()[2:]]
    return [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines]


@pytest.mark.parametrize(("page_name", "file"), PAGES)
def test_the_page_has_the_rows_of_the_file(
    history_table: SimpleNamespace, page_name: str, file: str
) -> None:
    page = (DOCS / "results" / page_name).read_text(encoding="utf-8")
    for dataset, rows in history_table.rows_of(RUNS.with_name(file)).items():
        assert sorted(rows_below(TITLES[dataset], page)) == sorted(rows)


def test_means_are_those_of_pandas(history_table: SimpleNamespace) -> None:
    runs = pd.read_csv(RUNS)
    means = runs.groupby(["dataset", "model"]).mean(numeric_only=True)
    for dataset, rows in history_table.rows_of(RUNS).items():
        for model, _, *figures in rows:
            expected = means.loc[(dataset, model)].drop("seed")
            assert [float(figure) for figure in figures[1:]] == pytest.approx(
                expected.tolist()[1:], abs=5.1e-5
            )
            assert float(figures[0]) == pytest.approx(expected.iloc[0], abs=5.1e-3)


def test_seeds_and_rounding(history_table: SimpleNamespace) -> None:
    assert history_table.seeds_in_words([3, 1, 2]) == "1 to 3"
    assert history_table.seeds_in_words([2, 1]) == "1, 2"
    assert history_table.seeds_in_words([4, 1, 2]) == "1, 2, 4"
    assert history_table.mean_of(["0.04", "0.06005"], 4) == ".0500"
    assert history_table.mean_of(["0.07685"], 4) == ".0768"
    assert history_table.mean_of(["1.405", "0.4"], 2) == "0.90"


def test_what_is_no_record_is_refused(history_table: SimpleNamespace, tmp_path: Path) -> None:
    text = RUNS.read_text(encoding="utf-8").splitlines()
    twice = tmp_path / "twice.csv"
    twice.write_text("\n".join([*text, text[1]]) + "\n", encoding="utf-8")
    _, model, seed, *_ = text[1].split(",")
    says = re.escape(f"twice.csv has seeds twice: {[[model, seed]]}")
    with pytest.raises(ValueError, match=says):
        history_table.rows_of(twice)
    with pytest.raises(FileNotFoundError, match=r"lost\.csv is no file"):
        history_table.rows_of(tmp_path / "lost.csv")
    words = tmp_path / "words.csv"
    for content in ("", 'a,b\n1,"2\n', "a\n1\n1,2\n"):
        words.write_text(content, encoding="utf-8")
        with pytest.raises(ValueError, match=r"words\.csv is not what own_history\.py writes: "):
            history_table.rows_of(words)
    for figure in ("many", "", "inf"):
        row = text[1].split(",")
        row[5] = figure
        words.write_text("\n".join([text[0], ",".join(row)]) + "\n", encoding="utf-8")
        with pytest.raises(ValueError, match=r"words\.csv has no number in a column of \['amazon"):
            history_table.rows_of(words)
    words.write_text(text[0] + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"words\.csv has no rows of the test split"):
        history_table.rows_of(words)
    short = tmp_path / "short.csv"
    short.write_text("dataset,model,seed,split\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"short\.csv lacks the columns"):
        history_table.rows_of(short)
