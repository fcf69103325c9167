"""``run_recbole --evaluate``: ranks the splits of a checkpoint again, without training."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from recbole_cammsr.run import checkpoints, known_settings
from recbole_cammsr.run.errors import UsageError
from recbole_cammsr.run.training import Outcome

#: what may be asked for beside the checkpoint's own settings: none of it changes a score (data
#: with other users or items are refused, by the digest in the checkpoint)
CHANGEABLE = (
    *("mask_history", "metrics", "topk", "metric_decimal_place"),
    *("eval_batch_size", "show_progress", "data_path", "gpu_id", "state"),
)


def changes(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of an evaluation, as RecBole's Config would keep them.

    Args:
        given: those of :data:`CHANGEABLE` on the command line.

    Returns:
        Them, with lists where RecBole has lists.

    Raises:
        UsageError: a metric that RecBole does not have, or not beside the others, or a cut-off that
            is none.
    """
    changed = {name: value for name, value in given.items() if value is not None}
    for name in ("metrics", "topk"):
        if name in changed and not isinstance(changed[name], (list, tuple)):
            changed[name] = [changed[name]]
    for cutoff in changed.get("topk", ()):
        if not isinstance(cutoff, int) or isinstance(cutoff, bool) or cutoff < 1:
            raise UsageError(f"--topk must be whole numbers from 1, such as [5,10], not {cutoff!r}")
    for metric in changed.get("metrics", ()):
        expected = known_settings.expected_instead("valid_metric", metric)
        if expected is not None or "@" in metric:
            raise UsageError(
                f"--metrics must name {expected or 'metrics without cut-offs, which are --topk'}, "
                f"not {metric!r}"
            )
    if "state" in changed:
        changed["state"] = str(changed["state"])  # as RecBole's logger needs it
    decimals = changed.get("metric_decimal_place", 4)
    if not isinstance(decimals, int) or isinstance(decimals, bool) or decimals < 0:
        raise UsageError(f"--metric_decimal_place must be a whole number from 0, not {decimals!r}")
    return changed


def evaluate(path: str, changed: Mapping[str, Any] | None = None) -> Outcome:
    """Evaluate a checkpoint on its validation and test split, with the settings saved in it.

    Args:
        path: a file that RecBole's trainer saved.
        changed: settings that win over the checkpoint's, of :func:`changes`.

    Raises:
        UsageError: the metrics asked for are not of the kind that the checkpoint's evaluation is.
        RunError: the file is damaged or was written by something else, or the data have changed.
    """
    from recbole.utils import get_trainer

    changed = dict(changed or {})
    config, model, _, train_data, valid_data, test_data = checkpoints.open_checkpoint(path, changed)
    _check_kind(config)
    modes = config["eval_args"]["mode"]
    for mode in {modes["valid"], modes["test"]} if isinstance(modes, dict) else {modes}:
        if str(mode)[:3] in ("uni", "pop"):
            print(
                f"note: candidates are drawn anew (eval_args mode {mode}), so the figures are not "
                "those of the run to the last digit",
                file=sys.stderr,
            )
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    trainer.eval_collector.data_collect(train_data)
    valid, test = (
        trainer.evaluate(split, load_best_model=False, show_progress=config["show_progress"])
        for split in (valid_data, test_data)
    )
    return Outcome(
        model=config["model"],
        dataset=config["dataset"],
        valid=dict(valid or {}),
        test=dict(test or {}),
        bigger_is_better=bool(config["valid_metric_bigger"]),
        checkpoint=path,
    )


def _check_kind(config: Any) -> None:
    """Metrics of ranks and metrics of values are made of other evaluations."""
    from recbole.evaluator import metric_types

    for metric in config["metrics"]:
        if metric_types[metric.lower()] != config["eval_type"]:
            raise UsageError(
                f"--metrics names {metric}, which is not of the kind that the checkpoint was "
                f"evaluated by ({config['eval_type'].name.lower()})"
            )
