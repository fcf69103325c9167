"""What pages of docs/results say of several seeds together is what their commands print."""

from __future__ import annotations

import csv
import json
import re
import runpy
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "measurements" / "pooled_runs.py"
PAGES = {
    name: (ROOT / "docs" / "results" / name).read_text(encoding="utf-8")
    for name in ("amazon_beauty.md", "gpu.md", "ml-100k.md", "sensitivity.md")
}
COMMANDS = [
    (name, command)
    for name, page in PAGES.items()
    for command in re.findall(r"```\npython docs/measurements/pooled_runs\.py ([^`]+)```", page)
]
HEADER = ["dataset", "model", "settings", "damage", "stage", "seed"]


@pytest.fixture(scope="module")
def pooled() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["pooled_runs.py", *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")


@pytest.fixture
def write(tmp_path: Path):
    """Writes a file of runs: settings, seed, and one figure that stands for all three metrics."""

    def written(name: str, *runs: tuple[dict, int, float], stage: str = "test") -> Path:
        with open(tmp_path / name, "w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            lines.writerow([*HEADER, "valid ndcg@10", "test ndcg@10", "test recall@10"])
            for settings, seed, figure in runs:
                text = json.dumps(settings)
                lines.writerow(["toys", "CAMMSR", text, "{}", stage, seed, *[figure] * 3])
        return tmp_path / name

    return written


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_the_page_has_what_its_command_prints(
    page: str, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shlex.split(command.replace("\\\n", " ")), monkeypatch)
    assert capsys.readouterr().out.strip() in PAGES[page]


def test_every_page_has_such_tables() -> None:
    found = [page for page, _ in COMMANDS]
    assert found == ["amazon_beauty.md", *["gpu.md"] * 2, "ml-100k.md", *["sensitivity.md"] * 2]


def test_only_the_versions_named_count(pooled: SimpleNamespace, tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    lines = [
        "dataset,model,settings,damage,stage,seed,code,valid ndcg@10,test ndcg@10,test recall@10"
    ]
    for seed, code, figure in (
        (1, "old", 0.1),
        (1, "new", 0.3),
        (2, "old", 0.1),
        (2, "newer", 0.5),
    ):
        lines.append(f"toys,CAMMSR,{{}},{{}},test,{seed},{code},{figure},{figure},{figure}")
    file.write_text("\n".join(lines), encoding="utf-8")
    for codes, expected in ((["new", "newer"], [0.3, 0.5]), ([], [0.2, 0.3])):
        runs = pooled.read([file], "toys", "CAMMSR", codes)
        assert np.allclose(pooled.figures_of(runs, {}, "CAMMSR")[:, 2], expected)
    with pytest.raises(
        ValueError, match=r"no test run of CAMMSR on toys is of the code \['lost'\]"
    ):
        pooled.read([file], "toys", "CAMMSR", ["new", "lost"])
    with pytest.raises(ValueError, match=r"is of the code \['lost'\]"):
        pooled.read([file], "toys", "CAMMSR", ["lost"])


def test_a_sweep_has_a_line_for_each_value(
    write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [({}, seed, figure) for seed, figure in ((1, 0.2), (2, 0.4))]
    runs += [({"norm": "dyt"}, seed, 0.1 * seed) for seed in (1, 2)]
    runs += [({"swap_weight": 1}, seed, 0.3 * seed) for seed in (1, 2)]
    arguments = [str(write("runs.csv", *runs)), "--dataset", "toys"]
    run([*arguments, "--sweep", 'norm="dyt"', "--sweep", "swap_weight=1"], monkeypatch)
    first, second, third = capsys.readouterr().out.splitlines()[2:]
    assert first.startswith("| CAMMSR | 2 | .3000 |")
    assert second.startswith("| `norm` dyt | 2 | .1500 | +100.0 % | ")
    assert third.startswith("| `swap_weight` 1 | 2 | .4500 | -33.3 % | ")


def test_a_seed_counts_once_a_file_whatever_its_precision(pooled: SimpleNamespace, write) -> None:
    one = write("one.csv", ({}, 1, 0.2), ({"enable_amp": True}, 1, 0.4), ({}, 2, 0.5))
    two = write("two.csv", ({"enable_amp": True, "enable_scaler": True}, 1, 0.7), ({"a": 1}, 2, 9))
    runs = pooled.read([one, two], "toys", "CAMMSR")
    assert np.allclose(pooled.figures_of(runs, {}, "CAMMSR")[:, 0], [0.3, 0.5, 0.7])


def test_experts_that_are_not_there_have_no_width(pooled: SimpleNamespace, write) -> None:
    sums = {"fusion": "sum", "expert_size": 512}
    file = write(
        "sum.csv", (sums, 1, 0.2), ({"fusion": "sum"}, 2, 0.4), ({"expert_size": 512}, 1, 1)
    )
    runs = pooled.read([file], "toys", "CAMMSR")
    assert len(pooled.figures_of(runs, pooled.what_counts(sums, {}), "sum")) == 2
    with pytest.raises(ValueError, match=r"wide: 1 seeds have the settings .*512.*; it takes two"):
        pooled.figures_of(runs, {"expert_size": 512}, "wide")


def test_what_is_said_and_the_default_does_not_count(pooled: SimpleNamespace, write) -> None:
    said = {"hidden_dropout_prob": 0.5, "fusion": "camoe"}
    file = write("said.csv", (said, 1, 0.2), ({}, 2, 0.4), ({"hidden_dropout_prob": 0.3}, 1, 9))
    runs = pooled.read([file], "toys", "CAMMSR")
    assert pooled.figures_of(runs, {}, "CAMMSR")[:, 0].tolist() == [0.2, 0.4]
    assert pooled.defaults_of("SASRec", "toys") == {}
    assert pooled.defaults_of("CAMMSR", "toys")["modalities"] == []
    assert pooled.defaults_of("CAMMSR", "amazon_beauty")["modalities"] == ["text"]


def test_means_and_p_are_those_of_welch(pooled: SimpleNamespace) -> None:
    ours, theirs = np.array([[0.5], [0.6], [0.7]]), np.array([[0.4], [0.5]])
    error = np.sqrt(0.01 / 3 + 0.005 / 2)
    freedom = error**4 / ((0.01 / 3) ** 2 / 2 + (0.005 / 2) ** 2)
    from scipy.stats import t

    p = 2 * t.sf(0.15 / error, freedom)
    expected = f"{p:#.2g}".replace("0.", ".", 1)
    assert pooled.row_of("x", ours, theirs) == ["x", "2", ".4500", "+33.3 %", expected]
    assert pooled.row_of("y", ours) == ["y", "3", ".6000", "", ""]


def test_what_cannot_be_pooled_is_refused_in_a_sentence(
    write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write("runs.csv", ({}, 1, 0.2), ({}, 2, 0.3))
    short = tmp_path / "short.csv"
    short.write_text("dataset,model\ntoys,CAMMSR\n", encoding="utf-8")
    empty = write("empty.csv", ({}, 1, ""), ({}, 2, 0.3))
    list_of_settings = write("list.csv", ([1], 1, 0.2))
    blank, binary = tmp_path / "blank.csv", tmp_path / "binary.csv"
    blank.write_text("", encoding="utf-8")
    binary.write_bytes(b"\xff\xfe\x00dataset")
    toys = ["--dataset", "toys"]
    for arguments, words in (
        ([str(blank), *toys], r"blank\.csv is not what run_digest\.py writes"),
        ([str(binary), *toys], r"binary\.csv is not what run_digest\.py writes"),
        ([str(empty), *toys], r"empty\.csv has no number in a column of \['toys'"),
        ([str(list_of_settings), *toys], r"'\[1\]' is not \{\"setting\": value\}"),
        ([str(file), *toys, "--settings", "[1]"], r"'\[1\]' is not \{\"setting\": value\}"),
        ([str(file), *toys, "--settings", "wide"], r"'wide' is not \{\"setting\": value\}: "),
        ([str(file), *toys, "--without", "ID"], r"--without 'ID' is not NAME="),
        ([str(file), *toys, "--without", "ID=no"], r"'no' is not \{\"setting\": value\}: "),
        ([str(file), *toys, "--sweep", "ratio"], "a sweep is written name=value,value, not 'ratio"),
        ([str(file), *toys, "--sweep", "norm=dyt"], "`norm` dyt: 0 seeds have"),
        ([str(file), *toys, "--sweep", "swap_ratio=2"], "`swap_ratio` 2: 0 seeds have"),
        ([str(file), *toys, "--code", "a"], r"runs\.csv lacks the columns \['code'\]"),
        ([str(tmp_path / "lost.csv"), "--dataset", "toys"], r"lost\.csv is no file"),
        ([str(short), "--dataset", "toys"], r"short\.csv lacks the columns \['settings'"),
        ([str(file), "--dataset", "books"], r"no test run of CAMMSR on books in .*runs\.csv"),
        (
            [str(write("tuning.csv", ({}, 1, 0.2), stage="tune")), "--dataset", "toys"],
            "no test run",
        ),
        ([str(file), "--dataset", "toys", "--without", 'ID={"use_id": false}'], "ID: 0 seeds have"),
    ):
        with pytest.raises(SystemExit, match=words):
            run(arguments, monkeypatch)
