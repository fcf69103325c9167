"""Measures training, full ranking, start-up and memory of CAMMSR, its baselines and their floors.

    python -m recbole_cammsr.analysis.benchmark_speed --preset games --hm4sr ../HM4SR

One run measures everything, contenders in turn (docs/performance.md says how and why). Results go
to ``--output``: a table, ``speed.csv``, ``speed.md`` and ``speed_rounds.csv``, or, with
``--scale-items``, ``scale.csv``, ``scale.md`` and two figures. Ctrl-C ends the measuring; what
was measured until then is written.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from recbole_cammsr.analysis import (
    speed_contenders,
    speed_options,
    speed_plots,
    speed_report,
    speed_scale,
    speed_settings,
    speed_sources,
    speed_unused_options,
    versions,
)
from recbole_cammsr.analysis.generated_data import DataSize
from recbole_cammsr.analysis.speed_contenders import Conditions, Contender
from recbole_cammsr.analysis.speed_pool import thread_environment
from recbole_cammsr.analysis.speed_rounds import Plan, Record, measure
from recbole_cammsr.analysis.speed_sources import DataSource
from recbole_cammsr.run.command import EXIT_FAILED, EXIT_OK, guarded
from recbole_cammsr.run.errors import UsageError

_PACKAGES = ("recbole-cammsr", "recbole", "torch", "numpy", "pandas", "scipy")
_FILES = ("speed.csv", "speed_rounds.csv", "speed.md")
_SCALE_FILES = ("scale.csv", "scale.md")
#: line of the header where Ctrl-C has ended the measuring
_INTERRUPTED = "interrupted"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: arguments; None takes the process's.

    Returns:
        The exit code: 1 also where a contender failed and the others were measured.
    """
    return guarded(speed_options.PROGRAM, _body, argv)


def _body(argv: Sequence[str]) -> int:
    options = speed_options.make_parser().parse_args(argv)
    size = speed_options.size_of(options)
    conditions, plan = speed_options.conditions_of(options), speed_options.plan_of(options)
    models = speed_options.models_of(options)
    speed_unused_options.refuse_unused(options, plan.stages, models, plan.floors)
    checkout = None
    if options.hm4sr is not None:
        from recbole_cammsr.analysis import hm4sr_checkout

        checkout = str(hm4sr_checkout.check(options.hm4sr))
    entries = speed_contenders.chosen(
        models,
        speed_settings.settings(options.set),
        speed_settings.variants(options.variant),
        checkout,
    )
    output = Path(options.output).resolve()
    output.mkdir(parents=True, exist_ok=True)
    names = _FILES if options.scale_items is None else _SCALE_FILES
    if options.scale_items is not None and not options.no_plots:
        names = (*names, *speed_plots.FIGURES)
    _check_writable([output / name for name in names])
    header = _header(argv, conditions, plan)
    with thread_environment(conditions.threads):
        if options.scale_items is not None:
            failed = _scale(options, size, entries, conditions, plan, output, header)
        else:
            if size is not None:
                source = speed_sources.generated_source(size, output / "data")
            else:
                source = speed_sources.real_source(
                    options.dataset, options.data_path, options.config_files
                )
            failed = _compare(source, entries, conditions, plan, output, header, options.debug)
    if _INTERRUPTED in header:
        raise KeyboardInterrupt  # what there is has been written; the exit code says the rest
    return EXIT_FAILED if failed else EXIT_OK


def _compare(
    source: DataSource,
    entries: Sequence[Contender],
    conditions: Conditions,
    plan: Plan,
    output: Path,
    header: dict[str, object],
    debug: bool,
) -> bool:
    header["data"] = source.dataset if source.size is None else _described(source.size)
    records: list[Record] = []
    with _until_interrupted(header):
        measure(entries, source, conditions, plan, _say, records)
    if _INTERRUPTED in header and not any(one.start_up or one.failure for one in records):
        return False  # files of an earlier run stay as they are
    _close(header)
    if debug:
        print("\n".join(record.trace for record in records if record.trace), file=sys.stderr)
    whole = plan.batches is None
    rows = [speed_report.row(record, whole) for record in records]
    ratios = [ratio.sentence() for ratio in speed_report.ratios(records, whole)]
    speed_report.write_csv(output / "speed.csv", rows, header)
    speed_report.write_csv(
        output / "speed_rounds.csv", speed_report.rounds_rows(records) or [{"name": ""}], header
    )
    return _show(rows, ratios, header, speed_report.COLUMNS, output / "speed.md")


def _scale(
    options: argparse.Namespace,
    base: DataSize | None,
    entries: Sequence[Contender],
    conditions: Conditions,
    plan: Plan,
    output: Path,
    header: dict[str, object],
) -> bool:
    if not options.no_plots:
        speed_plots.check_matplotlib()
    if base is None:
        raise ValueError("--scale-items needs generated data; leave --dataset out.")
    header["data"] = f"{_described(base)}; items by --scale-items, interactions 2 an item or more"
    sizes = speed_options.catalogue_sizes(options.scale_items)
    rows: list[dict[str, object]] = []
    with _until_interrupted(header):
        speed_scale.series(sizes, entries, base, output / "data", conditions, plan, _say, rows)
    if not rows:
        return False
    _close(header)
    speed_report.write_csv(output / "scale.csv", rows, header)
    failed = _show(rows, [], header, speed_scale.COLUMNS, output / "scale.md")
    if not options.no_plots and _INTERRUPTED not in header:
        for path in speed_plots.draw(rows, output):
            print(path)
    return failed


@contextmanager
def _until_interrupted(header: dict[str, object]) -> Iterator[None]:
    """Let Ctrl-C end the measuring but not the writing, and say so in the header."""
    try:
        yield
    except KeyboardInterrupt:
        header[_INTERRUPTED] = "before the end of what was planned"


def _check_writable(paths: Sequence[Path]) -> None:
    """Refuse to measure for hours what could not be written then.

    Raises:
        UsageError: a file cannot be opened for writing.
    """
    for path in paths:
        new = not path.exists()
        try:
            with open(path, "ab"):
                pass
        except OSError as error:
            raise UsageError(
                f"--output: {path} cannot be written ({error.strerror}); move it away, or name "
                "another folder"
            ) from error
        if new:
            path.unlink()


def _show(
    rows: Sequence[Mapping[str, object]],
    lines: Sequence[str],
    header: Mapping[str, object],
    legend: Mapping[str, str],
    report: Path,
) -> bool:
    """Write and print; whether a contender failed."""
    failures = list(dict.fromkeys(str(row["failure"]) for row in rows if row["failure"]))
    lines = [*lines, *(f"FAILED {failure}" for failure in failures)]
    report.write_text(speed_report.markdown(rows, lines, header, legend), encoding="utf-8")
    sys.stderr.flush()
    print("\n".join(f"{key}: {value}" for key, value in header.items()))
    print("\n".join(["", *speed_report.table(rows), "", *lines]))
    print(report)
    return bool(failures)


def _header(argv: Sequence[str], conditions: Conditions, plan: Plan) -> dict[str, object]:
    """How the figures came about."""
    return {
        "command": shlex.join([*speed_options.PROGRAM.split(), *argv]),
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "versions": ", ".join(versions.with_python(_PACKAGES)),
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}, "
        f"{os.cpu_count()} cores",
        "conditions": ", ".join(f"{key} {value}" for key, value in asdict(conditions).items()),
        "plan": _planned(plan),
        "load at start": _load(),
    }


def _planned(plan: Plan) -> str:
    stretch = "an epoch" if plan.batches is None else f"{plan.batches} batches"
    counts = {
        "startup": f"{plan.startup_rounds} data set creations",
        "train": f"{plan.rounds} training rounds of {stretch}",
        "rank": f"{plan.rank_rounds} rankings",
    }
    return ", ".join(counts[stage] for stage in plan.stages)


def _close(header: dict[str, object]) -> None:
    header["load at end"] = _load()


def _described(size: DataSize) -> str:
    return "generated, " + ", ".join(f"{key} {value}" for key, value in asdict(size).items())


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or "unknown processor"


def _load() -> str:
    """Load averages, so that a reader sees whether the machine was quiet."""
    if not hasattr(os, "getloadavg"):
        return "unknown"
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def _say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
