"""How much of what a model recommends its users have already: docs/results/history.md.

    python docs/measurements/own_history.py --split test saved/CAMMSR-....pth ...
    python docs/measurements/own_history.py --split test --no_header --name "CAMMSR with times" \
        ... >> runs.csv

For each checkpoint, over the rows of a split: how many of the first ten items the user has already
(but for the one to be found), where these are ranked as by the protocol of docs/results, and
NDCG@10 and Recall@10 with and without them in the ranking. With ``--against`` the checkpoints,
seeds of one model, are compared with those of another one: t-tests paired over users, of their
means over the seeds.

    python docs/measurements/own_history.py --split test A-seed1.pth A-seed2.pth \
        --against B-seed1.pth B-seed2.pth

With ``--new_targets`` users whose target stands in the history that the model reads are left out.
"""

from __future__ import annotations

import argparse
import csv
import sys
from typing import Any

import numpy as np
import torch

import recbole_cammsr  # noqa: F401 - first, so that RecBole can be imported
from recbole_cammsr.analysis.ranks import per_user, ranks_of
from recbole_cammsr.analysis.significance import paired_test
from recbole_cammsr.run import checkpoints
from recbole_cammsr.run.errors import RunError, UsageError

#: metrics with the history in the ranking, and without it
METRICS = ("NDCG@10", "Recall@10")
RANKINGS = ("", ", history masked")


@torch.no_grad()
def measure(
    path: str, split: str, new_targets: bool = False
) -> tuple[dict[str, Any], dict[str, float], dict[str, Any]]:
    """Own items among the first ten, and metrics with and without own items in the ranking.

    Args:
        path: checkpoint of a sequential model whose `full_sort_predict` ranks the catalogue.
        split: `valid` or `test`.
        new_targets: leave out the users whose target stands in the history that the model reads.

    Returns:
        Data set, model and seed of the run; means over the users; and, by metric, what each of
        them has, in the order of their tokens.
    """
    masked_history = {"mask_history": True}
    config, model, dataset, _, valid, test = checkpoints.open_checkpoint(path, masked_history)
    model.eval()
    history_field = dataset.iid_field + config["LIST_SUFFIX"]
    users, own, kept, masked, new = [], [], [], [], []
    for interaction, history, _, targets in valid if split == "valid" else test:
        interaction = interaction.to(config["device"])
        scores = model.full_sort_predict(interaction).view(-1, dataset.item_num).float().cpu()
        scores[:, 0] = -torch.inf
        users.append(interaction[dataset.uid_field].cpu())
        read = interaction[history_field].cpu()
        new.append((read != targets.unsqueeze(1)).all(1) | (not new_targets))
        held = torch.zeros_like(scores, dtype=torch.bool)
        held[history] = True
        own.append(held.gather(1, scores.topk(10).indices).sum(1))
        without = scores.masked_fill(held, -torch.inf)
        for ranks, ranked in ((kept, scores), (masked, without)):
            ranks.append(ranks_of(targets, ranked, max(config["topk"])))
    asked = torch.cat(new)
    own_items, whose, *both = (torch.cat(parts)[asked] for parts in (own, users, kept, masked))
    order = np.argsort(dataset.id2token(dataset.uid_field, whose.numpy()))
    of_users = {
        f"{metric}{which}": per_user(metric, rank.numpy()[order])
        for metric in METRICS
        for which, rank in zip(RANKINGS, both)
    }
    run = {name: config[name] for name in ("dataset", "model", "seed")}
    means = {"own items among the first ten": float(own_items.float().mean())}
    means.update((key, float(np.mean(values))) for key, values in of_users.items())
    return run, means, of_users


def compare(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    """Print, by metric, means of two models, the difference and its paired p.

    Args:
        ours: of each seed, what :func:`measure` gives of every user.
        theirs: the same of the other model.
    """
    for key in ours[0]:
        first, second = (np.mean([seed[key] for seed in group], axis=0) for group in (ours, theirs))
        p = paired_test(first, second).t_p
        gain = 100 * (first.mean() / second.mean() - 1)
        print(f"{key}: {first.mean():.4f} against {second.mean():.4f}, {gain:+.1f} %, p = {p:.4g}")


def main() -> None:
    """Print a header and one line per checkpoint, as CSV."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--split", choices=("valid", "test"), default="valid")
    parser.add_argument("--name", help="what the rows are called; default: the model's name")
    parser.add_argument(
        "--new_targets",
        action="store_true",
        help="without the users whose target stands in the history that the model reads",
    )
    parser.add_argument("--no_header", action="store_true", help="for a file that has one")
    parser.add_argument("checkpoints", nargs="+", metavar="FILE")
    parser.add_argument("--against", nargs="+", metavar="FILE", default=[])
    options = parser.parse_args()
    for path in [*options.checkpoints, *options.against]:
        try:
            checkpoints.check_exists(path)
            checkpoints.origin_of(path)  # another file would only end the work of those before it
        except (UsageError, RunError) as error:
            parser.error(str(error))
    groups: tuple[list[Any], list[Any]] = ([], [])
    lines = csv.writer(sys.stdout, lineterminator="\n")
    for number, path in enumerate([*options.checkpoints, *options.against]):
        run, measured, of_users = measure(path, options.split, options.new_targets)
        groups[number >= len(options.checkpoints)].append(of_users)
        if number == 0 and not options.no_header:
            lines.writerow(["dataset", "model", "seed", "split", *measured])
        name = options.name or run["model"]
        figures = [f"{value:.5f}" for value in measured.values()]
        lines.writerow([run["dataset"], name, run["seed"], options.split, *figures])
    if options.against:
        compare(*groups)


if __name__ == "__main__":
    main()
