"""Names of files: one for each text; what is said where one cannot be written."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from recbole_cammsr.analysis import files, report
from recbole_cammsr.analysis.experiment import Contender
from recbole_cammsr.data.formats import FeatureFile, read_features


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


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float16", "float32", ">f8"])
@pytest.mark.parametrize("mapped", [True, False])
def test_kept_rows_of_features_can_be_mapped_again(tmp_path, monkeypatch, order, dtype, mapped):
    """A compressed copy would be read into memory as a whole, which the original is not."""
    monkeypatch.setattr(files, "_BLOCK_BYTES", 100)  # several blocks
    rng = np.random.default_rng(0)
    tokens = np.array([f"i{row}" for row in range(50)])
    values = np.array(rng.normal(size=(50, 6)), dtype=dtype, order=order)
    kept = rng.random(50) < 0.6
    source = tmp_path / "a.npz"
    (np.savez if mapped else np.savez_compressed)(source, item_id=tokens, feature=values)
    original = read_features(FeatureFile(str(source)))
    assert isinstance(original.values, np.memmap) == mapped
    files.write_features(tmp_path / "b" / "b.npz", original.tokens, original.values, kept)
    copy = read_features(FeatureFile(str(tmp_path / "b" / "b.npz")))
    assert isinstance(copy.values, np.memmap)
    assert copy.values.dtype == values.dtype
    assert copy.tokens.tolist() == tokens[kept].tolist()
    assert np.array_equal(copy.values, values[kept])
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["b.npz"]
