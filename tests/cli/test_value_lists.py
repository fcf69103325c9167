"""Lists of values as they are typed."""

from __future__ import annotations

import pytest

from recbole_cammsr.cli.value_lists import read_shares, read_sweep


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("norm=dyt, layernorm", "norm", ["dyt", "layernorm"]),
        ("n_layers=1,2", "n_layers", [1, 2]),
        (" n_layers = 1 , 2 ", "n_layers", [1, 2]),
        ("checkpoint_dir=a=1,b=2", "checkpoint_dir", ["a=1", "b=2"]),
        ("use_id=True,false", "use_id", [True, False]),
        ("modalities=[text,image],[text],[]", "modalities", [["text", "image"], ["text"], []]),
        ("topk=[5, 10],[1]", "topk", [[5, 10], [1]]),
        ("adam_betas=(0.9,0.99),(0.8, 0.9)", "adam_betas", [(0.9, 0.99), (0.8, 0.9)]),
        (
            "eval_args={'mode': 'full', 'order': 'TO'},",
            "eval_args",
            [{"mode": "full", "order": "TO"}],
        ),
    ],
)
def test_a_sweep_has_a_name_and_values(text, name, values):
    assert read_sweep(text) == (name, values)


@pytest.mark.parametrize("text", ["x", "x=", "=1", " =1", "x=,"])
def test_a_sweep_without_name_or_values_is_refused(text):
    with pytest.raises(ValueError, match="name=value"):
        read_sweep(text)


@pytest.mark.parametrize("text", ["x=[a,b", "x=a],b", "x=[a,b]]", "x=a],[b"])
def test_brackets_that_do_not_close_are_refused(text):
    with pytest.raises(ValueError, match="do not close"):
        read_sweep(text)


def test_shares_are_numbers_from_0_to_1():
    assert read_shares("0, 0.5,1", "--noise") == [0.0, 0.5, 1.0]
    for bad in ("", "a", "0.1,2", "-1", "nan"):
        with pytest.raises(ValueError, match="--noise takes shares from 0 to 1"):
            read_shares(bad, "--noise")
    assert read_shares("0,0.5,", "--missing", all_of_it=False) == [0.0, 0.5]
    for bad in ("0,1", "1.0,0"):
        with pytest.raises(ValueError, match="--missing takes shares below 1"):
            read_shares(bad, "--missing", all_of_it=False)
