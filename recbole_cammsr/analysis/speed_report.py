"""Arithmetic and text of the speed benchmark: medians, ratios, table, CSV, Markdown."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recbole_cammsr.analysis import speed_floors, text_table
from recbole_cammsr.analysis.speed_contenders import CLASSIC, HM4SR, PACKED
from recbole_cammsr.analysis.speed_meter import Stretch
from recbole_cammsr.analysis.speed_rounds import Record

_MIB = 1024**2

#: column -> what it is; also the legend of the Markdown report
COLUMNS = {
    "epoch_s": "seconds of a training epoch, median of the rounds",
    "epoch_s_min": "the fastest round",
    "epoch_s_max": "the slowest round",
    "ms_per_1000_targets": "milliseconds of training per 1,000 targets, median",
    "rank_s": "seconds of the full ranking of the validation rows with metrics, median",
    "startup_s": "seconds to create the data set and its loaders, median",
    "train_mib": "peak resident memory while training, above the process with its libraries",
    "rank_mib": "the same while ranking, after training, what it left included",
    "startup_mib": "the same while the data set is created",
    "device_mib": "peak memory of the device while training or ranking",
    "targets": "training targets in an epoch",
    "rounds": "training rounds",
    "failure": "why a line is incomplete",
}


def epoch_seconds(record: Record, stretch: Stretch, whole: bool) -> float:
    """Seconds of an epoch by one training stretch.

    Args:
        record: the contender.
        stretch: of its training.
        whole: the stretch was an epoch; otherwise it is scaled by targets, and the making of the
            epoch's iterator is added.

    Returns:
        Seconds.

    Raises:
        ValueError: the contender was never described.
    """
    if record.description is None:
        raise ValueError(f"{record.name} has no description, so its epoch is unknown.")
    scaled = stretch.seconds / stretch.targets * record.description.targets
    return scaled if whole else scaled + record.description.iterator_seconds


def row(record: Record, whole: bool) -> dict[str, float | int | str | None]:
    """One line of the table.

    Args:
        record: what was measured.
        whole: training stretches were epochs.

    Returns:
        Values by the names of :data:`COLUMNS`; None where not measured.
    """
    epochs = [epoch_seconds(record, stretch, whole) for stretch in record.train]
    costs = [1e6 * stretch.seconds / stretch.targets for stretch in record.train]
    on_device = max((s.device_bytes for s in [*record.train, *record.rank]), default=0)
    return {
        "name": record.name,
        "epoch_s": median(epochs),
        "epoch_s_min": min(epochs, default=None),
        "epoch_s_max": max(epochs, default=None),
        "ms_per_1000_targets": median(costs),
        "rank_s": median([stretch.seconds for stretch in record.rank]),
        "startup_s": median([stretch.seconds for stretch in record.start_up]),
        "train_mib": _peak(record.train),
        "rank_mib": _peak(record.rank),
        "startup_mib": _peak(record.start_up),
        "device_mib": on_device / _MIB if on_device else None,
        "targets": record.description.targets if record.description else None,
        "rounds": len(record.train),
        "failure": record.failure or "",
    }


@dataclass(frozen=True)
class Ratio:
    """One quotient, round by round.

    Attributes:
        title: what is divided by what.
        values: one a round.
    """

    title: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.values)

    def sentence(self) -> str:
        """Median and range in a line."""
        count = len(self.values)
        return (
            f"{self.title}: {self.median:.2f} ({min(self.values):.2f} to {max(self.values):.2f} "
            f"in {count} round{'' if count == 1 else 's'})"
        )


def ratios(records: Sequence[Record], whole: bool) -> list[Ratio]:
    """The quotients that matter, each formed within a round.

    Args:
        records: as measured.
        whole: training stretches were epochs.

    Returns:
        Those whose parts were all measured.
    """
    by_name = {record.name: record for record in records}
    epochs = {
        name: [epoch_seconds(record, stretch, whole) for stretch in record.train]
        for name, record in by_name.items()
    }
    ranks = {name: [stretch.seconds for stretch in record.rank] for name, record in by_name.items()}
    wanted = [
        (f"epoch: {name} / {PACKED}", epochs, [name], [PACKED])
        for name in ("SASRec", HM4SR, "GRU4Rec", "FDSA", CLASSIC)
    ]
    wanted += [
        (
            f"epoch: {PACKED} / ({softmax} + {speed_floors.ENCODER})",
            epochs,
            [PACKED],
            [softmax, speed_floors.ENCODER],
        )
        for softmax in (speed_floors.SOFTMAX_PLAIN, speed_floors.SOFTMAX_FUSED)
    ]
    wanted += [(f"ranking: {name} / SASRec", ranks, [name], ["SASRec"]) for name in (PACKED, HM4SR)]
    result = []
    for title, seconds, above, below in wanted:
        rounds = min((len(seconds.get(name, ())) for name in [*above, *below]), default=0)
        values = tuple(
            sum(seconds[name][number] for name in above)
            / sum(seconds[name][number] for name in below)
            for number in range(rounds)
        )
        if values:
            result.append(Ratio(title, values))
    return result


def table(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Lines of plain text, without columns that are empty everywhere.

    Args:
        rows: from :func:`row`.
    """
    header, body = _cells(rows)
    return text_table.table(header, body)


def write_csv(
    path: Path, rows: Sequence[Mapping[str, object]], header: Mapping[str, object]
) -> None:
    """A CSV whose first lines, after ``#``, say how it came about.

    Args:
        path: the file.
        rows: all with the keys of the first.
        header: name and value.
    """
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {key}: {value}\n" for key, value in header.items())
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def markdown(
    rows: Sequence[Mapping[str, object]],
    lines: Sequence[str],
    header: Mapping[str, object],
    legend: Mapping[str, str],
) -> str:
    """The report as Markdown.

    Args:
        rows: of the table.
        lines: sentences below it.
        header: how it came about.
        legend: what the columns are.
    """
    titles, body = _cells(rows)
    parts = [f"- {key}: `{value}`" for key, value in header.items()]
    parts += ["", f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    parts += [f"| {' | '.join(cells)} |" for cells in body]
    parts += ["", *(f"- {line}" for line in lines), ""]
    parts += [f"`{title}`: {legend[title]}. " for title in titles if title in legend]
    return "\n".join(part.rstrip() for part in parts) + "\n"


def rounds_rows(records: Sequence[Record]) -> list[dict[str, object]]:
    """Every stretch that was measured, for whoever wants other statistics.

    Args:
        records: as measured.
    """
    return [
        {
            "name": record.name,
            "stage": stage,
            "round": number,
            "seconds": stretch.seconds,
            "targets": stretch.targets,
            "resident_mib": stretch.resident / _MIB,
            "held_mib": stretch.held / _MIB,
            "device_mib": stretch.device_bytes / _MIB,
        }
        for record in records
        for stage, stretches in (
            ("startup", record.start_up),
            ("train", record.train),
            ("rank", record.rank),
        )
        for number, stretch in enumerate(stretches)
    ]


def median(values: Sequence[float]) -> float | None:
    """Median, or None of nothing."""
    return statistics.median(values) if values else None


def _peak(stretches: Sequence[Stretch]) -> float | None:
    return max((stretch.resident / _MIB for stretch in stretches), default=None)


def _cells(rows: Sequence[Mapping[str, object]]) -> tuple[list[str], list[list[str]]]:
    # a failure is a sentence: it goes below the table
    titles = [
        title
        for title in rows[0]
        if title != "failure" and any(one[title] not in (None, "") for one in rows)
    ]
    return titles, [[_cell(one[title]) for title in titles] for one in rows]


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"
    return str(value)
