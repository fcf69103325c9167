"""What a checkpoint is resumed and evaluated with: what it was trained with, or a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recbole_cammsr.cli import run_recbole
from recbole_cammsr.run import checkpoints, known_settings, training
from recbole_cammsr.run.errors import RunError, UsageError, describe


@pytest.fixture
def make_trainer(make_model: Callable) -> Callable:
    """Makes RecBole's trainer of a model with the given settings."""
    from recbole.utils import get_trainer

    def make(name: str, **settings: Any) -> Any:
        config, _, _, model = make_model(name, epochs=5, **settings)
        return get_trainer(config["MODEL_TYPE"], name)(config, model)

    return make


@pytest.mark.parametrize(
    ("name", "settings", "differing"),
    [
        ("CAMMSR", {"modalities": ["text"]}, "modalities: [text, image], not [text]"),
        ("CAMMSR", {"modalities": ["image"]}, "modalities: [text, image], not [image]"),
        (
            "CAMMSR",
            {"modalities": ["image", "text"]},
            "modalities: [text, image], not [image, text]",
        ),
        (
            "CAMMSR",
            {"use_id": False, "learning_rate": 1, "attn_dropout_prob": 0},
            "use_id: True, not False",
        ),
        (
            "CAMMSR",
            {"n_layers": 1, "inner_size": 8},
            "n_layers: 2, not 1 and inner_size: 32, not 8",
        ),
        ("CAMMSR", {"fusion": "sum"}, "fusion: camoe, not sum"),
        ("CAMMSR", {"complete_missing": False}, "complete_missing: True, not False"),
        ("SASRec", {"n_layers": 1, "topk": [3], "eval_batch_size": 5}, "n_layers: 2, not 1"),
        (
            "SASRec",
            {"item_inter_num_interval": "[9,inf)"},
            "item_inter_num_interval: [0,inf), not [9,inf)",
        ),
    ],
)
def test_every_setting_that_differs_is_named(make_trainer, tmp_path, name, settings, differing):
    path = str(tmp_path / "c.pth")
    make_trainer(name)._save_checkpoint(0, saved_model_file=path, verbose=False)
    trainer = make_trainer(name, **settings)
    with pytest.raises(RunError) as refusal:
        training._continue_from(trainer, path)
    assert describe(refusal.value) == (
        f"{path} was trained with {differing}, and its parameters do not fit those of this run: "
        "keep what it was trained with, or train anew"
    )


def test_what_changes_no_parameter_goes_on(make_trainer, tmp_path):
    path = str(tmp_path / "c.pth")
    make_trainer("CAMMSR")._save_checkpoint(0, saved_model_file=path, verbose=False)
    trainer = make_trainer("CAMMSR", hidden_dropout_prob=0.1, swap_weight=0)
    training._continue_from(trainer, path)
    assert trainer.start_epoch == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("SASRec", "the data or the package have changed since; train anew"),
        ("CAMMSR", "there are 41 items, and 40 in the checkpoint"),
    ],
)
def test_data_that_changed_are_named_where_no_setting_differs(
    make_trainer, tmp_path, toy_path, name, says
):
    path = str(tmp_path / "c.pth")
    make_trainer(name)._save_checkpoint(0, saved_model_file=path, verbose=False)
    with open(toy_path / "toy" / "toy.inter", "a", encoding="utf-8") as file:
        file.write("u0\tnew\t1500000000\n")
    with pytest.raises((RunError, ValueError), match=says):
        training._continue_from(make_trainer(name, hidden_dropout_prob=0.1), path)


def test_another_failure_is_not_taken_for_it(make_trainer):
    trainer = make_trainer("SASRec")

    def fail(path: str) -> None:
        raise RuntimeError("out of memory")

    trainer.resume_checkpoint = fail
    with pytest.raises(RuntimeError, match="out of memory"):
        training._continue_from(trainer, "c.pth")


@pytest.mark.parametrize("learner", ["adamw", "sgd", "rmsprop"])
def test_another_learner_does_not_go_on_from_the_state_of_the_first(
    make_checkpoint, capsys, learner
):
    path = make_checkpoint("SASRec", loss_type="CE", train_neg_sample_args=None)
    assert run_recbole.main([f"--resume={path}", "--epochs=2", f"--learner={learner}"]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"was trained with learner: adam, not {learner}, which cannot go on" in error


def test_a_resumed_model_is_the_one_whose_settings_are_known(make_checkpoint, capsys):
    path = make_checkpoint("SASRec", loss_type="CE", train_neg_sample_args=None)
    code = run_recbole.main([f"--resume={path}", "--epochs=2", "--swap_weight=5"])
    error = capsys.readouterr().err
    assert code == 0, error
    assert "SASRec will not read the setting 'swap_weight'" in error


def test_settings_of_a_resumed_model_of_ones_own_are_known(toy_path, tmp_path, monkeypatch, capsys):
    (tmp_path / "resumed_models.py").write_text(
        "from recbole_cammsr.model.cammsr import CAMMSR\nclass Mine(CAMMSR):\n    pass\n"
    )
    (tmp_path / "Mine.yaml").write_text("hidden_sizes: 3\n")  # nearly the name of another
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["run_recbole"])
    settings = ["--dataset=toy", f"--data_path={toy_path}", "--category_field=genre"]
    settings += ["--modalities=[]", "--hidden_size=16", "--expert_size=16", "--hidden_sizes=4"]
    code = run_recbole.main(["--model=resumed_models.Mine", *settings, "--epochs=1"])
    assert code == 0, capsys.readouterr().err
    known_settings._noted.clear()  # as in a new process
    (path,) = (tmp_path / "saved").glob("*.pth")
    capsys.readouterr()
    code = run_recbole.main([f"--resume={path}", "--hidden_sizes=4", "--epochs=2"])
    error = capsys.readouterr().err
    assert code == 0, error
    assert "hidden_sizes" not in error


@pytest.mark.parametrize(
    ("model", "setting"), [("CAMMSR", "scoring=cosine"), ("SASRec", "n_heads=1")]
)
def test_a_checkpoint_does_not_go_on_with_other_scores(make_checkpoint, capsys, model, setting):
    """Where no epoch were better, the old parameters would be tested with the new setting."""
    more = {} if model == "CAMMSR" else {"loss_type": "CE", "train_neg_sample_args": None}
    path = make_checkpoint(model, **more)
    assert run_recbole.main([f"--resume={path}", "--epochs=2", f"--{setting}"]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    name, _, value = setting.partition("=")
    assert f"was trained with {name}: " in error
    assert f", not {value}, and would give other scores with it" in error


def test_a_part_of_the_evaluation_leaves_the_rest_as_it_was(make_checkpoint, capsys):
    split = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}
    path = make_checkpoint("SASRec", loss_type="CE", train_neg_sample_args=None, eval_args=split)
    code = run_recbole.main([f"--resume={path}", "--epochs=2", "--eval_args={'mode':'full'}"])
    assert code == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "setting", "value", "more"),
    [
        ("CAMMSR", "gate_scale", 1.0, {}),
        ("CAMMSR", "hidden_act", "relu", {}),
        ("CAMMSR", "time_unit", 7, {"time_encoding": "experts"}),
        ("CAMMSR", "interval_scale", 7, {"time_encoding": "experts"}),
        ("SASRec", "layer_norm_eps", 0.5, {"loss_type": "CE"}),
        ("UniSRec", "feature_scaling", "standardise", {"modalities": ["text"]}),
        ("TedRec", "original_defects", True, {"modalities": ["text"]}),
        ("HM4SR", "original_defects", True, {"category_weight": 0}),
        ("MISSRec", "original_defects", True, {}),
        ("MISSRec", "interest_share", 0.2, {}),
        ("MISSRec", "neighbour_share", 0.9, {}),
        ("GRU4Rec", "MAX_ITEM_LIST_LENGTH", 2, {"loss_type": "CE"}),
        ("LightGCN", "n_layers", 1, {}),
    ],
)
def test_whatever_changes_the_scores_of_the_same_parameters_is_compared(
    make_model, tmp_path, model, setting, value, more
):
    """The scores say which settings those are: no test here knows the list."""
    path = str(tmp_path / "c.pth")
    config, _, loaders, before = make_model(model, **more)
    with torch.no_grad():  # as after training: gates start at zero
        for parameter in before.parameters():
            parameter.add_(torch.randn_like(parameter) / 10)
    torch.save({"config": config, "state_dict": before.state_dict(), "epoch": 0}, path)
    checkpoints.check_goes_on(config, path)
    changed, _, now, after = make_model(model, **more, **{setting: value})
    after.load_state_dict(before.state_dict())
    with torch.no_grad():
        scores = [
            each.eval().full_sort_predict(next(iter(of_each[2]))[0]).view(-1, before.n_items)[:, 1:]
            for each, of_each in ((before, loaders), (after, now))
        ]
    assert not torch.allclose(*scores)
    with pytest.raises(RunError, match=f"was trained with {setting}: .*other scores with it"):
        checkpoints.check_goes_on(changed, path)


def note(config: Any, path: Path) -> str:
    """The checkpoint of a run with this configuration, without parameters."""
    torch.save({"config": config, "state_dict": {}, "epoch": 0}, path)
    return str(path)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"eval_args": {"split": {"LS": "valid_only"}}}, "eval_args split"),
        ({"eval_args": {"order": "RO"}}, "eval_args order"),
        ({"eval_args": {"group_by": None}}, "eval_args group_by"),
        ({"eval_args": {"mode": "uni5"}}, "eval_args mode of validation"),
        ({"eval_args": {"mode": {"valid": "uni5", "test": "full"}}}, "eval_args mode of valid"),
        ({"eval_args": {"mode": {"valid": "full", "test": "uni5"}}}, None),
        ({"repeatable": False}, "repeatable"),
        ({"valid_metric": "Recall@10"}, "valid_metric"),
        ({"valid_metric": "ndcg@10"}, None),
        ({"mask_history": True}, "mask_history"),
        ({"mask_history": False}, None),
        ({"learner": "Adam", "epochs": 9, "eval_batch_size": 7, "metrics": ["NDCG"]}, None),
    ],
    ids=str,
)
def test_a_best_score_is_compared_with_its_like_alone(make_config, tmp_path, settings, named):
    split = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}
    common = {"valid_metric": "NDCG@10", "repeatable": True, "eval_args": split}
    path = note(make_config("BPR", **common), tmp_path / "c.pth")
    parts = settings.get("eval_args", {})
    config = make_config("BPR", **{**common, **settings, "eval_args": {**split, **parts}})
    if named is None:
        checkpoints.check_goes_on(config, path)
        return
    with pytest.raises(RunError, match=f"was validated with {named}"):
        checkpoints.check_goes_on(config, path)


def test_a_checkpoint_of_a_run_of_several_processes_is_resumed_by_one(make_config, tmp_path):
    several = {"nproc": 2, "world_size": 4, "ip": "x", "port": "1", "group_offset": 2}
    config = make_config("BPR", **several, embedding_size=8)
    config.external_config_dict.update(local_rank=1, offset=2)  # as RecBole's worker has them
    origin = checkpoints.origin_of(note(config, tmp_path / "c.pth"))
    assert (origin.model, origin.dataset) == ("BPR", "toy")
    assert origin.settings["embedding_size"] == 8
    assert not {*several, "local_rank", "offset", "model", "dataset"} & set(origin.settings)


def test_a_model_or_data_set_given_beside_a_checkpoint_is_its_own():
    origin = checkpoints.Origin("CAMMSR", "toy", {})
    for model, dataset in ((None, None), ("CAMMSR", None), (None, "toy"), ("CAMMSR", "toy")):
        checkpoints.check_same(origin, "c.pth", model, dataset)
    with pytest.raises(UsageError, match="was trained with --model=CAMMSR, not SASRec"):
        checkpoints.check_same(origin, "c.pth", "SASRec", "toy")
    with pytest.raises(UsageError, match="was trained with --dataset=toy, not other"):
        checkpoints.check_same(origin, "c.pth", None, "other")


@pytest.mark.parametrize("content", ["nothing", "half", "text", "tensor", "weights", "no epoch"])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path, content):
    path = tmp_path / "c.pth"
    whole: Any = {"config": 1, "state_dict": {"weight": torch.zeros(99)}, "epoch": 0}
    if content == "tensor":
        whole = torch.zeros(3)
    elif content in ("weights", "no epoch"):
        whole.pop("config" if content == "weights" else "epoch")
    torch.save(whole, path)
    if content in ("nothing", "half", "text"):
        stored = path.read_bytes()
        kept = {"nothing": b"", "half": stored[: len(stored) // 2], "text": b"epochs: 3\n"}
        path.write_bytes(kept[content])
    with pytest.raises(RunError, match=r"c\.pth is (damaged, or )?no checkpoint|damaged, or no"):
        checkpoints.load(str(path))


def test_no_gpu_is_taken_where_none_is_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    for given, visible, kind in (("", "", "cpu"), ("2", "2", "cuda"), ([0, 1], "0,1", "cuda")):
        config: dict[str, Any] = {"gpu_id": given}
        checkpoints._choose_device(config)
        assert (config["device"].type, config["gpu_id"]) == (kind, visible)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == visible


def test_a_checkpoint_is_not_opened_on_other_features(make_trainer, toy_path, tmp_path):
    """Of the same size, they fit: what they were is noted beside the parameters."""
    path = str(tmp_path / "c.pth")
    make_trainer("CAMMSR")._save_checkpoint(0, saved_model_file=path, verbose=False)
    checkpoints.open_checkpoint(path)
    file = toy_path / "toy" / "toy.text.npz"
    with np.load(file) as stored:
        tokens, features = stored["item_id"], stored["feature"]
    np.savez(file, item_id=tokens, feature=features[::-1])
    with pytest.raises(ValueError, match=r"features of modality 'text' .* are not those"):
        checkpoints.open_checkpoint(path)
