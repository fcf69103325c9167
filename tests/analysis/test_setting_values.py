"""Values of an experiment's settings: what no run could use is refused before the first one."""

from __future__ import annotations

import glob
import os

import pytest
import yaml

from recbole_cammsr import default_settings
from recbole_cammsr.analysis import experiment, setting_values
from recbole_cammsr.cli import ablate, benchmark
from recbole_cammsr.run.errors import UsageError

MINIMAL = {"datasets": ["toy"], "models": {"SASRec": None, "CAMMSR": None}, "seeds": [1]}


def check(**content):
    setting_values.check(experiment.parse({**MINIMAL, **content}))


def model(**settings):
    return {"CAMMSR": {"settings": settings}}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            {
                "settings": {"eval_args": {"split": {"LS": "test_only"}}},
                "models": {"SASRec": {"grid": {"learning_rate": [0.1, 0.001]}}},
                "tuning": {"trials": 2},
            },
            "SASRec on toy: a grid is chosen from by validation, and the split .* has none",
        ),
        (
            {
                "settings": {"eval_args": {"split": {"RS": [0.8, 0, 0.2]}}},
                "models": {"SASRec": {"grid": {"learning_rate": [0.1, 0.001]}}},
                "tuning": {"trials": 2},
            },
            "a grid is chosen from by validation",
        ),
        *(
            (
                {
                    **content,
                    "models": {"SASRec": {"grid": {"learning_rate": [0.1, 0.001]}}},
                    "tuning": {"trials": 2, "settings": of_tuning},
                },
                "SASRec on toy: a grid is chosen from by validation, and with `epochs` .*"
                f"`eval_step` {step} there is none",
            )
            for content, of_tuning, step in (
                ({"settings": {"eval_step": 0}}, {}, 0),
                ({"datasets": {"toy": {"eval_step": -1}}}, {}, -1),
                ({"settings": {"epochs": 0}}, {}, 1),
                ({}, {"eval_step": 0}, 0),
                ({"settings": {"eval_step": 2}}, {"epochs": 1}, 2),
            )
        ),
        (
            {
                "models": {"CAMMSR": {"grid": {"hidden_size": [64, 50], "n_heads": [2, 4]}}},
                "tuning": {"trials": 4},
            },
            "CAMMSR on toy: `hidden_size` 50 is not a multiple of `n_heads` 4",
        ),
        ({"settings": {"hidden_size": "abc"}}, "CAMMSR on toy: `hidden_size` is 'abc'; .*integer"),
        (
            {"settings": {"epochs": "abc"}},
            "SASRec on toy: `epochs` is 'abc'; .*number .default 300",
        ),
        ({"settings": {"train_batch_size": -1}}, "`train_batch_size` is -1; it must be 1 or more"),
        ({"datasets": {"toy": {"learning_rate": [1]}}}, "`learning_rate` is \\[1\\]"),
        ({"models": {"A": {"model": "CAMMSR", "settings": {"norm": "dty"}}}}, "A on toy: `norm`"),
        ({"models": {"CAMMSR": {"settings_for": {"toy": {"swap_ratio": 2}}}}}, "between 0 and 1"),
        ({"models": model(hidden_size=65)}, "`hidden_size` 65 is not a multiple of `n_heads` 2"),
        ({"models": model(loss_type="BPR")}, "`loss_type` is 'BPR'; CAMMSR trains with 'CE'"),
        ({"models": model(use_id="fasle")}, "`use_id` is 'fasle'; it must be True or False"),
        (
            {
                "models": {"CAMMSR": {"grid": {"swap_temperature": [0.5, 0]}}},
                "tuning": {"trials": 2},
            },
            "`swap_temperature` is 0; it must be a number above 0",
        ),
        (
            {
                "models": {"SASRec": {"grid": {"learning_rate": ["1e-3", "small"]}}},
                "tuning": {"trials": 2},
            },
            "`learning_rate` is 'small'; it must be a number",
        ),
        (
            {
                "models": {"SASRec": {"grid": {"n_layers": [1, 2]}}},
                "tuning": {"trials": 2, "settings": {"epochs": "few"}},
            },
            "`epochs` is 'few'",
        ),
    ],
)
def test_values_that_cannot_work_are_one_sentence(content, says):
    with pytest.raises(UsageError, match=says) as caught:
        check(**content)
    assert "\n" not in str(caught.value)


def test_values_are_read_as_recbole_reads_them():
    check(settings={"learning_rate": "1e-3", "epochs": "5*2", "train_packing": "true"})
    check(settings={"hidden_size": "32*2", "modalities": [], "topk": [5, 10], "weight_decay": None})
    # with a grid, what belongs together is what is drawn
    check(
        models={"CAMMSR": {"settings": {"n_heads": 3}, "grid": {"hidden_size": [63, 66]}}},
        tuning={"trials": 2},
    )
    check(
        models={"CAMMSR": {"grid": {"hidden_size": [64, 50], "n_heads": [2, 4]}}},
        tuning={"trials": 1},
    )
    # tuning validates, even where the chosen configuration then trains without
    check(
        settings={"eval_step": 0},
        models={"SASRec": {"grid": {"n_layers": [1, 2]}}},
        tuning={"trials": 2, "settings": {"eval_step": 1}},
    )
    check(settings={"eval_step": 0})
    # RecBole's own models have settings of the same names, which are theirs to judge
    check(models={"SASRec": {"settings": {"hidden_size": 65, "loss_type": "BPR"}}})


@pytest.mark.parametrize(
    "path", glob.glob(os.path.join(default_settings.PROPERTIES, "experiments", "*"))
)
def test_shipped_experiments_pass(path):
    setting_values.check(experiment.read(path))


@pytest.mark.parametrize("command", ["benchmark", "ablate", "sweep"])
def test_commands_refuse_a_value_before_the_first_run(tmp_path, capsys, command):
    output = tmp_path / "results"
    if command == "benchmark":
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump({**MINIMAL, "datasets": ["ml-100k"]}))
        code = benchmark.main([f"--experiment={path}", f"--output={output}", "--hidden_size=abc"])
    else:
        what = ["--components", "--swap_ratio=2"] if command == "ablate" else ["--sweep=norm=a,b"]
        code = ablate.main(["--dataset=ml-100k", f"--output={output}", *what])
    assert code == 2
    said = capsys.readouterr().err
    assert "it must be" in said
    assert said.count("\n") == 1
    assert not output.exists()
