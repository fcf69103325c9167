"""One encoding as a stage of the data set's record: done, changed, or to do."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .atomic_write import atomic_open
from .chunk_store import ChunkStore
from .content_digest import file_digest, settings_digest


def software_versions(*packages: str) -> dict[str, str]:
    """Versions of installed packages.

    Args:
        packages: Their names; those that are not installed are left out.

    Returns:
        Name to version.
    """
    versions = {}
    for name in packages:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


class EncodingStage:
    """What a feature file depends on, compared with what the record says it was made of.

    A new version of torch or another device may change the last bit of a feature. That is no
    reason to encode a finished catalogue again, but chunks of two versions are not mixed in one
    file: the software enters the chunks' names, not the comparison.
    """

    def __init__(
        self,
        output: Path,
        dataset: str,
        name: str,
        inputs: Mapping[str, str],
        settings: Mapping[str, Any],
        software: Mapping[str, str],
    ) -> None:
        """Describe the stage.

        Args:
            output: The feature file.
            dataset: Data set name.
            name: Name of the stage in the record, e.g. ``"encode-text:text"``.
            inputs: Name of each input to a digest of its content.
            settings: Everything else that the features depend on.
            software: Versions of the software, and the device.
        """
        self.output = output
        self.name = name
        self.inputs = dict(inputs)
        self.settings = dict(settings)
        self.software = dict(software)
        self.salt = settings_digest({"settings": self.settings, "software": self.software})
        self._dataset = dataset

    def announce_if_up_to_date(self, force: bool = False) -> bool:
        """Say whether there is anything to do, and why.

        Args:
            force: Encode again in any case.

        Returns:
            True where the output stands as the record says and nothing that it depends on changed.
        """
        done = self._recorded()
        if done is None:
            return False
        changes = self._changes(done)
        if not changes and not force:
            print(f"{self.output}: up to date, nothing to do (--force encodes it again)")
            # A run that was killed between its record and its end leaves the folder behind.
            ChunkStore(self.output).discard()
            return True
        why = f"{', '.join(changes)} changed since it was made" if changes else "--force"
        print(f"{self.output}: {why}: encoding again")
        return False

    def finish(self, counts: Mapping[str, int], more_outputs: Sequence[Path] = ()) -> None:
        """Record the stage as done and remove its work folder.

        Args:
            counts: What was encoded.
            more_outputs: Files beside the feature file.
        """
        outputs = {path.name: file_digest(path) for path in (self.output, *more_outputs)}
        self._write({**self._described(), "counts": dict(counts), "outputs": outputs})
        ChunkStore(self.output).discard()

    def _described(self) -> dict[str, Any]:
        """What the stage depends on."""
        return {"inputs": self.inputs, "settings": self.settings, "software": self.software}

    def _changes(self, done: Mapping[str, Any]) -> list[str]:
        """Names of what differs from a recorded run."""
        changes = []
        for part in ("inputs", "settings"):
            now, then = getattr(self, part), done.get(part, {})
            changes += [x for x in {**then, **now} if _plain(now.get(x)) != _plain(then.get(x))]
        for name, digest in done.get("outputs", {}).items():
            path = self.output.parent / name
            if not path.is_file() or file_digest(path) != digest:
                changes.append(name)
        return changes

    def _recorded(self) -> dict[str, Any] | None:
        """What the record says of this stage, None where it says nothing."""
        path = self.output.parent / f"{self._dataset}.prep.json"
        if not path.is_file():
            return None
        done = json.loads(path.read_text(encoding="utf-8")).get("stages", {}).get(self.name)
        return done if isinstance(done, dict) else None

    def _write(self, description: dict[str, Any]) -> None:
        """Put the stage into the record."""
        path = self.output.parent / f"{self._dataset}.prep.json"
        record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        record.setdefault("stages", {})[self.name] = description
        with atomic_open(path, "w") as file:
            file.write(json.dumps(record, indent=1, sort_keys=True) + "\n")


def _plain(value: Any) -> Any:
    """A value as it comes back from JSON."""
    return json.loads(json.dumps(value, default=str))
