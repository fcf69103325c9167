"""Start-up of CAMMSR on generated interactions: seconds and peak memory, one process a size.

    python docs/measurements/startup.py --interactions 200000 2000000 20000000

Measures ``create_dataset`` and ``data_preparation`` with full ranking, of CAMMSR (packed training)
or of a stock model (``--model SASRec``, which takes 25 GiB and more from 2,000,000 on). Users are a
tenth and items a twentieth of the interactions; items follow a Zipf law, histories are log-normal,
lines stand in order of time. The files go to a temporary folder and are deleted.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

NAME = "generated"


def write_interactions(folder: Path, count: int, seed: int = 0) -> None:
    """Write ``generated.inter`` with about ``count`` interactions below ``folder``."""
    rng = np.random.default_rng(seed)
    users, items = max(count // 10, 1), max(count // 20, 1)
    weights = rng.lognormal(0.0, 1.0, size=users)
    # everyone has three interactions, so that every user has training, validation and test rows
    lengths = 3 + rng.poisson(weights / weights.sum() * max(count - 3 * users, 0))
    user = np.repeat(np.arange(users), lengths)
    total = len(user)
    popularity = 1.0 / np.arange(1, items + 1)
    item = np.searchsorted(np.cumsum(popularity) / popularity.sum(), rng.random(total))
    stamp = np.sort(rng.integers(1_400_000_000, 1_700_000_000, size=total))
    rng.shuffle(user)
    target = folder / NAME
    target.mkdir(parents=True)
    with open(target / f"{NAME}.inter", "w", encoding="utf-8") as handle:
        handle.write("user_id:token\titem_id:token\ttimestamp:float\n")
        for begin in range(0, total, 1_000_000):
            part = slice(begin, begin + 1_000_000)
            rows = zip(user[part].tolist(), item[part].tolist(), stamp[part].tolist())
            handle.writelines(f"u{u}\ti{i}\t{t}\n" for u, i, t in rows)


def measure(folder: str, model: str, profile: bool) -> dict[str, float]:
    """Start up in this process.

    Args:
        folder: that :func:`write_interactions` wrote to.
        model: whose data set and loaders are made.
        profile: print the functions that take the most time of their own.

    Returns:
        Rows and vocabulary, seconds of wall clock and of processor time, and the highest resident
        memory after the imports, the creation and everything, with a batch of each loader.
    """
    sys.argv = sys.argv[:1]  # RecBole's Config reads the command line
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation

    import recbole_cammsr  # noqa: F401

    settings = {
        "data_path": folder,
        "category_weight": 0,
        "state": "ERROR",
        "use_gpu": False,
        "train_neg_sample_args": None,
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
    }
    config = Config(model=model, dataset=NAME, config_dict=settings)
    imported = peak_gib()
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    marks = [(time.perf_counter(), time.process_time())]
    dataset = create_dataset(config)
    marks.append((time.perf_counter(), time.process_time()))
    created = peak_gib()
    train, valid, test = data_preparation(config, dataset)
    marks.append((time.perf_counter(), time.process_time()))
    if profile:
        profiler.disable()
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(25)
    next(iter(train))
    next(iter(test))
    return {
        "targets": float(sum(part._dataset.inter_num for part in (train, valid, test))),
        "users": dataset.user_num - 1,
        "items": dataset.item_num - 1,
        "create s": marks[1][0] - marks[0][0],
        "prepare s": marks[2][0] - marks[1][0],
        "cpu s": marks[2][1] - marks[0][1],
        "imports GiB": imported,
        "create GiB": created,
        "peak GiB": peak_gib(),
    }


def peak_gib() -> float:
    """Highest resident memory of this process so far (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Generate, measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--interactions", type=int, nargs="+", default=[200_000, 2_000_000])
    parser.add_argument("--model", default="CAMMSR")
    parser.add_argument("--folder", help="measure data that stand here, and print JSON")
    parser.add_argument("--profile", action="store_true", help="where the processor time goes")
    request = parser.parse_args()
    if request.folder:
        print(json.dumps(measure(request.folder, request.model, request.profile)))
        return
    from recbole_cammsr.run.errors import UsageError
    from recbole_cammsr.run.known_settings import check_model

    try:
        check_model(request.model)
    except UsageError as error:
        parser.error(f"--model: {error}")
    if min(request.interactions) < 1:
        parser.error(f"--interactions takes 1 or more, not {min(request.interactions)}")
    rows = []
    for count in request.interactions:
        with tempfile.TemporaryDirectory() as folder:
            write_interactions(Path(folder), count)
            command = [sys.executable, __file__, "--folder", folder, "--model", request.model]
            command += ["--profile"] if request.profile else []
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            *report, result = output.splitlines()
            print("\n".join(report))
            rows.append({"interactions": count, **json.loads(result)})
    print("| " + " | ".join(rows[0]) + " |")
    print("| " + " | ".join("---:" for _ in rows[0]) + " |")
    for row in rows:
        digits = {"GiB": 2, "s": 1}
        shown = (f"{v:,.{digits.get(k.split()[-1], 0)}f}" for k, v in row.items())
        print("| " + " | ".join(shown) + " |")


if __name__ == "__main__":
    main()
