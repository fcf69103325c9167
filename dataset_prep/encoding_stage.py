"""One encoding as a stage of the data set's record: done, changed, or to do."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .chunk_store import ChunkStore
from .content_digest import settings_digest
from .prep_record import PrepRecord


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
        file_settings: Mapping[str, Any],
    ) -> None:
        """Describe the stage.

        Args:
            output: The feature file.
            dataset: Data set name.
            name: Name of the stage in the record, e.g. ``"encode-text:text"``.
            inputs: Name of each input to a digest of its content.
            settings: Everything else that the chunks depend on.
            software: Versions of the software, and the device.
            file_settings: How the file is made of the chunks; another value needs no new ones.
        """
        self.output = output
        self.name = name
        self.inputs = dict(inputs)
        self.settings = {**settings, **file_settings}
        self.software = dict(software)
        self.salt = settings_digest({"settings": dict(settings), "software": self.software})
        self._dataset = dataset

    def announce_if_up_to_date(self, force: bool = False) -> bool:
        """Say whether there is anything to do, and why.

        Args:
            force: Encode again in any case.

        Returns:
            True where the output stands as the record says and nothing that it depends on changed.

        Raises:
            ValueError: If the record cannot be read.
        """
        record = PrepRecord.of_dataset(self.output.parent, self._dataset)
        if record.stage(self.name) is None:
            return False
        changes = record.changes(self.name, self.inputs, self.settings)
        if not changes and not force:
            print(f"{self.output}: up to date, nothing to do (--force encodes it again)")
            # A run that was killed between its record and its end leaves the folder behind.
            ChunkStore(self.output).discard()
            return True
        why = f"{', '.join(changes)} changed since it was made" if changes else "--force"
        print(f"{self.output}: {why}: encoding again")
        return False

    def finish(
        self,
        counts: Mapping[str, int],
        coverage: Mapping[str, float],
        more_outputs: Sequence[Path] = (),
    ) -> None:
        """Record the stage as done and remove its work folder.

        Args:
            counts: What was encoded.
            coverage: Shares of the items.
            more_outputs: Files beside the feature file.

        Raises:
            ValueError: If the record cannot be read.
        """
        PrepRecord.of_dataset(self.output.parent, self._dataset).finish(
            self.name,
            inputs=self.inputs,
            settings=self.settings,
            outputs=[self.output, *more_outputs],
            counts=counts,
            coverage=coverage,
            software=self.software,
        )
        ChunkStore(self.output).discard()
