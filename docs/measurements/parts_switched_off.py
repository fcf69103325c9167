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

import torch

import recbole_cammsr  # noqa: F401 - first, so that RecBole can be imported
from recbole_cammsr.model.camoe import CAMoE

METRICS = ("ndcg@10", "recall@10")


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
    from recbole.utils import get_trainer

    from recbole_cammsr.run import checkpoints
    from recbole_cammsr.run.errors import RunError, UsageError

    for path in options.checkpoints:
        try:
            checkpoints.check_exists(path)
            checkpoints.origin_of(path)
        except (UsageError, RunError) as error:
            parser.error(str(error))
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(["checkpoint", "split", "gamma", "parts", *METRICS])
    for path in options.checkpoints:
        config, model, _, _, valid, test = checkpoints.open_checkpoint(path)
        camoe = next((part for part in model.modules() if isinstance(part, CAMoE)), None)
        if camoe is None:
            parser.error(f"{path} has no CAMoE; give a checkpoint of CAMMSR with fusion: camoe")
        rows = valid if options.split == "valid" else test
        trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
        gamma = f"{float(camoe.gamma):.3f}"
        for name, parameters in parts_of(camoe).items():
            with zeroed(model, parameters):
                measured = trainer.evaluate(rows, load_best_model=False)
            figures = (f"{measured[metric]:.4f}" for metric in METRICS)
            lines.writerow([path, options.split, gamma, name, *figures])


if __name__ == "__main__":
    main()
