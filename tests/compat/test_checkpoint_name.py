"""Runs that start in one second do not share a checkpoint."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def make_trainer(make_data: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trainers of tiny models, all made in the same second."""
    from recbole.trainer import trainer as module
    from recbole.utils import get_model, get_trainer

    monkeypatch.setattr(module, "get_local_time", lambda: "now")

    def make(seed: int) -> Any:
        config, _, (train, _, _) = make_data("SASRec", seed=seed, epochs=1)
        model = get_model(config["model"])(config, train.dataset)
        return get_trainer(config["MODEL_TYPE"], config["model"])(config, model)

    return make


def test_each_run_has_a_file_of_its_own(make_trainer: Any, tmp_path: Path) -> None:
    import torch

    first, second = make_trainer(1), make_trainer(2)
    assert first.saved_model_file == second.saved_model_file
    first._save_checkpoint(0)
    second._save_checkpoint(1)
    first._save_checkpoint(2)  # a later epoch of the same run
    saved = {path.name for path in (tmp_path / "saved").iterdir()}
    assert saved == {"SASRec-now.pth", "SASRec-now-2.pth"}
    for trainer, name, epoch in ((first, "SASRec-now.pth", 2), (second, "SASRec-now-2.pth", 1)):
        assert Path(trainer.saved_model_file).name == name
        content = torch.load(tmp_path / "saved" / name, weights_only=False)
        assert content["epoch"] == epoch


def test_a_run_that_goes_on_keeps_its_file(make_trainer: Any, tmp_path: Path) -> None:
    first = make_trainer(1)
    first._save_checkpoint(0)
    again = make_trainer(1)
    again.resume_checkpoint(first.saved_model_file)
    again._save_checkpoint(1)
    assert [path.name for path in (tmp_path / "saved").iterdir()] == ["SASRec-now.pth"]


def test_the_commands_way_of_saving_takes_one_too(make_trainer: Any, tmp_path: Path) -> None:
    from recbole_cammsr.run import training

    for seed in (1, 2):
        trainer = make_trainer(seed)
        training._save_whole_files(trainer)
        trainer._save_checkpoint(seed)
    saved = {path.name for path in (tmp_path / "saved").iterdir()}
    assert saved == {"SASRec-now.pth", "SASRec-now-2.pth"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_is_not_saved_takes_no_name(make_trainer: Any, tmp_path: Path) -> None:
    from recbole_cammsr.compat import checkpoint_name

    trainer = make_trainer(1)
    assert names(tmp_path / "saved") == set()
    path = Path(checkpoint_name.claim(trainer))
    assert names(tmp_path / "saved") == {f"{path.name}.taken"}
    assert Path(checkpoint_name.claim(make_trainer(2))).name == "SASRec-now-2.pth"
    del trainer  # as at the end of the process
    gc.collect()
    assert names(tmp_path / "saved") == set()


@pytest.mark.parametrize("by_the_command", [False, True])
def test_a_checkpoint_is_never_an_empty_file(
    make_trainer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_the_command: bool
) -> None:
    """A run killed before its first checkpoint leaves nothing that looks like one."""
    import torch

    from recbole_cammsr.run import training

    trainer = make_trainer(1)
    if by_the_command:
        training._save_whole_files(trainer)
    seen = []
    stock_save = torch.save

    def save(*arguments: Any, **keywords: Any) -> None:
        seen.append(names(tmp_path / "saved"))
        stock_save(*arguments, **keywords)

    monkeypatch.setattr(torch, "save", save)
    trainer._save_checkpoint(0)
    assert seen == [{"SASRec-now.pth.taken"}]
    assert names(tmp_path / "saved") == {"SASRec-now.pth"}
