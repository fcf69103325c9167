"""The LaTeX tables of ``run_recbole_group``: RecBole's, where one direction fits all columns."""

from __future__ import annotations

import pytest

from recbole_cammsr.cli import run_recbole_group
from recbole_cammsr.run.training import Outcome


def written(tmp_path, models, results, split="test"):
    """The lines of the table of these results."""
    outcomes = [
        Outcome(model, "d", result if split == "valid" else {}, result, True, None)
        for model, result in zip(models, results)
    ]
    path = tmp_path / "table.tex"
    run_recbole_group._write_latex(outcomes, split, str(path))
    assert [one.name for one in tmp_path.iterdir()] == ["table.tex"]
    return path.read_text(encoding="utf-8")


def cells(latex, model):
    """A row of the table, without the model."""
    (line,) = [line for line in latex.splitlines() if line.startswith(f"{model} & ")]
    return [cell.strip() for cell in line.removesuffix(r"\\").split(" & ")[1:]]


def test_each_column_has_its_own_direction(tmp_path):
    latex = written(
        tmp_path,
        ["Pop", "BPR"],
        [
            {"ndcg@10": 0.1, "giniindex@10": 0.9, "averagepopularity@10": 60.0, "gauc": 0.5},
            {"ndcg@10": 0.2, "giniindex@10": 0.3, "averagepopularity@10": 20.0, "gauc": 0.5},
        ],
    )
    assert cells(latex, "Pop") == ["0.1000", "0.9000", "60.0000", r"\bfseries 0.5000"]
    assert cells(latex, "BPR") == [
        *[r"\bfseries 0.2000", r"\bfseries 0.3000", r"\bfseries 20.0000", r"\bfseries 0.5000"]
    ]


def test_names_are_escaped(tmp_path):
    latex = written(tmp_path, ["my_models.Mine", "BPR"], [{"my_metric@5": 0.1}] * 2)
    assert cells(latex, r"my\_models.Mine") == [r"\bfseries 0.1000"]
    assert r"Model & my\_metric@5 \\" in latex


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize("metrics", [["ndcg@10", "recall@5"], []])
def test_otherwise_the_file_is_that_of_recbole(tmp_path, metrics, split):
    from recbole.utils import list_to_latex

    models = ["Pop", "BPR", "SASRec"]
    results = [dict.fromkeys(metrics, place / 7) for place, _ in enumerate(models)]
    rows = [{"Model": model, **result} for model, result in zip(models, results)]
    _, stock = list_to_latex(rows, bigger_flag=True, subset_columns=metrics)
    assert written(tmp_path, models, results, split) == stock


def test_a_metric_that_a_model_lacks_shifts_no_row(tmp_path):
    results = [{"ndcg@10": 0.3}, {"ndcg@10": 0.2, "recall@10": 0.4}]
    latex = written(tmp_path, ["Pop", "BPR"], results)
    assert cells(latex, "Pop") == [r"\bfseries 0.3000", "-"]
    assert cells(latex, "BPR") == ["0.2000", r"\bfseries 0.4000"]
