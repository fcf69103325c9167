"""Which data set ``cammsr-prep check`` takes for a path, and whether it is pre-split."""

from __future__ import annotations

from pathlib import Path

import pytest
from recbole_cammsr.dataset_prep.checks.location import locate, parts_of

PARTS = ("train", "valid", "test")


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_text("")
    return folder


def split(name: str) -> list[str]:
    return [f"{name}.{part}.inter" for part in PARTS]


def test_one_file(tmp_path):
    folder = files(tmp_path, "toy.inter", "toy.text.npz")
    for target in (folder, folder / "toy", folder / "toy.inter"):
        assert locate(target) == (folder, "toy")
    assert parts_of(folder, "toy") == ()
    files(folder, "other.inter")
    assert locate(folder, "toy") == (folder, "toy")
    with pytest.raises(ValueError, match=r"several data sets \['other', 'toy'\]"):
        locate(folder)
    with pytest.raises(FileNotFoundError, match=r"no file none\.inter"):
        locate(folder, "none")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        locate(folder / "none")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        locate(folder / "none" / "toy")


def test_files_of_a_split_are_one_data_set(tmp_path):
    folder = files(tmp_path, *split("a.b"))
    for target in (folder, folder / "a.b", folder / "a.b.valid.inter"):
        assert locate(target) == (folder, "a.b")
    assert parts_of(folder, "a.b") == PARTS
    files(folder, *split("other"))
    assert locate(folder, "other") == (folder, "other")
    with pytest.raises(ValueError, match=r"several data sets \['a\.b', 'other'\]"):
        locate(folder)


def test_a_data_set_may_be_called_like_a_part(tmp_path):
    folder = files(tmp_path, "train.inter")
    assert locate(folder) == locate(folder / "train.inter") == (folder, "train")
    assert parts_of(folder, "train") == ()


def test_a_folder_is_asked_for_the_data_set_of_its_name(tmp_path):
    folder = tmp_path / "toy"
    folder.mkdir()
    files(folder, *split("toy"), "other.inter")
    assert locate(folder) == (folder, "toy")


def test_one_file_goes_before_a_split_of_the_same_name(tmp_path):
    folder = files(tmp_path, "toy.inter", *split("toy"))
    assert locate(folder) == (folder, "toy")
    assert parts_of(folder, "toy") == ()
    # and a part can be asked for by itself
    assert locate(folder / "toy.train.inter") == (folder, "toy.train")
    assert locate(folder, "toy.train") == (folder, "toy.train")
    assert parts_of(folder, "toy.train") == ()


def test_parts_have_any_names(tmp_path):
    folder = files(tmp_path, "toy.a.inter", "toy.b.inter", "toy.c.inter")
    with pytest.raises(ValueError, match=r"several data sets \['toy\.a', 'toy\.b', 'toy\.c'\]"):
        locate(folder)
    for target in (folder, folder / "toy", folder / "toy.b.inter"):
        assert locate(target, parts=("a", "b", "c")) == (folder, "toy")
    # of which some may be absent, but not all
    assert locate(folder, parts=("a", "b", "none")) == (folder, "toy")
    with pytest.raises(FileNotFoundError, match=r"no \.inter file of the parts x, y, z in this"):
        locate(folder, parts=("x", "y", "z"))
    with pytest.raises(FileNotFoundError, match=r"no file toy\.a\.inter in this folder; it has"):
        locate(folder, "toy.a", ("a", "b", "c"))


def test_a_part_that_is_absent_is_no_reason_not_to_look(tmp_path):
    folder = files(tmp_path, "toy.train.inter", "toy.test.inter")
    assert locate(folder) == (folder, "toy")
    assert parts_of(folder, "toy") == PARTS
    assert parts_of(folder, "none") == ()
