"""Values of RecBole's own settings: refused are exactly those that RecBole misreads in silence."""

from __future__ import annotations

import inspect
import logging
import re
from collections import OrderedDict
from fractions import Fraction
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
import torch

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
    for fine in (*found, "AdamW", None):
        assert expected_instead("learner", fine) is None
    dense = ", ".join(name for name in found if not value_rules.is_sparse_learner(name))
    for wrong in ("adamm", "", 1):
        assert expected_instead("learner", wrong) == (
            f"one of {dense} (sparse_adam is for sparse embeddings, which no model of RecBole or "
            "this package has)"
        )


def test_no_model_of_recbole_or_this_package_has_sparse_embeddings():
    from pathlib import Path

    import recbole_cammsr

    ours = Path(recbole_cammsr.__file__).parent
    sources = [*Path(recbole_folder(), "model").rglob("*.py"), *(ours / "model").rglob("*.py")]
    assert len(sources) > 100
    assert not [path for path in sources if "sparse=True" in path.read_text(encoding="utf-8")]


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
        ("worker", 0, None),
        ("worker", -1, "0 or more (default 0)"),
        ("worker", 1.5, "a whole number (default 0)"),
        ("train_batch_size", 1, None),
        ("train_batch_size", 0.5, "1 or more (default 2048)"),
        ("eval_batch_size", 1, None),
        ("eval_batch_size", 0, "1 or more (default 4096)"),
        ("learning_rate", 10**400, "a number (default 0.001)"),
        ("seed", None, "a number (default 2020)"),
        ("learning_rate", None, "a number (default 0.001)"),
        ("worker", None, "a number (default 0)"),
        ("train_batch_size", None, "a number (default 2048)"),
        ("eval_batch_size", None, "a number (default 4096)"),
        ("eval_step", -1, None),  # no validation
        ("stopping_step", -1, None),
    ],
)
def test_numbers(name, value, says):
    assert expected_instead(name, value) == says


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", np.int64(3)),
        ("epochs", np.array(3)),
        ("epochs", torch.tensor(3)),
        ("epochs", True),
        ("seed", np.uint32(7)),
        ("learning_rate", np.float32(0.01)),
        ("learning_rate", torch.tensor(0.01)),
        ("learning_rate", Fraction(1, 100)),
        ("train_batch_size", np.int32(64)),
        ("weight_decay", None),
        ("eval_step", np.int64(1)),
        ("clip_grad_norm", OrderedDict(max_norm=5)),
        ("clip_grad_norm", MappingProxyType({"max_norm": 5})),
        ("clip_grad_norm", 0),
        ("clip_grad_norm", False),
        ("unload_col", []),
        ("load_col", {}),
        ("category_field", ""),
        ("category_field", False),
        ("val_interval", MappingProxyType({"genre": np.array(["drama"])})),
        ("user_inter_num_interval", [5, float("inf")]),
        ("rm_dup_inter", "first"),
        ("rm_dup_inter", "last"),
        ("rm_dup_inter", False),
        ("rm_dup_inter", None),
        ("device", torch.device("cpu")),
        ("gpu_id", 0),
    ],
    ids=str,
)
def test_objects_of_a_script_are_taken_as_recbole_takes_them(name, value):
    assert expected_instead(name, value) is None


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("seed", "x", "a number (default 2020)"),
        ("seed", 1.5, "a whole number (default 2020)"),
        ("epochs", np.float64(3), "a whole number (default 300)"),
        ("epochs", torch.tensor([3, 4]), "a number (default 300)"),
        ("epochs", [3], "a number (default 300)"),
        ("train_batch_size", np.int64(0), "1 or more (default 2048)"),
        ("train_batch_size", "big", "a number (default 2048)"),
        ("clip_grad_norm", 5, "a mapping, such as {'max_norm': 5}"),
        ("unload_col", ["rating"], "a mapping, such as {'inter': ['rating']}"),
        ("category_field", ["genre"], "the name of one column of the `.item` file"),
        ("load_col", [], "a mapping, such as {'inter': ['user_id', 'item_id']}"),
        ("rm_dup_inter", "frist", "first or last"),
        ("rm_dup_inter", True, "first or last"),
    ],
    ids=str,
)
def test_what_cannot_work_is_told_whatever_its_type(name, value, says):
    assert expected_instead(name, value) == says


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


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("seq_len", "{item_id_list: 5}", "a mapping as Python writes it"),
        ("seq_len", "{'item_id_list': 5", "a mapping as Python writes it"),
        ("selected_features", " [genre, year]", "a list as Python writes it"),
        ("topk", "[5,10", "a list as Python writes it"),
        ("mlp_hidden_size", "[64, 32]", None),  # a trial's: RecBole evaluates it
        ("mlp_hidden_size", "[2 * 64]", None),
        ("seq_len", "{'item_id_list': int(5)}", None),
        ("item_inter_num_interval", "[5,inf]", None),
        ("modalities", "[text, image]", None),  # read as they are by data/settings.py
        ("modality_files", "{text: a.npz}", None),
        ("template_of_my_own", "{title} by {brand}", None),
    ],
)
def test_texts_that_were_meant_for_lists_and_mappings_are_refused(name, value, says):
    expected = expected_instead(name, value)
    assert expected is None if says is None else expected.startswith(says)
