"""Values that cannot work are refused, whichever model has the setting."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from recbole_cammsr.model.settings import check_values

FILES = sorted((Path(__file__).parents[2] / "properties" / "model").glob("*.yaml"))


def settings_where(kind: str, named: str = "") -> list[tuple[str, str]]:
    """Model and setting of every line that a properties file says is of a kind."""
    return [
        (path.stem, line.split(":")[0])
        for path in FILES
        for line in path.read_text(encoding="utf-8").splitlines()
        if f"# ({kind})" in line and named in line.split(":")[0]
    ]


@pytest.mark.parametrize(("model", "setting"), settings_where("bool"))
@pytest.mark.parametrize("value", ["no", "off", 2, None])
def test_a_switch_is_true_or_false(model: str, setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"`{setting}` is .*; it must be True or False"):
        check_values({setting: value})


@pytest.mark.parametrize(("model", "setting"), settings_where("float", "dropout"))
def test_a_dropout_leaves_something(model: str, setting: str) -> None:
    for value in (1, 1.0, -0.1, "half"):
        with pytest.raises(ValueError, match=f"`{setting}` is .*below 1"):
            check_values({setting: value})
    check_values({setting: 0})
    check_values({setting: 0.99})


def may_be_none(setting: str) -> bool:
    """Whether None switches it off."""
    return setting in {"history_scale", "position_slope"} or setting.endswith("_weight")


@pytest.mark.parametrize(
    ("model", "setting"),
    # the data set's own setting, which is a share of the memory or a number of bytes
    [line for line in settings_where("float") if line[1] != "feature_budget"],
)
def test_a_number_is_a_number(model: str, setting: str) -> None:
    refused = ["much", "", [], True, float("nan"), float("inf"), -float("inf")]
    for value in [*refused, *([] if may_be_none(setting) else [None])]:
        with pytest.raises(ValueError, match=f"`{setting}` is "):
            check_values({setting: value})


def test_the_start_has_no_negative_deviation() -> None:
    with pytest.raises(ValueError, match="`initializer_range` is -1; it must be 0 or a positive"):
        check_values({"initializer_range": -1})


@pytest.mark.parametrize(("model", "setting"), settings_where("float", "_weight"))
def test_a_task_may_be_switched_off_in_any_way(model: str, setting: str) -> None:
    for value in (0, 0.0, None, False):
        check_values({setting: value})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_defaults_pass(path: Path) -> None:
    check_values(yaml.safe_load(path.read_text(encoding="utf-8")))
