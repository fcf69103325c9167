"""A job gives what ``run_recbole`` gives, ranks equal RecBole's evaluator, tuning sees no test."""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import replace

import numpy as np
import pytest

from recbole_cammsr.analysis.breakdown import CATEGORY, groups
from recbole_cammsr.analysis.job import TUNE, TrainingJob
from recbole_cammsr.analysis.ranks import per_user
from recbole_cammsr.analysis.run_job import make_config, run_job
from recbole_cammsr.data.npz_member import map_npz_member

METRICS = ["Recall", "NDCG", "MRR", "Hit", "Precision", "MAP"]


@pytest.fixture
def make_job(toy_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pytest"])

    def make(model="CAMMSR", **settings):
        defaults = {
            "data_path": str(toy_path),
            "use_gpu": False,
            "gpu_id": "",
            "epochs": 2,
            "train_batch_size": 64,
            "eval_batch_size": 7,  # several batches, the last one smaller
            "hidden_size": 16,
            "inner_size": 32,
            "metrics": METRICS,
            "topk": [1, 5, 10],
            "valid_metric": "NDCG@10",
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        }
        if model == "CAMMSR":
            defaults.update(modalities=["text", "image"], category_field="genre", expert_size=16)
        return TrainingJob(model, "toy", 3, {**defaults, **settings})

    return make


def test_the_code_of_a_result_is_that_which_trained(make_job, tmp_path, monkeypatch):
    """Edited while a run goes on, the files are not what it was made with."""
    digests = iter(["as it began", "as it ended"])
    monkeypatch.setattr("recbole_cammsr.analysis.digests.code_digest", lambda model: next(digests))
    result, _ = run_job(make_job("Pop"), tmp_path)
    assert result.code == "as it began"


@pytest.mark.parametrize("changed", [True, False])
def test_data_that_change_under_a_run_fail_it(make_job, toy_path, tmp_path, monkeypatch, changed):
    """Its checkpoint is not kept, either. A file that was only touched is the same."""
    from recbole.trainer import Trainer

    stock = Trainer.fit
    path = toy_path / "toy" / "toy.inter"

    def fit(self, *arguments, **keywords):
        path.write_text(path.read_text() + ("u0\ti000\t1\n" if changed else ""))
        os.utime(path, ns=(0, 0))
        return stock(self, *arguments, **keywords)

    monkeypatch.setattr(Trainer, "fit", fit)
    kept = tmp_path / "kept.pth"
    if changed:
        with pytest.raises(ValueError, match=r"toy\.inter changed while the run was going on"):
            run_job(make_job(epochs=1), tmp_path, kept)
    else:
        run_job(make_job(epochs=1), tmp_path, kept)
    assert kept.exists() != changed


def by_run_recbole(job, folder):
    from recbole.quick_start.quick_start import run_recbole

    from recbole_cammsr.run import protocol

    chosen = {**job.settings, "seed": job.seed}
    settings = {**protocol.settings_for(job.model, job.dataset, chosen), **chosen}
    return run_recbole(
        model=job.model,
        dataset=job.dataset,
        config_dict={**settings, "checkpoint_dir": str(folder), "show_progress": False},
    )


@pytest.mark.parametrize("model", ["CAMMSR", "SASRec", "GRU4Rec", "Pop", "LightGCN"])
def test_a_job_is_what_run_recbole_gives(make_job, tmp_path, monkeypatch, model):
    """Pop scores most items alike: ties must fall as in RecBole's evaluator."""
    job = make_job(model)
    result, ranks = run_job(job, tmp_path / "scratch")
    monkeypatch.chdir(tmp_path)  # RecBole writes its logs into the current folder
    stock = by_run_recbole(job, tmp_path / "stock")
    assert result.valid == pytest.approx(dict(stock["best_valid_result"]))
    assert set(result.test) == set(stock["test_result"])
    assert len(result.test) == 18
    for metric, value in stock["test_result"].items():
        assert result.test[metric] == pytest.approx(value, abs=0.5001e-4), metric
        assert result.test[metric] == per_user(metric, ranks.rank).mean()
    assert len(ranks.user) == len(set(ranks.user)) == 30


@pytest.mark.parametrize("model", ["CAMMSR", "Pop"])
def test_sampled_evaluation_gives_every_user_one_row(make_job, tmp_path, model):
    split = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user"}
    job = make_job(model, eval_args={**split, "mode": "uni15"}, eval_batch_size=64)
    result, ranks = run_job(job, tmp_path)
    assert len(set(ranks.user)) == len(ranks.user) == 30
    assert ranks.rank.max() <= 16
    assert result.test["mrr@10"] == per_user("mrr@10", ranks.rank).mean()


def test_a_tuning_job_never_ranks_the_test_split(make_job, tmp_path, monkeypatch):
    from recbole.trainer import Trainer

    ranked = []
    stock = Trainer.evaluate

    def evaluate(self, eval_data, *args, **keywords):
        ranked.append(eval_data)
        return stock(self, eval_data, *args, **keywords)

    monkeypatch.setattr(Trainer, "evaluate", evaluate)
    result, ranks = run_job(replace(make_job(), stage=TUNE), tmp_path)
    assert ranks is None
    assert result.test == {}
    assert result.valid["ndcg@10"] >= 0
    assert len({id(loader) for loader in ranked}) == 1  # validation, in every epoch


def test_what_is_kept_of_a_row_is_counted_from_the_file(make_job, toy_path, tmp_path):
    _, ranks = run_job(make_job(), tmp_path)
    lines = (toy_path / "toy" / "toy.inter").read_text().splitlines()[1:]
    events = [line.split("\t") for line in lines]
    histories = {}
    for order, (user, item, time) in enumerate(events):
        histories.setdefault(user, []).append((int(time), order, item))
    histories = {user: [item for _, _, item in sorted(rows)] for user, rows in histories.items()}
    train = [item for items in histories.values() for item in items[:-2]]
    item_lines = (toy_path / "toy" / "toy.item").read_text().splitlines()[1:]
    genre = {line.split("\t")[0]: line.split("\t")[1] for line in item_lines}
    for row in range(len(ranks.user)):
        items = histories[ranks.user[row]]
        assert ranks.target[row] == items[-1]
        assert ranks.history_length[row] == len(items) - 1
        assert ranks.popularity[row] == train.count(items[-1])
        assert ranks.category[row] == genre.get(items[-1], "")
        assert ranks.last_popularity[row] == train.count(items[-2])
    _, of_all = run_job(make_job("Pop"), tmp_path)
    assert of_all.last_popularity is None  # a model without histories


def test_labels_of_a_target_are_told_apart_whatever_they_hold(make_job, toy_path, tmp_path):
    path = toy_path / "toy" / "toy.item"
    path.write_text(path.read_text().replace("war", "R|B").replace("crime", "a,b;c"))
    lines = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    labels = {item: set(several.split()) for item, _, several in lines}
    _, ranks = run_job(make_job(category_field="genres", epochs=1), tmp_path)
    expected = {}
    for row, target in enumerate(ranks.target):
        for label in labels.get(target, ()):
            expected.setdefault(label, set()).add(row)
    found = {name: set(rows) for kind, name, rows in groups(ranks) if kind == CATEGORY}
    assert found == expected
    assert "R|B" in found


def test_with_a_ratio_each_row_counts_the_history_before_its_own_target(
    make_job, toy_path, tmp_path
):
    split = {"RS": [0.4, 0.2, 0.4]}
    split = {"eval_args": {"split": split, "order": "TO", "group_by": "user", "mode": "full"}}
    most = 5
    job = make_job(**split, MAX_ITEM_LIST_LENGTH=most)
    _, ranks = run_job(job, tmp_path)
    lines = (toy_path / "toy" / "toy.inter").read_text().splitlines()[1:]
    histories = {}
    for order, (user, item, time) in enumerate(line.split("\t") for line in lines):
        histories.setdefault(user, []).append((int(time), order, item))
    lengths = set()
    for user in sorted(set(ranks.user)):
        items = [item for _, _, item in sorted(histories[user])]
        rows = ranks.user == user
        for target, length in zip(ranks.target[rows], ranks.history_length[rows]):
            assert target in [item for i, item in enumerate(items) if min(i, most) == length]
            lengths.add((user, length))
    assert len(lengths) > len(set(ranks.user))


def test_a_result_names_the_files_that_its_run_read(make_job, tmp_path):
    job = replace(make_job(), corruption={"category_noise": 0.5, "missing": 0.5})
    result, _ = run_job(job, tmp_path / "a")
    assert set(result.data) == {"toy.inter", "toy.item", "toy.text.npz", "toy.image.npz"}
    plain, _ = run_job(make_job("Pop"), tmp_path / "b")
    tables = ("toy.inter", "toy.item")
    assert plain.data == {name: result.data[name] for name in tables}


def test_cost_is_measured(make_job, tmp_path):
    result, _ = run_job(make_job(), tmp_path)
    assert result.epochs == 2
    assert result.best_epoch in (1, 2)
    assert all(value > 0 for value in result.cost.values())
    assert result.memory_of == "process"


def test_operations_are_those_of_one_ranked_row_and_one_target(
    make_job, toy_path, tmp_path, monkeypatch
):
    """A batch that holds the whole training part has as many targets with packing as without."""
    monkeypatch.setattr(
        "recbole_cammsr.analysis.cost.flops",
        lambda model, batch, rows, ranked: (float(ranked), 1.0),
    )
    lines = (toy_path / "toy" / "toy.inter").read_text().splitlines()[1:]
    users = len({line.split("\t")[0] for line in lines})
    targets = len(lines) - 3 * users  # the first has no history, the last two are held out
    for model in ("CAMMSR", "SASRec"):
        job = make_job(model, epochs=1, train_batch_size=10_000)
        cost = run_job(job, tmp_path / model)[0].cost
        assert (cost["score_flops"], cost["train_flops"]) == (users, 1 / targets)


def test_operations_that_cannot_be_counted_cost_no_run(make_job, tmp_path, monkeypatch, caplog):
    def flops(*_):
        raise RuntimeError("no count of this")

    monkeypatch.setattr("recbole_cammsr.analysis.cost.flops", flops)
    result, ranks = run_job(make_job("SASRec", epochs=1), tmp_path)
    assert (result.cost["score_flops"], result.cost["train_flops"]) == (None, None)
    assert result.cost["parameters"] > 0
    assert len(ranks.user) == 30
    assert "no count of this" in caplog.text


def test_neither_the_command_line_nor_a_setting_changes_what_the_job_says(
    make_job, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys, "argv", ["worker", "--hidden_size=8", "--seed=9"])
    config = make_config(make_job(seed=5), tmp_path)
    assert (config["hidden_size"], config["seed"]) == (16, 3)


def test_a_metric_of_which_less_is_better_is_minimised(make_job, tmp_path, monkeypatch):
    from recbole.trainer import Trainer

    stock, values = Trainer._valid_epoch, []

    @functools.wraps(stock)
    def valid_epoch(self, *arguments, **keywords):
        values.append(stock(self, *arguments, **keywords)[0])
        return values[-1], {}

    monkeypatch.setattr(Trainer, "_valid_epoch", valid_epoch)
    settings = {"metrics": ["AveragePopularity"], "valid_metric": "AveragePopularity@10"}
    job = replace(make_job("SASRec", epochs=3, learning_rate=0.05, **settings), stage=TUNE)
    result, _ = run_job(job, tmp_path)
    assert not result.bigger_is_better
    assert len(set(values)) == 3
    assert result.best_epoch == 1 + int(np.argmin(values))


def test_every_seed_draws_its_own_damage(make_job, tmp_path):
    job = replace(make_job(epochs=1), corruption={"missing": 0.5, "category_noise": 0.5})
    damaged = []
    for seed in (3, 4):
        run_job(replace(job, seed=seed), tmp_path / str(seed))
        every = (tmp_path / str(seed) / "corrupted").rglob("*")
        damaged.append({path.name: path.read_bytes() for path in every if path.is_file()})
    for name in ("toy.item", "text.npz", "image.npz"):
        assert damaged[0][name] != damaged[1][name]


def test_tensorboard_is_back_for_whoever_trains_next(make_job, tmp_path):
    from recbole.trainer import trainer

    stock = trainer.get_tensorboard
    run_job(make_job("Pop"), tmp_path)
    assert trainer.get_tensorboard is stock


def test_small_batches_do_not_make_a_ranking_dearer(make_job, tmp_path):
    """The item table is made once for all of them. Rows of one length pad nothing either way."""
    small, large = (
        run_job(
            make_job(epochs=1, MAX_ITEM_LIST_LENGTH=2, eval_batch_size=rows), tmp_path / str(rows)
        )[0].cost
        for rows in (2, 30)
    )
    assert small["score_flops"] == pytest.approx(large["score_flops"], rel=1e-3)


def test_what_is_kept_between_batches_is_shared_by_all_ranked_rows():
    import torch
    from torch import nn

    from recbole_cammsr.analysis.cost import flops

    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(5, 7))

        def train(self, mode=True):
            self.table = None
            return super().train(mode)

        def full_sort_predict(self, rows):
            if self.table is None:
                self.table = torch.ones(11, 5) @ self.weight
            return rows @ self.table.t()

        def calculate_loss(self, rows):
            return self.full_sort_predict(rows).sum()

    rows = torch.ones(3, 7)
    scoring, _ = flops(Keeps(), rows, rows, 22)
    assert scoring == 2 * 7 * 11 + 2 * 11 * 5 * 7 / 22


def test_a_model_without_matrix_products_has_no_operations():
    import torch
    from torch import nn

    from recbole_cammsr.analysis.cost import flops

    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))

        def full_sort_predict(self, rows):
            return rows * self.weight

        def calculate_loss(self, rows):
            return (rows * self.weight).sum()

    rows = torch.ones(2, 3)
    assert flops(Counts(), rows, rows, 2) == (None, None)


def test_flops_of_a_linear_model_are_those_of_its_matrix_products():
    import torch
    from torch import nn

    from recbole_cammsr.analysis.cost import flops

    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(5, 7))

        def full_sort_predict(self, rows):
            return rows @ self.weight

        def calculate_loss(self, rows):
            return (rows @ self.weight).sum()

    rows = torch.ones(3, 5)
    scoring, training = flops(Linear(), rows, rows, 3)
    assert scoring == 2 * 5 * 7
    assert training == 2 * (2 * 3 * 5 * 7)  # forward, and the gradient of the weight


@pytest.mark.parametrize("chunks", [1, 3])
def test_flops_of_the_loss_over_the_catalogue_are_those_of_its_three_products(chunks):
    """Logits, and the gradients of both operands; these are added up in place."""
    import torch
    from torch import nn

    from recbole_cammsr.analysis.cost import flops
    from recbole_cammsr.model.losses import catalogue_cross_entropy

    targets, candidates, dimension = 12, 30, 8

    class Ranker(nn.Module):
        def __init__(self):
            super().__init__()
            self.items = nn.Parameter(torch.randn(1 + candidates, dimension))  # and padding

        def full_sort_predict(self, users):
            return users @ self.items.t()

        def calculate_loss(self, users):
            rows = torch.arange(1, 1 + targets)
            users = nn.Parameter(users)
            return catalogue_cross_entropy(users, self.items, rows, targets * candidates // chunks)

    users = torch.randn(targets, dimension)
    scoring, training = flops(Ranker(), users, users, targets)
    assert scoring == 2 * (1 + candidates) * dimension
    assert training == 3 * 2 * targets * candidates * dimension


def test_a_fused_transformer_layer_costs_in_ranking_what_its_plain_form_costs():
    """In evaluation torch takes it in one step, for which there is no count."""
    import torch
    from torch import nn

    from recbole_cammsr.analysis.cost import flops

    class Layer(nn.TransformerEncoderLayer):
        def full_sort_predict(self, rows):
            return self(rows)

        def calculate_loss(self, rows):
            return self(rows).sum()

    mha = pytest.importorskip("torch.backends.mha", reason="torch before 2.3 cannot be told not to")
    rows = torch.randn(3, 5, 8)
    before = mha.get_fastpath_enabled()
    scoring, _ = flops(Layer(8, 2, 16, batch_first=True), rows, rows, 3)
    projections = 4 * 8 * 8 + 2 * 8 * 16
    assert scoring == 2 * 5 * (projections + 2 * 5 * 8)  # and every position with every other one
    assert mha.get_fastpath_enabled() == before


def test_pre_split_files_may_ask_a_user_twice(make_job, toy_path, tmp_path):
    """Whatever `eval_args` says of a split; each row has a history of its own."""
    (toy_path / "parts").mkdir()
    head = "user_id:token\titem_id_list:token_seq\titem_id:token\n"
    for part, rows in {
        "train": "u1\ta\tb\nu1\ta b\tc\nu2\td\ta\n",
        "valid": "u1\ta b c\td\n",
        "test": "u1\ta b c d\te\nu1\tb c\ta\nu2\td a\tb\n",
    }.items():
        (toy_path / "parts" / f"parts.{part}.inter").write_text(head + rows)
    files = {"benchmark_filename": ["train", "valid", "test"], "load_col": None}
    few = {"topk": [1, 5], "valid_metric": "NDCG@5", "epochs": 1}  # of five items
    job = make_job("SASRec", **files, **few, alias_of_item_id=["item_id_list"])
    _, ranks = run_job(replace(job, dataset="parts"), tmp_path / "scratch")
    found = sorted(zip(ranks.user, ranks.target, ranks.history_length.tolist()))
    assert found == [("u1", "a", 2), ("u1", "e", 4), ("u2", "b", 2)]


def test_metrics_of_the_whole_catalogue_are_recboles(make_job, tmp_path, monkeypatch):
    job = make_job("Pop", metrics=["NDCG", "ItemCoverage"], epochs=1)
    result, _ = run_job(job, tmp_path / "scratch")
    monkeypatch.chdir(tmp_path)
    stock = by_run_recbole(job, tmp_path / "stock")["test_result"]
    assert result.test == pytest.approx(dict(stock), abs=0.5001e-4)
    assert result.test["itemcoverage@5"] > 0


def test_a_split_with_several_targets_a_row_is_refused(make_job, tmp_path):
    job = make_job("Pop", eval_args={"split": {"RS": [0.5, 0.2, 0.3]}, "order": "TO"})
    with pytest.raises(ValueError, match="leave-one-out"):
        run_job(job, tmp_path)


def test_wrong_labels_reach_the_model_but_not_the_groups_of_targets(
    make_job, tmp_path, monkeypatch
):
    from recbole_cammsr.data import categories

    job = replace(make_job(), corruption={"category_noise": 1.0})
    _, clean = run_job(make_job(), tmp_path / "a")
    read = []
    stock = categories.categories_of

    def spy(config, folder, *arguments):
        read.append(f"{folder}/{config['dataset']}.item")
        return stock(config, folder, *arguments)

    monkeypatch.setattr("recbole_cammsr.data.dataset.categories_of", spy)
    _, noisy = run_job(job, tmp_path / "b")
    assert (clean.target == noisy.target).all()
    assert set(clean.category) > {""}
    assert (clean.category == noisy.category).all()
    assert [str(tmp_path / "b" / "corrupted" / "data" / "toy" / "toy.item")] == read


def test_wrong_labels_go_with_features_in_a_folder_below_the_data(make_job, toy_path, tmp_path):
    (toy_path / "toy" / "features").mkdir()
    (toy_path / "toy" / "toy.text.npz").rename(toy_path / "toy" / "features" / "text.npz")
    files = {"text": "features/text.npz"}
    job = make_job(modality_files=files, epochs=1)
    result, _ = run_job(replace(job, corruption={"category_noise": 0.5}), tmp_path)
    assert result.epochs == 1


def test_missing_modalities_reach_the_model(make_job, tmp_path, caplog):
    import logging

    with caplog.at_level(logging.INFO):
        run_job(replace(make_job(), corruption={"missing": 0.5}), tmp_path)
    assert "text.npz" in caplog.text
    damaged = tmp_path / "corrupted" / "text.npz"
    assert np.load(damaged)["item_id"].shape == (19,)  # of 39
    assert map_npz_member(str(damaged), "feature") is not None  # as the original
