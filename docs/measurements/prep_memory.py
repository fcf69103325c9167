"""Peak memory and time of the filter stage against the number of interactions, for two engines.

``python docs/measurements/prep_memory.py --folder prep`` generates tables of three sizes, runs
each engine on each in a process of its own and prints a table. Needs duckdb, pyarrow and polars.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

SIZES = (300_000, 1_000_000, 3_000_000)
ENGINES = ("nothing", "duckdb", "polars")
CORE = 5


def generate(folder: Path, rows: int) -> None:
    """Stage ``rows`` interactions of ``rows / 8`` users with long-tailed counts."""
    import numpy as np
    from recbole_cammsr.dataset_prep.staging import StagingWriter

    generator = np.random.default_rng(0)
    with StagingWriter(folder) as writer:
        for start in range(0, rows, 100_000):
            count = min(100_000, rows - start)
            users = (rows / 8 * generator.random(count) ** 2).astype(int).tolist()
            items = (rows / 20 * generator.random(count) ** 3).astype(int).tolist()
            times = generator.integers(1_300_000_000, 1_400_000_000, count).tolist()
            for user, item, moment in zip(users, items, times):
                writer.interaction(f"A{user:013d}", f"B{item:09d}", 1 + moment % 5, moment)


def filter_duckdb(staged: Path, output: Path, memory: str) -> None:
    """The package's own filter stage."""
    from recbole_cammsr.dataset_prep.filter_rule import Engine, FilterRule
    from recbole_cammsr.dataset_prep.interaction_filter import filter_staged

    filter_staged(
        staged,
        output / "work",
        output / "duckdb.inter",
        output / "duckdb.item",
        FilterRule(min_per_user=CORE, min_per_item=CORE),
        Engine(memory, 1),
    )


def filter_polars(staged: Path, output: Path, memory: str) -> None:
    """The same rows by Polars' streaming engine, every step through a file as DuckDB does it."""
    import polars as pl

    del memory  # Polars has no such limit.
    source = pl.scan_parquet(staged / "interactions.parquet")
    first = source.group_by("user").agg(pl.col("row").min().alias("code"))
    first.sink_parquet(output / "users.parquet")
    kept = output / "kept-0.parquet"
    source.group_by("user", "item").agg(pl.all().sort_by("timestamp", "row").first()).sink_parquet(
        kept
    )
    rows, turn = -1, 0
    while True:
        table = pl.scan_parquet(kept)
        left = table.select(pl.len()).collect(engine="streaming").item()
        if left == rows:
            break
        rows, turn = left, turn + 1
        for_users = table.group_by("user").len().filter(pl.col("len") >= CORE)
        for_items = table.group_by("item").len().filter(pl.col("len") >= CORE)
        following = output / f"kept-{turn}.parquet"
        table.join(for_users, on="user", how="semi").join(
            for_items, on="item", how="semi"
        ).sink_parquet(following)
        kept = following
    pl.scan_parquet(kept).join(pl.scan_parquet(output / "users.parquet"), on="user").sort(
        "code", "timestamp", "row"
    ).select(
        pl.col("user").alias("user_id:token"),
        pl.col("item").alias("item_id:token"),
        pl.col("rating").cast(pl.Int64).alias("rating:float"),
        pl.col("timestamp").cast(pl.Int64).alias("timestamp:float"),
    ).sink_csv(output / "polars.inter", separator="\t", quote_style="never")


def used() -> dict[str, float]:
    """Peak memory of this process in MiB and its processor time in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"peak": usage.ru_maxrss / 1024, "processor": usage.ru_utime + usage.ru_stime}


def measure(engine: str, staged: Path, output: Path, memory: str) -> dict[str, float]:
    """Run one engine in this process."""
    if engine == "nothing":
        import duckdb  # noqa: F401
        import recbole_cammsr.dataset_prep.interaction_filter  # noqa: F401
    else:
        {"duckdb": filter_duckdb, "polars": filter_polars}[engine](staged, output, memory)
    return used()


def main() -> None:
    """Generate, measure in processes of their own, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--memory-limit", default="512MB", help="of DuckDB (default 512MB)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--one", nargs=2, metavar=("ENGINE", "ROWS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder.is_file():
        parser.error(f"--folder={options.folder} is a file; name a folder")
    if options.one:
        engine, rows = options.one[0], int(options.one[1])
        staged, output = options.folder / f"staged-{rows}", options.folder / f"out-{rows}"
        output.mkdir(parents=True, exist_ok=True)
        if engine == "generate":
            if not staged.exists():
                generate(staged, rows)
            print(json.dumps(used()))
        else:
            print(json.dumps(measure(engine, staged, output, options.memory_limit)))
        return
    print("| interactions | step | peak MiB | processor s | same .inter |")
    print("|---|---|---|---|---|")
    for rows in options.sizes:
        output = options.folder / f"out-{rows}"
        for engine in ("generate", *ENGINES):
            command = [sys.executable, __file__, "--folder", str(options.folder)]
            command += ["--memory-limit", options.memory_limit, "--one", engine, str(rows)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            result = json.loads(done.stdout.splitlines()[-1])
            same = ""
            if engine == "polars":
                ours, theirs = (output / f"{name}.inter" for name in ("duckdb", "polars"))
                same = "yes" if ours.read_bytes() == theirs.read_bytes() else "no"
            print(
                f"| {rows:,} | {engine} | {result['peak']:.0f} | {result['processor']:.1f} "
                f"| {same} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
