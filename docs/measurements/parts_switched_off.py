"""What CAMMSR's parts do in a model that has been trained with them: docs/results/mechanism.md.

    python docs/measurements/parts_switched_off.py saved/CAMMSR-....pth ...

For each checkpoint, over the rows of a split (validation unless said): NDCG@10 and Recall@10 of the
model as it is, without what the experts add (gamma 0), with all modalities weighing the same (gate
0), with both, and with all experts that an item has asked alike (keys 0). The model is not trained
anew: this says what it has come to lean on, not what it would be without.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

import recbole_cammsr  # noqa: F401 - first, so that RecBole can be imported
from recbole_cammsr.analysis.ranks import per_user, ranks_of
from recbole_cammsr.model.camoe import CAMoE

METRICS = ("NDCG@10", "Recall@10")


@contextmanager
def zeroed(model: torch.nn.Module, parameters: list[torch.Tensor]) -> Iterator[None]:
    """With some parameters zero, and back to what they were.

    Args:
        model: whose parameters these are; an evaluation caches items, so it is told to forget them.
        parameters: to be zero.
    """
    kept = [parameter.detach().clone() for parameter in parameters]
    try:
        for parameter in parameters:
            parameter.data.zero_()
        model.train()
        model.eval()
        yield
    finally:
        for parameter, values in zip(parameters, kept):
            parameter.data.copy_(values)


@torch.no_grad()
def scores_of(model: Any, rows: Any, dataset: Any, device: torch.device) -> list[float]:
    """Means over the rows of each of `METRICS`, histories ranked."""
    ranks = []
    for interaction, _, _, targets in rows:
        scores = model.full_sort_predict(interaction.to(device)).view(-1, dataset.item_num)
        scores = scores.float().cpu()
        scores[:, 0] = -torch.inf
        ranks.append(ranks_of(targets, scores, 10))
    of_all = torch.cat(ranks).numpy()
    return [float(per_user(metric, of_all).mean()) for metric in METRICS]


def parts_of(camoe: CAMoE) -> dict[str, list[torch.Tensor]]:
    """By what the model is without, the parameters that are zero then."""
    without: dict[str, list[torch.Tensor]] = {"as it is": [], "no experts": [camoe.gamma]}
    if camoe.gate is not None:
        without["equal weights"] = [camoe.gate]
        without["neither"] = [camoe.gamma, camoe.gate]
    if camoe.attends:
        without["experts asked alike"] = [camoe.key.weight]
    return without


def main() -> None:
    """Print a header and one line per checkpoint and part, as CSV."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--split", choices=("valid", "test"), default="valid")
    parser.add_argument("checkpoints", nargs="+", metavar="FILE")
    options = parser.parse_args()
    from recbole.quick_start import load_data_and_model

    from recbole_cammsr.cli import checkpoints

    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(["checkpoint", "split", "gamma", "parts", *METRICS])
    for path in options.checkpoints:
        checkpoints.prepare(path)
        config, model, dataset, _, valid, test = load_data_and_model(path)
        camoe = next((part for part in model.modules() if isinstance(part, CAMoE)), None)
        if camoe is None:
            raise ValueError(f"{path} has no CAMoE; give a checkpoint of CAMMSR with fusion: camoe")
        rows = valid if options.split == "valid" else test
        gamma = f"{float(camoe.gamma):.3f}"
        for name, parameters in parts_of(camoe).items():
            with zeroed(model, parameters):
                figures = scores_of(model, rows, dataset, config["device"])
            lines.writerow(
                [path, options.split, gamma, name, *(f"{value:.5f}" for value in figures)]
            )


if __name__ == "__main__":
    main()
