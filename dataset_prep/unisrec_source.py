"""A UniSRec or MISSRec folder as a source; see ``unisrec_folder`` for the files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .category_phrase import segment_phrases, split_item_text
from .feature_source import FeatureRows, existing_features
from .source_folder import require_files
from .staging import StagingWriter
from .unisrec_folder import read_features, read_interactions, read_items, read_texts

#: modality to suffix; MISSRec adds the second
USUAL_FEATURES = {"text": "feat1CLS", "image": "feat3CLS"}
_SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class UniSRec:
    """One downstream data set of UniSRec or MISSRec.

    The folder holds no times: ``timestamp`` is the position 1, 2, 3, ... in a user's sequence.

    Attributes:
        folder: Its folder, e.g. ``dataset/downstream/Scientific``.
        file_name: Name of the files before the first dot, e.g. ``"Scientific"``.
        named: Modality to suffix of its feature file; empty takes those of ``USUAL_FEATURES`` that
            exist.
        category_root: Category that every item text names first, see ``split_item_text``; None
            where items get no category.
        min_branches: See ``segment_phrases``.
    """

    folder: str | os.PathLike[str]
    file_name: str
    named: Mapping[str, str] = field(default_factory=dict)
    category_root: str | None = None
    min_branches: int = 5
    category_kind: str = "path"

    @property
    def name(self) -> str:
        """``unisrec``."""
        return "unisrec"

    def inputs(self) -> list[Path]:
        """List the three splits, the indices and the texts.

        Raises:
            FileNotFoundError: If one of them is missing; ``user2index`` may be.
        """
        suffixes = [*(f"{split}.inter" for split in _SPLITS), "item2index", "text"]
        paths = require_files(self.folder, *(f"{self.file_name}.{one}" for one in suffixes))
        users = self._path("user2index")
        return [*paths, *([users] if users.is_file() else [])]

    def settings(self) -> dict[str, Any]:
        """How categories are found in the texts."""
        return {"category_root": self.category_root, "min_branches": self.min_branches}

    def stage(self, writer: StagingWriter) -> None:
        """Stage items in the order of their index, then each user's sequence, oldest first.

        Args:
            writer: Receives them.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the files contradict each other.
        """
        items = read_items(Path(self.folder), self.file_name)
        texts = read_texts(self._path("text"))
        split = [split_item_text(texts.get(token, ""), self.category_root) for token in items]
        paths = segment_phrases([phrase for _, phrase in split], self.min_branches)
        for token, (title, _), categories in zip(items, split, paths):
            writer.item(token, title=title, categories=categories)
        folder = Path(self.folder)
        for user, item, position in read_interactions(folder, self.file_name, items):
            writer.interaction(user, item, None, position)
        writer.note(
            f"{self.file_name}.*.inter: the folder holds no times; timestamp is the position in "
            "the user's sequence"
        )

    def feature_files(self) -> dict[str, Path]:
        """Modality to feature file.

        Raises:
            FileNotFoundError: If a named file does not exist.
        """
        named = {modality: f"{self.file_name}.{suffix}" for modality, suffix in self.named.items()}
        usual = {one: f"{self.file_name}.{suffix}" for one, suffix in USUAL_FEATURES.items()}
        return existing_features(self.folder, named, usual)

    def row_files(self) -> list[Path]:
        """List the index, which numbers the rows.

        Raises:
            FileNotFoundError: If there is none.
        """
        return require_files(self.folder, f"{self.file_name}.item2index")

    def features(self) -> Iterator[FeatureRows]:
        """Read each modality.

        Raises:
            ValueError: If a file is not a whole number of values per item.
        """
        items = read_items(Path(self.folder), self.file_name)
        for modality, path in self.feature_files().items():
            yield FeatureRows(modality, path, items, read_features(path, len(items)))

    def _path(self, suffix: str) -> Path:
        return Path(self.folder) / f"{self.file_name}.{suffix}"
