"""What hangs on RecBole's trainer while a command runs: resuming, whole files, the checkpoint."""

from __future__ import annotations

import signal
from types import SimpleNamespace

import pytest
import torch

from recbole_cammsr.run import training
from recbole_cammsr.run.errors import RunError


class FakeTrainer:
    """The part of RecBole's trainer that resuming touches."""

    def __init__(self, epochs: int, fitted: tuple) -> None:
        self.config = {"model": "Fake"}
        self.epochs = epochs
        self.start_epoch = 0
        self.optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))], lr=0.5)
        self._fitted = fitted
        self.evaluated: list[str] = []

    def resume_checkpoint(self, path: str) -> None:
        self.start_epoch = 3
        saved = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))], lr=0.1, weight_decay=0.2)
        self.optimizer.load_state_dict(saved.state_dict())

    def fit(self, train_data, valid_data=None, **keywords):
        return self._fitted

    def evaluate(self, data, model_file):
        self.evaluated.append(model_file)
        return {"ndcg@10": 0.25}


def test_a_rate_that_the_user_gives_wins_over_the_saved_optimizers():
    trainer = FakeTrainer(epochs=5, fitted=(0.5, {"ndcg@10": 0.5}))
    training._continue_from(trainer, "c.pth")
    (group,) = trainer.optimizer.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.5, 0)


def test_nothing_left_to_train_is_refused_before_the_checkpoint_is_overwritten():
    with pytest.raises(RunError, match="already been trained for 3 epochs"):
        training._continue_from(FakeTrainer(epochs=3, fitted=(0, None)), "c.pth")


def test_a_trainer_without_epochs_cannot_resume():
    with pytest.raises(RunError, match="Fake cannot be resumed"):
        training._continue_from(SimpleNamespace(config={"model": "Fake"}), "c.pth")


@pytest.mark.parametrize(
    ("fitted", "result", "evaluated"),
    [
        ((0.5, {"ndcg@10": 0.5}), {"ndcg@10": 0.5}, []),
        ((0.2, None), {"ndcg@10": 0.25}, ["c.pth"]),  # no epoch since was better
    ],
)
def test_the_best_validation_result_is_known_after_resuming(fitted, result, evaluated):
    trainer = FakeTrainer(epochs=5, fitted=fitted)
    training._continue_from(trainer, "c.pth")
    assert trainer.fit("train", "valid", saved=True) == (fitted[0], result)
    assert trainer.evaluated == evaluated


@pytest.fixture
def trainer(tmp_path):
    """A RecBole trainer with just enough inside to save."""
    from recbole.trainer import Trainer

    made = object.__new__(Trainer)
    made.config = {"single_spec": True, "local_rank": 0}
    made.cur_step, made.best_valid_score = 0, 0.5
    made.model = torch.nn.Linear(1, 1)
    made.model.other_parameter = dict
    made.optimizer = torch.optim.Adam(made.model.parameters())
    made.saved_model_file = str(tmp_path / "m.pth")
    training._save_whole_files(made)
    return made


def test_a_checkpoint_is_saved_under_its_name(trainer, tmp_path):
    trainer._save_checkpoint(4, verbose=True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.pth"]
    assert torch.load(tmp_path / "m.pth", weights_only=False)["epoch"] == 4


class Unsaveable:
    def __reduce__(self):
        raise RuntimeError("no space left")


def test_a_save_that_fails_half_way_leaves_the_last_checkpoint(trainer, tmp_path):
    trainer._save_checkpoint(4)
    trainer.best_valid_score = Unsaveable()
    with pytest.raises(RuntimeError, match="no space left"):
        trainer._save_checkpoint(5)
    assert [path.name for path in tmp_path.iterdir()] == ["m.pth"]
    assert torch.load(tmp_path / "m.pth", weights_only=False)["epoch"] == 4


def test_a_name_that_is_given_is_kept_to(trainer, tmp_path):
    """RecBole's pre-training saves under a name for every few epochs."""
    trainer._save_checkpoint(4, saved_model_file=str(tmp_path / "after-4.pth"))
    trainer._save_checkpoint(9, saved_model_file=str(tmp_path / "after-9.pth"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after-4.pth", "after-9.pth"]


def test_only_the_first_process_saves(trainer, tmp_path):
    trainer.config = {"single_spec": False, "local_rank": 1}
    trainer._save_checkpoint(4)
    assert list(tmp_path.iterdir()) == []


RESULT = {
    **{"best_valid_result": {"ndcg@10": 0.5}, "test_result": {"ndcg@10": 0.25}},
    **{"valid_score_bigger": False, "checkpoint": "best.pth"},
}


@pytest.mark.parametrize(("nproc", "world_size"), [(1, -1), (2, -1), (1, 4)])
def test_a_job_is_what_recbole_is_given(monkeypatch, nproc, world_size):
    """A second machine with one process is one of several, too."""
    from recbole.quick_start import quick_start

    given = {}
    stock = quick_start.run_recboles, quick_start.get_trainer

    def run(model, dataset, **keywords):
        given.update(keywords, model=model, dataset=dataset)
        return RESULT

    monkeypatch.setattr(quick_start, "run", run)
    places = {"nproc": nproc, "world_size": world_size, "ip": "x", "port": "1", "group_offset": 3}
    job = training.Job("SASRec", "toy", ["a.yaml"], {"epochs": 1}, resume="c.pth", **places)
    outcome = training.train(job)
    several = (nproc, world_size) != (1, -1)
    settings = {"epochs": 1, **({training._RESUME_KEY: "c.pth"} if several else {})}
    named = {"model": "SASRec", "dataset": "toy", "config_file_list": ["a.yaml"]}
    assert given == {**named, "config_dict": settings, **places}
    assert job.config_dict == {"epochs": 1}
    assert (outcome.valid, outcome.test) == ({"ndcg@10": 0.5}, {"ndcg@10": 0.25})
    assert (outcome.bigger_is_better, outcome.checkpoint) == (False, "best.pth")
    assert (quick_start.run_recboles, quick_start.get_trainer) == stock


def test_a_job_that_fails_leaves_recbole_as_it_was(monkeypatch):
    from recbole.quick_start import quick_start

    stock = quick_start.run_recboles, quick_start.get_trainer

    def fail(*_, **__):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(quick_start, "run", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        training.train(training.Job("SASRec", "toy"))
    assert (quick_start.run_recboles, quick_start.get_trainer) == stock


@pytest.mark.parametrize("resume", ["c.pth", None])
def test_a_spawned_process_goes_on_with_the_checkpoint_and_names_its_own(
    monkeypatch, tmp_path, resume
):
    from recbole.quick_start import quick_start

    from recbole_cammsr.run import checkpoints

    handler = signal.getsignal(signal.SIGINT)
    compared, sent, started = [], [], []
    best = tmp_path / "best.pth"
    best.write_bytes(b"")

    def make(config, model):
        trainer = FakeTrainer(epochs=5, fitted=(0.5, {}))
        trainer.saved_model_file = str(best)
        return trainer

    def run_recboles(rank, *args):
        assert args[-1]["config_dict"] == {"epochs": 5}  # a Config must not see the checkpoint
        trainer = quick_start.get_trainer("type", "Fake")({}, None)
        started.append((rank, trainer.start_epoch))
        args[-1]["queue"].put({"test_result": 1})

    monkeypatch.setattr(quick_start, "get_trainer", lambda *_: make)
    monkeypatch.setattr(quick_start, "run_recboles", run_recboles)
    monkeypatch.setattr(checkpoints, "check_goes_on", lambda config, path: compared.append(path))
    settings = {"epochs": 5, training._RESUME_KEY: resume}
    queue = SimpleNamespace(put=sent.append)
    try:
        training.worker(1, "SASRec", {"config_dict": settings, "queue": queue})
    finally:
        signal.signal(signal.SIGINT, handler)
    assert compared == ([] if resume is None else [resume])
    assert started == [(1, 0 if resume is None else 3)]
    assert sent == [{"test_result": 1, "checkpoint": str(best)}]
