"""``<dataset>.prep.json``: what a data set was made of, and which stages need not run again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .atomic_write import atomic_open

RECORD_FORMAT = 1
_BLOCK = 1 << 20


class PrepRecord:
    """One entry per stage: inputs and outputs with digests, settings and counts.

    The record holds names, never whole paths, and no clock times, so that the same data prepared
    elsewhere gives the same bytes.

    Args:
        path: The record file; outputs are named relative to its folder.
        stages: Entries by stage name.
    """

    def __init__(
        self, path: str | os.PathLike[str], stages: dict[str, dict[str, Any]] | None = None
    ) -> None:
        self.path = Path(path)
        self.stages: dict[str, dict[str, Any]] = stages if stages is not None else {}

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PrepRecord:
        """Read a record, or start an empty one where there is no file.

        Args:
            path: The record file, usually ``<folder>/<dataset>.prep.json``.

        Returns:
            The record.

        Raises:
            ValueError: If the file is not such a record or of a newer format.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls(path)
        except ValueError as error:
            raise ValueError(
                f"{path}: not a preparation record ({error}): delete it to prepare again"
            ) from error
        stages = content.get("stages") if isinstance(content, dict) else None
        if not isinstance(stages, dict) or content.get("format") != RECORD_FORMAT:
            raise ValueError(
                f"{path}: not a preparation record of format {RECORD_FORMAT}: delete it to "
                "prepare again"
            )
        return cls(path, stages)

    def is_current(
        self, stage: str, inputs: Sequence[str | os.PathLike[str]], settings: Mapping[str, Any]
    ) -> bool:
        """Say whether a stage ran on these inputs with these settings and its outputs still stand.

        Args:
            stage: Name of the stage.
            inputs: Files or folders it reads, in a fixed order.
            settings: JSON values that decide its result.

        Returns:
            True if running it again would write the same outputs.

        Raises:
            FileNotFoundError: If an input does not exist.
        """
        entry = self.stages.get(stage)
        if entry is None or entry["settings"] != _as_json(settings):
            return False
        # Outputs first: they are smaller than the inputs, and a look at their size often settles it.
        for output in entry["outputs"]:
            path = self.path.parent / output["name"]
            if not path.exists() or describe(path, output["name"]) != output:
                return False
        found: bool = entry["inputs"] == [describe(path) for path in inputs]
        return found

    def finish(
        self,
        stage: str,
        *,
        inputs: Sequence[str | os.PathLike[str]],
        settings: Mapping[str, Any],
        outputs: Sequence[str | os.PathLike[str]],
        counts: Mapping[str, Any],
    ) -> None:
        """Enter a stage whose outputs are in place and write the record to disk.

        Args:
            stage: Name of the stage.
            inputs: Files or folders it read.
            settings: JSON values that decided its result.
            outputs: Files or folders it wrote, at or below the record's folder.
            counts: JSON values for the summary: rows, coverage, versions.
        """
        folder = self.path.parent
        self.stages[stage] = {
            "inputs": [describe(path) for path in inputs],
            "settings": _as_json(settings),
            "outputs": [
                describe(path, Path(os.path.relpath(path, folder)).as_posix()) for path in outputs
            ],
            "counts": _as_json(counts),
        }
        content = {"format": RECORD_FORMAT, "stages": self.stages}
        with atomic_open(self.path, "w") as file:
            file.write(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")

    def counts(self, stage: str) -> dict[str, Any]:
        """Return the counts of a finished stage.

        Args:
            stage: Name of the stage.

        Raises:
            KeyError: If it has no entry.
        """
        counts: dict[str, Any] = self.stages[stage]["counts"]
        return counts


def describe(path: str | os.PathLike[str], name: str | None = None) -> dict[str, Any]:
    """Return name, size in bytes and SHA-256 of a file, or of all files below a folder.

    Args:
        path: The file or folder.
        name: The name to give; None takes the last part of the path.

    Returns:
        ``{"name", "bytes", "sha256"}``.

    Raises:
        FileNotFoundError: If there is no such file or folder.
    """
    target = Path(path)
    label = name if name is not None else target.name
    if not target.is_dir():
        digest, size = _file_digest(target)
        return {"name": label, "bytes": size, "sha256": digest}
    listing, total = hashlib.sha256(), 0
    for file in sorted(one for one in target.rglob("*") if one.is_file()):
        digest, size = _file_digest(file)
        listing.update(f"{file.relative_to(target).as_posix()}\0{digest}\n".encode())
        total += size
    return {"name": label, "bytes": total, "sha256": listing.hexdigest()}


def _file_digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size of one file."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they will read from the file: tuples as lists, keys as text."""
    result: dict[str, Any] = json.loads(json.dumps(dict(values)))
    return result
