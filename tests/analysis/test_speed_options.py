"""The command line of the speed benchmark: what it understands and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from recbole_cammsr.analysis import (
    benchmark_speed,
    speed_contenders,
    speed_options,
    speed_settings,
)
from recbole_cammsr.run.errors import UsageError


def parse(*argv: str) -> Any:
    return speed_options.make_parser().parse_args(argv)


def test_the_preset_has_the_counts_of_games() -> None:
    size = speed_options.size_of(parse("--preset", "games"))
    assert size is not None
    assert (size.users, size.items, size.interactions) == (24_303, 10_672, 231_780)
    assert (size.modalities, size.dimension) == (2, 768)


def test_flags_change_a_preset() -> None:
    size = speed_options.size_of(parse("--preset", "games", "--dimension", "16", "--data-seed=4"))
    assert size is not None
    assert (size.users, size.dimension, size.seed) == (24_303, 16, 4)


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        ((), "name the data"),
        (("--dataset", "ml-100k", "--preset", "games"), "leave out the flags"),
        (("--preset", "games", "--data-path", "x"), "belong to --dataset"),
        (("--users", "5", "--items", "5"), "--interactions"),
    ],
)
def test_contradicting_data_is_refused(argv: tuple[str, ...], part: str) -> None:
    with pytest.raises(UsageError, match=part):
        speed_options.size_of(parse(*argv))


def test_hm4sr_is_measured_only_from_a_checkout() -> None:
    assert "hm4sr" not in speed_options.models_of(parse("--preset", "games"))
    assert "hm4sr" in speed_options.models_of(parse("--preset", "games", "--hm4sr", "x"))
    with pytest.raises(UsageError, match="--hm4sr"):
        speed_options.models_of(parse("--models", "cammsr,hm4sr"))


def test_floors_are_a_choice_like_models() -> None:
    assert speed_options.plan_of(parse()).floors
    assert not speed_options.plan_of(parse("--models", "cammsr")).floors
    options = parse("--models", "cammsr,floors")
    assert speed_options.plan_of(options).floors
    assert speed_options.models_of(options) == ["cammsr"]
    options = parse("--models", "cammsr-classic,floors", "--variant", "packed:swap_weight=0")
    assert speed_options.models_of(options) == ["cammsr-classic"]


def test_what_is_not_said_is_five_rounds_of_twenty_batches_and_three_of_the_rest() -> None:
    plan = speed_options.plan_of(parse())
    assert (plan.rounds, plan.batches, plan.rank_rounds, plan.startup_rounds) == (5, 20, 3, 3)
    assert list(plan.stages) == ["startup", "train", "rank"]


def test_full_epochs_have_no_number_of_batches() -> None:
    assert speed_options.plan_of(parse("--batches", "3")).batches == 3
    assert speed_options.plan_of(parse("--full-epoch")).batches is None


def test_a_series_reads_its_data_once_and_ranks_nothing() -> None:
    plan = speed_options.plan_of(parse("--scale-items", "10"))
    assert list(plan.stages) == ["startup", "train"]
    assert plan.startup_rounds == 1


@pytest.mark.parametrize(
    "argv", [("--rounds", "0"), ("--batches", "0"), ("--measure", "train,sleep"), ("--measure", "")]
)
def test_impossible_plans_are_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        speed_options.plan_of(parse(*argv))


def test_settings_are_read_as_yaml() -> None:
    assert speed_settings.settings(
        ["n_layers=1", "norm=dyt", "norm_first=False", "modalities=[x, y]"]
    ) == {
        "n_layers": 1,
        "norm": "dyt",
        "norm_first": False,
        "modalities": ["x", "y"],
    }
    with pytest.raises(UsageError, match="KEY=VALUE"):
        speed_settings.settings(["a"])


def test_recboles_models_made_faster_are_measured_on_request() -> None:
    every = speed_options.models_of(speed_options.make_parser().parse_args(["--preset", "games"]))
    assert not any("-trimmed" in name or "-packed" in name for name in every)
    named = speed_contenders.chosen(["fdsa", "fdsa-trimmed", "fdsa-packed"], {}, {}, None)
    assert [entry.name for entry in named] == ["FDSA", "FDSA trimmed", "FDSA packed"]
    settings = [{}, {"trim_padding": True}, {"train_packing": True}]
    assert [dict(entry.settings) for entry in named] == settings
    with pytest.raises(ValueError, match=r"names 'hm4sr-trimmed'; known are .*fdsa-trimmed"):
        speed_contenders.chosen(["hm4sr-trimmed"], {}, {}, None)


def test_variants_are_cammsrs_of_their_own_name() -> None:
    named = speed_settings.variants(["half:feature_dtype=float16;swap_weight=0"])
    entries = speed_contenders.chosen(["cammsr", "sasrec"], {"n_layers": 1}, named, None)
    assert [entry.name for entry in entries] == ["CAMMSR packed", "SASRec", "CAMMSR half"]
    assert entries[1].settings == {}
    assert entries[2].settings == {
        "train_packing": True,
        "n_layers": 1,
        "feature_dtype": "float16",
        "swap_weight": 0,
    }
    with pytest.raises(UsageError, match="no variant"):
        speed_settings.variants(["half"])
    with pytest.raises(ValueError, match="twice"):
        speed_contenders.chosen(["cammsr"], {}, {"packed": {}}, None)
    with pytest.raises(ValueError, match="'bert'"):
        speed_contenders.chosen(["bert"], {}, {}, None)


def test_catalogue_sizes() -> None:
    assert speed_options.catalogue_sizes("10_000, 200000") == [10_000, 200_000]
    for text in ("", "1e6", "0"):
        with pytest.raises(UsageError):
            speed_options.catalogue_sizes(text)


def test_ranking_batches_shrink_with_the_catalogue() -> None:
    assert speed_contenders.evaluation_rows(10_000) == 2048
    assert speed_contenders.evaluation_rows(1_000_000) == 67
    assert speed_contenders.evaluation_rows(10**9) == 1


@pytest.mark.parametrize(
    ("argv", "code", "part"),
    [
        (["--preset", "games", "--rounds", "0"], 2, "--rounds must be 1 or more"),
        (["--preset", "games", "--hm4sr", "nowhere"], 1, "no checkout of HM4SR"),
        (["--dataset", "unheard_of"], 1, "needs --data-path"),
        (["--dataset", "x", "--data-path", "nowhere"], 1, "x.inter does not exist"),
        (["--preset", "games", "--models", "bert"], 1, "'bert'"),
        (["--preset", "games", "--no-plots"], 2, "--no-plots belongs to --scale-items"),
        (["--preset", "games", "--set", "hiden_size=8"], 2, "did you mean 'hidden_size'"),
        (["--preset", "games", "--variant", "a:swap_weight=[1"], 2, "cannot be read as YAML"),
    ],
)
def test_errors_are_one_sentence(
    argv: list[str], code: int, part: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert benchmark_speed.main([*argv, "--output", str(tmp_path / "out")]) == code
    error = capsys.readouterr().err
    assert part in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("pairs", "part"),
    [
        (["hiden_size=8"], "did you mean 'hidden_size'"),
        (["swap_weight=1", "swap_weight=0"], "given twice"),
        (["train_packing=False"], "cammsr-classic"),
        (["train_batch_size=256"], "--batch-size"),
        (["use_gpu=True"], "--device"),
        (["swap_weight=[1"], "cannot be read as YAML"),
    ],
)
def test_settings_that_would_not_be_measured_are_refused(pairs: list[str], part: str) -> None:
    with pytest.raises(UsageError, match=part):
        speed_settings.settings(pairs)
    with pytest.raises(UsageError, match=part):
        speed_settings.variants([f"mine:{';'.join(pairs)}"])


def test_settings_that_are_documented_are_taken() -> None:
    pairs = [
        "enable_amp=True",
        "feature_dtype=float16",
        "modalities=[text]",
        "compile_encoder=True",
    ]
    assert speed_settings.settings(pairs)["modalities"] == ["text"]
    assert len(speed_settings.settings(pairs)) == 4


def test_two_variants_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="'a' twice"):
        speed_settings.variants(["a:swap_weight=0", "a:swap_weight=1"])


@pytest.mark.parametrize(
    "models", ["floors", "sasrec-packed,floors", "cammsr-classic,floors", "", " , "]
)
def test_floors_without_a_model_of_theirs_and_nothing_at_all_are_refused(models: str) -> None:
    with pytest.raises(UsageError, match="--models"):
        speed_options.models_of(parse("--models", models))


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (("--threads", "0"), "--threads must be 1 or more"),
        (("--evaluation-rows", "0"), "--evaluation-rows must be 1 or more"),
        (("--rank-rows", "-5"), "--rank-rows must be 1 or more"),
        (("--device", "cuda"), "torch sees no CUDA device"),
    ],
)
def test_conditions_that_cannot_be_are_refused_at_once(
    argv: tuple[str, ...], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UsageError, match=part):
        speed_options.conditions_of(parse(*argv))


@pytest.mark.parametrize(
    "content",
    [
        b"name,items\na,1\n",
        b"\xff\xfe\x00",
        b"name,items,ms_per_1000_targets,train_mib\na,x,1,1\n",
        b"name,items,ms_per_1000_targets,train_mib\na,,1,1\n",
        b"name,items,ms_per_1000_targets,train_mib\na\n",
        b"name,items,ms_per_1000_targets,train_mib,device_mib\na,1,1,1,much\n",
    ],
)
def test_a_file_that_is_no_series_is_refused_by_the_command(tmp_path, capsys, content) -> None:
    from recbole_cammsr.analysis import speed_plots

    pytest.importorskip("matplotlib")
    (tmp_path / "speed.csv").write_bytes(content)
    assert speed_plots.main([str(tmp_path / "speed.csv")]) == 2
    assert "is no scale series" in capsys.readouterr().err
