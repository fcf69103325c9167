"""Experiment files: what is read, what wins, what is refused in a sentence."""

from __future__ import annotations

import glob
import os

import pytest

from recbole_cammsr import default_settings
from recbole_cammsr.analysis import experiment
from recbole_cammsr.run.errors import UsageError

MINIMAL = {"datasets": ["toy"], "models": {"SASRec": None}, "seeds": [1, 2]}


@pytest.mark.parametrize(
    "path", glob.glob(os.path.join(default_settings.PROPERTIES, "experiments", "*"))
)
def test_shipped_experiments_are_valid_and_open_with_their_usage(path):
    experiment.read(path)
    with open(path) as file:
        head = file.read(400)
    assert head.startswith("# ")
    assert f"--experiment={os.path.basename(path)[:-5]}" in head


def test_the_more_special_setting_wins():
    plan = experiment.parse(
        {
            "datasets": {"toy": {"epochs": 2, "topk": [5]}, "other": None},
            "settings": {"epochs": 1, "hidden_size": 8, "topk": [1]},
            "models": {
                "x": {
                    "model": "SASRec",
                    "settings": {"hidden_size": 16},
                    "settings_for": {"toy": {"n_layers": 1}},
                }
            },
            "seeds": 3,
        }
    )
    (one,) = plan.contenders
    toy = {"epochs": 2, "hidden_size": 16, "topk": [5], "n_layers": 1}
    assert plan.settings_of(one, "toy") == toy
    assert plan.settings_of(one, "other") == {"epochs": 1, "hidden_size": 16, "topk": [1]}
    assert plan.seeds == [3]
    assert plan.reference == "x"
    forced = plan.with_settings({"n_layers": 3})
    assert forced.settings_of(forced.contenders[0], "toy")["n_layers"] == 3


def test_of_four_places_for_a_setting_the_most_special_one_wins():
    places = (
        lambda plan, value: plan["settings"].update(epochs=value),
        lambda plan, value: plan["datasets"]["toy"].update(epochs=value),
        lambda plan, value: plan["models"]["x"]["settings"].update(epochs=value),
        lambda plan, value: plan["models"]["x"]["settings_for"]["toy"].update(epochs=value),
    )
    for last in range(len(places)):
        content = {
            "datasets": {"toy": {}, "other": {}},
            "models": {"x": {"model": "Pop", "settings": {}, "settings_for": {"toy": {}}}},
            "settings": {},
            "seeds": [1],
        }
        for number, put in enumerate(places[: last + 1], start=1):
            put(content, number)
        plan = experiment.parse(content)
        assert plan.settings_of(plan.contenders[0], "toy") == {"epochs": last + 1}
        # one of the command line wins over all of them
        forced = plan.with_settings({"epochs": 9})
        for dataset in ("toy", "other"):
            assert forced.settings_of(forced.contenders[0], dataset) == {"epochs": 9}


def test_seed_zero_is_a_seed_and_what_rows_share_stands_with_the_file_or_the_data():
    plan = experiment.parse(
        {
            **MINIMAL,
            "datasets": {"toy": {"item_inter_num_interval": "[5,inf)"}},
            "settings": {"mask_history": True},
            "seeds": 0,
        }
    )
    assert plan.seeds == [0]
    settings = plan.settings_of(plan.contenders[0], "toy")
    assert settings == {"mask_history": True, "item_inter_num_interval": "[5,inf)"}


def test_a_setting_of_the_command_line_is_not_tuned():
    plan = experiment.parse(
        {
            **MINIMAL,
            "models": {"SASRec": {"grid": {"n_layers": [1, 2], "n_heads": [1]}}},
            "tuning": {"trials": 2, "settings": {"epochs": 1}},
        }
    ).with_settings({"n_layers": 1, "epochs": 4})
    assert plan.contenders[0].grid == {"n_heads": [1]}
    assert plan.tuning_settings == {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seeds": None}, "it has no 'seeds'"),
        ({"seeds": [1, 1]}, "must differ"),
        ({"seeds": [-1]}, "seeds lie from 0 to 4294967295, unlike \\[-1\\]"),
        ({"seeds": [2**32]}, "seeds lie from 0 to 4294967295"),
        ({"seeds": True}, "whole numbers, not True"),
        ({"name": {"a": 1}}, "'name' is the title of the report, a text, not {'a': 1}"),
        (
            {"datasets": [{"toy": {"data_path": "data"}}]},
            "'datasets' is a list, which takes names alone, not {'toy'",
        ),
        (
            {"models": ["Pop", {"SASRec": {}}]},
            "'models' is a list, which takes names alone, not {'SASRec'",
        ),
        (
            {"models": {"SASRec": {"grid": {"learning_rate": [0.001, 0.01, 1e-3]}}}},
            "learning_rate has the value 0.001 twice, and",
        ),
        (
            {"models": {"SASRec": {"grid": {"learning_rate": ["1e-3", 0.001]}}}},
            "learning_rate has the value 0.001 twice, once as '1e-3', and",
        ),
        ({"models": {1: {"model": "Pop"}, "1": {"model": "BPR"}}}, "'models' has two .*name '1'"),
        ({"datasets": {1: None, "1": None}}, "'datasets' has two entries of the name '1'"),
        ({"tuning": {"trials": True}}, "'tuning' needs 'trials': .*not True"),
        (
            {"models": {"CAMMSR": {"settings": {"mask_history": True}}}},
            "model 'CAMMSR' sets 'mask_history', which decides what is ranked for whom: .*'sett",
        ),
        (
            {"models": {"BPR": {"settings_for": {"toy": {"item_inter_num_interval": "[5,inf)"}}}}},
            "model 'BPR' sets 'item_inter_num_interval'",
        ),
        ({"models": {"BPR": {"grid": {"topk": [[5], [10]]}}}}, "model 'BPR' sets 'topk'"),
        ({"seeds": ["a"]}, "whole numbers"),
        ({"modles": {}}, "unknown entry 'modles'; did you mean 'models'"),
        ({"models": {"SASRek": None}}, "there is no model 'SASRek'; did you mean 'SASRec'"),
        (
            {"models": {"SASRecMM": {"settings": {"time_encoding": "experts"}}}},
            "SASRecMM does not read the setting 'time_encoding', which is one of CAMMSR",
        ),
        (
            {"models": {"plain": {"model": "UniSRec", "grid": {"norm_first": [True, False]}}}},
            "model 'plain': UniSRec does not read the setting 'norm_first'",
        ),
        (
            {"models": {"CAMMSR": {"settings": {"num_layers": 2}}}},
            "model 'CAMMSR': CAMMSR does not read the setting 'num_layers'",
        ),
        ({"models": {"SASRec": {"gird": {}}}}, "model 'SASRec' has the unknown entry 'gird'"),
        ({"models": {"SASRec": {"grid": {"n_layers": 2}}}}, "n_layers needs a list"),
        ({"models": {"SASRec": {"grid": {"n_layers": [2]}}}}, "'tuning' needs 'trials'"),
        ({"models": {"SASRec": {"settings": {"n_layer": 2}}}}, "did you mean 'n_layers'"),
        ({"models": {"SASRec": {"settings": {"seed": 2}}}}, "must not set 'seed'"),
        ({"models": {"SASRec": {"settings_for": {"x": {}}}}}, "'x', which is no data set"),
        ({"models": {"SASRec": {"corruption": {"missing": 2}}}}, "a share from 0 to 1"),
        (
            {"models": {"SASRec": {"corruption": {"missing": "half"}}}},
            "is 'half'; it must be a",
        ),
        ({"models": {"SASRec": {"corruption": {"missing": [0.5]}}}}, "a share from 0 to 1"),
        ({"models": {"SASRec": {"corruption": {"mising": 0.1}}}}, "no corruption 'mising'"),
        (
            {"models": ["SASRec", "SASRec"]},
            "'SASRec' stands twice in 'models' .*own name and `model: SASRec`",
        ),
        ({"reference": "GRU4Rec"}, "the reference 'GRU4Rec' is none of the models"),
        ({"settings": [1]}, "must be a mapping"),
        ({"metrics": 10}, "'metrics' must be a list of names such as .*, not 10"),
        ({"metrics": [10]}, "'metrics' must be a list of names"),
        ({"tuning": {"trials": 2, "seed": []}}, "whole numbers, not \\[\\]"),
        ({"tuning": {"trials": 2, "seed": [3, 3]}}, "must differ"),
    ],
)
def test_mistakes_are_one_sentence(change, says):
    with pytest.raises(UsageError, match=says) as caught:
        experiment.parse({**MINIMAL, **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("models", "says"),
    [
        (
            "{SASRec: {}, SASRec: {settings: {hidden_size: 32}}}",
            "experiment file .*: 'SASRec' stands twice in 'models' \\(line 3\\); give the "
            "second row its own name and `model: SASRec`, or",
        ),
        ("{a: {model: BPR}, a: {model: Pop}}", "give the second row its own name, or"),
        (
            "\n  BPR: {settings:\n    {n_layers: 1,\n    n_layers: 2}}",
            "'n_layers' stands twice in 'models.BPR.settings' \\(lines 5 and 6\\); keep one",
        ),
        ("[", "config file .* is not valid YAML"),
    ],
)
def test_a_row_that_yaml_would_drop_is_refused(tmp_path, models, says):
    path = tmp_path / "mine.yaml"
    path.write_text(f"datasets: [toy]\nseeds: [1]\nmodels: {models}\n")
    with pytest.raises(UsageError, match=says) as caught:
        experiment.read(str(path))
    assert "\n" not in str(caught.value)
    assert "experiment file" not in str(caught.value)[1:]


def test_values_of_recboles_settings_are_refused_before_the_first_run():
    for settings, says in (
        ({"learner": "adamm"}, "SASRec on ml-100k: `learner` is 'adamm'; it must be one of adam"),
        ({"eval_args": {"splitt": {}}}, "did you mean 'split'"),
        ({"valid_metric": "NDGC@10"}, "did you mean 'NDCG@10'"),
    ):
        plan = experiment.parse({**MINIMAL, "datasets": ["ml-100k"], "settings": settings})
        with pytest.raises(UsageError, match=says):
            experiment.check_before_runs(plan, "")


def test_a_file_that_is_not_there_lists_the_shipped_ones():
    with pytest.raises(UsageError, match="example"):
        experiment.find("none.yaml")
    assert experiment.find("example") == experiment.find("example.yaml")


def test_a_data_set_that_is_nowhere_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "toy").mkdir()
    content = {**MINIMAL, "settings": {"data_path": str(tmp_path)}}
    experiment.check_data_folders(experiment.parse(content))
    for found in ("ml-100k", "amazon-beauty"):  # RecBole ships one and can download the other
        experiment.check_data_folders(experiment.parse({**content, "datasets": [found]}))
    for changed in (
        {"datasets": ["toy", "tyo"]},
        {"models": {"SASRec": None, "GRU4Rec": {"settings": {"data_path": "no/where"}}}},
    ):
        with pytest.raises(UsageError, match=r"no data set '(tyo|toy)': the folder .*--data_path"):
            experiment.check_data_folders(experiment.parse({**content, **changed}))
    with pytest.raises(UsageError, match="the folder dataset/toy does not exist"):
        experiment.check_data_folders(experiment.parse(MINIMAL))


def test_a_date_or_a_key_of_numbers_is_refused_before_it_is_a_name_of_a_file(tmp_path):
    path = tmp_path / "mine.yaml"
    for settings, says in (
        ("val_interval: {timestamp: 1998-01-01}", "timestamp holds 1998-01-01, .* a date"),
        ("eval_args: {1: 2, split: {LS: test_only}}", "eval_args has the key 1, which is no text"),
        ("topk: !!set {5}", "topk holds .5., which is read as a set"),
    ):
        path.write_text(f"datasets: [toy]\nseeds: [1]\nmodels: [Pop]\nsettings: {{{settings}}}\n")
        with pytest.raises(UsageError, match=says) as caught:
            experiment.read(str(path))
        assert "\n" not in str(caught.value)


def test_a_name_of_several_lines_is_one_line():
    assert experiment.parse({**MINIMAL, "name": "CAMMSR,\n  five seeds\n"}).name == (
        "CAMMSR, five seeds"
    )
    assert experiment.parse({**MINIMAL, "name": " "}).name == "benchmark"
