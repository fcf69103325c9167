"""``--config_files``: search order and refusals."""

from __future__ import annotations

import os

import pytest

from recbole_cammsr import default_settings
from recbole_cammsr.run import config_files
from recbole_cammsr.run.errors import UsageError


@pytest.fixture(autouse=True)
def _folders(tmp_path, monkeypatch):
    here, packaged = tmp_path / "here", tmp_path / "packaged"
    here.mkdir()
    (packaged / "dataset").mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setattr(default_settings, "PROPERTIES", str(packaged))


def test_several_names_keep_their_order_and_the_later_wins(tmp_path):
    (tmp_path / "here" / "a.yaml").write_text("epochs: 1\nseed: 5\n")
    (tmp_path / "here" / "b.yaml").write_text("epochs: 2\n")
    paths = config_files.find("a.yaml  b.yaml")
    assert paths == ["a.yaml", "b.yaml"]
    assert config_files.read_all(paths) == {"epochs": 2, "seed": 5}


def test_the_current_folder_goes_before_our_own_files(tmp_path):
    own = tmp_path / "packaged" / "bench.yaml"
    own.write_text("epochs: 1\n")
    assert [os.path.realpath(p) for p in config_files.find("bench.yaml")] == [os.path.realpath(own)]
    (tmp_path / "here" / "bench.yaml").write_text("epochs: 2\n")
    assert config_files.find("bench.yaml") == ["bench.yaml"]


def test_no_files():
    assert config_files.find(None) == []
    assert config_files.find("") == []


def test_a_missing_file_lists_our_own(tmp_path):
    (tmp_path / "packaged" / "dataset" / "d.yaml").write_text("seed: 1\n")
    with pytest.raises(UsageError, match=r"'x\.yaml' does not exist; .*dataset/d\.yaml"):
        config_files.find("x.yaml")


@pytest.mark.parametrize(
    ("content", "says"), [("", "holds no settings"), ("- 1\n", "holds no"), ("a: [", "not valid")]
)
def test_a_file_without_settings_is_refused(tmp_path, content, says):
    (tmp_path / "here" / "a.yaml").write_text(content)
    with pytest.raises(UsageError, match=says):
        config_files.find("a.yaml")


def test_files_are_utf_8_and_others_are_refused(tmp_path):
    for encoding in ("utf-8", "latin-1"):
        (tmp_path / "here" / f"{encoding}.yaml").write_bytes("title: café\n".encode(encoding))
    assert config_files.read_all(config_files.find("utf-8.yaml")) == {"title": "café"}
    with pytest.raises(UsageError, match=r"latin-1\.yaml is not valid YAML: 'utf-8' codec"):
        config_files.find("latin-1.yaml")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a: 1\nb: 2\na: 1\n", r"a\.yaml: 'a' stands twice \(lines 1 and 3\); keep one"),
        ("a: {b: {c: 1, 'c': 2}}\n", r"'c' stands twice in 'a\.b' \(line 1\)"),
        ("a:\n- {d: 1}\n- d: 1\n  d: 2\n", r"'d' stands twice in 'a' \(lines 3 and 4\)"),
    ],
)
def test_a_key_that_stands_twice_is_refused(tmp_path, content, says):
    (tmp_path / "here" / "a.yaml").write_text(content)
    with pytest.raises(UsageError, match=says):
        config_files.find("a.yaml")


def test_merged_mappings_may_be_overridden_and_one_may_hold_itself(tmp_path):
    (tmp_path / "here" / "a.yaml").write_text(
        "x: {y: &b {<<: &a {k: 1, l: 2}, k: 3}}\nz: {<<: *b, l: 4}\nw: &w [*w]\n1: a\n'1': b\n"
    )
    settings = config_files.read("a.yaml")
    assert settings["x"] == {"y": {"k": 3, "l": 2}}
    assert settings["z"] == {"k": 3, "l": 4}
    assert (settings[1], settings["1"]) == ("a", "b")


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "here" / "folder").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        config_files.find("folder")
