"""How much of what a model recommends its users have already: docs/results/history.md.

    python docs/measurements/own_history.py --split test saved/CAMMSR-....pth ...
    python docs/measurements/own_history.py --split test --no_header --name "CAMMSR with times" \
        ... >> runs.csv

For each checkpoint, over the rows of a split with the history not masked (the protocol of
docs/results): how many of the first ten items are in the user's history, and NDCG@10 and Recall@10
with and without these in the ranking.
"""

from __future__ import annotations

import argparse
import csv
import sys
from typing import Any

import numpy as np
import torch

import recbole_cammsr  # noqa: F401 - first, so that RecBole can be imported
from recbole_cammsr.analysis.ranks import per_user


@torch.no_grad()
def measure(path: str, split: str) -> tuple[dict[str, Any], dict[str, float]]:
    """Own items among the first ten, and metrics with and without own items in the ranking.

    Args:
        path: checkpoint of a sequential model whose `full_sort_predict` ranks the catalogue.
        split: `valid` or `test`.

    Returns:
        Data set, model and seed of the run, and means over the users.
    """
    from recbole.quick_start import load_data_and_model

    from recbole_cammsr.cli import checkpoints

    checkpoints.prepare(path)
    config, model, dataset, _, valid, test = load_data_and_model(path)
    model.eval()
    own, kept, masked = [], [], []
    for interaction, _, _, targets in valid if split == "valid" else test:
        interaction = interaction.to(config["device"])
        scores = model.full_sort_predict(interaction).view(-1, dataset.item_num).float().cpu()
        scores[:, 0] = -torch.inf
        history = interaction[dataset.item_id_list_field].cpu()
        held = torch.zeros_like(scores, dtype=torch.bool).scatter_(1, history, True)
        first = scores.topk(10).indices
        own.append(held.gather(1, first).sum(1))
        of_target = scores.gather(1, targets.view(-1, 1))
        held.scatter_(1, targets.view(-1, 1), False)
        above = scores > of_target
        kept.append(1 + above.sum(1))
        masked.append(1 + (above & ~held).sum(1))
    ranks = [torch.cat(parts).numpy() for parts in (kept, masked)]
    run = {name: config[name] for name in ("dataset", "model", "seed")}
    return run, {
        "own items among the first ten": float(torch.cat(own).float().mean()),
        **{
            f"{metric}{which}": float(np.mean(per_user(metric, rank)))
            for metric in ("NDCG@10", "Recall@10")
            for which, rank in zip(("", ", history masked"), ranks)
        },
    }


def main() -> None:
    """Print a header and one line per checkpoint, as CSV."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--split", choices=("valid", "test"), default="valid")
    parser.add_argument("--name", help="what the rows are called; default: the model's name")
    parser.add_argument("--no_header", action="store_true", help="for a file that has one")
    parser.add_argument("checkpoints", nargs="+", metavar="FILE")
    options = parser.parse_args()
    lines = csv.writer(sys.stdout, lineterminator="\n")
    for number, path in enumerate(options.checkpoints):
        run, measured = measure(path, options.split)
        if number == 0 and not options.no_header:
            lines.writerow(["dataset", "model", "seed", "split", *measured])
        name = options.name or run["model"]
        figures = [f"{value:.5f}" for value in measured.values()]
        lines.writerow([run["dataset"], name, run["seed"], options.split, *figures])


if __name__ == "__main__":
    main()
