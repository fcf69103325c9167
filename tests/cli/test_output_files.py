"""Output files are refused early, and earlier ones are kept."""

from __future__ import annotations

import os

import pytest

from recbole_cammsr.cli import output_files
from recbole_cammsr.run.errors import UsageError


def test_a_file_can_be_written_into_a_folder_that_is_made(tmp_path):
    path = tmp_path / "new" / "folder" / "file"
    output_files.check_writable(str(path), "--output_file")
    path.write_text("")
    output_files.check_writable(str(path), "--output_file")


def test_a_name_alone_is_of_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output_files.check_writable("file", "--output_file")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"--it: .* is a folder"):
        output_files.check_writable(str(tmp_path), "--it")
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UsageError, match=r"--it: the folder .*file cannot be made .*: File ex"):
        output_files.check_writable(str(file / "x"), "--it")
    for refused in (str(file), str(tmp_path)):
        # the super-user may write anywhere
        monkeypatch.setattr(
            os, "access", lambda path, mode, no=refused: path != no or not mode & os.W_OK
        )
        with pytest.raises(UsageError, match=rf"--it: .* no permission to write {refused}$"):
            output_files.check_writable(str(file), "--it")


def test_files_are_moved_aside_to_names_that_are_free(tmp_path):
    path = tmp_path / "file"
    assert output_files.move_aside(str(path)) is None
    for number in (1, 2, 3):
        path.write_text(str(number))
        assert output_files.move_aside(str(path)) == f"{path}.{number}"
    assert not path.exists()
    assert [(tmp_path / f"file.{number}").read_text() for number in (1, 2, 3)] == ["1", "2", "3"]
