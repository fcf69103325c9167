"""A small generated data set, and RecBole objects made from it, for all tests."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# before torch: threads that spin while they wait cost minutes where other tests run beside
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pytest
import torch
import yaml
from hypothesis import HealthCheck, settings

# No limit on an example's time: a machine that is busy for a moment is no failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _on_the_cpu() -> Iterator[None]:
    """RecBole takes a GPU wherever torch sees one, whatever `use_gpu` says; the tests do not.

    They compare with tensors of the CPU, and must say the same on every machine.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        yield


@pytest.fixture(scope="session", autouse=True)
def _settings_parsed_once() -> Iterator[None]:
    """RecBole parses the same four files anew for every Config, which was a fifth of all tests."""
    stock: Callable[..., Any] = yaml.load
    parsed: dict[tuple[str, Any], Any] = {}

    def load(stream: Any, Loader: Any) -> Any:
        if not isinstance(stream, str):
            return stock(stream, Loader)
        if (stream, Loader) not in parsed:
            parsed[stream, Loader] = stock(stream, Loader)
        return copy.deepcopy(parsed[stream, Loader])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "load", load)
        yield


DATASET = "toy"
N_USERS, N_ITEMS = 30, 40


def write_toy_dataset(folder: Path, seed: int = 0) -> Path:
    """Write ``toy.inter``, ``toy.item`` and features of two modalities below ``folder``.

    Item tokens are not row numbers, times are seven digits apart and not sorted in the file, some
    items lack a modality or a category, and the feature files have rows of unknown items.
    """
    rng = np.random.default_rng(seed)
    target = folder / DATASET
    target.mkdir(parents=True, exist_ok=True)
    tokens = [f"i{index:03d}" for index in rng.permutation(900)[:N_ITEMS]]
    lines = []
    for user in range(N_USERS):
        length = int(rng.integers(5, 30))
        times = 1_400_000_000 + np.sort(rng.integers(0, 500, size=length))
        items = rng.integers(0, N_ITEMS, size=length)
        lines += [f"u{user}\t{tokens[i]}\t{t}" for i, t in zip(items, times)]
    rng.shuffle(lines)
    header = "user_id:token\titem_id:token\ttimestamp:float"
    (target / f"{DATASET}.inter").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")

    genres = ["drama", "comedy", "crime", "war"]
    rows = ["item_id:token\tgenre:token\tgenres:token_seq"]
    for token in tokens[:-3]:
        chosen = rng.choice(genres, size=int(rng.integers(1, 4)), replace=False)
        rows.append(f"{token}\t{chosen[0]}\t{' '.join(chosen)}")
    rows.append(f"{tokens[-3]}\t\t")
    (target / f"{DATASET}.item").write_text("\n".join(rows) + "\n", encoding="utf-8")

    text = np.array([*tokens[:-2], "stranger"])
    np.savez(
        target / f"{DATASET}.text.npz",
        item_id=text,
        feature=rng.normal(size=(len(text), 12)).astype(np.float32),
    )
    image = np.array(tokens[5:])
    np.savez(
        target / f"{DATASET}.image.npz",
        item_id=image,
        feature=rng.normal(size=(len(image), 7)).astype(np.float16),
    )
    return target


@pytest.fixture
def toy_path(tmp_path: Path) -> Path:
    """Folder that holds the folder of the toy data set."""
    write_toy_dataset(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def make_config(toy_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Makes a RecBole Config over the toy data set; keyword arguments override settings."""
    monkeypatch.setattr(sys, "argv", ["pytest"])  # RecBole reads settings from the command line
    from recbole.config import Config

    from recbole_cammsr.registry import MODELS

    def make(model: str = "CAMMSR", dataset: str = DATASET, **settings: Any) -> Any:
        defaults: dict[str, Any] = {
            "data_path": str(toy_path),
            "checkpoint_dir": str(tmp_path / "saved"),
            "use_gpu": False,
            "show_progress": False,
            "epochs": 2,
            "train_batch_size": 64,
            "eval_batch_size": 64,
            "hidden_size": 16,
            "inner_size": 32,
            "MAX_ITEM_LIST_LENGTH": 10,
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "train_neg_sample_args": None,
        }
        if model in MODELS:
            defaults.update(modalities=["text", "image"], category_field="genre")
        if model == "CAMMSR":
            defaults.update(expert_size=16)
        return Config(model=model, dataset=dataset, config_dict={**defaults, **settings})

    return make


@pytest.fixture
def make_data(make_config: Callable) -> Callable:
    """Makes ``config, dataset, (train, valid, test loaders)`` with the given settings."""
    from recbole.data import create_dataset, data_preparation

    def make(model: str = "CAMMSR", **settings: Any) -> Any:
        config = make_config(model, **settings)
        dataset = create_dataset(config)
        return config, dataset, data_preparation(config, dataset)

    return make


@pytest.fixture
def make_model(make_data: Callable) -> Callable:
    """Makes ``config, dataset, loaders, model`` with the given settings."""
    from recbole.utils import get_model, init_seed

    def make(model: str = "CAMMSR", **settings: Any) -> Any:
        config, dataset, loaders = make_data(model, **settings)
        init_seed(config["seed"], config["reproducibility"])
        return config, dataset, loaders, get_model(model)(config, loaders[0]._dataset)

    return make


@pytest.fixture
def make_checkpoint(
    toy_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Trains a tiny model and gives the path of its checkpoint; ``ranks`` has its test ranks."""
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.chdir(tmp_path)  # RecBole writes its logs into the current folder

    def make(model: str = "CAMMSR", **settings: Any) -> str:
        from recbole_cammsr.analysis.job import TrainingJob
        from recbole_cammsr.analysis.run_job import run_job

        common: dict[str, Any] = {
            **{"data_path": str(toy_path), "gpu_id": "", "epochs": 1, "hidden_size": 16},
            **{"inner_size": 32, "MAX_ITEM_LIST_LENGTH": 10},
            **{"load_col": {"inter": ["user_id", "item_id", "timestamp"]}},
        }
        if model == "CAMMSR":
            common.update(modalities=["text", "image"], category_field="genre", expert_size=16)
        path = tmp_path / f"{model}.pth"
        job = TrainingJob(model, DATASET, 1, {**common, **settings})
        _, make.ranks = run_job(job, tmp_path / "scratch", path)
        return str(path)

    return make


@pytest.fixture
def add_titles(toy_path: Path) -> Callable[[str, str], None]:
    """Gives the item file of the toy data a column of titles: a prefix, and the token."""

    def add(name: str, prefix: str) -> None:
        path = toy_path / DATASET / f"{DATASET}.item"
        header, *rows = path.read_text(encoding="utf-8").splitlines()
        rows = [f"{row}\t{prefix}{row.partition(chr(9))[0]}" for row in rows]
        text = "\n".join([f"{header}\t{name}:token_seq", *rows]) + "\n"
        path.write_text(text, encoding="utf-8")

    return add
