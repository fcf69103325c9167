"""Printed tables."""

from __future__ import annotations

import io

import pytest

from recbole_cammsr.cli import tables
from recbole_cammsr.run.training import Outcome


def outcome(model: str, valid: float, test: float) -> Outcome:
    return Outcome(model, "d", {"ndcg@10": valid}, {"ndcg@10": test}, True, "./saved/m.pth")


def test_summary_holds_metrics_and_checkpoint():
    assert tables.summary(outcome("M", 0.5, 0.25)).splitlines() == [
        "M on d",
        "metric   best valid    test",
        "-------  ----------  ------",
        "ndcg@10      0.5000  0.2500",
        "checkpoint  saved/m.pth",
    ]


def test_a_missing_result_is_a_dash():
    empty = Outcome("M", "d", {}, {"ndcg@10": 0.25}, True, None)
    assert tables.summary(empty).splitlines()[-1].split() == ["ndcg@10", "-", "0.2500"]


def test_comparison_marks_the_best():
    first, second = outcome("First", 0.5, 0.2), outcome("B", 0.4, 0.3)
    rows = [line.split() for line in tables.comparison([first, second], "test").splitlines()[3:]]
    assert rows == [["First", "0.2000"], ["B", "0.3000*"]]
    rows = [line.split() for line in tables.comparison([first, second], "valid").splitlines()[3:]]
    assert rows == [["First", "0.5000*"], ["B", "0.4000"]]


@pytest.mark.parametrize("bigger", [True, False])
def test_of_each_metric_the_best_is_marked_whatever_chose_the_checkpoint(bigger):
    """As RecBole's classes say: the smallest Gini index and error, the largest of the others."""
    pair = [
        Outcome(model, "d", {}, {"ndcg@10": a, "giniindex@10": b, "rmse": b}, bigger, None)
        for model, a, b in (("A", 0.1, 0.2), ("B", 0.4, 0.3))
    ]
    rows = [line.split() for line in tables.comparison(pair, "test").splitlines()[3:]]
    assert rows == [
        ["A", "0.1000", "0.2000*", "0.2000*"],
        ["B", "0.4000*", "0.3000", "0.3000"],
    ]


def test_what_an_encoding_lacks_costs_no_table(monkeypatch):
    written = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr("sys.stdout", written)
    tables.show("✓ ≈ ✗ Les Misérables… 愛")
    written.flush()
    assert written.buffer.getvalue().decode("cp1252").strip() == "= ~ x Les Misérables. ?"


def test_a_closed_standard_error_costs_no_table(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr", None)  # what python makes of 2>&-
    tables.show("a table")
    assert capsys.readouterr().out == "\na table\n"


def test_metrics_of_validation_are_shown_where_nothing_was_tested():
    untested = Outcome("M", "d", {"ndcg@10": 0.25}, {}, True, None)
    assert tables.summary(untested).splitlines()[-1].split() == ["ndcg@10", "0.2500", "-"]


def test_a_metric_that_a_model_lacks_is_a_column_of_those_that_have_it():
    results = [{"ndcg@10": 0.3}, {"ndcg@10": 0.2, "rmse": 0.9}, {"ndcg@10": 0.1, "rmse": 0.8}]
    outcomes = [Outcome(name, "d", {}, each, True, None) for name, each in zip("ABC", results)]
    header, _, *rows = tables.comparison(outcomes, "test").splitlines()[1:]
    assert header.split() == ["model", "ndcg@10", "rmse"]
    assert [row.split() for row in rows] == [
        ["A", "0.3000*", "-"],
        ["B", "0.2000", "0.9000"],
        ["C", "0.1000", "0.8000*"],
    ]


def test_nothing_is_the_best_of_one():
    assert "*" not in tables.comparison([outcome("M", 0.5, 0.25)], "test")
