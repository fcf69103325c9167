"""The record of a data set's preparation."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os

import pytest
from recbole_cammsr.dataset_prep.prep_record import PrepRecord, Stage

INPUTS = {"ratings.csv": "abc"}
SETTINGS = {"user core": 5, "fields": ("title", "brand")}


@pytest.fixture
def record(tmp_path):
    (tmp_path / "toy.inter").write_bytes(b"rows")
    record = PrepRecord.of_dataset(tmp_path, "toy")
    record.finish(
        "atomic-files",
        inputs=INPUTS,
        settings=SETTINGS,
        outputs=[tmp_path / "toy.inter"],
        counts={"items": 3},
        coverage={"title": 2 / 3},
        software={"duckdb": "1.0"},
    )
    return record


def test_a_finished_stage_is_read_back(record):
    again = PrepRecord.load(record.path)
    assert again.stage("atomic-files") == Stage(
        inputs=INPUTS,
        settings={"user core": 5, "fields": ["title", "brand"]},
        outputs={"toy.inter": hashlib.sha256(b"rows").hexdigest()},
        counts={"items": 3},
        coverage={"title": 0.666667},
        software={"duckdb": "1.0"},
    )
    assert again.is_current("atomic-files", INPUTS, SETTINGS)
    assert not again.is_current("other", INPUTS, SETTINGS)
    assert again.stage("other") is None
    assert again.changes("other", {}, {}) == []


@pytest.mark.parametrize(
    ("inputs", "settings", "expected"),
    [
        ({"ratings.csv": "abd"}, SETTINGS, ["ratings.csv"]),
        ({}, SETTINGS, ["ratings.csv"]),
        ({**INPUTS, "meta": "1"}, SETTINGS, ["meta"]),
        (INPUTS, {**SETTINGS, "user core": 6}, ["user core"]),
        (INPUTS, {**SETTINGS, "level": None}, ["level"]),
    ],
)
def test_every_difference_is_named(record, inputs, settings, expected):
    assert record.changes("atomic-files", inputs, settings) == expected
    assert not record.is_current("atomic-files", inputs, settings)


def test_outputs_that_changed_or_went_are_noticed(record, tmp_path):
    (tmp_path / "toy.inter").write_bytes(b"rowz")
    assert record.changes("atomic-files", INPUTS, SETTINGS) == ["toy.inter"]
    (tmp_path / "toy.inter").unlink()
    assert record.changes("atomic-files", INPUTS, SETTINGS) == ["toy.inter"]


def test_same_work_gives_same_bytes_and_leaves_nothing_else(record, tmp_path):
    before = record.path.read_bytes()
    record.finish(
        "atomic-files",
        inputs=INPUTS,
        settings=dict(reversed(SETTINGS.items())),
        outputs=[tmp_path / "toy.inter"],
        counts={"items": 3},
        coverage={"title": 2 / 3},
        software={"duckdb": "1.0"},
    )
    assert record.path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["toy.inter", "toy.prep.json"]


def test_a_stage_that_another_command_wrote_meanwhile_is_kept(record, tmp_path):
    other = PrepRecord.load(record.path)
    record.finish("first", inputs={}, settings={}, outputs=[], counts={})
    other.finish("second", inputs={}, settings={}, outputs=[], counts={})
    assert list(PrepRecord.load(record.path).stages) == ["atomic-files", "first", "second"]
    other.forget("first")
    other.forget("never there")
    assert list(PrepRecord.load(record.path).stages) == ["atomic-files", "second"]


def _finish_many(path, prefix):
    for number in range(20):
        record = PrepRecord.load(path)
        record.finish(f"{prefix}{number}", inputs={}, settings={}, outputs=[], counts={})


def test_two_processes_lose_no_stage(tmp_path):
    path = tmp_path / "toy.prep.json"
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    writers = [context.Process(target=_finish_many, args=(path, prefix)) for prefix in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert len(PrepRecord.load(path).stages) == 40


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not a preparation record"),
        ("[]", "no 'stages'"),
        ('{"stages": {"x": 1}}', "'x' is not an object"),
        ('{"stages": {}, "format": 9}', "format is 9"),
    ],
)
def test_a_broken_record_is_refused_with_its_name(tmp_path, content, words):
    path = tmp_path / "toy.prep.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=words) as error:
        PrepRecord.load(path)
    assert str(path) in str(error.value)
    assert "delete it" in str(error.value)


def test_outputs_must_exist_below_the_record(tmp_path):
    record = PrepRecord.load(tmp_path / "a" / "toy.prep.json")
    outside = tmp_path / "elsewhere"
    outside.write_bytes(b"")
    with pytest.raises(ValueError, match="outside"):
        record.finish("x", inputs={}, settings={}, outputs=[outside], counts={})
    missing = tmp_path / "a" / "none"
    with pytest.raises(FileNotFoundError):
        record.finish("x", inputs={}, settings={}, outputs=[missing], counts={})
    assert not record.path.exists()


def test_the_file_is_plain_json_without_empty_parts(record):
    content = json.loads(record.path.read_text(encoding="utf-8"))
    assert content["dataset"] == "toy"
    assert content["format"] == 1
    record.finish("bare", inputs={}, settings={}, outputs=[], counts={"n": 0})
    content = json.loads(record.path.read_text(encoding="utf-8"))
    assert content["stages"]["bare"] == {"counts": {"n": 0}}
