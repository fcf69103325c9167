"""How much of what a model recommends its users have already: Table in design_choices.md.

    python docs/measurements/own_history.py saved/CAMMSR-....pth ...

For each checkpoint, over the validation rows with the history not masked (the protocol of
docs/results): how many of the first ten items are in the user's history, and at which place the
target would be with these taken out.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from recbole_cammsr.analysis.ranks import per_user


@torch.no_grad()
def measure(path: str) -> dict[str, float]:
    """Own items among the first ten, and NDCG@10 with and without them.

    Args:
        path: checkpoint of a sequential model whose `full_sort_predict` ranks the catalogue.

    Returns:
        Means over the users.
    """
    from recbole.quick_start import load_data_and_model

    from recbole_cammsr.cli import checkpoints

    checkpoints.prepare(path)
    config, model, dataset, _, valid, _ = load_data_and_model(path)
    model.eval()
    own, kept, masked = [], [], []
    for interaction, _, _, targets in valid:
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
    return {
        "own items among the first ten": float(torch.cat(own).float().mean()),
        "NDCG@10": float(np.mean(per_user("NDCG@10", ranks[0]))),
        "NDCG@10, history masked": float(np.mean(per_user("NDCG@10", ranks[1]))),
    }


def main() -> None:
    """Print one line per checkpoint."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoints", nargs="+", metavar="FILE")
    for path in parser.parse_args().checkpoints:
        figures = ", ".join(f"{name} {value:.4f}" for name, value in measure(path).items())
        print(f"{path}: {figures}")


if __name__ == "__main__":
    main()
