"""A checkpoint is not opened on data that give users and items other numbers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from recbole_cammsr.cli import evaluation
from recbole_cammsr.run import checkpoints
from recbole_cammsr.run.errors import RunError


def train(make_data: Any, model: str) -> str:
    from recbole.utils import get_model, get_trainer

    config, _, (train, valid, _) = make_data(model, epochs=1)
    network = get_model(config["model"])(config, train.dataset)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, network)
    trainer.fit(train, valid, saved=True)
    return str(trainer.saved_model_file)


def shuffle(path: Path, seed: int) -> None:
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    random.Random(seed).shuffle(lines)
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def test_lines_in_another_order_are_refused(make_data: Any, toy_path: Path) -> None:
    path = train(make_data, "SASRec")
    before = evaluation.evaluate(path).test
    inter = toy_path / "toy" / "toy.inter"
    text = inter.read_text(encoding="utf-8")
    shuffle(inter, seed=1)
    with pytest.raises(RunError, match=r"other users or items, .* another order.*toy\.inter"):
        evaluation.evaluate(path)
    inter.write_text(text, encoding="utf-8")
    assert evaluation.evaluate(path).test == before


def test_a_run_does_not_go_on_with_them_either(make_data: Any, make_config: Any, toy_path: Path):
    from recbole.data import create_dataset

    path = train(make_data, "SASRec")
    config = make_config("SASRec", epochs=1)
    create_dataset(config)
    checkpoints.check_goes_on(config, path)
    shuffle(toy_path / "toy" / "toy.inter", seed=1)
    create_dataset(config)
    with pytest.raises(RunError, match="another order"):
        checkpoints.check_goes_on(config, path)


def test_a_checkpoint_without_a_digest_is_opened(
    make_data: Any, toy_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recbole_cammsr.data import token_digest

    monkeypatch.setattr(token_digest, "note", lambda config, dataset: None)
    path = train(make_data, "SASRec")
    monkeypatch.undo()
    assert evaluation.evaluate(path).test
