"""Versions are those of the metadata; a package without any is named all the same."""

from __future__ import annotations

import sys

import numpy as np

from recbole_cammsr.analysis import versions


def test_a_checkout_on_the_path_has_no_version():
    assert versions.with_python(["numpy", "no-such-distribution"]) == [
        f"python {'.'.join(map(str, sys.version_info[:3]))}",
        f"numpy {np.__version__}",
        "no-such-distribution (not installed)",
    ]
