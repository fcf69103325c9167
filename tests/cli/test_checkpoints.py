"""Resuming with settings that give a model other parameters than its checkpoint has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recbole_cammsr.cli import training
from recbole_cammsr.cli.errors import RunError, describe


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
