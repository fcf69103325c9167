"""Names of files: one for each text; what is said where one cannot be written."""

from __future__ import annotations

import errno

import pytest
import yaml

from recbole_cammsr.analysis import files, report
from recbole_cammsr.analysis.experiment import Contender


def test_every_text_has_a_file_of_its_own(tmp_path):
    texts = ["用户", "顾客", "a b", "a_b", "a/b", "../x", "u3", "SASRec", "x" * 300, "x" * 301, ""]
    stems = [files.stem(text) for text in texts]
    assert len(set(stems)) == len(stems)
    assert [stem for stem, text in zip(stems, texts) if stem == text] == ["a_b", "u3", "SASRec", ""]
    for stem in stems:
        (tmp_path / f"user_{stem}.json").write_text("")
    assert len(list(tmp_path.iterdir())) == len(texts)


def test_two_labels_never_share_a_chosen_configuration(tmp_path):
    for label, value in (("SASRec (0.5)", 1), ("SASRec 0.5", 2), ("SASRec", 3)):
        report._write_chosen(tmp_path, Contender(label, "SASRec"), {"n_layers": value})
    written = [yaml.safe_load(path.read_text()) for path in tmp_path.iterdir()]
    assert sorted(one["n_layers"] for one in written) == [1, 2, 3]
    assert (tmp_path / "SASRec.yaml").exists()


def test_a_full_disk_is_told_with_the_file(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        files.write_text(tmp_path / "results.csv", "a,b\n")
    assert caught.value.filename == str(tmp_path / "results.csv")
    assert not list(tmp_path.iterdir())
