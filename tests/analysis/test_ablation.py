"""Ablations: what each variant changes, what is refused, and one small run of the command."""

from __future__ import annotations

import pytest
import yaml

from recbole_cammsr.analysis import ablation
from recbole_cammsr.analysis.ablation import Base
from recbole_cammsr.cli import ablate


def changes(plan):
    return {one.label: dict(one.settings) for one in plan.contenders}


def test_components_go_one_by_one():
    found = changes(ablation.components(Base("ml-100k", model_settings={"n_layers": 1})))
    assert found["CAMMSR"] == {"n_layers": 1}
    assert found["without CAMoE"] == {"n_layers": 1, "fusion": "sum"}
    assert found["without category guidance"] == {"n_layers": 1, "category_weight": 0}
    assert found["without modality swap"] == {"n_layers": 1, "swap_weight": 0}
    assert found["absolute positions"] == {"n_layers": 1, "position_encoding": "absolute"}
    assert found["norms before the residual sums"] == {"n_layers": 1, "norm_first": True}
    dyt = {"n_layers": 1, "norm": "dyt", "norm_first": True}
    assert found["DyT before the residual sums"] == dyt
    assert found["items of the history scaled"] == {"n_layers": 1, "history_scale": 0.1}
    times = "times of the history as experts"
    assert found[times] == {"n_layers": 1, "time_encoding": "experts"}
    settings = {
        "norm": "dyt",
        "position_encoding": "absolute",
        "norm_first": True,
        "time_encoding": "interval",
    }
    other = changes(ablation.components(Base("ml-100k", settings)))
    assert other["relative positions"] == {"position_encoding": "relative"}
    assert other["norms after the residual sums"] == {"norm_first": False}
    assert other["LayerNorm for DyT"] == {"norm": "layernorm"}
    assert other["without times"] == {"time_encoding": "none"}
    assert times not in changes(ablation.components(Base("x", {"benchmark_filename": ["a", "b"]})))
    timed = changes(ablation.components(Base("x", {"time_encoding": "experts"})))
    assert "items of the history scaled" not in timed  # the experts stand in its place
    scaled = changes(ablation.components(Base("x", {"history_scale": 0.1})))
    assert scaled["without history scale"] == {"history_scale": 0}
    for zero in (0, 0.0):
        found = changes(ablation.components(Base("x", {"history_scale": zero})))
        assert found["items of the history scaled"] == {"history_scale": 0.1}
        assert "without history scale" not in found


def test_modalities_come_from_the_data_set_and_files_follow():
    found = changes(ablation.modalities(Base("ml-100k")))
    assert found["without text"] == {"modalities": ["image"]}
    assert found["text alone"] == {"modalities": ["text"], "use_id": False}
    assert found["without ID"] == {"use_id": False}
    base = Base("x", {"modalities": ["a", "b"], "modality_files": {"a": "1.npz", "b": "2.npz"}})
    found = changes(ablation.modalities(base))
    assert found["without a"] == {"modalities": ["b"], "modality_files": {"b": "2.npz"}}
    with pytest.raises(ValueError, match="no content modality"):
        ablation.modalities(Base("x"))


def test_damage_reaches_our_models_and_leaves_stock_ones():
    base = Base("ml-100k", baselines=["SASRec"])
    plan = ablation.damage(base, "missing", [0.5, 0.2])
    assert [(one.label, dict(one.corruption)) for one in plan.contenders] == [
        ("CAMMSR", {}),
        ("SASRec", {}),
        ("CAMMSR, 20 % missing", {"missing": 0.2}),
        ("CAMMSR, 50 % missing", {"missing": 0.5}),
    ]
    with pytest.raises(ValueError, match="category_field"):
        ablation.damage(Base("x"), "category_noise", [0.1])


def test_damage_reaches_only_models_that_read_what_is_damaged():
    base = Base("ml-100k", baselines=["SASRecMM", "HM4SR"])
    both = ["CAMMSR", "SASRecMM", "HM4SR"]
    plan = ablation.damage(base, "missing", [0.5])
    assert [one.label for one in plan.contenders] == [
        *both,
        *(f"{name}, 50 % missing" for name in both),
    ]
    plan = ablation.damage(base, "category_noise", [0.5])  # SASRecMM reads no labels
    assert [one.label for one in plan.contenders] == [
        *both,
        *(f"{name}, 50 % wrong labels" for name in ("CAMMSR", "HM4SR")),
    ]
    assert [dict(one.corruption) for one in plan.contenders[3:]] == [{"category_noise": 0.5}] * 2


def test_a_sweep_starts_from_the_present_value():
    plan = ablation.sweep(Base("ml-100k", {"swap_weight": 0.2}), "swap_weight", [0.1, 0.2, 0.3])
    assert changes(plan) == {
        "swap_weight=0.2": {},
        "swap_weight=0.1": {"swap_weight": 0.1},
        "swap_weight=0.3": {"swap_weight": 0.3},
    }
    assert plan.reference == "swap_weight=0.2"


def test_what_cammsr_alone_has_wins_over_what_all_rows_have():
    base = Base("ml-100k", {"norm": "layernorm", "n_layers": 2}, {"norm": "dyt"}, seeds=(3, 4))
    assert (base.value("norm"), base.value("n_layers")) == ("dyt", 2)
    plan = ablation.sweep(base, "norm", ["layernorm", "dyt"])
    assert changes(plan) == {"norm=dyt": {"norm": "dyt"}, "norm=layernorm": {"norm": "layernorm"}}
    assert plan.seeds == (3, 4)


def test_an_ablation_has_the_columns_that_are_asked_for():
    base = Base("ml-100k", metrics=["NDCG@20", "Recall@5"])
    for plan in (
        ablation.components(base),
        ablation.modalities(base),
        ablation.sweep(base, "n_layers", [1]),
        ablation.damage(base, "missing", [0.5]),
    ):
        assert list(plan.metrics) == ["NDCG@20", "Recall@5"]
        assert plan.reference == plan.contenders[0].label


def test_a_sweep_finds_the_present_value_in_recboles_own_defaults():
    plan = ablation.sweep(Base("ml-100k"), "learning_rate", [0.001, 0.002])
    assert changes(plan) == {
        "learning_rate=0.001": {},
        "learning_rate=0.002": {"learning_rate": 2e-3},
    }
    base = Base("toy")
    found = {
        name: base.value(name)
        for name in ("MAX_ITEM_LIST_LENGTH", "epochs", "weight_decay", "repeatable", "none_such")
    }
    assert found == {
        "MAX_ITEM_LIST_LENGTH": 50,
        "epochs": 300,
        "weight_decay": 0.0,
        "repeatable": True,  # False for models that are not sequential
        "none_such": None,
    }


def test_every_value_that_is_found_is_the_one_that_a_run_has(make_config):
    config, base = make_config(), Base("toy")
    for name in ("learning_rate", "stopping_step", "norm", "metrics", "repeatable", "topk"):
        assert base.value(name) == config[name], name


def test_no_two_runs_of_a_table_have_one_name():
    plan = ablation.sweep(Base("ml-100k"), "swap_weight", [0.2, 0.2, 0.20])
    assert list(changes(plan)) == ["swap_weight=0.1", "swap_weight=0.2"]
    with pytest.raises(ValueError, match="two of the runs to compare would be called 'SASRec'"):
        ablation.sweep(Base("ml-100k", baselines=["SASRec", "SASRec"]), "n_layers", [1])
    with pytest.raises(ValueError, match="called 'CAMMSR'"):
        ablation.components(Base("ml-100k", baselines=["CAMMSR"]))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--noise=2", "--output=x"], "--noise takes shares"),
        (["--missing=0.5,1", "--output=x"], "--missing takes shares below 1"),
        (["--sweep=modalities=[text", "--output=x"], "do not close"),
        (["--seeds=a", "--output=x"], "--seeds takes whole numbers"),
        (["--sweep=swap_weigth=1", "--output=x"], "did you mean 'swap_weight'"),
        (
            ["--sweep=n_experts=2,4", "--output=x"],
            "'n_experts', which is one of TedRec",
        ),
        (["--sweep=num_layers=2,4", "--output=x"], "CAMMSR does not read the setting 'num_layers'"),
        (["--sweep=seed=1,2", "--output=x"], "--sweep must not set 'seed'"),
        (["--sweep=model=SASRec", "--output=x"], "--sweep must not set 'model'"),
        (["--sweep=dataset=a,b", "--output=x"], "options --dataset and --seeds"),
        (["--baselines=SASRec,CAMMSR", "--output=x"], "names CAMMSR, which is in every table"),
        (["--baselines=SASRek", "--output=x"], "did you mean 'SASRec'"),
        (["--components"], "--output="),
        (["--output=x", "--seed=3"], "--seed has no effect"),
    ],
)
def test_wrong_usage(arguments, says, capsys):
    assert ablate.main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_tuned_file_is_checked(tmp_path, capsys):
    path = tmp_path / "tuned.yaml"
    for content, says in (
        ({"swop_weight": 0.2}, "no model reads the setting 'swop_weight'; did you mean 'swap_weig"),
        ({"seed": 3}, "must not set 'seed'"),
    ):
        path.write_text(yaml.safe_dump(content))
        assert ablate.main([f"--tuned={path}", "--output=x"]) == 2
        error = capsys.readouterr().err
        assert f"--tuned={path}" in error
        assert says in error
    path.write_text(yaml.safe_dump({"n_experts": 4, "num_layers": 2, "swap_weight": 0.2}))
    assert ablate.main([f"--tuned={path}"]) == 2  # no --output: the file itself is accepted
    warning, error = capsys.readouterr().err.splitlines()
    assert warning.endswith("CAMMSR does not read 'n_experts', 'num_layers'")
    assert "--output=" in error


def test_baselines_share_the_data_the_evaluation_and_the_epochs_of_a_tuned_file(
    monkeypatch, tmp_path
):
    from recbole_cammsr.analysis import benchmark

    planned = []

    def run(plan, runner):
        planned.append(plan)
        return benchmark.Outcome([], [], {}, [])

    monkeypatch.setattr(benchmark, "run", run)
    tuned = {
        **{"mask_history": True, "item_inter_num_interval": "[9,inf)", "epochs": 2, "topk": [5]},
        **{"swap_weight": 0.3, "learning_rate": 0.01, "stopping_step": 4},
    }
    (tmp_path / "tuned.yaml").write_text(yaml.safe_dump(tuned))
    arguments = [f"--tuned={tmp_path / 'tuned.yaml'}", "--sweep=n_layers=1", "--stopping_step=7"]
    assert ablate.main([*arguments, "--baselines=SASRec", f"--output={tmp_path / 'out'}"]) == 0
    (plan,) = planned
    ours, *_, baseline = (plan.settings_of(one, "ml-100k") for one in plan.contenders)
    shared = {
        **{"mask_history": True, "item_inter_num_interval": "[9,inf)", "epochs": 2, "topk": [5]},
        "stopping_step": 7,  # as typed
    }
    assert baseline == shared
    assert ours == {**shared, "swap_weight": 0.3, "learning_rate": 0.01}


def test_sweeps_of_one_setting_and_equal_baselines_come_once(monkeypatch, tmp_path):
    from recbole_cammsr.analysis import benchmark

    planned = []

    def run(plan, runner):
        planned.append(plan)
        return benchmark.Outcome([], [], {}, [])

    monkeypatch.setattr(benchmark, "run", run)
    arguments = ["--sweep=swap_weight=0.1,0.2", "--sweep=swap_weight=0.3,0.2"]
    code = ablate.main([*arguments, "--baselines=SASRec,SASRec", f"--output={tmp_path / 'out'}"])
    assert code == 0
    labels = [one.label for one in planned[0].contenders]
    assert labels == ["swap_weight=0.1", "swap_weight=0.2", "swap_weight=0.3", "SASRec"]
    assert len(planned) == 1


@pytest.mark.usefixtures("jobs_in_this_process")
def test_the_command_shares_the_full_model_and_writes_its_tables(toy_path, tmp_path, capsys):
    (tmp_path / "tuned.yaml").write_text(yaml.safe_dump({"expert_size": 8}))
    code = ablate.main(
        [
            *["--dataset=toy", f"--data_path={toy_path}", "--output=out", "--threads=1"],
            *["--noise=0.5", "--sweep=swap_weight=0.3", "--tuned=tuned.yaml", "--columns=NDCG@10"],
            *["--modalities=['text']", "--category_field=genre", "--epochs=1", "--hidden_size=8"],
            *["--inner_size=8", "--topk=[10]", "--gpu_id="],
        ]
    )
    output = capsys.readouterr()
    assert code == 0, output.err
    jobs = list((tmp_path / "out" / "jobs" / "toy").glob("*.json"))
    assert len(jobs) == 3  # the full model once, wrong labels, the other weight
    assert "| CAMMSR, 50 % wrong labels |" in (tmp_path / "out" / "noise" / "report.md").read_text()
    assert "swap_weight=0.3" in (tmp_path / "out" / "sweep_swap_weight" / "report.md").read_text()
    assert "| CAMMSR |" in (tmp_path / "out" / "efficiency.md").read_text()
    assert all('"expert_size": 8' in path.read_text() for path in jobs)


def test_what_is_ranked_is_not_swept(tmp_path, capsys):
    assert ablate.main(["--sweep=mask_history=True", f"--output={tmp_path / 'out'}"]) == 2
    said = capsys.readouterr().err
    assert "--sweep sets 'mask_history', which decides what is ranked" in said
    assert "give --mask_history=<value> to all of them" in said
