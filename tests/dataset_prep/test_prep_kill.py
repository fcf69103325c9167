"""A preparation killed again and again ends with the bytes of one that was not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
if not hasattr(os, "fork"):
    pytest.skip("the driver forks", allow_module_level=True)

DRIVER = Path(__file__).with_name("kill_driver.py")
KILLS = 10


def test_ten_kills_in_each_stage_change_no_byte(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    with open(raw / "reviews.json", "w") as file:
        for n in range(8_000):
            user, item = n * 7919 % 601, n * 104_729 % 307
            file.write(
                f'{{"reviewerID": "u{user}", "asin": "i{item}", "overall": {n % 5 + 1}.0, '
                f'"unixReviewTime": {1_400_000_000 + n * 31 % 997}}}\n'
            )
    with open(raw / "meta.json", "w") as file:
        for n in range(300):
            file.write(f"{{'asin': 'i{n}', 'title': 'T {n}', 'categories': [['C', 'D{n % 7}']]}}\n")
    command = [sys.executable, str(DRIVER), str(raw), str(tmp_path), str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["different"] == []
    assert (report["staging"], report["filtering"]) == (KILLS, KILLS)
