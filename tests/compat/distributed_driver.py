"""Driver of the tests of several processes: runs the jobs of a file and writes their results.

It loads RecBole once and forks the processes of every job, which costs a tenth of spawning each.

Usage: python distributed_driver.py jobs.json
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import sys
import traceback
from pathlib import Path
from typing import Any


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
    import random

    import numpy as np

    stock, rows = trainer.evaluator.evaluate, []

    def evaluate(struct: Any) -> Any:
        for key in ("rec.topk", "rec.score"):
            if key in struct:
                rows.extend(struct[key].double().view(len(struct[key]), -1).tolist())
        return stock(struct)

    trainer.evaluator.evaluate = evaluate
    trainer.eval_collector.data_collect(loaders[0])
    np.random.seed(100 + rank)
    random.seed(100 + rank)
    results = [dict(trainer.evaluate(loader, load_best_model=False)) for loader in loaders[1:]]
    lengths = [len(loader) for loader in loaders[1:]]
    draws = [np.random.random(), random.random()]
    return {"results": results, "rows": rows, "lengths": lengths, "draws": draws}


def _train(loaders: Any, trainer: Any, rank: int) -> dict[str, Any]:
    import torch

    best, _ = trainer.fit(loaders[0], loaders[1])
    parameters = [parameter.detach().sum().item() for parameter in trainer.model.parameters()]
    test = dict(trainer.evaluate(loaders[2], load_best_model=True))
    losses = list(trainer.train_loss_dict.values())
    finite = all(torch.isfinite(torch.tensor(losses)))
    return {
        "best": best,
        "parameters": parameters,
        "test": test,
        "finite": finite,
        "file": trainer.saved_model_file,
        "ignored": sorted(trainer.distributed_model.parameters_to_ignore),
    }


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
        from recbole.trainer import trainer as trainer_module

        torch.set_num_threads(1)
        # checkpoints are named after the clock, and the processes' clocks may differ
        trainer_module.get_local_time = lambda: f"clock-of-process-{rank}"
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


if __name__ == "__main__":
    _drive(sys.argv[1])
