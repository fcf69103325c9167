"""Name and direction of a column such as ``giniindex@10``, from RecBole's metric classes."""

from __future__ import annotations

from typing import Any


def smaller_is_better(metric: str) -> bool:
    """Whether RecBole's class of a metric has ``smaller = True``; also for unknown ones False.

    Args:
        metric: with or without a cutoff; case does not matter.
    """
    return bool(getattr(_class_of(metric), "smaller", False))


def title(metric: str) -> str:
    """``ndcg@10`` as ``NDCG@10``, ``giniindex@5`` as ``GiniIndex@5``.

    Args:
        metric: with or without a cutoff.
    """
    name, at, cutoff = metric.partition("@")
    found = _class_of(metric)
    return f"{name.capitalize() if found is None else found.__name__}{at}{cutoff}"


def _class_of(metric: str) -> Any:
    from recbole.evaluator.register import metrics_dict  # imports torch

    return metrics_dict.get(metric.lower().partition("@")[0])
