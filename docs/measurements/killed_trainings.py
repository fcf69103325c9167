"""Whether a killed training goes on as if it had not been killed, for every model of RecBole.

    python docs/measurements/killed_trainings.py --output killed.csv

Each model is trained for five epochs on the data of ``recbole_models.py``, on a CPU with one
thread: once at a stretch, and once killed after the second epoch and gone on with. A row says
whether validation, test, weights, optimizer, random generators and attributes of both are the same
to the last bit. Models with a trainer of their own leave no state (``kept``: False). Of those that
are trained in stages it is the first one.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from recbole_models import DATASET, STAGES, models, settings_of, write_data

EPOCHS, KILLED_AFTER = 5, 1  # the latter from 0
COLUMNS = ("model", "kept", "same", "error")


class Killed(BaseException):
    """Ends a training as a kill does: nothing in between catches it."""


def compare(model: str, settings: dict[str, Any], folder: Path) -> dict[str, object]:
    """Train twice.

    Args:
        model: of RecBole.
        settings: without which it does not train.
        folder: has the data; receives what the runs write.

    Returns:
        A row of the table.
    """
    from recbole_cammsr.analysis.job import TrainingJob
    from recbole_cammsr.analysis.run_job import run_job
    from recbole_cammsr.analysis.training_state import TrainingState

    fixed = {
        "data_path": str(folder),
        "use_gpu": False,
        "gpu_id": "",
        "epochs": EPOCHS,
        "train_batch_size": 256,
        "state": "ERROR",
        # all rank the catalogue here, those too that RecBole gives other metrics
        "metrics": ["NDCG"],
        "topk": [10],
        "valid_metric": "NDCG@10",
    }
    job = TrainingJob(model, DATASET, 1, {**fixed, **settings})
    place = folder / "runs" / model
    stock = TrainingState.keep

    def keep(self: TrainingState, epoch: int) -> None:
        stock(self, epoch)
        if epoch == KILLED_AFTER:
            raise Killed

    row: dict[str, object] = {"model": model}
    try:
        straight, _ = run_job(job, place / "a", place / "a.pth", place / "straight")
        row["kept"] = (place / "straight").is_dir()
        if not row["kept"]:
            return row
        TrainingState.keep = keep
        try:
            run_job(job, place / "b", place / "b.pth", place / "killed")
        except Killed:
            TrainingState.keep = stock
        again, _ = run_job(job, place / "c", place / "b.pth", place / "killed")
        states = [contents(place / name / "state.pt") for name in ("straight", "killed")]
        row["same"] = (
            (straight.valid, straight.test) == (again.valid, again.test)
            and straight.epochs == again.epochs == EPOCHS
            and equal(*states)
        )
    except Exception as error:  # models that these data cannot train are rows too
        row["error"] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    finally:
        TrainingState.keep = stock
    return row


def contents(path: Path) -> dict[str, Any]:
    """A state without its seconds."""
    import torch

    state = torch.load(path, weights_only=True)
    state["clock"] = state["clock"]["scores"]
    return dict(state)


def equal(one: Any, other: Any) -> bool:
    """Whether two nested values are the same to the last bit."""
    import torch

    if isinstance(one, torch.Tensor):
        if one.is_sparse:
            one, other = one.to_dense(), other.to_dense()
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other or (one != one and other != other))


def main() -> None:
    """Write a row of each model as soon as it is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", help="default: all")
    parser.add_argument("--output", type=Path, required=True, help="CSV to write")
    request = parser.parse_args()
    if not request.output.resolve().parent.is_dir():
        parser.error(f"--output: there is no folder {request.output.parent}")
    sys.argv = sys.argv[:1]  # RecBole's Config reads the command line
    import torch

    from recbole_cammsr.analysis import training_state

    # a state after every epoch, for these take less than a minute
    training_state.EVERY_SECONDS, training_state._WRITING_SHARE = 0.0, float("inf")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    known = list(models())
    unknown = set(request.models or []) - {name for _, name in known}
    if unknown:
        parser.error(f"--models: RecBole has no {', '.join(sorted(unknown))}")
    output = request.output.resolve()
    rows = []
    with tempfile.TemporaryDirectory() as name, open(output, "w", newline="") as handle:
        folder = Path(name)
        write_data(folder)
        os.chdir(folder)  # RecBole writes logs where it runs
        writer = csv.DictWriter(handle, COLUMNS)
        writer.writeheader()
        for kind, model in known:
            if request.models and model not in request.models:
                continue
            first = STAGES.get(model, [{}])[0]
            rows.append(compare(model, {**settings_of(kind, model), **first}, folder))
            writer.writerow(rows[-1])
            handle.flush()
            print(" ".join(f"{key}: {value}" for key, value in rows[-1].items()), flush=True)
    kept = [row for row in rows if row.get("kept") and "same" in row]
    same = sum(bool(row["same"]) for row in kept)
    print(f"{same} of {len(kept)} models whose state is kept go on to the last bit")


if __name__ == "__main__":
    main()
