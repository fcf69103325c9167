"""Start-up of CAMMSR on generated interactions: seconds and peak memory, one process a size.

    python docs/measurements/startup.py --interactions 200000 2000000 20000000

Measures ``create_dataset`` and ``data_preparation`` with packed training and full ranking. Users
are a tenth and items a twentieth of the interactions; items follow a Zipf law, histories are
log-normal, lines stand in order of time. The files go to a temporary folder and are deleted.
"""

from __future__ import annotations

import argparse
import json
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


def measure(folder: str) -> dict[str, float]:
    """Start up in this process.

    Args:
        folder: that :func:`write_interactions` wrote to.

    Returns:
        Seconds of wall clock and of processor time of both steps, peak resident memory in GiB,
        rows and vocabulary.
    """
    sys.argv = sys.argv[:1]  # RecBole's Config reads the command line
    import recbole_cammsr  # noqa: F401  must come before RecBole

    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation

    settings = {
        "data_path": folder,
        "category_weight": 0,
        "state": "ERROR",
        "use_gpu": False,
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
    }
    config = Config(model="CAMMSR", dataset=NAME, config_dict=settings)
    imported = peak_gib()
    marks = [(time.perf_counter(), time.process_time())]
    dataset = create_dataset(config)
    marks.append((time.perf_counter(), time.process_time()))
    created = peak_gib()
    train, valid, test = data_preparation(config, dataset)
    marks.append((time.perf_counter(), time.process_time()))
    next(iter(train))
    next(iter(test))
    return {
        "interactions": len(train._dataset.inter_feat) + 2 * len(test._dataset) + dataset.user_num - 1
        if False
        else float(sum(len(part._dataset.inter_feat) for part in (train, valid, test))),
        "users": dataset.user_num - 1,
        "items": dataset.item_num - 1,
        "packed rows": len(train._dataset),
        "create s": marks[1][0] - marks[0][0],
        "create cpu s": marks[1][1] - marks[0][1],
        "prepare s": marks[2][0] - marks[1][0],
        "prepare cpu s": marks[2][1] - marks[1][1],
        "imports GiB": imported,
        "create GiB": created,
        "peak GiB": peak_gib(),
    }


def peak_gib() -> float:
    """Highest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    pass
