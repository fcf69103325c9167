"""`eval_args`: what RecBole can split and rank by passes, anything else is one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recbole_cammsr.run.known_settings import expected_instead

#: with every key alone: of `eval_args` a part will do
FINE = [
    {},
    {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": None, "mode": "full"},
    {"split": {"LS": "valid_only"}},
    {"split": {"LS": "test_only"}},
    {"split": {"RS": [0.8, 0.1, 0.1]}},
    {"split": {"RS": [8, 1, 1]}},  # RecBole divides by their sum
    {"split": {"RS": [0.8, 0, 0.2]}},
    {"split": {"RS": list(np.array([0.8, 0.1, 0.1], dtype=np.float32))}},
    {"split": {"TS": [0.8, 0.1, 0.1]}},
    {"split": None, "order": None},  # pre-split data
    {"order": "RO"},
    {"group_by": "user"},
    {"group_by": "none"},
    {"group_by": "None"},
    {"mode": "labeled"},
    {"mode": "uni100"},
    {"mode": np.str_("pop1")},
    {"mode": {}},
    {"mode": {"valid": "uni100"}},
    {"mode": {"test": "full"}},
    {"mode": {"valid": "uni100", "test": "full"}},
]
SPLIT = "a mapping whose 'split' is {'LS': 'valid_and_test'}"
MODE = "a mapping whose 'mode' is full, labeled, or uni or pop with a number"
#: RecBole takes it in silence, for something else
MISREAD = [
    ({"mode": "full", "splitt": {}}, "'splitt' is none, did you mean 'split'?"),
    ({"mode": {"vaild": "uni100"}}, "'vaild' is none, did you mean 'valid'?"),
    ({"zzz": 1}, "split, order, group_by and mode ('zzz' is none)"),
    ({"split": {"RS": [0.8, -0.1, 0.3]}}, SPLIT),
    ({"split": {"LS": "valid_only"}, "group_by": "item"}, "'group_by' is user or none"),
    ({"mode": "uni0"}, MODE),
]
#: RecBole stops
WRONG = [
    ("{split: x}", "a mapping with no keys but split"),
    ({"split": {"RS": [0.8, 0.2]}}, SPLIT),
    ({"split": {"RS": [0.7, 0.1, 0.1, 0.1]}}, SPLIT),
    ({"split": {"RS": [float("inf"), 1, 1]}}, SPLIT),
    ({"split": {"RS": (0.8, 0.1, 0.1)}}, SPLIT),
    ({"split": {"RS": ["8", "1", "1"]}}, SPLIT),
    ({"split": {"RS": [0, 0, 0]}}, SPLIT),
    ({"split": {"RS": [float("nan"), 1, 1]}}, SPLIT),
    ({"split": {"RS": 0.8}}, SPLIT),
    ({"split": {"TS": [0.9, 0.1]}}, SPLIT),
    ({"split": {"LS": "valid"}}, SPLIT),
    ({"split": {"LS": ["valid_only"]}}, SPLIT),
    ({"split": {"LO": "valid_only"}}, SPLIT),
    ({"split": {"LS": "valid_only", "RS": [8, 1, 1]}}, SPLIT),
    ({"split": {}}, SPLIT),
    ({"split": "RS"}, SPLIT),
    ({"order": "TOO"}, "a mapping whose 'order' is RO (random) or TO (by time)"),
    ({"order": ["TO"]}, "'order' is RO"),
    ({"group_by": "item"}, "a mapping whose 'group_by' is user or none"),
    ({"group_by": "User"}, "'group_by' is user or none"),
    ({"group_by": 1}, "'group_by' is user or none"),
    ({"mode": "uni"}, MODE),
    ({"mode": "uniform100"}, MODE),
    ({"mode": "fulll"}, MODE),
    ({"mode": None}, MODE),
    ({"mode": ["full"]}, MODE),
    ({"mode": {"valid": 100}}, MODE),
    ({"mode": {"valid": "full", "test": "pop"}}, MODE),
]


@pytest.mark.parametrize("value", FINE, ids=str)
def test_what_recbole_can_use_passes(value: Any) -> None:
    assert expected_instead("eval_args", value) is None


@pytest.mark.parametrize(("value", "says"), [*MISREAD, *WRONG], ids=str)
def test_anything_else_is_named(value: Any, says: str) -> None:
    assert says in str(expected_instead("eval_args", value))


def _made(value: Any, make_data: Any) -> bool:
    """Whether RecBole makes data and loaders of it, for a general model."""
    given = {"eval_args": value, "train_neg_sample_args": {"distribution": "uniform"}}
    try:
        make_data("BPR", **given)
    except Exception:  # of any kind: most are Python's own
        return False
    return True


def test_recbole_itself_has_the_same_opinion(make_data: Any) -> None:
    # `labeled` wants other metrics, and `order: None` data that are split already
    fine = [value for value in FINE if value.get("mode") != "labeled" and value.get("order", 1)]
    assert [value for value in fine if not _made(value, make_data)] == []
    assert [value for value, _ in MISREAD if not _made(value, make_data)] == []
    assert [value for value, _ in WRONG if _made(value, make_data)] == []
