"""What values RecBole's own settings may have, where RecBole takes a wrong one in silence.

An unknown ``learner`` trains with Adam, an interval that lacks a bracket filters nothing, and fewer
than no epochs test an untrained model. Objects of a script's (numbers of numpy's, mappings of any
kind) are taken for what RecBole takes them for.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from recbole_cammsr.run.evaluation_rules import of_eval_args

#: RecBole makes one row a batch of what is below 1
_BATCH_SIZES = ("train_batch_size", "eval_batch_size")
#: torch's optimizers refuse what is below 0
_NOT_NEGATIVE = ("epochs", "learning_rate", "weight_decay", "worker")
_WHOLE = ("seed", "epochs", "worker")
#: numbers that RecBole cannot do without
NEEDED = ("seed", "epochs", "learning_rate", "worker", *_BATCH_SIZES)
#: a mapping, as YAML and RecBole write it
_MAPPINGS = {
    "load_col": "{'inter': ['user_id', 'item_id']}",
    "unload_col": "{'inter': ['rating']}",
    "clip_grad_norm": "{'max_norm': 5}",
}
#: optimizers that ``Trainer._build_optimizer`` knows, in letters of either case, but for the next
_LEARNERS = ("adam", "adamw", "sgd", "adagrad", "rmsprop")
#: takes the gradients of ``Embedding(sparse=True)`` alone
_SPARSE_LEARNER = "sparse_adam"
#: what ``learner`` must be
LEARNER = (
    f"one of {', '.join(_LEARNERS)} ({_SPARSE_LEARNER} is for sparse embeddings, which no model of "
    "RecBole or this package has)"
)
#: settings that ``Dataset._parse_intervals_str`` reads
INTERVALS = frozenset(
    f"{name}_num_interval" for name in ("user_inter", "item_inter", "entity_kg", "relation_kg")
)
#: settings whose readers take lists and mappings without quotes (data/settings.py), or intervals
READ_AS_TEXT = INTERVALS | {"modalities", "modality_files"}
_INTERVAL = "an interval with both brackets, such as '[5,inf)', or several: '(0,10];[20,30)'"
_VAL_INTERVAL = (
    "a mapping of fields to intervals with both brackets, such as {'rating': '[3,inf)'}, or to "
    "lists of tokens"
)


def of_number(name: str, value: Any, default: float) -> str | None:
    """What a setting must be that RecBole has a number for.

    Args:
        name: of the setting.
        value: of it; not None.
        default: RecBole's.

    Returns:
        E.g. "a number (default 300)"; None where the value can work.
    """
    number = _number(value)
    if number is None:
        return f"a number (default {default})"
    if name in _BATCH_SIZES and number < 1:
        return f"1 or more (default {default})"
    if name in _NOT_NEGATIVE and not number >= 0:
        return f"0 or more (default {default})"
    if name in _WHOLE and not _is_whole(value):
        return f"a whole number (default {default})"
    return None


def is_sparse_learner(value: Any) -> bool:
    """Whether an optimizer fails with models without sparse embeddings.

    Args:
        value: of ``learner``.
    """
    return isinstance(value, str) and value.lower() == _SPARSE_LEARNER


def _number(value: Any) -> float | None:
    """What Python makes of an object where a number is needed; None of a text, and of no number."""
    if isinstance(value, (str, bytes, bytearray)):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # RuntimeError: torch's, of many
        return None


def _is_whole(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def of_metric(value: Any, metrics: Sequence[str]) -> str | None:
    """What the metric of early stopping must be.

    Args:
        value: of ``valid_metric``.
        metrics: RecBole's.

    Returns:
        What is meant probably, or all metrics; None where the name is one of them. Whether it is
        computed is another question, which its run answers.
    """
    name, at, cutoff = str(value).partition("@")
    by_lower_case = {metric.lower(): metric for metric in metrics}
    if isinstance(value, str) and name.lower() in by_lower_case:
        return None
    near = difflib.get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.6)
    if near:
        return f"a metric of RecBole (did you mean {by_lower_case[near[0]] + at + cutoff!r}?)"
    return f"a metric of RecBole, such as NDCG@10 (there are {', '.join(sorted(metrics))})"


def of_other(name: str, value: Any) -> str | None:
    """What a setting must be that is neither a number nor a metric.

    Args:
        name: of a setting.
        value: of it; not None.

    Returns:
        E.g. "one of adam, sgd"; None where the value can work, or nothing is known of the setting.
    """
    if name == "learner":
        known = isinstance(value, str) and value.lower() in _LEARNERS
        # a model of the user's own may have sparse embeddings
        return None if known or is_sparse_learner(value) else LEARNER
    if name == "rm_dup_inter":
        fine = value in ("first", "last") if isinstance(value, str) else not value
        return None if fine else "first or last"
    if name in INTERVALS:
        return None if _are_intervals(value) else _INTERVAL
    if name == "val_interval":
        fine = isinstance(value, Mapping) and all(map(_keeps_values, value.values()))
        return None if fine else _VAL_INTERVAL
    if name == "eval_args":
        return of_eval_args(value)
    # RecBole takes 0 and False for none, but for no columns at all where columns are to be loaded
    may_be_none = name != "load_col" and not value
    if name in _MAPPINGS and not isinstance(value, Mapping) and not may_be_none:
        return f"a mapping, such as {_MAPPINGS[name]}"
    if name == "category_field" and value and not isinstance(value, str):
        return "the name of one column of the `.item` file"
    return None


def of_collection(value: Any) -> str | None:
    """What a text must be that was meant for a list or a mapping, but stays text with RecBole.

    Args:
        value: of a setting out of none of `READ_AS_TEXT`.

    Returns:
        E.g. "a mapping as Python writes it"; None where it is no such text.
    """
    opening = value.strip()[:1] if isinstance(value, str) else ""
    if opening not in ("{", "[") or _is_evaluated(value.strip()):
        return None
    kind, example = ("mapping", {"name": 5}) if opening == "{" else ("list", ["name", 5])
    return f"a {kind} as Python writes it, with words in quotes, such as {example}"


def _is_evaluated(text: str) -> bool:
    """Whether Python, by which RecBole reads texts, knows the names in one."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError):
        return False
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return all(hasattr(builtins, name) for name in names)


def _are_intervals(value: Any) -> bool:
    """Whether RecBole finds endpoints in every part; a list is its text, as ``[5, 10]``."""
    return all(map(_is_interval, str(value).split(";")))


def _is_interval(text: str) -> bool:
    text = text.strip()
    if text[:1] not in ("(", "[") or text[-1:] not in (")", "]"):
        return False
    try:
        left, right = map(float, text[1:-1].split(","))
    except ValueError:  # also another number of ends than two
        return False
    return left <= right


def _keeps_values(wanted: Any) -> bool:
    """Whether a field can be filtered by this: numbers by an interval, tokens by a list of them.

    Which of the two a field has, only its file says, so lists are left to the run.
    """
    if isinstance(wanted, str):
        return _are_intervals(wanted)
    return wanted is not None and not isinstance(wanted, (int, float))
