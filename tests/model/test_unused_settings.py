"""A setting that does nothing beside others is named once, where the user gave it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import yaml
from recbole.config import Config

from recbole_cammsr import default_settings, preset
from recbole_cammsr.model.unused_settings import _CONDITIONS, tell_of_unused_settings

#: values that are not the defaults
MIXTURE = {
    **{"expert_size": 8, "experts_per_view": 2, "expert_dropout": 0.1, "expert_scale": 2.0},
    **{"mixture_dropout": 0.3, "gate_scale": 9.0},
}
SWAPS = {"swap_ratio": 0.9, "swap_temperature": 0.7}
TIMES = {"temporal_experts": 9, "interval_scale": 3, "time_unit": 3}
PLACEHOLDERS = {"placeholder_temperature": 0.3, "placeholder_share": 0.9}
ALONE = {"modalities": [], "category_weight": 0}

#: model, what leaves settings without a reader, those settings, what they need
UNUSED = [
    ("SASRecMM", {}, {"position_slope": 2.0}, "`position_encoding: relative`"),
    ("CAMMSR", {"position_encoding": "absolute"}, {"position_slope": 2.0}, "`position_encoding: r"),
    ("CAMMSR", {}, {"score_temperature": 0.01}, "`scoring: cosine`"),
    ("CAMMSR", {}, TIMES, "`time_encoding: experts`"),
    ("CAMMSR", {"time_encoding": "experts"}, {"interval_buckets": 9}, "`time_encoding: interval`"),
    ("CAMMSR", {"fusion": "sum"}, MIXTURE, "`fusion: camoe`"),
    ("CAMMSR", {"category_weight": 0}, {"gate_scale": 9.0}, "a `category_weight` above 0"),
    ("CAMMSR", {"category_weight": 0}, {"complete_missing": True}, "a `category_weight` above 0"),
    ("CAMMSR", {"modalities": []}, {"gate_scale": 9.0}, "more than one modality"),
    ("CAMMSR", {"modalities": []}, {"complete_missing": True}, "content (`modalities`)"),
    ("CAMMSR", {"swap_weight": 0}, SWAPS, "a `swap_weight` above 0"),
    ("CAMMSR", ALONE, SWAPS, "more than one modality (`modalities`, `use_id`)"),
    ("CAMMSR", {"train_packing": False}, {"packing_overlap": 3}, "`train_packing: True`"),
    ("HM4SR", {}, {"packing_overlap": 3}, "`train_packing: True`"),
    ("HM4SR", {"original_defects": True}, {"time_unit": 3.0}, "`original_defects: False`"),
    ("HM4SR", {"id_contrast_weight": 0}, {"id_contrast_temperature": 0.7}, "an `id_contrast_w"),
    ("HM4SR", {"placeholder_weight": 0}, PLACEHOLDERS, "a `placeholder_weight` above 0"),
    ("HM4SR", {"modalities": []}, {**PLACEHOLDERS, "content_expert_scale": 3.0}, "content (`mod"),
    ("MISSRec", {"modalities": ["text"]}, {"candidate_fusion": "item"}, "more than one content"),
]
#: what makes each of them read
USED = [
    ("CAMMSR", {"scoring": "cosine"}, {"position_slope": 2.0, "score_temperature": 0.01}),
    ("CAMMSR", {"time_encoding": "experts"}, TIMES),
    ("CAMMSR", {"time_encoding": "interval"}, {"interval_buckets": 9}),
    ("CAMMSR", {}, {**MIXTURE, **SWAPS, "complete_missing": True, "packing_overlap": 3}),
    # completed content is summed up as well
    ("CAMMSR", {"fusion": "sum"}, {"complete_missing": True}),
    ("HM4SR", {"train_packing": True}, {**PLACEHOLDERS, "packing_overlap": 3, "time_unit": 3.0}),
    ("HM4SR", {}, {"id_contrast_temperature": 0.7, "content_expert_scale": 3.0}),
    ("MISSRec", {}, {"candidate_fusion": "item"}),
]


@pytest.fixture
def said(make_config, caplog):
    """What is said of settings beside others."""

    def of(model: str, **settings: Any) -> list[str]:
        config = make_config(model, **settings)
        caplog.clear()
        tell_of_unused_settings(config, config.model_class)
        texts = [record.getMessage() for record in caplog.records]
        return [text for text in texts if "expert_size: 16" not in text]  # the fixture gives it

    return of


@pytest.mark.parametrize(("model", "beside", "unused", "needs"), UNUSED)
def test_what_is_not_read_is_named_with_its_value_and_what_it_needs(
    said, model, beside, unused, needs
):
    sentences = said(model, **{**beside, **unused})
    assert len(sentences) == len(unused)
    for name, value in unused.items():
        start = f"`{name}: {value}` is not used: {model} reads it with {needs}"
        assert sum(text.startswith(start) for text in sentences) == 1
    assert all(text.endswith(" only.") for text in sentences)


@pytest.mark.parametrize(("model", "beside", "unused", "needs"), UNUSED)
def test_what_is_called_unused_changes_nothing(make_model, model, beside, unused, needs):
    losses, states = [], []
    for settings in (beside, {**beside, **unused}):
        _, _, loaders, made = make_model(model, **settings)
        torch.manual_seed(1)
        losses.append(torch.stack(list(made.calculate_loss(next(iter(loaders[0]))))))
        states.append(made.state_dict())
    assert torch.equal(*losses)
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


@pytest.mark.parametrize(("model", "beside", "used"), USED)
def test_what_is_read_is_not_remarked_on(said, model, beside, used):
    assert not said(model, **{**beside, **used})


def test_nothing_is_said_of_defaults_and_of_what_switches_something_off(said):
    off = {"complete_missing": False, "mixture_dropout": 0, "packing_overlap": None}
    common = {"category_weight": 0, "swap_weight": 0, "train_packing": False}
    assert not said("CAMMSR", **common, **off)
    assert not said("CAMMSR", fusion="sum", **common, **off)


def test_nothing_is_said_of_a_file_that_something_else_is_set_beside(caplog):
    """The presets' plain sum reads nothing of their experts."""
    given = {"fusion": "sum", "category_weight": 0, "swap_weight": 0, "expert_dropout": 0.1}
    config = Config("CAMMSR", "ml-100k", [preset("masked")], given)
    assert config["mixture_dropout"] == 0.5
    tell_of_unused_settings(config, config.model_class)
    named = [record.getMessage() for record in caplog.records if "not used" in record.getMessage()]
    assert len(named) == 1
    assert named[0].startswith("`expert_dropout: 0.1` is not used")


def test_a_model_says_it_once_and_a_class_of_the_users_nothing(make_model, make_config, caplog):
    make_model(scoring="dot", score_temperature=0.3)
    assert caplog.text.count("`score_temperature: 0.3` is not used") == 1
    config = make_config(scoring="dot", score_temperature=0.3)
    caplog.clear()
    tell_of_unused_settings(config, type("Mine", (config.model_class,), {}))
    assert not caplog.records


def test_every_setting_of_the_list_has_a_default():
    """A name that changed would never be given again."""
    for condition in _CONDITIONS:
        for model in condition.models:
            path = default_settings.properties_file("model", model)
            with open(path, encoding="utf-8") as file:
                assert set(condition.settings) <= yaml.safe_load(file).keys()
