"""Full ranking holds no more scores at a time than allowed, whatever the batch size."""

from __future__ import annotations

import logging

import pytest
from recbole.utils import get_trainer

from recbole_cammsr.compat.distributed_evaluation import EvaluationBatches


def rows_a_batch(loader):
    return [len(batch[0]) for batch in loader]


@pytest.mark.parametrize("mask_history", [False, True])
def test_batches_have_as_many_rows_as_scores_are_allowed(make_data, caplog, mask_history):
    caplog.set_level(logging.INFO)
    _, dataset, (_, valid, test) = make_data(mask_history=mask_history, max_logits=500)
    rows = 500 // dataset.item_num
    assert 1 < rows < 30
    for loader in (valid, test):
        counted = rows_a_batch(loader)
        assert max(counted) == rows
        assert sum(counted) == len(loader.dataset)
        assert len(loader) == len(counted)
        assert loader.step == loader._batch_size == rows
    assert f"ranking {rows} rows at a time, not eval_batch_size: 64" in caplog.text


@pytest.mark.parametrize("max_logits", [20 * 41, 1 << 26])
def test_where_they_fit_the_batch_size_is_the_users(make_data, caplog, max_logits):
    caplog.set_level(logging.INFO)
    _, dataset, (_, valid, _) = make_data(max_logits=max_logits, eval_batch_size=20)
    assert dataset.item_num == 41
    assert rows_a_batch(valid) == [20, 10]
    assert "rows at a time" not in caplog.text


def test_one_row_is_ranked_whatever_the_bound(make_data):
    _, _, (_, valid, _) = make_data(max_logits=1)
    assert rows_a_batch(valid) == [1] * len(valid.dataset)


@pytest.mark.parametrize("mask_history", [False, True])
def test_recboles_own_models_have_the_batch_size_that_was_given(make_data, mask_history):
    _, _, (_, valid, _) = make_data(
        "SASRec", mask_history=mask_history, eval_batch_size=20, max_logits=1
    )
    # a setting that SASRec does not read is in its Config too, where a script gives it
    assert rows_a_batch(valid) == ([20, 10] if not mask_history else [1] * 30)


@pytest.mark.parametrize("mask_history", [False, True])
def test_metrics_are_those_of_one_batch(make_model, mask_history):
    results = []
    for max_logits in (1 << 26, 300):
        config, _, loaders, model = make_model(mask_history=mask_history, max_logits=max_logits)
        trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
        results.append(trainer.evaluate(loaders[2], load_best_model=False))
    assert results[0] == results[1]


@pytest.mark.parametrize("mask_history", [False, True])
def test_a_loader_that_was_saved_has_the_batches_of_the_run_that_reads_it(make_data, mask_history):
    for size in (12, 7):
        _, _, (_, valid, _) = make_data(
            mask_history=mask_history, save_dataloaders=True, eval_batch_size=size
        )
        assert max(rows_a_batch(valid)) == size


def test_several_processes_share_the_batches_of_the_run_that_reads_a_saved_loader(make_data):
    config, _, (_, valid, _) = make_data(eval_batch_size=12)
    shared = EvaluationBatches(30, 12, drawn=False)
    object.__setattr__(valid, "batch_sampler", shared)  # as compat/distributed_evaluation.py does
    config["eval_batch_size"] = 7
    valid.update_config(config)
    assert shared.size == 7


def test_a_bound_that_is_none_is_left_to_the_model_to_refuse(make_data, make_model):
    _, _, (_, valid, _) = make_data(max_logits="many", eval_batch_size=20)
    assert rows_a_batch(valid) == [20, 10]
    with pytest.raises(ValueError, match="max_logits"):
        make_model(max_logits="many")
