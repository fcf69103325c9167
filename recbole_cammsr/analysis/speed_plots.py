"""Draws a scale series: cost per target, and memory, against the size of the catalogue.

    python -m recbole_cammsr.analysis.speed_plots benchmark_speed/scale.csv

Needs matplotlib: ``pip install "recbole-cammsr[plot]"``.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recbole_cammsr.analysis import figure, speed_floors
from recbole_cammsr.run.command import guarded
from recbole_cammsr.run.errors import UsageError

_PROGRAM = "python -m recbole_cammsr.analysis.speed_plots"
# colours that stay apart for colour-blind readers and in print; floors are grey
_COLOURS = ("#0b5fa5", "#d1495b", "#2e8b57", "#b8860b", "#6a4c93", "#17808f")
_MARKERS = "osD^vP"
_NUMBERS = ("items", "ms_per_1000_targets", "train_mib")
#: what :func:`draw` writes
FIGURES = ("scale_cost.png", "scale_memory.png")
_FLOORS = {speed_floors.SOFTMAX_FUSED: "--", speed_floors.ENCODER: ":"}


def check_matplotlib() -> None:
    """Refuse to start a long measurement whose figures could not be drawn.

    Raises:
        UsageError: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            'the plots need matplotlib: pip install "recbole-cammsr[plot]", or give --no-plots '
            f"and draw later with {_PROGRAM}"
        )


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV of the benchmark, without its header of ``#`` lines.

    Args:
        path: the file.

    Raises:
        UsageError: the file is no scale series.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
        for row in rows:
            for column in _NUMBERS:
                _number(row[column])
            float(row["items"])  # the one that no row can do without
            _number(row.get("device_mib"))
    except (UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error):
        rows = []
    if not rows or "name" not in rows[0]:
        raise UsageError(
            f"{path} is no scale series: it has no rows with name and numbers for items, "
            "ms_per_1000_targets and train_mib; make one with --scale-items"
        )
    return rows


def draw(rows: Sequence[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Draw both figures.

    Args:
        rows: of a scale series; numbers may be text.
        folder: receives ``scale_cost.png`` and ``scale_memory.png``.

    Returns:
        The files.
    """
    device = any(_number(row.get("device_mib")) is not None for row in rows)
    memory, of = ("device_mib", "device") if device else ("train_mib", "resident")
    return [
        _figure(
            rows,
            "ms_per_1000_targets",
            1.0,
            "milliseconds per 1,000 targets",
            "Cost of training per target",
            True,
            folder / FIGURES[0],
        ),
        _figure(
            rows,
            memory,
            1024.0,
            f"peak {of} memory while training, GiB",
            "Memory of training",
            False,
            folder / FIGURES[1],
        ),
    ]


def _figure(
    rows: Sequence[Mapping[str, Any]],
    column: str,
    divisor: float,
    label: str,
    title: str,
    floors: bool,
    path: Path,
) -> Path:
    from matplotlib.ticker import FuncFormatter

    drawing, panels = figure.new(1, 1, (8.6, 4.2))
    axes = panels[0][0]
    names = list(dict.fromkeys(str(row["name"]) for row in rows))
    models = [name for name in names if "floor" not in name]
    sizes: set[float] = set()
    for name in [*models, *(name for name in _FLOORS if floors and name in names)]:
        points = sorted(
            (float(row["items"]), value / divisor)
            for row in rows
            if row["name"] == name and (value := _number(row[column])) is not None
        )
        if not points:
            continue
        if name in _FLOORS:
            style: dict[str, Any] = {"color": "#707070", "linestyle": _FLOORS[name]}
        else:
            place = models.index(name)
            style = {
                "color": _COLOURS[place % len(_COLOURS)],
                "marker": _MARKERS[place % len(_MARKERS)],
            }
        axes.plot(*zip(*points), label=name, linewidth=1.8, markersize=5, **style)
        sizes.update(size for size, _ in points)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(sorted(sizes), [f"{size:,.0f}" for size in sorted(sizes)])
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, place: ""))
    plain = FuncFormatter(lambda value, place: f"{value:,.10g}")
    axes.yaxis.set_major_formatter(plain)
    low, high = axes.get_ylim()
    if high / low < 50:  # too few powers of ten to read a value from
        axes.yaxis.set_minor_formatter(
            FuncFormatter(lambda value, place: f"{value:,.4g}" if f"{value:e}"[0] in "25" else "")
        )
    axes.set_xlabel("items in the catalogue")
    axes.set_ylabel(label)
    axes.set_title(title, fontsize=11, loc="left")
    axes.grid(True, which="major", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.tidy(axes)
    # lines rise from corner to corner, so no place among them is free
    figure.legend_beside(axes, {line.get_label(): line for line in axes.get_lines()})
    figure.save(drawing, path)
    return path


def _number(value: Any) -> float | None:
    return None if value in (None, "") else float(value)


def _body(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog=_PROGRAM, description=str(__doc__).splitlines()[0])
    parser.add_argument("csv", type=Path, help="scale.csv of the benchmark")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options = parser.parse_args(argv)
    check_matplotlib()
    for path in draw(read_rows(options.csv), options.csv.parent):
        print(path)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: arguments; None takes the process's.

    Returns:
        The exit code.
    """
    return guarded(_PROGRAM, _body, argv)


if __name__ == "__main__":
    raise SystemExit(main())
