"""Checkpoints of damaged runs open after the run, with the data that they were trained with."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest

from recbole_cammsr.analysis import kept_files
from recbole_cammsr.analysis.job import TrainingJob
from recbole_cammsr.analysis.run_job import run_job
from recbole_cammsr.analysis.store import ResultStore
from recbole_cammsr.analysis.trained_model import TrainedModel
from recbole_cammsr.cli import evaluation, run_recbole
from recbole_cammsr.data import dataset


@pytest.fixture
def make_job(toy_path, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.chdir(tmp_path)  # RecBole writes its logs into the current folder
    settings = {
        **{"data_path": str(toy_path), "use_gpu": False, "gpu_id": "", "epochs": 2},
        **{"hidden_size": 16, "inner_size": 32, "expert_size": 16, "valid_metric": "NDCG@10"},
        **{"load_col": {"inter": ["user_id", "item_id", "timestamp"]}},
        **{"modalities": ["text", "image"], "category_field": "genre"},
    }
    return lambda **damage: TrainingJob("CAMMSR", "toy", 3, settings, corruption=damage)


def run_and_keep(job, folder):
    """As a worker does."""
    store = ResultStore(folder)
    with store.scratch(job) as scratch:
        result, _ = run_job(job, scratch, store.checkpoint_path(job))
    store.tidy()
    return result, store.checkpoint_path(job)


@pytest.mark.parametrize(
    "damage", [{"category_noise": 0.5}, {"missing": 0.5}, {"category_noise": 0.5, "missing": 0.5}]
)
def test_a_kept_checkpoint_of_a_damaged_run_opens_from_any_folder(
    make_job, toy_path, tmp_path, monkeypatch, damage
):
    """The folder of results is a relative path, as on the command line."""
    result, path = run_and_keep(make_job(**damage), ResultStore("out").folder)
    path = (tmp_path / path).resolve()
    assert not (tmp_path / "out" / "scratch").exists()
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    outcome = evaluation.evaluate(str(path))
    for metric, value in outcome.test.items():
        assert value == pytest.approx(result.test[metric], abs=0.5001e-4), metric
    opened = TrainedModel(str(path))
    text = np.load(opened.config["modality_files"]["text"]) if "missing" in damage else None
    assert text is None or len(text["item_id"]) == 19  # of 39
    labels = f"{opened.config['data_path']}/toy.item"
    with open(labels, encoding="utf-8") as file:
        same = file.read() == (toy_path / "toy" / "toy.item").read_text(encoding="utf-8")
    assert same == ("category_noise" not in damage)


def test_a_damaged_run_is_resumed_with_its_damage(make_job, tmp_path, monkeypatch, capsys):
    _, path = run_and_keep(make_job(category_noise=0.5, missing=0.5), tmp_path / "out")
    read = []
    stock = dataset.CAMMSRDataset.__init__

    def watched(self, config):
        stock(self, config)
        read.append((config["data_path"], config["modality_files"]))

    monkeypatch.setattr(dataset.CAMMSRDataset, "__init__", watched)
    monkeypatch.setattr(sys, "argv", ["run_recbole"])
    code = run_recbole.main([f"--resume={path}", "--epochs=3", "--show_progress=False"])
    assert code == 0, capsys.readouterr().err
    opened = TrainedModel(str(path)).config
    folder = kept_files.folder_of(path)
    assert read[0] == (opened["data_path"], opened["modality_files"])
    assert read[0][0] == str(folder / "data" / "toy")
    assert read[0][1] == {name: str(folder / f"{name}.npz") for name in ("text", "image")}


def test_without_damage_nothing_lies_beside_the_checkpoint(make_job, tmp_path):
    _, path = run_and_keep(make_job(), tmp_path / "out")
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_run_that_fails_leaves_no_damaged_files(make_job, tmp_path, monkeypatch):
    from recbole.trainer import Trainer

    def fit(self, *arguments, **keywords):
        raise RuntimeError("no memory")

    monkeypatch.setattr(Trainer, "fit", fit)
    with pytest.raises(RuntimeError, match="no memory"):
        run_and_keep(make_job(category_noise=0.5, missing=0.5), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*-data"))


def test_what_a_killed_run_left_is_written_anew_and_the_originals_stay(
    make_job, toy_path, tmp_path
):
    job = make_job(category_noise=0.5, missing=0.5)
    before = {path.name: path.read_bytes() for path in (toy_path / "toy").iterdir()}
    _, path = run_and_keep(job, tmp_path / "out")
    folder = kept_files.folder_of(path)
    assert (folder / "data" / "toy" / "toy.inter").exists()
    (folder / "image.npz").write_bytes(b"half of a fi")
    run_and_keep(job, tmp_path / "out")
    assert len(np.load(folder / "image.npz")["item_id"]) > 0
    assert {path.name: path.read_bytes() for path in (toy_path / "toy").iterdir()} == before
    shutil.rmtree(folder)
    assert len(list((toy_path / "toy").iterdir())) == len(before)  # they were links
    with kept_files.damaged(tmp_path, path) as again:
        assert not again.exists()
    assert path.is_file()


def test_an_earlier_checkpoint_goes_with_the_files_that_it_read(tmp_path):
    path = tmp_path / "a.pth"
    path.touch()
    kept_files.folder_of(path).mkdir()
    with kept_files.damaged(tmp_path, path) as folder:
        assert not path.exists()
        folder.mkdir()
    assert not list(tmp_path.iterdir())
