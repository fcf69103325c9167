"""Seconds per 1,000 training targets, stock SASRec against CAMMSR, batch by batch in turn.

    python docs/measurements/step_time.py ml-100k 5

Arguments: data set (``ml-100k``) and number of counted batches of each model. One CPU thread.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import recbole_cammsr  # noqa: F401  must come before RecBole

DATASET, BATCHES = sys.argv[1], int(sys.argv[2])
sys.argv = sys.argv[:1]  # RecBole's Config reads the command line


def prepare(model: str) -> tuple[Any, Any, Any]:
    """Model in training mode, optimiser and an iterator over its batches."""
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, init_seed

    from recbole_cammsr.cli.protocol import settings_for

    settings = {} if model == "CAMMSR" else settings_for(model, DATASET, {})
    settings.update(train_batch_size=1024, state="ERROR")
    config = Config(model=model, dataset=DATASET, config_dict=settings)
    init_seed(1, True)
    train, _, _ = data_preparation(config, create_dataset(config))
    network = get_model(model)(config, train._dataset).train()
    return network, torch.optim.Adam(network.parameters(), 1e-3), iter(train)


def seconds_per_1000(network: Any, optimiser: Any, batches: Any) -> float:
    """One training step, scaled to 1,000 targets."""
    batch = next(batches)
    start = time.perf_counter()
    optimiser.zero_grad()
    loss = network.calculate_loss(batch)
    (sum(loss) if isinstance(loss, tuple) else loss).backward()
    optimiser.step()
    elapsed = time.perf_counter() - start
    packed = "target_count" in batch
    targets = int(batch["target_count"].sum()) if packed else len(batch["item_id"])
    return 1000 * elapsed / targets


def main() -> None:
    """Measure and print."""
    import torch

    torch.set_num_threads(1)
    runs = {model: prepare(model) for model in ("CAMMSR", "SASRec")}
    seconds: dict[str, list[float]] = {model: [] for model in runs}
    for count in range(BATCHES + 1):
        for model, run in runs.items():
            value = seconds_per_1000(*run)
            if count:  # the first step of each warms up
                seconds[model].append(value)
    for model, values in seconds.items():
        print(f"{model}: median {statistics.median(values):.3f} s per 1,000 targets")
    ratios = [slow / fast for fast, slow in zip(seconds["CAMMSR"], seconds["SASRec"])]
    print(f"SASRec / CAMMSR: median {statistics.median(ratios):.1f}")


if __name__ == "__main__":
    main()
