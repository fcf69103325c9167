"""Files that are complete or absent."""

from __future__ import annotations

import errno
import os

import pytest

from recbole_cammsr.run.atomic_write import atomic_open


def test_a_failure_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "x.text.npz"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), atomic_open(path) as file:  # noqa: PT012
        file.write(b"half")
        raise RuntimeError("killed")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.text.npz"]


def test_the_target_is_untouched_until_the_block_ends(tmp_path):
    with atomic_open(tmp_path / "folder" / "x", "w") as file:
        file.write("text\r\n")
        assert not (tmp_path / "folder" / "x").exists()
    assert (tmp_path / "folder" / "x").read_bytes() == b"text\r\n"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no umask of files")
def test_others_may_read_it_as_any_other_file(tmp_path):
    with atomic_open(tmp_path / "x") as file:
        file.write(b"")
    (tmp_path / "y").write_bytes(b"")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "y").stat().st_mode


def test_a_full_disk_is_told_with_the_file(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught, atomic_open(tmp_path / "x"):
        pass
    assert caught.value.filename == str(tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_an_error_that_is_not_the_systems_keeps_its_words(tmp_path):
    with pytest.raises(OSError, match="bad archive"), atomic_open(tmp_path / "x"):
        raise OSError("bad archive")


def test_another_mode_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'r'"), atomic_open(tmp_path / "x", "r"):
        pass
