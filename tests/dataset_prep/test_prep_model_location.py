"""Where models lie, and which installed packages they come from."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from recbole_cammsr.dataset_prep.encoding_stage import software_versions
from recbole_cammsr.dataset_prep.model_location import model_packages, resolve_model


def test_packages_of_a_model_and_their_versions():
    assert model_packages("package:numpy/some/folder") == ("numpy",)
    assert software_versions(*model_packages("package:numpy")) == {"numpy": version("numpy")}
    assert model_packages("sentence-transformers/all-MiniLM-L6-v2") == ()
    assert software_versions("no-such-package-anywhere") == {}
    assert len(model_packages("efficientnet-lite0")) == 2


def test_names_and_folders_are_left_and_packages_must_ship_a_model(tmp_path, monkeypatch):
    assert resolve_model("org/name") == "org/name"
    (tmp_path / "shipped" / "model").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no installed Python package 'shipped' with"):
        resolve_model("package:shipped")
    (tmp_path / "shipped" / "model" / "config.json").write_text("{}")
    (tmp_path / "shipped" / "__init__.py").write_text("raise RuntimeError")
    assert resolve_model("package:shipped") == str(tmp_path / "shipped" / "model")
