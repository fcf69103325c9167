"""A killed training goes on with the epochs that would have followed, to the last bit."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import pickle
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from recbole_cammsr.analysis import digests, training_state
from recbole_cammsr.analysis.cost import EpochClock
from recbole_cammsr.analysis.job import TUNE, TrainingJob
from recbole_cammsr.analysis.run_job import run_job
from recbole_cammsr.analysis.runner import Runner
from recbole_cammsr.analysis.store import ResultStore
from recbole_cammsr.analysis.training_state import TrainingState

EPOCHS = 5


class Killed(BaseException):
    """Ends a job as a kill does: nothing in between catches it."""


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr(training_state, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(training_state, "_WRITING_SHARE", 1e9)


@pytest.fixture
def make_job(toy_path, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.chdir(tmp_path)

    def make(model="CAMMSR", stage="test", **settings):
        defaults = {
            "data_path": str(toy_path),
            "gpu_id": "",
            "epochs": EPOCHS,
            "train_batch_size": 64,
            "eval_batch_size": 32,
            "hidden_size": 16,
            "inner_size": 32,
            "metrics": ["NDCG"],
            "topk": [10],
            "valid_metric": "NDCG@10",
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        }
        if model in ("CAMMSR", "MISSRec"):
            defaults.update(modalities=["text", "image"], category_field="genre")
        return TrainingJob(model, "toy", 3, {**defaults, **settings}, stage)

    return make


def kill_after(epoch, job, folder):
    """Run a job until the state after an epoch (from 0) has been dealt with."""
    stock = TrainingState.keep

    def keep(self, done):
        stock(self, done)
        if done == epoch:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingState, "keep", keep)
        with pytest.raises(Killed):
            run_job(job, folder / "killed", folder / "best.pth", folder / "state")


def go_on(job, folder):
    return run_job(job, folder / "again", folder / "best.pth", folder / "state")


def straight(job, folder):
    return run_job(job, folder / "straight", folder / "straight.pth", folder / "straight-state")


def equal(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def state_in(folder):
    return torch.load(folder / "state.pt", weights_only=True)


def weights_in(path):
    return dict(torch.load(path, weights_only=False)["state_dict"])


def epochs_in(caplog):
    """Epochs (from 0) that were trained since the log was cleared."""
    words = [record.getMessage().split() for record in caplog.records]
    return [int(line[1]) for line in words if "training" in " ".join(line[2:3])]


@pytest.mark.parametrize(
    ("model", "settings", "epoch"),
    [
        ("CAMMSR", {}, 0),
        ("CAMMSR", {"train_packing": False, "packing_overlap": 0}, 2),
        ("CAMMSR", {"worker": 1}, 1),
        ("MISSRec", {}, 2),
        ("SASRec", {"train_packing": True}, 1),
        ("GRU4Rec", {"loss_type": "BPR", "train_neg_sample_args": {"distribution": "uniform"}}, 1),
        ("BPR", {"eval_args": {"mode": {"valid": "uni20", "test": "uni20"}}}, 1),
        ("MultiVAE", {}, 1),
        ("LINE", {}, 1),
        ("DiffRec", {}, 0),
    ],
)
def test_a_killed_training_is_the_one_that_was_not_killed(
    make_job, tmp_path, model, settings, epoch
):
    """Validation, test, weights, and what the rest of it would have depended on."""
    job = make_job(model, **settings)
    result, ranks = straight(job, tmp_path)
    kill_after(epoch, job, tmp_path)
    assert state_in(tmp_path / "state")["trainer"]["start_epoch"] == epoch + 1
    again, ranks_again = go_on(job, tmp_path)
    assert (again.valid, again.test) == (result.valid, result.test)
    assert (again.epochs, again.best_epoch) == (result.epochs, result.best_epoch) != (0, None)
    assert np.array_equal(ranks_again.rank, ranks.rank)
    assert equal(weights_in(tmp_path / "best.pth"), weights_in(tmp_path / "straight.pth"))
    ours, theirs = (state_in(tmp_path / name) for name in ("state", "straight-state"))
    assert ours.pop("clock")["scores"] == theirs.pop("clock")["scores"]
    assert theirs["trainer"]["start_epoch"] == EPOCHS - 1
    assert equal(ours, theirs)


def test_it_trains_the_epochs_that_are_left_and_counts_all_seconds(make_job, tmp_path, caplog):
    job = make_job("SASRec")
    kill_after(2, job, tmp_path)
    before = state_in(tmp_path / "state")["clock"]
    caplog.set_level(logging.INFO)
    caplog.clear()
    result, _ = go_on(job, tmp_path)
    assert "going on after 3 epochs of an earlier attempt" in caplog.text
    assert epochs_in(caplog) == [3, 4]
    assert result.epochs == EPOCHS
    assert result.cost["fit_seconds"] > before["seconds"][0] + sum(before["training_seconds"]) / 3
    state = state_in(tmp_path / "state")
    assert list(state["trainer"]["train_loss_dict"]) == [0, 1, 2, 3]
    after = state["clock"]
    assert after["training_seconds"][:3] == before["training_seconds"]
    assert after["validated_after"] == sorted(after["validated_after"])
    assert after["validated_after"][3] > before["seconds"][0]


def test_a_clock_goes_on(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    first = EpochClock(SimpleNamespace())
    now[0] += 7
    first.validated(0, 0.5)
    now[0] += 2
    kept = first.so_far()
    now[0] += 1000
    second = EpochClock(SimpleNamespace())
    second.go_on(json.loads(json.dumps(kept)))
    now[0] += 3
    second.validated(1, 0.75)
    assert second.scores == [(0, 0.5), (1, 0.75)]
    assert second.best(bigger_is_better=False) == (1, 7.0)
    assert second.best(bigger_is_better=True) == (2, 12.0)
    assert second.seconds() == 12.0


@pytest.mark.parametrize("killed_in", ["epochs", "patience"])
def test_one_that_was_killed_in_its_test_repeats_its_last_epoch(
    make_job, tmp_path, caplog, monkeypatch, killed_in
):
    """RecBole would save the untrained model where no epoch is left."""
    from recbole.trainer import Trainer

    # without learning no epoch is better: the second one, and none where equals count as better
    stopping = {"learning_rate": 1.0, "stopping_step": 1} if killed_in == "patience" else {}
    job = make_job("SASRec", epochs=30 if stopping else EPOCHS, **stopping)
    result, _ = straight(job, tmp_path)
    assert result.epochs < 30

    def evaluate(self, *arguments, load_best_model=True, **keywords):
        if load_best_model:
            raise Killed
        return stock(self, *arguments, load_best_model=load_best_model, **keywords)

    stock = Trainer.evaluate
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "evaluate", evaluate)
        with pytest.raises(Killed):
            run_job(job, tmp_path / "killed", None, tmp_path / "state")
    caplog.set_level(logging.INFO)
    caplog.clear()
    again, _ = go_on(job, tmp_path)
    assert epochs_in(caplog) == [result.epochs - 1]
    assert (again.valid, again.test, again.epochs) == (result.valid, result.test, result.epochs)


def test_a_run_with_damaged_data_goes_on_with_the_same_damage(make_job, tmp_path):
    job = replace(make_job(), corruption={"category_noise": 0.5, "missing": 0.5})
    result, _ = straight(job, tmp_path)
    kill_after(1, job, tmp_path)
    again, _ = go_on(job, tmp_path)
    assert (again.valid, again.test) == (result.valid, result.test)
    assert (tmp_path / "best-data").is_dir()


def test_a_tuning_job_goes_on_too(make_job, tmp_path):
    job = make_job("SASRec", TUNE)
    result, _ = run_job(job, tmp_path / "straight")
    kill_after(1, job, tmp_path)
    again, ranks = go_on(job, tmp_path)
    assert (again.valid, ranks) == (result.valid, None)


def begins_anew(job, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    caplog.clear()
    go_on(job, tmp_path)
    assert epochs_in(caplog) == list(range(EPOCHS))
    return caplog.text


@pytest.mark.parametrize("changed", ["code", "data", "package", "libraries", "device"])
def test_a_state_of_something_else_is_not_used(make_job, tmp_path, caplog, changed):
    job = make_job("SASRec")
    kill_after(1, job, tmp_path)
    path = tmp_path / "state" / "state.pt"
    state = state_in(path.parent)
    assert state["made_of"][changed]
    state["made_of"][changed] = "another"
    torch.save(state, path)
    for epoch in range(1, EPOCHS + 1):
        (path.parent / f"best-{epoch}.pth").write_bytes(b"of the other training")
    said = begins_anew(job, tmp_path, caplog)
    best = state_in(path.parent)["best"]
    assert weights_in(path.parent / best).keys() == weights_in(tmp_path / "best.pth").keys()
    assert f"state.pt was written with other {changed}: training starts from the beg" in said


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("damage", ["cut", "empty", "pickle", "list", "no best"])
def test_a_damaged_state_is_not_used_and_nothing_is_unpickled(make_job, tmp_path, caplog, damage):
    job = make_job("SASRec")
    kill_after(1, job, tmp_path)
    path = tmp_path / "state" / "state.pt"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-2000])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "pickle":
        path.write_bytes(pickle.dumps(Harm()))
    elif damage == "list":
        torch.save([1, 2], path)
    else:
        next(path.parent.glob("best-*.pth")).unlink()
    said = begins_anew(job, tmp_path, caplog)
    word = "misses its best checkpoint best-" if damage == "no best" else "cannot be read ("
    assert f"state.pt {word}" in said
    assert not Path("harm").exists()


def test_a_state_that_does_not_fit_names_its_folder(make_job, tmp_path):
    job = make_job("SASRec")
    kill_after(1, job, tmp_path)
    state = state_in(tmp_path / "state")
    state["model"].popitem()
    torch.save(state, tmp_path / "state" / "state.pt")
    with pytest.raises(ValueError, match=r"state in .*state does not fit SASRec \(.*delete that"):
        go_on(job, tmp_path)


def test_only_the_checkpoint_that_the_state_needs_stays(make_job, tmp_path):
    job = make_job("SASRec")
    kill_after(3, job, tmp_path)
    state = state_in(tmp_path / "state")
    assert sorted(os.listdir(tmp_path / "state")) == sorted([state["best"], "state.pt"])
    scores = dict(state["clock"]["scores"])
    best = max(scores, key=lambda epoch: (scores[epoch], epoch))
    assert state["best"] == f"best-{best + 1}.pth"


class FullDisk(io.BytesIO):
    def write(self, _):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("file", ["best", "state"])
def test_a_full_disk_costs_the_state_not_the_run(make_job, tmp_path, monkeypatch, caplog, file):
    stock = training_state.atomic_open

    @contextlib.contextmanager
    def open_full(path):
        with stock(path) as written:
            yield FullDisk() if path.name.startswith(file) else written

    job = make_job("SASRec")
    result, _ = straight(job, tmp_path)
    monkeypatch.setattr(training_state, "atomic_open", open_full)
    again, _ = go_on(job, tmp_path)
    assert caplog.text.count("was not kept: ") == EPOCHS - 1
    assert (again.valid, again.test) == (result.valid, result.test)
    assert not (tmp_path / "state" / "state.pt").exists()


def test_what_a_kill_left_of_a_file_goes_when_the_run_goes_on(make_job, tmp_path, monkeypatch):
    job = make_job("SASRec")
    kill_after(1, job, tmp_path)
    names = set(os.listdir(tmp_path / "state"))
    (tmp_path / "state" / ".state.pt.x7").write_bytes(b"half")
    (tmp_path / "state" / "best-9.pth").write_bytes(b"of an epoch that is trained again")
    monkeypatch.setattr(TrainingState, "keep", lambda self, epoch: None)
    go_on(job, tmp_path)
    assert set(os.listdir(tmp_path / "state")) == names


def test_every_generator_goes_on(tmp_path):
    def draws():
        # of the normal ones, two are made at a time and one is kept
        ours = random.random(), random.gauss(0, 1), np.random.random(), np.random.standard_normal()
        return [*ours, float(torch.rand(1)), float(torch.randn(1))]

    draws()
    torch.save(training_state._generators(), tmp_path / "generators.pt")
    expected = draws()
    draws()
    training_state._set_generators(torch.load(tmp_path / "generators.pt", weights_only=True))
    assert draws() == expected


def test_another_line_of_the_package_is_another_package(tmp_path, monkeypatch):
    files = [tmp_path / "__init__.py", tmp_path / "deep" / "er.py", tmp_path / "notes.txt"]
    files[1].parent.mkdir()
    monkeypatch.setattr("recbole_cammsr.registry.__file__", str(files[0]))
    seen = []
    for changed in (None, *files):
        for file in files:
            file.write_text("two" if file == changed else "one")
        seen.append(digests.package_digest())
    assert len(set(seen)) == 3
    assert seen[3] == seen[0]


def test_states_are_written_once_a_minute_and_less_often_where_that_takes_long(monkeypatch):
    monkeypatch.setattr(training_state, "EVERY_SECONDS", 60.0)
    monkeypatch.setattr(training_state, "_WRITING_SHARE", 0.02)
    now, seconds, written = [1000.0], [0.5], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    trainer = SimpleNamespace(
        model=torch.nn.Linear(1, 1), device="cpu", epochs=10**6, cur_step=0, stopping_step=10
    )
    state = TrainingState(Path("unused"), trainer, (), None, {})

    def write(epoch):
        written.append(epoch)
        now[0] += seconds[0]

    monkeypatch.setattr(state, "_write", write)
    for epoch in range(300):  # a second each
        now[0] += 1
        state.keep(epoch)
    assert written == [59, 119, 179, 239, 299]
    written.clear()
    seconds[0] = 12.0
    for epoch in range(300, 2000):
        now[0] += 1
        state.keep(epoch)
    assert written == [359, 959, 1559]  # 12 seconds are a fiftieth of ten minutes


def test_trainers_and_loaders_with_a_state_of_their_own_are_left_alone(make_data):
    from recbole.trainer import Trainer

    _, _, (train, valid, _) = make_data("SASRec")
    kinds = {
        name: type(name, (Trainer,), {name: lambda self, *_, **__: None})
        for name in ("__init__", "fit", "_train_epoch", "_valid_epoch", "_build_optimizer", "other")
    }

    def can_be(kind, *loaders):
        return training_state.can_be_kept(kind.__new__(kind), loaders)

    assert [name for name, kind in kinds.items() if can_be(kind, train, valid)] == ["other"]
    assert can_be(Trainer, train, valid)
    assert not can_be(Trainer, train, SimpleNamespace())
    assert not training_state.can_be_kept(SimpleNamespace(), (train, valid))


def test_a_model_with_its_own_trainer_leaves_no_state_and_trains_as_before(make_job, tmp_path):
    job = make_job("RecVAE", epochs=2)
    result, _ = run_job(job, tmp_path / "a")
    again, _ = run_job(job, tmp_path / "b", None, tmp_path / "state")
    assert again.valid == result.valid
    assert not (tmp_path / "state").exists()


KILLED_WORKER = """
import os, signal, sys
from recbole_cammsr.analysis import training_state, worker

training_state.EVERY_SECONDS, training_state._WRITING_SHARE = 0.0, 1e9
stock = training_state.TrainingState.keep

def keep(self, epoch):
    stock(self, epoch)
    if epoch == 1:
        os.kill(os.getpid(), signal.SIGKILL)

training_state.TrainingState.keep = keep
worker.main()
"""


@pytest.mark.skipif(os.name != "posix", reason="kills a process by signal")
def test_a_worker_that_was_killed_goes_on_when_the_command_is_repeated(make_job, tmp_path):
    """In processes, over the store: log and result are as of one attempt, nothing else is left."""
    job = make_job("SASRec")
    expected, _ = straight(job, tmp_path)
    shown: list[str] = []
    store = ResultStore(tmp_path / "out")
    runner = Runner(store, threads=torch.get_num_threads(), show=shown.append)
    script = tmp_path / "killed.py"
    script.write_text(KILLED_WORKER)
    request = {"job": job.to_json(), "store": str(store.folder), "keep_checkpoint": False}
    store.log_path(job).parent.mkdir(parents=True)
    with open(store.log_path(job), "wb") as log:
        killed = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stderr=log,
            env=runner._environment(),
        )
        killed.stdin.write((json.dumps(request) + "\n").encode())
        killed.stdin.flush()
        assert killed.wait(120) == -signal.SIGKILL
    assert runner.run([job], {}) == {}
    assert shown[0] == "1 was under way: it goes on, or begins anew where code or data changed"
    result = store.load(job)
    assert (result.valid, result.test) == (expected.valid, expected.test)
    text = store.log_path(job).read_text()
    assert text.count("going on after 2 epochs of an earlier attempt") == 1
    assert all(text.count(f"epoch {epoch} training") == 1 for epoch in range(EPOCHS))
    assert not (store.folder / "states").exists()
    assert runner.run([job], {}) == {}
    assert not any("under way" in line for line in shown[1:])
