"""The record ``<dataset>.prep.json``: what each stage read, how, and what it wrote.

One JSON object, ``{"dataset": …, "format": 1, "stages": {name: stage}}``. A stage holds ``inputs``
(name to digest), ``settings``, ``outputs`` (file name to SHA-256), ``counts``, and where they apply
``coverage`` and ``software`` (names and versions). No clock times and sorted keys: the same work
gives the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .content_digest import file_digest

try:
    import fcntl
except ImportError:  # Windows has none: two commands there must not write one record at once
    fcntl = None  # type: ignore[assignment]

FORMAT = 1
SUFFIX = ".prep.json"
#: how the names of counts begin that are sentences: records left out by reason, damage in a source,
#: what may spoil the data set
SKIPPED_COUNT, SOURCE_NOTE, SOURCE_WARNING = OF_SOURCE = ("skipped: ", "note: ", "warning: ")
#: counts that are the first and last time, in seconds since 1970
TIME_COUNTS = ("first_time", "last_time")


@dataclass(frozen=True)
class Stage:
    """One finished stage of a data set's preparation.

    Attributes:
        inputs: Name of each input to a digest of its content.
        settings: Everything else that the outputs depend on.
        outputs: Name of each file, relative to the record's folder, to its SHA-256.
        counts: Whole numbers that describe the result, e.g. rows dropped by each filter.
        coverage: Share of the items that have something, e.g. ``{"title": 0.998}``.
        software: Names and versions, e.g. of the encoder. They explain a difference and cause no
            new run.
    """

    inputs: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    coverage: dict[str, float] = field(default_factory=dict)
    software: dict[str, str] = field(default_factory=dict)


class PrepRecord:
    """The stages of one data set, in the file beside its outputs."""

    def __init__(self, path: Path, stages: Mapping[str, Stage]) -> None:
        """Hold stages that were read; see ``load``.

        Args:
            path: The record's file.
            stages: Stage name to stage.
        """
        self.path = path
        self._stages = dict(stages)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PrepRecord:
        """Read a record.

        Args:
            path: ``<folder>/<dataset>.prep.json``; a file that does not exist is an empty record.

        Returns:
            The record.

        Raises:
            ValueError: If the file is no record, or one of a later version of this package.
        """
        file = Path(path)
        return cls(file, _read(file))

    @classmethod
    def of_dataset(cls, folder: str | os.PathLike[str], dataset: str) -> PrepRecord:
        """Read the record of a data set.

        Args:
            folder: Folder of the data set's files.
            dataset: Data set name.

        Returns:
            The record, empty if there is none yet.

        Raises:
            ValueError: See ``load``.
        """
        return cls.load(Path(folder) / f"{dataset}{SUFFIX}")

    @property
    def stages(self) -> dict[str, Stage]:
        """Stage name to stage, by name."""
        return dict(sorted(self._stages.items()))

    def stage(self, name: str) -> Stage | None:
        """Look up a finished stage.

        Args:
            name: Stage name, e.g. ``"atomic-files"`` or ``"encode-text:text"``.

        Returns:
            The stage, or None if it never finished.
        """
        return self._stages.get(name)

    def is_current(self, name: str, inputs: Mapping[str, str], settings: Mapping[str, Any]) -> bool:
        """Say whether a stage need not run again.

        Args:
            name: Stage name.
            inputs: Name of each input to its digest now.
            settings: Settings now.

        Returns:
            True if the stage finished with these inputs and settings and its outputs still stand.
        """
        return name in self._stages and not self.changes(name, inputs, settings)

    def changes(
        self, name: str, inputs: Mapping[str, str], settings: Mapping[str, Any]
    ) -> list[str]:
        """Name what differs from a finished stage.

        Args:
            name: Stage name.
            inputs: Name of each input to its digest now.
            settings: Settings now.

        Returns:
            Names of inputs, settings and output files that are new, gone or different; empty where
            nothing changed or the stage never finished.
        """
        done = self._stages.get(name)
        if done is None:
            return []
        changed = _differing(dict(inputs), done.inputs)
        changed += _differing(_plain(dict(settings)), done.settings)
        for output, digest in sorted(done.outputs.items()):
            file = self.path.parent / output
            if not file.is_file() or file_digest(file) != digest:
                changed.append(output)
        return changed

    def finish(
        self,
        name: str,
        *,
        inputs: Mapping[str, str],
        settings: Mapping[str, Any],
        outputs: Iterable[str | os.PathLike[str]],
        counts: Mapping[str, int],
        coverage: Mapping[str, float] | None = None,
        software: Mapping[str, str] | None = None,
    ) -> Stage:
        """Record a stage as finished, on disk, leaving the other stages as they are there.

        Args:
            name: Stage name.
            inputs: Name of each input to its digest.
            settings: Everything else that the outputs depend on, as JSON can hold it.
            outputs: The complete files, below the record's folder.
            counts: Whole numbers that describe the result.
            coverage: Shares of the items, 0 to 1.
            software: Names and versions.

        Returns:
            The stage.

        Raises:
            FileNotFoundError: If an output does not exist.
            ValueError: If an output lies outside the record's folder, or the file on disk is no
                record.
        """
        folder = self.path.parent.resolve()
        digests = {}
        for output in outputs:
            file = Path(output).resolve()
            if folder not in file.parents:
                raise ValueError(f"{self.path}: the output {output} lies outside {folder}")
            digests[file.relative_to(folder).as_posix()] = file_digest(file)
        stage = Stage(
            dict(inputs),
            _plain(dict(settings)),
            digests,
            {key: int(value) for key, value in counts.items()},
            {key: round(float(value), 6) for key, value in (coverage or {}).items()},
            dict(software or {}),
        )
        # Text and images of one data set may be encoded at the same time: read what the other
        # command has written meanwhile, and keep it.
        with _locked(folder):
            self._stages = {**_read(self.path), name: stage}
            _write(self.path, self._stages)
        return stage

    def forget(self, name: str) -> None:
        """Take a stage out of the record, e.g. before its outputs are replaced.

        Args:
            name: Stage name; one that is not there is no error.
        """
        with _locked(self.path.parent):
            self._stages = _read(self.path)
            if self._stages.pop(name, None) is not None:
                _write(self.path, self._stages)

    def remove_remains(self) -> None:
        """Delete what a run killed while writing the record has left."""
        with _locked(self.path.parent):
            _temporary(self.path).unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    # a fixed name, safe under the lock: what a killed run leaves behind the next one overwrites
    return path.with_name(f".{path.name}.part")


def _differing(now: dict[str, Any], then: dict[str, Any]) -> list[str]:
    """Keys that only one of two mappings has, or whose values differ."""
    absent = object()
    keys = sorted({*now, *then})
    return [key for key in keys if now.get(key, absent) != then.get(key, absent)]


def _plain(value: Any) -> Any:
    """A value as it comes back from JSON, so that a tuple equals the list it is stored as."""
    return json.loads(json.dumps(value, default=str))


def _read(path: Path) -> dict[str, Stage]:
    """Stages of a record file; none where there is no file."""
    if not path.is_file():
        return {}
    hint = "delete it to prepare the data set anew"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a preparation record ({error}): {hint}") from error
    if not isinstance(content, dict) or not isinstance(content.get("stages"), dict):
        raise ValueError(f"{path}: not a preparation record (no 'stages'): {hint}")
    if content.get("format", FORMAT) != FORMAT:
        raise ValueError(
            f"{path}: its format is {content['format']!r}, this version reads {FORMAT}: {hint}"
        )
    stages = {}
    for name, parts in content["stages"].items():
        if not isinstance(parts, dict) or not all(isinstance(x, dict) for x in parts.values()):
            raise ValueError(f"{path}: stage {name!r} is not an object of objects: {hint}")
        known = {key: parts[key] for key in Stage.__dataclass_fields__ if key in parts}
        stages[name] = Stage(**known)
    return stages


def _write(path: Path, stages: Mapping[str, Stage]) -> None:
    """Replace a record file as a whole; to be called under the lock."""
    content = {
        "dataset": path.name.removesuffix(SUFFIX),
        "format": FORMAT,
        "stages": {
            name: {key: value for key, value in vars(stage).items() if value}
            for name, stage in stages.items()
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    with temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes from writing a record in this folder; ends with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
