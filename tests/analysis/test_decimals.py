"""How many decimals the scores of a list are printed with."""

from __future__ import annotations

import pytest

from recbole_cammsr.analysis.decimals import decimals


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([4.42, 3.45], 2),
        ([0.0312, 0.0298], 4),  # three digits
        ([-250.0, -240.0], 2),
        ([2.5001, 2.5004], 5),  # what they differ by
        ([2.5, 2.5], 2),
        ([1.0, 1.0 + 1e-12], 6),  # a float32 knows no more
        ([0.0, 0.0], 2),
        ([], 2),
    ],
)
def test_decimals_show_scores_and_how_they_differ(scores, expected):
    assert decimals(scores) == expected
