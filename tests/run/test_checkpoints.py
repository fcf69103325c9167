"""What a checkpoint is resumed and evaluated with: what it was trained with, or a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recbole_cammsr.cli import run_recbole
from recbole_cammsr.run import known_settings, training
from recbole_cammsr.run.errors import RunError, describe


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
        ("SASRec", {"n_layers": 1}, "n_layers: 2, not 1"),
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
