"""Validation NDCG@10 of CAMMSR under every switch that must not change its quality.

    python docs/measurements/switch_quality.py --output switch_quality.csv

Trains ml-100k once for each variant and seed, stopped by validation, and prints a table; the test
split is not touched. Rows that the output already holds are not run again, so that processes may
share it, each with variants of its own (``--variants``), and a killed one goes on.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_COLUMNS = ("variant", "seed", "valid_ndcg10", "best_epoch", "epochs", "seconds")

#: what is compared with what; classic rows cost far more than packed ones, so that pair has
#: shorter histories
VARIANTS: dict[str, dict[str, Any]] = {
    "packed": {},
    "plain softmax": {},
    "bfloat16": {"enable_amp": True},
    "compiled": {"compile_encoder": True},
    "packed, no overlap": {"packing_overlap": 0},
    "packed, short": {"MAX_ITEM_LIST_LENGTH": 10},
    "packed, short, no overlap": {"MAX_ITEM_LIST_LENGTH": 10, "packing_overlap": 0},
    "classic, short": {"MAX_ITEM_LIST_LENGTH": 10, "train_packing": False},
}


def use_plain_softmax() -> None:
    """Put ``torch.nn.functional.cross_entropy`` in the place of the loss in chunks."""
    import torch
    import torch.nn.functional as F

    from recbole_cammsr.model import cammsr

    def plain(
        users: torch.Tensor, items: torch.Tensor, targets: torch.Tensor, max_logits: int
    ) -> torch.Tensor:
        return F.cross_entropy(users @ items[1:].t(), targets - 1)

    cammsr.catalogue_cross_entropy = plain


def train(variant: str, seed: int, patience: int, scratch: Path) -> dict[str, Any]:
    """Train one model.

    Args:
        variant: a key of :data:`VARIANTS`.
        seed: RecBole's.
        patience: epochs without a better validation figure.
        scratch: an empty folder.

    Returns:
        A row of the output.
    """
    from recbole_cammsr.analysis.job import TUNE, TrainingJob
    from recbole_cammsr.analysis.run_job import run_job

    if variant == "plain softmax":
        use_plain_softmax()
    settings = {**VARIANTS[variant], "stopping_step": patience, "state": "ERROR"}
    began = time.perf_counter()
    result, _ = run_job(TrainingJob("CAMMSR", "ml-100k", seed, settings, TUNE), scratch)
    seconds = round(time.perf_counter() - began)
    best = result.valid[result.valid_metric]
    values = (variant, seed, best, result.best_epoch, result.epochs, seconds)
    return dict(zip(_COLUMNS, values))


def read(path: Path) -> list[dict[str, str]]:
    """Rows of the output; none where there is no file."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    if rows and not set(_COLUMNS) <= set(rows[0]):
        sys.exit(f"switch_quality: error: {path} has other columns; name another --output")
    return rows


def table(rows: list[dict[str, str]]) -> str:
    """Markdown: figures of every seed, their mean and standard deviation, and seconds."""
    lines = [
        "| variant | valid NDCG@10 by seed | mean | sd | best epochs | seconds |",
        "| --- | --- | ---: | ---: | --- | --- |",
    ]
    for variant in VARIANTS:
        own = sorted(
            (row for row in rows if row["variant"] == variant), key=lambda row: int(row["seed"])
        )
        if not own:
            continue
        values = [float(row["valid_ndcg10"]) for row in own]
        spread = statistics.stdev(values) if len(values) > 1 else float("nan")
        cells = (
            variant,
            " ".join(f"{value:.4f}" for value in values),
            f"{statistics.mean(values):.4f}",
            f"{spread:.4f}",
            " ".join(row["best_epoch"] for row in own),
            " ".join(row["seconds"] for row in own),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--patience", type=int, default=5, help="epochs without progress (5)")
    parser.add_argument("--output", type=Path, default=Path("switch_quality.csv"))
    parser.add_argument("--run", nargs=2, metavar=("VARIANT", "SEED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        with tempfile.TemporaryDirectory() as folder:
            row = train(options.run[0], int(options.run[1]), options.patience, Path(folder))
        new = not options.output.exists()
        with open(options.output, "a", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, _COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow(row)
        return
    for variant in options.variants:
        for seed in options.seeds:
            done = {(row["variant"], int(row["seed"])) for row in read(options.output)}
            if (variant, seed) in done:
                continue
            print(f"{variant}, seed {seed}", file=sys.stderr, flush=True)
            command = [sys.executable, __file__, "--run", variant, str(seed)]
            command += ["--patience", str(options.patience), "--output", str(options.output)]
            subprocess.run(command, check=True)
    print(table(read(options.output)))


if __name__ == "__main__":
    main()
