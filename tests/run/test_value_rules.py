"""Values of RecBole's own settings: refused are exactly those that RecBole misreads in silence."""

from __future__ import annotations

import inspect
import logging
import re
from types import SimpleNamespace

import pytest

from recbole_cammsr.compat.requirement import recbole_folder
from recbole_cammsr.run import value_rules
from recbole_cammsr.run.known_settings import expected_instead

INTERVALS = [
    ("[5,inf)", True),
    (" (0, 10] ; [20,30) ", True),
    ("[1e1,2e1]", True),
    ("(-inf,inf)", True),
    ("[5,5]", True),
    ([5, 10], True),  # what the command line makes of [5,10]
    ((5, 10), True),
    ("[9,inf", False),
    ("9,inf)", False),
    ("{9,10}", False),
    ("[9]", False),
    ("[1,2,3]", False),
    (5, False),
    ("[10,5]", False),
    ("[5,inf);", False),
    ("", False),
    ("[five,six]", False),
    ([5, "inf"], False),  # what YAML makes of [5,inf]
    ([5], False),
]


@pytest.mark.parametrize(("value", "fine"), INTERVALS)
def test_intervals_are_those_that_recbole_reads_without_complaint(value, fine, caplog):
    from recbole.data.dataset import Dataset

    for name in ("user_inter", "item_inter", "entity_kg", "relation_kg"):
        assert (expected_instead(f"{name}_num_interval", value) is None) == fine
    with caplog.at_level(logging.WARNING):
        try:
            Dataset._parse_intervals_str(SimpleNamespace(logger=logging.getLogger("x")), value)
            read = not caplog.records
        except (ValueError, IndexError):
            read = False
    assert read == fine


@pytest.mark.parametrize(
    ("value", "fine"),
    [
        ({}, True),
        ({"rating": "[3,inf)", "time": [3, 5], "genre": ["drama", "[war"]}, True),
        ({"rating": "[3,inf"}, False),
        ({"rating": 3}, False),
        ({"rating": None}, False),
        ("{'rating': [3,inf)}", False),
        (["rating"], False),
    ],
)
def test_values_are_kept_by_intervals_or_by_lists(value, fine):
    assert (expected_instead("val_interval", value) is None) == fine


def test_the_learners_are_those_of_recboles_trainer():
    from recbole.trainer import Trainer

    found = re.findall(
        r'learner\.lower\(\) == "(\w+)"', inspect.getsource(Trainer._build_optimizer)
    )
    assert tuple(found) == value_rules.LEARNERS
    for fine in (*found, "AdamW", None):
        assert expected_instead("learner", fine) is None
    for wrong in ("adamm", "", 1):
        assert "one of adam, adamw," in expected_instead("learner", wrong)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("epochs", 0, None),
        ("epochs", -1, "0 or more (default 300)"),
        ("epochs", 1.5, "a whole number (default 300)"),
        ("learning_rate", 0, None),
        ("learning_rate", -0.1, "0 or more (default 0.001)"),
        ("learning_rate", float("nan"), "0 or more (default 0.001)"),
        ("weight_decay", -1, "0 or more (default 0.0)"),
        ("weight_decay", None, None),
        ("eval_step", -1, None),  # no validation
        ("stopping_step", -1, None),
    ],
)
def test_numbers(name, value, says):
    assert expected_instead(name, value) == says


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, None),
        (
            {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": None, "mode": "full"},
            None,
        ),
        ({"mode": {"valid": "uni100", "test": "full"}}, None),
        ({"mode": "full", "splitt": {}}, "'splitt' is none, did you mean 'split'?"),
        ({"mode": {"vaild": "uni100"}}, "'vaild' is none, did you mean 'valid'?"),
        ({"zzz": 1}, "split, order, group_by and mode ('zzz' is none)"),
        ("{split: x}", "a mapping"),
    ],
)
def test_arguments_of_the_evaluation(value, says):
    expected = expected_instead("eval_args", value)
    assert (expected is None) if says is None else (says in expected)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("NDCG@10", None),
        ("ndcg@5", None),
        ("AUC", None),
        ("giniindex@10", None),
        ("NDGC@10", "did you mean 'NDCG@10'?"),
        ("recal@5", "did you mean 'Recall@5'?"),
        ("zzzz", "there are AUC, "),
        (10, "a metric of RecBole"),
    ],
)
def test_the_metric_of_early_stopping_is_one_of_recboles(value, says):
    expected = expected_instead("valid_metric", value)
    assert (expected is None) if says is None else (says in expected)


def test_the_metrics_are_those_that_recbole_registers():
    from recbole.evaluator import metric_types

    for name in metric_types:
        assert expected_instead("valid_metric", name) is None


def test_nothing_that_recbole_or_this_package_ships_is_refused():
    from pathlib import Path

    import yaml

    from recbole_cammsr import default_settings

    folders = [
        Path(recbole_folder()) / "properties",
        Path(default_settings.PROPERTIES),
    ]
    files = [path for folder in folders for path in folder.rglob("*.yaml")]
    assert len(files) > 100
    for path in files:
        for name, value in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items():
            if name != "learning_rate" or not isinstance(value, str):  # 1e-3 is text to safe_load
                assert expected_instead(name, value) is None, (path, name)
