"""The table of RecBole's models, of which docs/recbole.md tells, is made by a script that works."""

from __future__ import annotations

import csv
import inspect
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "measurements" / "recbole_models.py"
PAGE = SCRIPT.parents[1] / "recbole.md"


@pytest.fixture(scope="module")
def script() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_a_row_of_each_stage_says_whether_the_model_trains_and_opens_again(tmp_path):
    table = tmp_path / "here.csv"
    models = ["BPR", "S3Rec", "KGAT", "SASRecCPR"]
    command = [sys.executable, str(SCRIPT), "--output", str(table), "--models", *models]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found = {(row["model"], row["stage"]): row for row in rows(table)}
    assert sorted(found) == [
        ("BPR", "0"),
        ("KGAT", "0"),
        ("S3Rec", "0"),
        ("S3Rec", "1"),
        ("SASRecCPR", "0"),
    ]
    whole = [found["BPR", "0"], found["KGAT", "0"], found["S3Rec", "1"]]
    assert {(row["trained"], row["opened again"], row["error"]) for row in whole} == {
        ("True", "True", "")
    }
    assert all("ndcg@10=" in row["validation"] and "ndcg@10=" in row["test"] for row in whole)
    # the page says that RecBole counts this model's operations by what it lacks
    assert found["SASRecCPR", "0"]["trained"] == "False"
    assert found["SASRecCPR", "0"]["error"].startswith("AssertionError")
    assert not (tmp_path / "log").exists()


def test_every_model_that_recbole_has_is_tried(script):
    from recbole.model import (
        context_aware_recommender,
        general_recommender,
        knowledge_aware_recommender,
        sequential_recommender,
    )

    tried = dict(reversed(pair) for pair in script.models())
    packages = [
        general_recommender,
        context_aware_recommender,
        sequential_recommender,
        knowledge_aware_recommender,
    ]
    exported = {
        name
        for package in packages
        for name, each in vars(package).items()
        if inspect.isclass(each) and each.__module__.startswith(package.__name__)
    }
    assert set(tried) == exported | {"LightGBM", "XGBoost"}
    assert f"All {len(tried)} were tried" in PAGE.read_text(encoding="utf-8")
    asked = set(script.NEEDED) | set(script.STAGES) | set(script.ROWS) | set(script.PAIRWISE)
    assert asked <= set(tried)


def test_the_data_are_the_same_every_time(script, tmp_path):
    for name in ("first", "second"):
        script.write_data(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "first" / "small").iterdir())
    suffixes = ["entity", "inter", "item", "kg", "link", "relation", "user"]
    assert files == [f"small.{suffix}" for suffix in suffixes]
    for name in files:
        first, second = (
            (tmp_path / run / "small" / name).read_text() for run in ("first", "second")
        )
        assert first == second


def test_two_tables_are_compared_row_by_row(script, tmp_path):
    header = ",".join(script.COLUMNS)
    here = [
        "BPR,0,True,True,ndcg@10=0.2,ndcg@10=0.1,",
        "Pop,0,True,True,ndcg@10=0.2,ndcg@10=0.1,",
        "NCL,0,True,True,ndcg@10=0.2,ndcg@10=0.1,",
        "KSR,0,False,,,,RuntimeError: float",
        "FM,0,True,True,auc=0.5,auc=0.5,",
    ]
    stock = [here[0], here[1].replace("0.1", "0.3"), "NCL,0,False,,,,no faiss", here[3]]
    for name, lines in (("here.csv", here), ("stock.csv", stock)):
        (tmp_path / name).write_text("\n".join([header, *lines]) + "\n")
    assert script.compare(tmp_path / "here.csv", tmp_path / "stock.csv") == [
        "Pop 0, test: ndcg@10=0.1 | ndcg@10=0.3",
        "NCL 0, validation: ndcg@10=0.2 | -",
        "NCL 0, test: ndcg@10=0.1 | -",
        "NCL 0, error: - | no faiss",
        "2 of 4 rows are the same",
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--output", "here.csv", "--models", "BPR", "CAMMSR"], "RecBole has no CAMMSR"),
        (["--output", "nowhere/here.csv"], "there is no folder nowhere"),
        (["--compare", "here.csv", "stock.csv"], "here.csv is no file"),
        ([], "--output is missing"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, given, says):
    command = [sys.executable, str(SCRIPT), *given]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert says in done.stderr
    assert not list(tmp_path.iterdir())
