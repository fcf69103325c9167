"""What the log says of feature files."""

from __future__ import annotations

import numpy as np

from recbole_cammsr.data.coverage import coverage_report
from recbole_cammsr.data.feature_table import align
from recbole_cammsr.data.formats import FeatureFile, RawFeatures, read_features

TOKEN_TO_ID = {"[PAD]": 0, "a": 1, "b": 2, "c": 3, "d": 4}


def test_coverage_report_counts_items_and_unused_rows():
    rows = np.array([[0, 0], [3, 4], [5, 6]])
    table = align(RawFeatures("f.npz", np.array(["a", "b", "x"]), rows), "text", TOKEN_TO_ID)
    report = coverage_report([table])
    assert "2/4 (50.0%), 1 all zero" in report
    assert report.splitlines()[1].split()[:4] == ["text", "f.npz", "2", "float16"]
    assert report.splitlines()[1].split()[-1] == "1"


def test_coverage_report_says_where_rows_are_left(tmp_path):
    np.save(tmp_path / "f.npy", np.arange(12, dtype=np.float16).reshape(3, 4) + 1)
    (tmp_path / "f.ids").write_text("c\nx\na")
    stored = read_features(FeatureFile(str(tmp_path / "f.npy")))
    assert "float16 on disk" in coverage_report(
        [align(stored, "text", TOKEN_TO_ID, resident=False)]
    )
