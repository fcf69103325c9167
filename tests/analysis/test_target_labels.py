"""A category column that cannot be read costs no trained model."""

from __future__ import annotations

import pytest

from recbole_cammsr.analysis.job import TrainingJob
from recbole_cammsr.analysis.run_job import run_job
from recbole_cammsr.analysis.target_labels import target_labels


@pytest.fixture
def item_file(toy_path):
    return toy_path / "toy" / "toy.item"


@pytest.fixture
def labels_of(make_data, toy_path):
    """Labels of the items for a model, by token."""

    def read(model="SASRec", **settings):
        config, dataset, _ = make_data(model, **settings)
        labels = target_labels(config, dataset, str(toy_path / "toy"))
        return dict(zip(dataset.field2id_token["item_id"].tolist(), labels.tolist()))

    return read


DAMAGE = {
    "no item of the data set has a value": lambda header, rows: (
        [header, *(f"{row.split(chr(9))[0]}\t\t" for row in rows)]
    ),
    "twice": lambda header, rows: [header, *rows, rows[0]],
    "cells where the first line has": lambda header, rows: [header, *rows[:-1], rows[-1] + "\tx"],
    "has type 'float'": lambda header, rows: [header.replace("genre:token", "genre:float"), *rows],
}


@pytest.mark.parametrize("said", DAMAGE)
def test_a_model_without_categories_has_none_and_the_log_says_so(
    labels_of, item_file, caplog, said
):
    assert set(labels_of(category_field="genre").values()) > {""}
    header, *rows = item_file.read_text().splitlines()
    item_file.write_text("\n".join(DAMAGE[said](header, rows)) + "\n")
    caplog.clear()
    assert set(labels_of(category_field="genre").values()) == {""}
    assert "SASRec needs none" in caplog.text
    assert said in caplog.text


@pytest.mark.parametrize("model", ["SASRec", "SASRecMM", "CAMMSR"])
def test_a_column_that_does_not_exist_is_told_before_training(
    make_config, toy_path, tmp_path, monkeypatch, model
):
    from recbole.trainer import Trainer

    def fit(self, *arguments, **keywords):
        raise AssertionError("trained")

    monkeypatch.setattr(Trainer, "fit", fit)
    settings = {"data_path": str(toy_path), "category_field": "gener", "gpu_id": ""}
    settings["load_col"] = {"inter": ["user_id", "item_id", "timestamp"]}
    if model != "SASRec":
        settings["modalities"] = ["text"]
    with pytest.raises(ValueError, match=r"toy\.item has the fields .*'genre'.* but not 'gener'"):
        run_job(TrainingJob(model, "toy", 1, settings), tmp_path)


@pytest.mark.parametrize(
    ("encoding", "field", "header", "said"),
    [
        (None, "genre", "item_id:token\tgenre:token\tcaf\xe9:float", "is not text in utf-8"),
        ("latin-1", "genr\xe9", "item_id:token\tgenr\xe9:float", "has type 'float'"),
    ],
)
def test_a_file_in_another_encoding_is_no_column_that_lacks(
    labels_of, item_file, caplog, encoding, field, header, said
):
    item_file.write_bytes(f"{header}\ni000\t1\n".encode("latin-1"))
    assert set(labels_of(category_field=field, encoding=encoding).values()) == {""}
    assert said in caplog.text


@pytest.mark.parametrize("field", ["genre", None])
def test_data_without_labels_have_none_without_a_warning(labels_of, item_file, caplog, field):
    if field is not None:
        item_file.unlink()
    assert set(labels_of(category_field=field).values()) == {""}
    assert "grouped by category" not in caplog.text


def test_a_column_that_only_the_files_of_the_package_name_may_be_absent(
    labels_of, monkeypatch, caplog
):
    """Own data may have the name of a data set that the package knows."""
    from recbole_cammsr import default_settings

    own = default_settings.properties_file("dataset", "ml-100k")
    monkeypatch.setattr(default_settings, "properties_file", lambda kind, name: own)
    monkeypatch.setattr(
        "recbole_cammsr.run.config_files.read", lambda path: {"category_field": "class"}
    )
    assert set(labels_of(category_field=None).values()) == {""}
    assert "but not 'class'" in caplog.text
