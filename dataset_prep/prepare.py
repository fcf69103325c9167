"""From a raw source to atomic files in stages that a kill cannot spoil: stage, filter, record."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from glob import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .content_digest import file_digest
from .filter_failure import NothingLeftError, explained
from .filter_rule import Engine, FilterRule
from .interaction_filter import STEPS, filter_staged
from .optional_import import require
from .prep_record import OF_SOURCE, SKIPPED_COUNT, SOURCE_NOTE, SOURCE_WARNING, PrepRecord
from .source import Source
from .source_folder import refuse_replacing
from .staging import INTERACTIONS, ITEMS, REPORT, StagingWriter, read_report
from .unusable_ids import id_notes

STAGE = "stage-source"
FILTER = "atomic-files"
#: raised when the staged rows or the atomic files of the same source would come out differently
LAYOUT = 9


@dataclass(frozen=True)
class Preparation:
    """What became of a source.

    Attributes:
        inter: The ``.inter`` file.
        item: The ``.item`` file.
        record: The ``.prep.json`` file.
        was_current: Whether nothing had to be done.
        counts: Rows, users, items and coverage; see ``filter_staged``.
        skipped: Records of the source left out, by reason.
        notes: Sentences about damage in the source.
        warnings: Sentences about what may spoil the data set.
    """

    inter: Path
    item: Path
    record: Path
    was_current: bool
    counts: Mapping[str, int]
    skipped: Mapping[str, int]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def prepare(
    source: Source,
    output: str | os.PathLike[str],
    dataset: str,
    rule: FilterRule,
    engine: Engine | None = None,
    say: Callable[[str], None] = print,
    progress: bool = False,
) -> Preparation:
    """Write ``<dataset>.inter`` and ``<dataset>.item``, going on from where a killed run was.

    Each stage is entered in ``<dataset>.prep.json`` once its outputs are whole; one whose inputs,
    settings and outputs are those of the record is not run again.

    Args:
        source: The raw data.
        output: Folder that receives the files; ``.<dataset>.staged`` below it holds the staged
            tables, which may be deleted to free space.
        dataset: Data set name.
        rule: What is kept.
        engine: Limits of DuckDB.
        say: Receives progress messages.
        progress: Whether to show a bar over the steps of the filter stage; a source has its own.

    Returns:
        Paths and counts.

    Raises:
        FileNotFoundError: If a file of the source does not exist.
        ValueError: If a file of the source would be replaced, it is not of its format, its times
            are filtered and not in seconds, or nothing is left after the filters.
    """
    folder = Path(output)
    if not dataset or dataset != Path(dataset).name:
        raise ValueError(f"the data set name {dataset!r} must not hold a folder")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: is a file, not a folder that can receive the data set")
    record = PrepRecord.of_dataset(folder, dataset)
    inter, item = folder / f"{dataset}.inter", folder / f"{dataset}.item"
    staged, work = folder / f".{dataset}.staged", folder / f".{dataset}.filtering"
    refuse_replacing(source.inputs(), [inter, item, record.path])
    say(f"{dataset}: reading the digests of the source's files")
    inputs = named_digests(source.inputs())
    origin = {
        "layout": LAYOUT,
        "source": source.name,
        "options": dict(source.settings()),
        # in the order of their roles, which the names of digests do not tell
        "files": [path.name for path in source.inputs()],
    }
    settings = {**origin, "filters": asdict(rule)}

    _remove_remains(folder, dataset)
    record.remove_remains()
    was_current = record.is_current(FILTER, inputs, settings)
    if was_current:
        say(f"{dataset}: already complete and unchanged, nothing to do")
    else:
        for changed in record.changes(FILTER, inputs, settings):
            say(f"{dataset}: {changed} changed since the last run")
        if record.is_current(STAGE, inputs, origin):
            say(f"{dataset}: the source is staged already")
        else:
            say(f"{dataset}: staging {source.name}")
            _stage(source, staged, record, inputs, origin)
        report = read_report(staged)
        _refuse_doubtful_times(rule, report)
        say(f"{dataset}: filtering")
        with _filter_bar(dataset, progress) as bar:

            def begin(step: str) -> None:
                bar.update(STEPS.index(step) - bar.n)
                bar.set_postfix_str(step)

            try:
                counts = filter_staged(staged, work, inter, item, rule, engine, begin)
            except NothingLeftError as error:
                raise explained(error, source.inputs()[0], report) from error
        notes = [*report["notes"], *id_notes(report)]
        record.finish(
            FILTER,
            inputs=inputs,
            settings=settings,
            outputs=[inter, item],
            counts={
                **counts,
                **{f"{SKIPPED_COUNT}{reason}": n for reason, n in report["skipped"].items()},
                # Damage in a source explains counts that differ from someone else's.
                **{f"{SOURCE_NOTE}{sentence}": 1 for sentence in notes},
                **{
                    f"{SOURCE_WARNING}{sentence}": 1
                    for sentence in (*report["warnings"], *report["time_doubts"])
                },
            },
            coverage=_coverage(counts),
            software={name: version(name) for name in ("duckdb", "pyarrow")},
        )
    done = record.stages[FILTER].counts
    return Preparation(
        inter,
        item,
        record.path,
        was_current,
        {key: n for key, n in done.items() if not key.startswith(OF_SOURCE)},
        _with_prefix(done, SKIPPED_COUNT),
        tuple(_with_prefix(done, SOURCE_NOTE)),
        tuple(_with_prefix(done, SOURCE_WARNING)),
    )


def named_digests(paths: Iterable[Path]) -> dict[str, str]:
    """Digest files.

    Args:
        paths: The files.

    Returns:
        File name (numbered where two files share it) to digest, in the order given.

    Raises:
        FileNotFoundError: If an input does not exist.
    """
    digests: dict[str, str] = {}
    for path in paths:
        name, copy = path.name, 2
        while name in digests:
            name, copy = f"{path.name} ({copy})", copy + 1
        digests[name] = file_digest(path)
    return digests


def _refuse_doubtful_times(rule: FilterRule, report: Mapping[str, Any]) -> None:
    """Refuse to compare seconds with times that have another unit: all or none would be kept."""
    if report["time_doubts"] and (rule.min_time is not None or rule.max_time is not None):
        raise ValueError(
            "--min-time and --max-time are compared with seconds, but "
            f"{'; '.join(report['time_doubts'])}"
        )


def _filter_bar(dataset: str, shown: bool) -> Any:
    """A progress bar over the steps of the filter stage."""
    tqdm = require("tqdm", "A progress bar").tqdm
    form = "{desc}: {n}/{total} steps [{elapsed}{postfix}]"
    return tqdm(total=len(STEPS), desc=dataset, disable=not shown, leave=False, bar_format=form)


def _stage(
    source: Source,
    staged: Path,
    record: PrepRecord,
    inputs: Mapping[str, str],
    origin: Mapping[str, Any],
) -> None:
    """Stage the source and enter it in the record."""
    with StagingWriter(staged) as writer:
        source.stage(writer)
    record.finish(
        STAGE,
        inputs=inputs,
        settings=origin,
        outputs=[staged / name for name in (INTERACTIONS, ITEMS, REPORT)],
        counts={"interactions": writer.report.interactions, "items": writer.report.items},
    )


def _with_prefix(counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    """The counts under a prefix, without it."""
    return {key[len(prefix) :]: n for key, n in counts.items() if key.startswith(prefix)}


def _coverage(counts: Mapping[str, int]) -> dict[str, float]:
    """Shares of the items that have each kind of metadata."""
    kinds = {
        "metadata": "items_described",
        "title": "titles",
        "categories": "categorised",
        "brand": "brands",
        "description": "descriptions",
        "image": "images",
    }
    return {name: counts[key] / counts["items"] for name, key in kinds.items()}


def _remove_remains(folder: Path, dataset: str) -> None:
    """Delete what killed runs left half-written, also where another run has finished since."""
    for stage in ("filtering", "staged.partial"):
        shutil.rmtree(folder / f".{dataset}.{stage}", ignore_errors=True)
    for suffix in ("inter", "item"):
        # ``atomic_open`` names its temporary files after the target.
        for path in folder.glob(f".{escape(dataset)}.{suffix}.*"):
            with suppress(FileNotFoundError):
                path.unlink()
