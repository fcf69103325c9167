"""``run_recbole --evaluate``: a checkpoint's splits ranked again, as saved or as asked for."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_cammsr.analysis.trained_model import TrainedModel
from recbole_cammsr.cli import evaluation, run_recbole
from recbole_cammsr.run.errors import UsageError


@pytest.mark.parametrize("repeatable", [False, True])
def test_histories_of_general_models_are_masked_as_asked_for(make_checkpoint, repeatable):
    """RecBole's own switch is another one there, `repeatable`."""
    settings = {"eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}}
    path = make_checkpoint("BPR", repeatable=repeatable, **settings)
    found = {
        asked: evaluation.evaluate(path, {} if asked is None else {"mask_history": asked}).test
        for asked in (None, False, True)
    }
    assert found[None] == found[not repeatable]
    assert found[True] != found[False]
    trained = TrainedModel(path)  # ranks by loops over the scores
    known, everything = trained.dataset.inter_feat, []
    for user in trained.users:
        row = trained.row(user)
        scores = trained.model.full_sort_predict(row.interaction).view(-1).detach()
        number = trained.dataset.token2id(trained.dataset.uid_field, user)
        own = known[trained.dataset.iid_field][known[trained.dataset.uid_field] == number]
        left = set(range(1, len(scores))) - (set(own.tolist()) - {row.target})
        everything.append(1 + sum(float(scores[item] > scores[row.target]) for item in left))
    hits = sum(rank <= 10 for rank in everything) / len(everything)
    assert found[True]["recall@10"] == pytest.approx(hits, abs=1e-4)


def test_candidates_that_are_drawn_anew_are_named(make_checkpoint, capsys):
    split = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "uni10"}
    path = make_checkpoint(modalities=[], eval_args=split)
    evaluation.evaluate(path)
    assert "candidates are drawn anew (eval_args mode uni10)" in capsys.readouterr().err


def test_other_metrics_and_cut_offs_are_those_of_the_ranks(make_checkpoint):
    path = make_checkpoint(modalities=[], category_field=None, category_weight=0)
    changed = evaluation.changes({"metrics": "mrr", "topk": [3, 7], "metric_decimal_place": 9})
    outcome = evaluation.evaluate(path, {**changed, "show_progress": False, "eval_batch_size": 5})
    ranks = np.asarray(make_checkpoint.ranks.rank)
    assert list(outcome.test) == ["mrr@3", "mrr@7"]
    for cutoff in (3, 7):
        expected = np.where(ranks <= cutoff, 1 / ranks, 0).mean()
        assert outcome.test[f"mrr@{cutoff}"] == pytest.approx(expected, abs=1e-8)


def test_what_is_asked_for_has_the_form_of_recboles_config():
    assert evaluation.changes({"topk": 5, "metrics": "NDCG", "mask_history": None}) == {
        "topk": [5],
        "metrics": ["NDCG"],
    }
    assert evaluation.changes({"metric_decimal_place": 0}) == {"metric_decimal_place": 0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"topk": [5, 0]}, r"--topk must be whole numbers from 1, such as \[5,10\], not 0"),
        ({"topk": "ten"}, "--topk must be whole numbers from 1, .* not 'ten'"),
        ({"topk": True}, "--topk must be whole numbers from 1, .* not True"),
        ({"metrics": ["NDGC"]}, r"--metrics must name a metric of RecBole \(did you mean 'NDCG'"),
        ({"metrics": "NDCG@10"}, "metrics without cut-offs, which are --topk, not 'NDCG@10'"),
        ({"metric_decimal_place": -1}, "--metric_decimal_place must be a whole number from 0"),
        ({"metric_decimal_place": True}, "--metric_decimal_place must be a whole number from 0"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        evaluation.changes(given)


def test_metrics_of_values_are_refused_where_items_are_ranked(make_checkpoint):
    path = make_checkpoint(modalities=[], category_field=None, category_weight=0)
    with pytest.raises(UsageError, match=r"names RMSE, .* evaluated by \(ranking\)"):
        evaluation.evaluate(path, {"metrics": ["RMSE"]})


def test_other_settings_are_refused_and_those_that_may_be_given_named(tmp_path, capsys):
    assert run_recbole.main([f"--evaluate={tmp_path / 'x.pth'}", "--hidden_size=3"]) == 2
    error = capsys.readouterr().err
    assert "'--hidden_size=3' has no effect with --evaluate" in error
    assert "but for mask_history, metrics, topk" in error
    assert run_recbole.main([f"--evaluate={tmp_path / 'x.pth'}", "--data_path=d", "--gpu_id="]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_the_command_ranks_as_asked_for_and_takes_no_other_model(make_checkpoint, capsys):
    path = make_checkpoint(modalities=[], category_field=None, category_weight=0)
    given = [f"--evaluate={path}", "--metrics=MRR", "--topk=3", "--model=CAMMSR", "--dataset=toy"]
    assert run_recbole.main(given) == 0
    ranks = np.asarray(make_checkpoint.ranks.rank)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows if "@" in "".join(row[:1])] == ["mrr@3"]
    expected = np.where(ranks <= 3, 1 / ranks, 0).mean()
    assert float(next(row for row in rows if row[:1] == ["mrr@3"])[2]) == pytest.approx(
        expected, abs=1e-4
    )
    for other, says in (
        ("--model=SASRec", "was trained with --model=CAMMSR, not SASRec"),
        ("--dataset=other", "was trained with --dataset=toy, not other"),
        (f"--resume={path}", "has no effect with --evaluate"),
        ("--config_files=a.yaml", "has no effect with --evaluate"),
        ("--protocol", "has no effect with --evaluate"),
    ):
        assert run_recbole.main([f"--evaluate={path}", other]) == 2
        assert says in capsys.readouterr().err
