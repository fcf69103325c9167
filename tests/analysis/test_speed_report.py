"""Medians, ratios and files of the speed benchmark, from stretches written by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from recbole_cammsr.analysis import speed_floors, speed_report
from recbole_cammsr.analysis.speed_contenders import HM4SR, PACKED
from recbole_cammsr.analysis.speed_meter import Stretch
from recbole_cammsr.analysis.speed_model import Description
from recbole_cammsr.analysis.speed_rounds import Record

MIB = 1024**2


def record(name: str, train: list[tuple[float, int]], rank: list[float] | None = None) -> Record:
    return Record(
        name,
        Description(items=11, targets=1000, rows=40, iterator_seconds=0.5),
        train=[Stretch(seconds, targets, 3 * MIB, MIB, 0) for seconds, targets in train],
        rank=[Stretch(seconds, 40, 5 * MIB, MIB, 7 * MIB) for seconds in rank or []],
    )


def test_epochs_are_scaled_by_targets_and_begin_with_an_iterator() -> None:
    measured = record("a", [(2.0, 100), (3.0, 50), (1.0, 100)])
    line = speed_report.row(measured, whole=False)
    assert line["epoch_s"] == pytest.approx(20.5)
    assert line["epoch_s_min"] == pytest.approx(10.5)
    assert line["epoch_s_max"] == pytest.approx(60.5)
    assert line["ms_per_1000_targets"] == pytest.approx(20_000.0)
    assert line["rounds"] == 3


def test_whole_epochs_are_taken_as_they_are() -> None:
    assert speed_report.row(record("a", [(7.0, 1000)]), whole=True)["epoch_s"] == 7.0


def test_memory_is_the_highest_peak_in_mib() -> None:
    line = speed_report.row(record("a", [(1.0, 10)], [1.0, 2.0, 9.0]), whole=False)
    assert (line["train_mib"], line["rank_mib"], line["device_mib"]) == (3.0, 5.0, 7.0)
    assert line["rank_s"] == 2.0
    assert line["startup_s"] is None


def test_ratios_are_formed_within_rounds() -> None:
    # the machine is ten times as slow in the second round: no ratio feels it
    records = [
        record(PACKED, [(1.0, 1000), (10.0, 1000), (1.0, 1000)], [2.0, 20.0]),
        record("SASRec", [(6.0, 1000), (60.0, 1000), (7.0, 1000)], [4.0, 40.0]),
        record(HM4SR, [(40.0, 1000), (400.0, 1000), (50.0, 1000)]),
        record(speed_floors.SOFTMAX_FUSED, [(0.5, 1000), (5.0, 1000), (0.5, 1000)]),
        record(speed_floors.ENCODER, [(0.25, 1000), (2.5, 1000), (0.25, 1000)]),
    ]
    found = {ratio.title: ratio for ratio in speed_report.ratios(records, whole=True)}
    assert found[f"epoch: SASRec / {PACKED}"].values == pytest.approx((6.0, 6.0, 7.0))
    assert found[f"epoch: HM4SR / {PACKED}"].median == pytest.approx(40.0)
    floors = f"epoch: {PACKED} / ({speed_floors.SOFTMAX_FUSED} + {speed_floors.ENCODER})"
    assert found[floors].values == pytest.approx((4 / 3,) * 3)
    assert found[f"ranking: {PACKED} / SASRec"].values == pytest.approx((0.5, 0.5))
    assert not any("F.cross_entropy" in title or "GRU4Rec" in title for title in found)
    assert "6.00 (6.00 to 7.00 in 3 rounds)" in found[f"epoch: SASRec / {PACKED}"].sentence()


def test_a_record_without_description_has_no_epoch() -> None:
    with pytest.raises(ValueError, match="no description"):
        speed_report.epoch_seconds(Record("a"), Stretch(1.0, 1, 0, 0, 0), whole=False)


def test_a_failed_contender_keeps_its_line() -> None:
    line = speed_report.row(Record("a", failure="a: out of memory"), whole=False)
    assert line["failure"] == "a: out of memory"
    assert line["epoch_s"] is None


def test_csv_opens_with_how_it_came_about(tmp_path: Path) -> None:
    rows = [speed_report.row(record("a", [(1.0, 10)]), whole=False)]
    speed_report.write_csv(tmp_path / "x.csv", rows, {"command": "python -m x", "threads": 2})
    lines = (tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["# command: python -m x", "# threads: 2"]
    (line,) = csv.DictReader(lines[2:])
    assert line["name"] == "a"
    assert float(line["epoch_s"]) == pytest.approx(100.5)


def test_tables_leave_out_what_nobody_has() -> None:
    rows = [speed_report.row(record("a", [(1.0, 10)]), whole=False)]
    text = "\n".join(speed_report.table(rows))
    assert "epoch_s" in text
    assert "device_mib" not in text
    page = speed_report.markdown(rows, ["x / y: 2.00"], {"command": "c"}, speed_report.COLUMNS)
    assert "- command: `c`" in page
    assert "- x / y: 2.00" in page
    assert "| name | epoch_s |" in page
    assert "`startup_s`" not in page


def test_every_stretch_is_kept() -> None:
    rows = speed_report.rounds_rows([record("a", [(1.0, 10), (2.0, 20)], [3.0])])
    assert [(one["stage"], one["round"], one["seconds"]) for one in rows] == [
        ("train", 0, 1.0),
        ("train", 1, 2.0),
        ("rank", 0, 3.0),
    ]
