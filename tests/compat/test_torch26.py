"""RecBole loads its own checkpoints, and torch.load is nobody else's to change."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from recbole_cammsr.compat import torch26
from recbole_cammsr.compat.module_proxy import ModuleProxy


@pytest.fixture(autouse=True)
def _no_help_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", raising=False)


def test_train_evaluate_resume_and_load(
    make_model: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from recbole.quick_start import load_data_and_model
    from recbole.trainer import Trainer

    config, _, (train, valid, test), model = make_model("SASRec", epochs=1, n_layers=1)
    trainer = Trainer(config, model)
    trainer.fit(train, valid, saved=True, verbose=False)
    result = trainer.evaluate(test, load_best_model=True)
    saved = Path(trainer.saved_model_file)

    loaded_config, loaded, _, _, _, loaded_test = load_data_and_model(str(saved))
    assert loaded_config["model"] == "SASRec"
    for name, value in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=0, atol=0)
    again = Trainer(loaded_config, loaded)
    assert again.evaluate(loaded_test, load_best_model=False) == result

    again.resume_checkpoint(str(saved))
    assert again.start_epoch == 1
    assert again.best_valid_score == trainer.best_valid_score

    if torch26._refuses_pickled_objects() and _version() >= (2, 6):
        with pytest.raises(Exception, match=r"[Ww]eights.only"):
            torch.load(saved)  # a call that is not RecBole's


def _version() -> tuple[int, int]:
    major, minor = torch.__version__.split(".")[:2]
    return int(major), int(minor)


@pytest.mark.parametrize("name", torch26.LOADING_MODULES)
def test_every_loading_module_is_mended(name: str) -> None:
    module = importlib.import_module(name)
    if torch26._refuses_pickled_objects():
        assert module.torch.load is torch26.load_checkpoint
    assert module.torch.Tensor is torch.Tensor
    assert torch.load is not torch26.load_checkpoint


def test_caller_can_still_choose(tmp_path: Path) -> None:
    path = tmp_path / "object.pth"
    torch.save({"path": Path("x")}, path)
    assert torch26.load_checkpoint(path) == {"path": Path("x")}
    with pytest.raises(Exception, match=r"[Ww]eights.only|Unsupported"):
        torch26.load_checkpoint(path, weights_only=True)


def test_left_alone_where_torch_loads_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(file: Any, weights_only: bool = False) -> None:
        """As in torch 2.1."""

    monkeypatch.setattr(torch, "load", load)
    module: Any = ModuleType("trainer")
    module.torch = torch
    torch26._load_pickled_objects(module)
    assert module.torch is torch


def test_a_checkpoint_of_a_gpu_opens_without_one(
    make_model: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a GPU writes it: its storages and its settings say `cuda:0`."""
    from recbole.quick_start import load_data_and_model
    from recbole.trainer import Trainer

    config, _, _, model = make_model(epochs=1)
    trainer = Trainer(config, model)
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        config["device"] = torch.device("cuda:0")
        trainer._save_checkpoint(0, verbose=False)
    saved = Path(trainer.saved_model_file)
    with pytest.raises(RuntimeError, match="CUDA"):
        torch26.load_checkpoint(saved)
    loaded_config, loaded, *_ = load_data_and_model(str(saved))
    assert loaded_config["device"] == torch.device("cpu")
    for name, value in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=0, atol=0)


def saved_by_hand(make_model: Callable[..., Any], path: Path, model_class: type) -> Any:
    """A checkpoint as a script's that gives its class to Config in place of a name."""
    from recbole.config import Config
    from recbole.trainer import Trainer

    settings = make_model()[0].external_config_dict
    config = Config(model_class, "toy", config_dict=settings)
    model = model_class(config, make_model()[1])
    Trainer(config, model)._save_checkpoint(0, saved_model_file=str(path), verbose=False)
    return model


def test_a_class_in_place_of_a_name_is_found_again(
    make_model: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recbole.quick_start import load_data_and_model

    from recbole_cammsr.model.cammsr import CAMMSR
    from recbole_cammsr.run import checkpoints

    mine = type("Mine", (CAMMSR,), {"__module__": __name__})
    monkeypatch.setattr(importlib.import_module(__name__), "Mine", mine, raising=False)
    model = saved_by_hand(make_model, tmp_path / "c.pth", mine)
    for opened in (load_data_and_model, checkpoints.open_checkpoint):
        loaded = opened(str(tmp_path / "c.pth"))[1]
        assert type(loaded) is mine
        for name, value in model.state_dict().items():
            torch.testing.assert_close(loaded.state_dict()[name], value, rtol=0, atol=0)


def test_the_class_of_a_script_is_named_elsewhere(
    make_model: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from recbole_cammsr.cli import run_recbole
    from recbole_cammsr.model.cammsr import CAMMSR

    mine = type("Mine", (CAMMSR,), {"__module__": "__main__"})
    with monkeypatch.context() as script:
        script.setattr(sys.modules["__main__"], "Mine", mine, raising=False)
        saved_by_hand(make_model, tmp_path / "c.pth", mine)
    assert run_recbole.main([f"--evaluate={tmp_path / 'c.pth'}"]) == 1
    assert "put the class in a module, and train anew (" in capsys.readouterr().err
    with pytest.raises(AttributeError, match=r"put the class in a module, .* 'Mine'"):
        torch26.load_checkpoint(tmp_path / "c.pth")


def test_proxy_shows_the_module_behind() -> None:
    proxy: Any = ModuleProxy(torch, load="mine")
    assert proxy.load == "mine"
    assert proxy.nn is torch.nn
    assert proxy.__name__ == "torch"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = proxy.nothing


@pytest.mark.parametrize("available", [True, False])
def test_a_gpu_that_this_machine_does_not_have_is_not_there(
    monkeypatch: pytest.MonkeyPatch, available: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    there = {"cpu": True, "cuda": available, "cuda:1": available, "cuda:2": False}
    assert {name: torch26._is_there(torch.device(name)) for name in there} == there


_SAMPLED = {"train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}}


def test_what_a_model_draws_and_keeps_to_itself_is_drawn_again(
    make_config: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made in RecBole's order: a random split comes between the seed and the model."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.general_recommender import BPR
    from recbole.quick_start import load_data_and_model
    from recbole.trainer import Trainer
    from recbole.utils import init_seed

    def init(self: Any, config: Any, dataset: Any) -> None:
        BPR.__init__(self, config, dataset)
        self.drawn = torch.rand(5)

    mine = type("Mine", (BPR,), {"__module__": __name__, "__init__": init})
    monkeypatch.setattr(importlib.import_module(__name__), "Mine", mine, raising=False)
    split = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user", "mode": "full"}
    settings = make_config("BPR", **_SAMPLED, eval_args=split).external_config_dict
    config = Config(mine, "toy", config_dict=settings)
    init_seed(config["seed"], config["reproducibility"])
    train = data_preparation(config, create_dataset(config))[0]
    init_seed(config["seed"], config["reproducibility"])
    model = mine(config, train._dataset)
    Trainer(config, model)._save_checkpoint(0, saved_model_file=f"{tmp_path}/c.pth", verbose=False)
    torch.rand(3)
    assert torch.equal(load_data_and_model(f"{tmp_path}/c.pth")[1].drawn, model.drawn)


def test_a_model_of_the_training_graph_is_opened_on_the_training_graph(
    make_model: Callable[..., Any], tmp_path: Path
) -> None:
    """Valid and test rows are no part of it."""
    from recbole.quick_start import load_data_and_model
    from recbole.trainer import Trainer

    split = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}
    config, _, _, model = make_model("LightGCN", **_SAMPLED, eval_args=split)
    Trainer(config, model)._save_checkpoint(0, saved_model_file=f"{tmp_path}/c.pth", verbose=False)
    opened = load_data_and_model(f"{tmp_path}/c.pth")[1]
    torch.testing.assert_close(opened.norm_adj_matrix.to_dense(), model.norm_adj_matrix.to_dense())
