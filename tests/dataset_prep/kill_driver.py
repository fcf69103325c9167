"""Kill a preparation at random moments: ``kill_driver.py SOURCE FOLDER KILLS`` prints JSON.

Children are forked from one process that has imported everything, so that the moments fall into
the work and not into the start of Python.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import duckdb  # noqa: F401
import pyarrow.parquet  # noqa: F401
from recbole_cammsr.dataset_prep.amazon import Amazon
from recbole_cammsr.dataset_prep.filter_rule import Engine, FilterRule
from recbole_cammsr.dataset_prep.prepare import FILTER, STAGE, prepare


def start(raw: Path, folder: Path) -> int:
    """Prepare ``raw`` into ``folder`` in a child process; return its id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        source = Amazon("2014", raw / "reviews.json", raw / "meta.json")
        prepare(source, folder, "k", FilterRule(), Engine("200MB", 1), say=lambda _: None)
        code = 0
    finally:
        os._exit(code)


def finished_stages(folder: Path) -> set[str]:
    record = folder / "k.prep.json"
    return set(json.loads(record.read_text())["stages"]) if record.exists() else set()


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder; a record that names no file twice needs no more."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().hex()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def main() -> None:
    raw, base, kills = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    reference, killed = base / "reference", base / "killed"
    began = time.monotonic()
    child = start(raw, reference)
    staged_after = None
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if staged_after is None and STAGE in finished_stages(reference):
            staged_after = time.monotonic() - began
        time.sleep(0.002)
    total = time.monotonic() - began
    if finished_stages(reference) != {STAGE, FILTER}:
        sys.exit("the uninterrupted run failed")
    staged_after = staged_after or total / 2
    generator = random.Random(7)
    report = {"staging": 0, "filtering": 0, "completed": 0}
    while report["staging"] < kills or report["filtering"] < kills:
        in_filter = STAGE in finished_stages(killed)
        if in_filter and report["filtering"] >= kills:
            shutil.rmtree(killed)
            continue
        if not in_filter and report["staging"] >= kills:
            # Staging has had its kills; one whole run, then only its filter stage is left to do.
            os.waitpid(start(raw, killed), 0)
            (killed / "k.inter").unlink()
            continue
        length = total - staged_after if in_filter else staged_after
        child = start(raw, killed)
        time.sleep(generator.uniform(0, length))
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            # This machine was faster this time: not a kill. The record must be whole.
            report["completed"] += 1
            if status or finished_stages(killed) != {STAGE, FILTER}:
                sys.exit("a run that was not killed failed")
            (killed / "k.inter").unlink()
            continue
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        # What stands under its final name is whole, whenever the kill came.
        for name in ("k.inter", "k.item"):
            if (killed / name).exists() and (killed / name).read_bytes() != (
                reference / name
            ).read_bytes():
                sys.exit(f"{name} stands half-written")
        report["filtering" if in_filter else "staging"] += 1
    if os.waitpid(start(raw, killed), 0)[1]:
        sys.exit("the last run failed")
    ours, theirs = contents(killed), contents(reference)
    report["different"] = sorted(n for n in {*ours, *theirs} if ours.get(n) != theirs.get(n))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
