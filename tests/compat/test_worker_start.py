"""Workers get the loaders' generators whatever way they start."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import recbole_cammsr
from recbole_cammsr.compat import worker_start
from recbole_cammsr.compat.sendable_generator import SendableGenerator

ROOT = str(Path(recbole_cammsr.__file__).resolve().parents[1])
#: a user's own file: what a worker that starts from nothing imports again
SCRIPT = """
import json
import multiprocessing
import sys

import recbole_cammsr
from recbole.config import Config
from recbole.data import create_dataset, data_preparation


def loaders(model, settings, worker, **more):
    options = {**settings[model], "worker": worker, **more}
    config = Config(model=model, dataset="toy", config_dict=options)
    return data_preparation(config, create_dataset(config))


def rows(train, valid=()):
    told = [batch["item_id"].tolist() for batch in train]
    return told + [batch[0]["item_id_list"].tolist() for batch in valid]


if __name__ == "__main__":
    method, settings = sys.argv.pop(1), json.loads(sys.argv.pop(1))
    multiprocessing.set_start_method(method)
    if method == "forkserver":  # a worker of its own imports torch and RecBole in seconds
        multiprocessing.set_forkserver_preload(["recbole_cammsr", "recbole.data"])
    (train, valid, _), (with_train, with_valid, _) = (
        loaders("CAMMSR", settings, worker) for worker in (0, 1)
    )
    alone = rows(train, valid)
    print("CAMMSR", len(alone), alone == rows(with_train, with_valid))
    alone, helped = (rows(loaders("SASRec", settings, worker)[0]) for worker in (0, 1))
    print("SASRec", len(alone), alone == helped)
    loaders("CAMMSR", settings, 1, save_dataloaders=True)
    read = rows(loaders("CAMMSR", settings, 1, save_dataloaders=True)[0])
    print("CAMMSR", len(read), read == rows(loaders("CAMMSR", settings, 0)[0]))
"""


@pytest.mark.parametrize("draws", [0, 3])
def test_a_generator_that_was_sent_goes_on_as_the_original(draws: int) -> None:
    generator, plain = SendableGenerator(), torch.Generator()
    for each in (generator, plain):
        each.manual_seed(5)
        torch.randperm(9, generator=each)
        torch.rand(draws, generator=each)
    sent = pickle.loads(pickle.dumps(generator))
    assert sent.device == generator.device
    expected = torch.rand(7, generator=plain)
    for each in (generator, sent):
        assert torch.equal(torch.rand(7, generator=each), expected)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_give_the_same_batches(
    method: str, tmp_path: Path, make_config: Callable[..., Any]
) -> None:
    settings = {
        model: dict(make_config(model).external_config_dict) for model in ("CAMMSR", "SASRec")
    }
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT, encoding="utf-8")
    path = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))
    run = subprocess.run(
        [sys.executable, str(script), method, json.dumps(settings)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr
    told = [
        line.split() for line in run.stdout.splitlines() if line.startswith(("CAMMSR ", "SASRec "))
    ]
    assert [model for model, _, same in told if same == "True"] == ["CAMMSR", "SASRec", "CAMMSR"]
    assert all(int(count) > 2 for _, count, _ in told)


def test_left_alone_where_generators_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worker_start._gets_lost(torch.Generator)
    assert not worker_start._gets_lost(SendableGenerator)
    monkeypatch.setattr(torch, "Generator", SendableGenerator)
    module = ModuleType("abstract_dataloader")
    module.torch = torch  # type: ignore[attr-defined]
    worker_start._offer_sendable_generator(module)
    assert module.torch is torch
