"""The speed benchmark from the command line to its files, on a data set of a few users.

Contenders run in this process: what a process of their own adds is tested in test_speed_pool.py.
"""

from __future__ import annotations

import csv
import logging
import math
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recbole_cammsr.analysis import benchmark_speed, hm4sr_checkout, speed_plots, speed_rounds
from recbole_cammsr.analysis.speed_pool import WorkerError
from recbole_cammsr.run.errors import UsageError

_DATA = ["--users", "30", "--interactions", "240", "--dimension", "6", "--categories", "3"]
_SMALL = ["--set", "hidden_size=8", "--set", "inner_size=8", "--set", "expert_size=8"]
_SERIES = ["--rounds", "2", "--threads", "1"]
_QUICK = [*_SERIES, "--rank-rounds", "1", "--startup-rounds", "1"]

# a recommender with the constants and the files of HM4SR, and what SASRec reads
_SETTINGS = """
n_layers: 1
n_heads: 1
hidden_size: 8
inner_size: 8
hidden_dropout_prob: 0.5
attn_dropout_prob: 0.5
hidden_act: gelu
layer_norm_eps: 1e-12
initializer_range: 0.02
loss_type: CE
"""
_STAND_IN = """
import torch
from torch import nn
from recbole.model.sequential_recommender.sasrec import SASRec

class HM4SR(SASRec):
    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.text = torch.load(f"./dataset/{config['dataset']}/txt_emb.pt").to('cuda')
        self.projection, self.other = nn.Linear(768, 2), nn.Linear(768, 2)
        self.time_moe = nn.Module()
        self.time_moe.time_embedding = nn.Embedding(3, 2)

    def calculate_loss(self, interaction):
        interaction["timestamp_list"]
        return super().calculate_loss(interaction) + self.projection(self.text).mean()
"""


class Here:
    """Takes the place of a worker process."""

    def __init__(self, title: str, build: Any, arguments: tuple[Any, ...]) -> None:
        self.title = title
        try:
            self.subject = build(*arguments)
        except Exception as error:
            raise WorkerError(f"{title}: {error}") from error

    def call(self, method: str, *arguments: Any) -> Any:
        return getattr(self.subject, method)(*arguments)

    def close(self) -> None:
        self.subject = None


@pytest.fixture(autouse=True)
def _in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import torch

    monkeypatch.setattr(speed_rounds, "Worker", Here)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmark"])
    level, threads = logging.getLogger().level, torch.get_num_threads()
    with warnings.catch_warnings():
        yield
    logging.getLogger().setLevel(level)
    torch.set_num_threads(threads)


def read(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def checkout(folder: Path) -> Path:
    files = {hm4sr_checkout.MODEL_FILE: _STAND_IN, hm4sr_checkout.SETTINGS_FILE: _SETTINGS}
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True)
        (folder / file).write_text(text, encoding="utf-8")
    return folder


def test_one_run_measures_every_contender_and_the_floors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = checkout(tmp_path / "hm4sr")
    models = "cammsr,cammsr-classic,sasrec,gru4rec,fdsa,hm4sr,sasrec-trimmed,fdsa-packed,floors"
    arguments = [*_DATA, "--items", "40", *_SMALL, *_QUICK, "--full-epoch", "--models", models]
    arguments += ["--batch-size", "64", "--hm4sr", str(folder), "--output", "out"]
    assert benchmark_speed.main(arguments) == 0
    rows = read(tmp_path / "out" / "speed.csv")
    models_measured = ["CAMMSR packed", "CAMMSR classic", "SASRec", "GRU4Rec", "FDSA", "HM4SR"]
    models_measured += ["SASRec trimmed", "FDSA packed"]
    floors = ["softmax floor, F.cross_entropy", "softmax floor, fused", "encoder floor"]
    assert [row["name"] for row in rows] == [*models_measured, *floors]
    # every interaction but a user's first and last two is a target, for every contender
    assert {row["targets"] for row in rows} == {str(240 - 3 * 30)}
    for row in rows:
        assert float(row["epoch_s_min"]) <= float(row["epoch_s"]) <= float(row["epoch_s_max"])
        assert float(row["epoch_s"]) > 0
        assert bool(row["rank_s"]) == bool(row["startup_s"]) == (row["name"] in models_measured)
    stretches = read(tmp_path / "out" / "speed_rounds.csv")
    trained = [row for row in stretches if row["stage"] == "train"]
    assert len(trained) == 2 * len(rows)
    assert {row["targets"] for row in trained} == {"150"}
    printed = capsys.readouterr().out
    for ratio in (
        "epoch: SASRec / CAMMSR packed: ",
        "epoch: HM4SR / CAMMSR packed: ",
        "epoch: CAMMSR packed / (softmax floor, fused + encoder floor): ",
        "ranking: CAMMSR packed / SASRec: ",
    ):
        assert ratio in printed
        assert ratio in (tmp_path / "out" / "speed.md").read_text(encoding="utf-8")
    header = (tmp_path / "out" / "speed.csv").read_text(encoding="utf-8").split("name,")[0]
    for part in ("command: ", "torch ", "threads 1", "seed 2020", "users 30", "load at end"):
        assert part in header


def test_a_part_of_the_rows_is_ranked_by_every_contender(tmp_path: Path) -> None:
    arguments = [*_DATA, "--items", "40", *_SMALL, "--rank-rounds", "1", "--threads", "1"]
    arguments += ["--rank-rows", "7", "--models", "cammsr,sasrec", "--measure", "rank"]
    arguments += ["--output", "out"]
    assert benchmark_speed.main(arguments) == 0
    stretches = read(tmp_path / "out" / "speed_rounds.csv")
    ranked = [(row["name"], row["targets"]) for row in stretches if row["stage"] == "rank"]
    assert sorted(ranked) == [("CAMMSR packed", "7"), ("SASRec", "7")]
    header = (tmp_path / "out" / "speed.csv").read_text(encoding="utf-8").split("name,")[0]
    assert "rank_rows 7" in header


def test_a_contender_that_fails_leaves_the_others_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*_DATA, "--items", "40", *_SMALL, *_SERIES, "--batches", "2"]
    arguments += [
        "--batch-size",
        "64",
        "--models",
        "cammsr",
        "--variant",
        "odd:hidden_size=7",
        "--output",
        "out",
    ]
    arguments += ["--measure", "train", "--amp"]
    monkey = Here.call

    def call(self: Here, method: str, *more: Any) -> Any:
        try:
            return monkey(self, method, *more)
        except ValueError as error:
            raise WorkerError(f"{self.title}: {error}") from error

    Here.call = call  # type: ignore[method-assign]
    try:
        assert benchmark_speed.main(arguments) == 1
    finally:
        Here.call = monkey  # type: ignore[method-assign]
    good, bad = read(tmp_path / "out" / "speed.csv")
    assert (good["name"], good["failure"], good["rounds"]) == ("CAMMSR packed", "", "2")
    assert bad["name"] == "CAMMSR odd"
    assert "hidden_size" in bad["failure"]
    assert "hidden_size" in capsys.readouterr().out


def test_a_series_has_a_line_for_every_size(tmp_path: Path) -> None:
    arguments = [*_DATA, *_SMALL, *_SERIES, "--batches", "2", "--batch-size", "64"]
    arguments += ["--scale-items", "50,200", "--no-plots", "--output", "out"]
    assert benchmark_speed.main(arguments) == 0
    rows = speed_plots.read_rows(tmp_path / "out" / "scale.csv")
    packed = [row for row in rows if row["name"] == "CAMMSR packed"]
    assert [row["items"] for row in packed] == ["50", "200"]
    assert {row["name"] for row in rows} == {
        "CAMMSR packed",
        "softmax floor, F.cross_entropy",
        "softmax floor, fused",
        "encoder floor",
    }
    for row in packed:
        assert float(row["softmax_share"]) > 0
        assert 32 <= float(row["targets_per_step"]) <= 128
        # measured here inside pytest's process, which may give memory back meanwhile: any sign
        assert math.isfinite(float(row["train_mib"]))
    # 200 items need more interactions than the 240 given, and more users with them
    assert (tmp_path / "out" / "data" / "generated_50_200_400_2x6").is_dir()


def interrupt(monkeypatch: pytest.MonkeyPatch, method: str, number: int) -> None:
    """Ctrl-C in a call of a contender's method, the first being 1."""
    calls, plain = [], Here.call

    def call(self: Here, name: str, *arguments: Any) -> Any:
        calls.append(name)
        if name == method and calls.count(method) == number:
            raise KeyboardInterrupt
        return plain(self, name, *arguments)

    monkeypatch.setattr(Here, "call", call)


def test_an_interruption_leaves_the_rounds_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt(monkeypatch, "train", 3)
    arguments = [*_DATA, "--items", "40", *_SMALL, *_QUICK, "--batches", "1", "--output", "out"]
    assert benchmark_speed.main([*arguments, "--models", "cammsr,sasrec"]) == 130
    rows = read(tmp_path / "out" / "speed.csv")
    assert [(row["name"], row["rounds"], row["failure"]) for row in rows] == [
        ("CAMMSR packed", "1", ""),
        ("SASRec", "1", ""),
    ]
    assert len(read(tmp_path / "out" / "speed_rounds.csv")) == 4
    assert "\n# interrupted: " in (tmp_path / "out" / "speed.csv").read_text(encoding="utf-8")
    captured = capsys.readouterr()
    assert "epoch: SASRec / CAMMSR packed: " in captured.out
    assert captured.err.endswith("benchmark_speed: interrupted\n")


def test_an_interruption_before_any_figure_leaves_the_files_of_an_earlier_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(monkeypatch, "start_up", 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "speed.csv").write_text("earlier", encoding="utf-8")
    arguments = [*_DATA, "--items", "40", *_SMALL, *_QUICK, "--models", "cammsr"]
    assert benchmark_speed.main([*arguments, "--output", "out"]) == 130
    assert (tmp_path / "out" / "speed.csv").read_text(encoding="utf-8") == "earlier"
    assert not (tmp_path / "out" / "speed.md").exists()


def test_an_interrupted_series_has_its_sizes_until_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(monkeypatch, "start_up", 2)
    arguments = [*_DATA, *_SMALL, *_SERIES, "--batches", "1", "--batch-size", "64"]
    arguments += ["--models", "cammsr", "--scale-items", "50,200", "--no-plots", "--output", "out"]
    assert benchmark_speed.main(arguments) == 130
    rows = speed_plots.read_rows(tmp_path / "out" / "scale.csv")
    assert [row["items"] for row in rows] == ["50"] * 4
    assert rows[0]["name"] == "CAMMSR packed"
    assert "interrupted" in (tmp_path / "out" / "scale.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["speed.csv", "speed_rounds.csv", "speed.md"])
def test_files_that_could_not_be_written_are_refused_before_the_rounds(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out" / name).mkdir(parents=True)
    assert benchmark_speed.main([*_DATA, "--items", "40", "--output", "out"]) == 2
    error = capsys.readouterr().err
    assert f"{name} cannot be written (Is a directory)" in error
    assert "start-up" not in error
    # neither data nor the other files
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


def test_every_floor_has_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def remember(title: str, *rest: Any) -> Here:
        built.append(Here(title, *rest))
        return built[-1]

    monkeypatch.setattr(speed_rounds, "Worker", remember)
    arguments = [*_DATA, "--items", "40", *_SMALL, *_SERIES, "--batches", "1", "--output", "out"]
    arguments += ["--models", "cammsr,floors", "--measure", "train"]
    assert benchmark_speed.main(arguments) == 0
    assert [worker.title for worker in built] == [
        "CAMMSR packed",
        "softmax floor, F.cross_entropy",
        "softmax floor, fused",
        "encoder floor",
    ]


def test_figures_are_drawn_from_the_rows(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the plots need matplotlib")
    rows = [
        {"name": name, "items": str(items), "ms_per_1000_targets": cost, "train_mib": memory}
        for name, factor in (("CAMMSR packed", 3), ("softmax floor, fused", 1))
        for items, cost, memory in ((100, f"{factor}.0", "50"), (1000, f"{10 * factor}", ""))
    ]
    files = speed_plots.draw(rows, tmp_path)
    assert [file.name for file in files] == ["scale_cost.png", "scale_memory.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_the_legend_of_a_series_covers_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="the plots need matplotlib")
    drawings = []
    monkeypatch.setattr(speed_plots.figure, "save", lambda drawing, path: drawings.append(drawing))
    rows = [
        {"name": name, "items": items, "ms_per_1000_targets": items, "train_mib": items}
        for name in ("CAMMSR packed", "softmax floor, fused")
        for items in (100, 1000)
    ]
    speed_plots.draw(rows, tmp_path)
    for drawing in drawings:
        drawing.canvas.draw()
        (axes,) = drawing.axes
        legend = axes.get_legend().get_window_extent()
        assert legend.x0 >= axes.get_window_extent().x1
        assert legend.x1 <= drawing.bbox.x1


def test_only_a_series_can_be_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.csv").write_text("# c\nname,epoch_s\na,1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no scale series"):
        speed_plots.read_rows(tmp_path / "x.csv")
