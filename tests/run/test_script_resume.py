"""A script that resumes a checkpoint by hand loses none, and is told why one does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from recbole_cammsr.run.errors import RunError


@pytest.fixture
def make_trainer(make_model: Callable) -> Callable:
    """Makes RecBole's trainer and its loaders, of a model with the given settings."""
    from recbole.utils import get_trainer

    def make(name: str = "CAMMSR", **settings: Any) -> Any:
        config, _, (train, valid, _), model = make_model(name, **settings)
        trainer = get_trainer(config["MODEL_TYPE"], name)(config, model)
        trainer._train_epoch = lambda *args, **keywords: 0.5  # what is learnt does not matter here
        trainer._valid_epoch = lambda *args, **keywords: (trainer.start_epoch / 10, {})
        return trainer, train, valid

    return make


def saved(make_trainer: Callable, path: Any, name: str = "CAMMSR", **settings: Any) -> str:
    """The checkpoint of a trainer after three epochs."""
    make_trainer(name, **settings)[0]._save_checkpoint(
        2, verbose=False, saved_model_file=str(path / "c.pth")
    )
    return str(path / "c.pth")


def epoch_of(path: str) -> int:
    return int(torch.load(path, weights_only=False)["epoch"])


@pytest.mark.parametrize("epochs", [3, 2])
def test_a_checkpoint_that_is_trained_to_the_end_is_not_overwritten(make_trainer, tmp_path, epochs):
    path = saved(make_trainer, tmp_path)
    trainer, *data = make_trainer(epochs=epochs)
    trainer.resume_checkpoint(path)
    with pytest.raises(RunError) as refusal:
        trainer.fit(*data, verbose=False)
    assert str(refusal.value) == (
        f"{path} has already been trained for 3 epochs: give a larger --epochs than {epochs}, or "
        "look at it with --evaluate"
    )
    assert epoch_of(path) == 2
    trainer.fit(*data, False, False)  # saves nothing, and so costs nothing
    assert epoch_of(path) == 2


def test_what_is_left_to_train_is_trained(make_trainer, tmp_path):
    path = saved(make_trainer, tmp_path)
    trainer, *data = make_trainer(epochs=4)
    trainer.resume_checkpoint(path)
    assert trainer.fit(*data, verbose=False)[0] == 0.3
    assert epoch_of(path) == 3


def test_a_model_that_is_not_to_be_trained_is_saved_as_ever(make_trainer):
    trainer, *data = make_trainer(epochs=0)
    for _ in range(2):
        trainer.fit(*data, verbose=False)
        assert epoch_of(trainer.saved_model_file) == -1


@pytest.mark.parametrize(
    ("trained", "settings", "says"),
    [
        (
            "CAMMSR",
            {"hidden_size": 32},
            "was trained with hidden_size: 16, not 32, and its parameters do not fit those of this "
            "run: keep what it was trained with, or train anew",
        ),
        (
            "CAMMSR",
            {"category_field": "genres"},
            "was trained with category_field: genre, not genres, and its parameters do not fit "
            "those of this run: keep what it was trained with, or train anew",
        ),
        ("SASRec", {}, "is a checkpoint of SASRec, which does not fit CAMMSR"),
        ("UniSRec", {}, "is a checkpoint of UniSRec, which does not fit CAMMSR"),
    ],
)
def test_what_does_not_fit_is_a_sentence(make_trainer, tmp_path, trained, settings, says):
    path = saved(make_trainer, tmp_path, trained)
    trainer, *_ = make_trainer(**settings)
    with pytest.raises(RunError) as refusal:
        trainer.resume_checkpoint(path)
    assert str(refusal.value) == f"{path} {says}"


def test_recboles_own_models_have_its_trainer(make_trainer, tmp_path):
    path = saved(make_trainer, tmp_path, "SASRec")
    trainer, *data = make_trainer("SASRec", epochs=3)
    trainer.resume_checkpoint(path)
    trainer.fit(*data, verbose=False)
    assert epoch_of(path) == -1
    with pytest.raises(RuntimeError, match="state_dict"):
        make_trainer("SASRec", hidden_size=32)[0].resume_checkpoint(path)
