"""Several processes on the CPU train together and measure what one process measures.

Called as a script, this file is the driver of the tests: it loads RecBole once and forks the
processes of every job, which costs a tenth of spawning each.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from recbole_cammsr.compat.distributed_evaluation import EvaluationBatches

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
_WORLDS = [("full", 2), ("full", 3), ("fewer batches than processes", 3), ("sampled", 3)] + [
    (name, 2) for name in list(_EVALUATIONS)[3:]
]
_TRAININGS: dict[str, tuple[str, dict[str, Any]]] = {
    "packed": ("CAMMSR", _CAMMSR),
    "classic": ("CAMMSR", {**_CAMMSR, "train_packing": False}),
    "general": ("BPR", _GENERAL),
}


# ---- the driver -------------------------------------------------------------------------------


def _prepare(rank: int, world: int, port: int, model: str, settings: dict[str, Any]) -> Any:
    """What RecBole's ``run_recbole`` does before the trainer, in one of ``world`` processes."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    group = {"local_rank": rank, "world_size": world, "nproc": world, "offset": 0}
    alone = {} if world == 1 else {**group, "ip": "localhost", "port": str(port)}
    config = Config(model=model, dataset="toy", config_dict={**settings, **alone})
    init_seed(config["seed"], config["reproducibility"])
    loaders = data_preparation(config, create_dataset(config))
    init_seed(config["seed"] + config["local_rank"], config["reproducibility"])
    network = get_model(config["model"])(config, loaders[0]._dataset)
    return loaders, get_trainer(config["MODEL_TYPE"], config["model"])(config, network)


def _evaluate(loaders: Any, trainer: Any, rank: int) -> dict[str, Any]:
    import numpy as np

    trainer.eval_collector.data_collect(loaders[0])
    np.random.seed(100 + rank)
    results = [dict(trainer.evaluate(loader, load_best_model=False)) for loader in loaders[1:]]
    lengths = [len(loader) for loader in loaders[1:]]
    return {"results": results, "lengths": lengths, "draw": np.random.random()}


def _train(loaders: Any, trainer: Any, rank: int) -> dict[str, Any]:
    import torch

    best, _ = trainer.fit(loaders[0], loaders[1])
    parameters = [parameter.detach().sum().item() for parameter in trainer.model.parameters()]
    test = dict(trainer.evaluate(loaders[2], load_best_model=True))
    losses = list(trainer.train_loss_dict.values())
    finite = all(torch.isfinite(torch.tensor(losses)))
    file = trainer.saved_model_file
    return {"best": best, "parameters": parameters, "test": test, "finite": finite, "file": file}


def _batch_norm(loaders: Any, trainer: Any, rank: int) -> dict[str, Any]:
    import torch
    from recbole.trainer.trainer import AbstractTrainer

    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    made = AbstractTrainer(trainer.config, network)
    made.model(torch.full((4, 2), float(rank)) + torch.arange(8.0).view(4, 2))
    trainer.model.norm = network[1]
    trainer.evaluate(loaders[1], load_best_model=False)
    return {"kind": type(made.model[1]).__name__, "mean": network[1].running_mean.tolist()}


_ACTIONS = {"evaluate": _evaluate, "train": _train, "batch norm": _batch_norm}


def _process(rank: int, world: int, port: int, job: dict[str, Any], output: Path) -> None:
    try:
        import torch

        torch.set_num_threads(1)
        loaders, trainer = _prepare(rank, world, port, job["model"], job["settings"])
        result = _ACTIONS[job["action"]](loaders, trainer, rank)
        output.write_text(json.dumps(result, default=float))
    except BaseException:
        output.write_text(json.dumps({"error": traceback.format_exc()}))
        raise
    finally:
        os._exit(0)  # skips a handshake at exit that another process may be past


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def _run_job(job: dict[str, Any]) -> list[Any]:
    """Results of all processes of one job, by rank."""
    port = _free_port()
    context = multiprocessing.get_context("fork")
    outputs = [Path(f"rank{rank}.json") for rank in range(job["world"])]
    processes = [
        context.Process(target=_process, args=(rank, job["world"], port, job, outputs[rank]))
        for rank in range(job["world"])
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        if process.is_alive():
            process.kill()
    return [json.loads(output.read_text()) if output.exists() else None for output in outputs]


def _drive(jobs_file: str) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from conftest import write_toy_dataset

    from recbole_cammsr.compat import distributed

    distributed.install()
    import torch._dynamo  # noqa: F401  the optimizers load it, in every forked process if not here
    from recbole.utils import get_model

    for model in ("SASRec", "BPR", "CAMMSR"):
        get_model(model)  # in the parent, so that every forked process has it
    write_toy_dataset(Path("data"))
    jobs = json.loads(Path(jobs_file).read_text())
    sys.argv = sys.argv[:1]  # RecBole reads settings from the command line
    results = {}
    for name, job in jobs.items():
        results[name] = _run_job(job)
        for output in Path().glob("rank*.json"):
            output.unlink()
    Path("results.json").write_text(json.dumps(results))


# ---- the tests --------------------------------------------------------------------------------


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
        [sys.executable, "-W", "ignore", str(Path(__file__).resolve()), "jobs.json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
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
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    together, alone = json.loads(line[len("RESULT ") :])
    assert together == alone
    assert set(together[0]) == {
        f"{name}@{k}" for name in ("recall", "mrr", "ndcg") for k in (3, 10)
    }


def test_others_draw_on_where_they_were(outcomes: Any) -> None:
    """The candidates of an evaluation are common, the random numbers after it are not."""
    first, second, third = (rank["draw"] for rank in _of(outcomes, "sampled/3"))
    assert first == _of(outcomes, "sampled/1")[0]["draw"]
    assert len({first, second, third}) == 3


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


if __name__ == "__main__":
    _drive(sys.argv[1])
