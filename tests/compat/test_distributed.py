"""Several processes on the CPU train together and measure what one process measures."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_cammsr.compat.distributed_evaluation import EvaluationBatches

_DRIVER = Path(__file__).resolve().parent / "distributed_driver.py"

_SETTINGS: dict[str, Any] = {
    "checkpoint_dir": "saved",
    "show_progress": False,
    "epochs": 2,
    "train_batch_size": 64,
    "eval_batch_size": 7,  # 30 users: five batches, the last one shorter
    "hidden_size": 16,
    "inner_size": 32,
    "MAX_ITEM_LIST_LENGTH": 10,
    "metrics": ["Recall", "MRR", "NDCG"],
    "topk": [3, 10],
    "valid_metric": "MRR@10",
    "metric_decimal_place": 10,
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
    "train_neg_sample_args": None,
}
_CAMMSR = {"modalities": ["text", "image"], "category_field": "genre", "expert_size": 16}
_GENERAL = {
    "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1},
    "eval_args": {"split": {"RS": [0.6, 0.2, 0.2]}, "order": "RO", "mode": "full"},
    "embedding_size": 8,
    "eval_batch_size": 200,
}
_SAMPLED = {"eval_args": {"order": "TO", "split": {"LS": "valid_and_test"}, "mode": "uni10"}}

#: name -> (model, settings); evaluated by one process and by each number in _WORLDS
_EVALUATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "full": ("CAMMSR", _CAMMSR),
    "fewer batches than processes": ("CAMMSR", {**_CAMMSR, "eval_batch_size": 4096}),
    "sampled": ("CAMMSR", {**_CAMMSR, **_SAMPLED, "eval_batch_size": 50}),
    "sampled in loader workers": ("SASRec", {**_SAMPLED, "eval_batch_size": 50, "worker": 2}),
    "values": ("SASRec", {**_SAMPLED, "metrics": ["AUC"], "valid_metric": "AUC"}),
    "many positives a user": ("BPR", {**_GENERAL, "metrics": ["Recall", "NDCG", "GAUC"]}),
    "random transform": ("SASRec", {"transform": "crop_itemseq", "eta": 0.6}),
}
_WORLDS = [("full", 2), ("full", 4), ("fewer batches than processes", 3), ("sampled", 3)] + [
    (name, 2) for name in list(_EVALUATIONS)[3:]
]
_TRAININGS: dict[str, tuple[str, dict[str, Any]]] = {
    "packed": ("CAMMSR", _CAMMSR),
    "classic": ("CAMMSR", {**_CAMMSR, "train_packing": False}),
    "general": ("BPR", _GENERAL),
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def _job(action: str, world: int, model: str, settings: dict[str, Any]) -> dict[str, Any]:
    merged = {**_SETTINGS, "data_path": "data", **settings}
    return {"action": action, "world": world, "model": model, "settings": merged}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[Any]]]:
    """Folder of the driver, and the results of all jobs."""
    folder = tmp_path_factory.mktemp("distributed")
    jobs = {"batch norm": _job("batch norm", 2, "SASRec", {})}
    for name, (model, settings) in _EVALUATIONS.items():
        for world in [1] + [world for job, world in _WORLDS if job == name]:
            jobs[f"{name}/{world}"] = _job("evaluate", world, model, settings)
    for name, (model, settings) in _TRAININGS.items():
        jobs[f"train {name}"] = _job("train", 2, model, settings)
    (folder / "jobs.json").write_text(json.dumps(jobs))
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(_DRIVER), "jobs.json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, json.loads((folder / "results.json").read_text())


def _of(outcomes: tuple[Path, dict[str, list[Any]]], name: str) -> list[Any]:
    ranks = outcomes[1][name]
    for result in ranks:
        assert result is not None, f"{name}: a process did not finish"
        assert "error" not in result, result["error"]
    return ranks


@pytest.mark.parametrize(("name", "world"), _WORLDS)
def test_metrics_do_not_depend_on_the_number_of_processes(
    outcomes: Any, name: str, world: int
) -> None:
    (alone,) = _of(outcomes, f"{name}/1")
    assert all(max(split.values()) > 0 for split in alone["results"])
    for result in _of(outcomes, f"{name}/{world}"):
        assert result["rows"] == alone["rows"]
        assert result["results"] == alone["results"]


def test_work_is_shared_out(outcomes: Any) -> None:
    assert [rank["lengths"] for rank in _of(outcomes, "full/1")] == [[5, 5]]
    assert [rank["lengths"] for rank in _of(outcomes, "full/2")] == [[2, 2], [3, 3]]


@pytest.mark.parametrize("name", _TRAININGS)
def test_training_keeps_the_processes_equal(outcomes: Any, name: str) -> None:
    first, second = _of(outcomes, f"train {name}")
    assert first == second
    assert first["finite"]
    assert (outcomes[0] / first["file"]).is_file()


def test_constant_buffers_are_not_sent_around(outcomes: Any) -> None:
    (ignored, _) = (set(rank["ignored"]) for rank in _of(outcomes, "train packed"))
    assert {name.rpartition(".")[2] for name in ignored} >= {"values", "category_targets"}
    assert not set(_of(outcomes, "train general")[0]["ignored"])


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_every_process_trains_equally_many_batches(world: int) -> None:
    """Also where there are fewer batches than processes: the others would wait for ever."""
    from recbole_cammsr.data.dataloader import TargetBudgetSampler

    ones = np.ones(2, dtype=np.int64)
    steps = [
        len(list(TargetBudgetSampler(ones, ones, 100, False, 0, rank, world)))
        for rank in range(world)
    ]
    assert steps == [steps[0]] * world
    assert steps[0] > 0


def test_batch_norms_on_the_cpu(outcomes: Any) -> None:
    first, second = _of(outcomes, "batch norm")
    assert first["kind"] == "BatchNorm1d"
    assert first["mean"] == second["mean"]


_SCRIPT = """
import json, sys

if __name__ == "__main__":  # the spawned processes must register by themselves
    import recbole_cammsr
    from recbole.config import Config
    from recbole.quick_start import load_data_and_model, run
    from recbole.utils import get_trainer

    settings = json.loads(sys.argv.pop())
    ran = run("CAMMSR", "toy", config_dict=settings, nproc=2, port=sys.argv.pop())
    from pathlib import Path
    (file,) = Path(settings["checkpoint_dir"]).glob("CAMMSR-*.pth")
    Config("CAMMSR", "toy", config_dict=settings)  # gives numpy the names that RecBole uses
    config, model, _, train, valid, test = load_data_and_model(str(file))
    trainer = get_trainer(config["MODEL_TYPE"], "CAMMSR")(config, model)
    trainer.eval_collector.data_collect(train)
    alone = [dict(trainer.evaluate(data, load_best_model=False)) for data in (valid, test)]
    both = [dict(ran[key]) for key in ("best_valid_result", "test_result")]
    print("RESULT " + json.dumps([both, alone]))
"""


def test_run_with_two_spawned_processes(outcomes: Any, tmp_path: Path) -> None:
    """RecBole's own ``run``, and its checkpoint loaded and measured by a single process."""
    (tmp_path / "script.py").write_text(_SCRIPT)
    data = str(outcomes[0] / "data")
    settings = {**_SETTINGS, **_CAMMSR, "data_path": data, "epochs": 1, "state": "error"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "script.py", str(_free_port()), json.dumps(settings)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    together, alone = json.loads(line[len("RESULT ") :])
    assert together == alone
    assert set(together[0]) == {
        f"{name}@{k}" for name in ("recall", "mrr", "ndcg") for k in (3, 10)
    }


@pytest.mark.parametrize(("name", "world"), [("sampled", 3), ("random transform", 2)])
def test_others_draw_on_where_they_were(outcomes: Any, name: str, world: int) -> None:
    """The random numbers of an evaluation are common, those drawn after it are not."""
    (alone,) = _of(outcomes, f"{name}/1")
    first, *others = (rank["draws"] for rank in _of(outcomes, f"{name}/{world}"))
    assert first == alone["draws"]
    for draws in others:
        assert draws[0] != first[0]
        assert draws[1] != first[1]


@pytest.mark.parametrize("world", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("drawn", [False, True])
def test_every_row_has_one_process(
    monkeypatch: pytest.MonkeyPatch, world: int, drawn: bool
) -> None:
    import torch.distributed as dist

    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: world)
    for rows in (0, 1, 6, 7, 20):
        batches = EvaluationBatches(rows, 3, drawn)
        scored: list[list[int]] = []
        for rank in range(world):
            monkeypatch.setattr(dist, "get_rank", lambda rank=rank: rank)
            own = list(batches.scored(iter(batches))) if drawn else list(batches)
            assert len(batches) == max(1, len(own))
            scored += own
        assert scored == [list(range(start, min(start + 3, rows))) for start in range(0, rows, 3)]


def test_batches_outside_a_group_are_all_of_them() -> None:
    assert list(EvaluationBatches(5, 2, False)) == [[0, 1], [2, 3], [4]]


def test_too_few_gpus_are_refused(make_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # and restored after
    with pytest.raises(ValueError, match="names fewer GPUs than the 2 processes"):
        make_config(gpu_id="0", local_rank=0, nproc=2, world_size=2, offset=0)


@pytest.mark.parametrize(("gpus", "visible"), [("4,6", "4,6"), ([4, 6], "4,6"), ("1,2,3", "1,2,3")])
def test_a_gpu_for_each_process_is_enough(
    make_config: Any, monkeypatch: pytest.MonkeyPatch, gpus: Any, visible: str
) -> None:
    import torch

    joined: dict[str, Any] = {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", lambda number: joined.update(gpu=number))
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda **them: joined.update(them))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # and restored after
    place = {"local_rank": 1, "nproc": 2, "world_size": 2, "offset": 0, "ip": "x", "port": "1"}
    config = make_config(gpu_id=gpus, **place)
    assert (joined["backend"], joined["gpu"], joined["rank"]) == ("nccl", 1, 1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == visible
    assert str(config["device"]) == "cuda:1"


@pytest.mark.parametrize(("place", "of_all"), [((0, 0), 0), ((1, 0), 1), ((0, 2), 2), ((1, 2), 3)])
def test_a_process_knows_its_place_among_all_machines(
    make_config: Any, monkeypatch: pytest.MonkeyPatch, place: tuple[int, int], of_all: int
) -> None:
    """`offset` counts the processes of the machines before; all others than the first are quiet."""
    import torch

    joined: dict[str, Any] = {}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # and restored after
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: joined.update(threads=count))
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda **them: joined.update(them))
    config = make_config(
        **{"local_rank": place[0], "offset": place[1], "nproc": 2, "world_size": 4},
        **{"ip": "head", "port": "77", "show_progress": True, "state": "INFO", "gpu_id": "0"},
    )
    assert joined == {
        **{"backend": "gloo", "rank": of_all, "world_size": 4, "init_method": "tcp://head:77"},
        "threads": 2,
    }
    assert (config["single_spec"], config["device"].type) == (False, "cpu")
    loud = place[0] == 0
    assert (config["show_progress"], config["state"]) == (loud, "INFO" if loud else "error")


def test_a_model_that_counts_its_own_rows_is_refused(make_config: Any) -> None:
    from recbole.data import create_dataset, data_preparation
    from recbole.trainer import Trainer
    from recbole.utils import get_model

    negatives = {"distribution": "uniform", "sample_num": 1}
    config = make_config("Pop", train_neg_sample_args=negatives)
    train = data_preparation(config, create_dataset(config))[0]
    model = get_model("Pop")(config, train.dataset)
    Trainer(config, model)
    config["single_spec"] = False
    with pytest.raises(ValueError, match=r"nproc: Pop counts items.*set nproc: 1"):
        Trainer(config, model)


def test_single_process_is_left_to_recbole(make_config: Any) -> None:
    config = make_config()
    assert config["single_spec"] is True
    assert str(config["device"]) == "cpu"


def test_folder_made_by_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recbole.trainer import trainer
    from recbole.utils import logger, utils

    monkeypatch.setattr(os.path, "exists", lambda path: False)  # as before the other made it
    for module in (trainer, logger, utils):
        module.ensure_dir(str(tmp_path))


def test_a_process_whose_parent_was_in_the_background_can_be_ended() -> None:
    """torch has the kernel send SIGINT when the parent dies; scripts have it ignored."""
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from recbole_cammsr.compat.distributed import end_with_parent\n"
        "end_with_parent()\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "KeyboardInterrupt" in done.stderr
