"""Columns of an experiment: what may be asked for, and what is refused before a run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from recbole_cammsr.analysis import experiment, metric_names
from recbole_cammsr.cli import ablate, benchmark
from recbole_cammsr.run.errors import UsageError

MINIMAL = {"datasets": ["toy"], "models": {"SASRec": None, "CAMMSR": None}, "seeds": [1]}


def plan_of(*metrics, **settings):
    plan = experiment.parse({**MINIMAL, "settings": settings})
    return replace(plan, metrics=metrics)


def test_one_name_is_a_list_of_one():
    assert experiment.parse({**MINIMAL, "metrics": "NDCG@10"}).metrics == ["NDCG@10"]
    assert experiment.parse({**MINIMAL, "metrics": ["a@1", "b@1", "a@1"]}).metrics == ["a@1", "b@1"]
    assert experiment.parse(MINIMAL).metrics == []
    for text in ("NDCG@10, Recall@10", "(NDCG@10,Recall@10,)"):
        with pytest.raises(UsageError, match=r"write a list: metrics: \[NDCG@10, Recall@10\]"):
            experiment.parse({**MINIMAL, "metrics": text})


def test_what_runs_compute_is_accepted():
    metric_names.check(plan_of("NDCG@10", "recall@10", "Precision@10"), "x")
    metric_names.check(plan_of("NDCG@3", "auc", metrics=["NDCG", "AUC"], topk=[3]), "x")
    metric_names.check(plan_of("hit@3", metrics="Hit", topk=3), "x")
    metric_names.check(replace(plan_of("mrr@20"), datasets={"ml-100k": {}}), "x")
    metric_names.check(plan_of("AUC"), "x")  # RecBole's default of some kinds of models


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (plan_of("NDGC@10"), "x: no run computes the metric 'NDGC@10'; did you mean 'ndcg@10'?"),
        (plan_of("NDCG@20"), "'NDCG@20'; .*`metrics` and `topk` change that"),
        (plan_of("NDCG"), "computes the metric 'NDCG'"),
        (
            replace(plan_of("NDCG@20"), datasets={"ml-100k": {}, "toy": {}}),
            "x: no run on toy computes the metric 'NDCG@20'",
        ),
        (plan_of("NDCG@10", topk=[5]), "computed are recall@5, mrr@5, ndcg@5"),
        (plan_of("NDCG@10", metrics=5), "`metrics` must be a list of names, not 5"),
    ],
)
def test_what_no_run_computes_is_refused(plan, says):
    with pytest.raises(UsageError, match=says) as caught:
        metric_names.check(plan, "x")
    assert "\n" not in str(caught.value)


def test_the_commands_refuse_it_before_a_run_and_name_their_own_option(tmp_path, capsys):
    out = tmp_path / "out"
    assert ablate.main(["--columns=NDGC@10", f"--output={out}", "--modalities_off"]) == 2
    assert "error: --columns=NDGC@10: no run computes" in capsys.readouterr().err
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, "datasets": ["ml-100k"], "metrics": "NDGC@10"}))
    assert benchmark.main([f"--experiment={path}", f"--output={out}"]) == 2
    assert f"error: 'metrics' of {path}: no run computes" in capsys.readouterr().err
    assert not out.exists()
