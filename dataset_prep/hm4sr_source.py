"""An HM4SR folder as a source: atomic files, and tensors whose rows are RecBole's item numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .cells import as_id, as_text
from .feature_source import FeatureRows, existing_features, read_rows
from .interaction_records import InteractionFields, readable_interactions
from .line_files import LineFile
from .record_file import RecordFile
from .source_folder import MALFORMED, Damage, noted_lines, require_files
from .staging import StagingWriter

USUAL_FEATURES = {"text": "txt_emb.pt", "image": "img_emb.pt"}
#: multi-hot categories, one column per category; their names are not kept by HM4SR
CATEGORIES = "cat.pt"
#: item and its text, ``title categories brand`` joined by blanks
TEXTS = "content.txt"


@dataclass(frozen=True)
class HM4SR:
    """One data set of HM4SR.

    RecBole numbers items from 1 in the order in which they first occur in ``.inter``; that order
    is read here again, since HM4SR stores its map as a pickle, which is never loaded.

    Attributes:
        folder: Its folder, e.g. ``dataset/Games``.
        file_name: Name of the interactions before ``.inter``.
        named: Modality to feature file; empty takes those of ``USUAL_FEATURES`` that exist.
        progress: Whether to show progress bars.
    """

    folder: str | os.PathLike[str]
    file_name: str
    named: Mapping[str, str] = field(default_factory=dict)
    progress: bool = False
    category_kind: str = "flat"

    @property
    def name(self) -> str:
        """``hm4sr``."""
        return "hm4sr"

    def inputs(self) -> list[Path]:
        """List interactions and, where there are any, items, texts and categories.

        Raises:
            FileNotFoundError: If there are no interactions.
        """
        paths = require_files(self.folder, f"{self.file_name}.inter")
        optional = (self._items(), self._optional(TEXTS), self._optional(CATEGORIES))
        return [*paths, *(path for path in optional if path is not None)]

    def settings(self) -> dict[str, Any]:
        """Nothing else decides the staged rows."""
        return {}

    def stage(self, writer: StagingWriter) -> None:
        """Stage items in the order of their numbers, then interactions in file order.

        Args:
            writer: Receives them.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the interactions have no time, or the categories have other rows.
        """
        tokens = self._tokens()
        texts = self._texts(writer)
        listed = self._listed(writer)
        labels = self._labels(tokens)
        for token in tokens:
            record = listed.get(token, {})
            writer.item(
                token,
                title=as_text(record.get("title")),
                brand=as_text(record.get("brand")),
                description=texts.get(token),
                categories=[[label] for label in labels.get(token, ())],
            )
        (inter,) = require_files(self.folder, f"{self.file_name}.inter")
        file = RecordFile(inter, "\t", self.progress)
        fields = InteractionFields("user_id", "item_id", "timestamp")
        for interaction in readable_interactions(file, fields, writer):
            writer.interaction(*interaction)
        file.require_fields({"user": "user_id", "item": "item_id", "time": "timestamp"})
        if labels:
            writer.note(
                f"{CATEGORIES}: HM4SR keeps no category names; they are called category_<column>"
            )

    def feature_files(self) -> dict[str, Path]:
        """Modality to feature file.

        Raises:
            FileNotFoundError: If a named file does not exist.
        """
        return existing_features(self.folder, self.named, USUAL_FEATURES)

    def row_files(self) -> list[Path]:
        """List the interactions, whose order numbers the rows.

        Raises:
            FileNotFoundError: If there are none.
        """
        return require_files(self.folder, f"{self.file_name}.inter")

    def features(self) -> Iterator[FeatureRows]:
        """Read each modality without its padding row.

        Raises:
            ValueError: If a file has not a padding row of zeros and one row per item.
        """
        tokens = self._tokens()
        for modality, path in self.feature_files().items():
            yield FeatureRows(modality, path, tokens, self._rows(path, len(tokens)))

    def _rows(self, path: Path, items: int) -> np.ndarray:
        """Rows of the items, the padding row checked and cut off."""
        reason = (
            f"row 0 for padding and one for each of the {items} items of {self.file_name}.inter; "
            "if RecBole dropped rare items on loading, drop them from it first"
        )
        values = read_rows(path, items + 1, reason)
        if np.asarray(values[0]).any():
            raise ValueError(f"{path}: row 0 is not zero, so it is not RecBole's padding item")
        return values[1:]

    def _tokens(self) -> list[str]:
        """Item tokens in the order of their first interaction."""
        (inter,) = require_files(self.folder, f"{self.file_name}.inter")
        # Staging reports the damage.
        records = RecordFile(inter, "\t").records(Damage())
        tokens = dict.fromkeys(as_id(record.get("item_id")) for record in records)
        tokens.pop("", None)
        return list(tokens)

    def _labels(self, tokens: list[str]) -> dict[str, list[str]]:
        """Category names of each token."""
        path = self._optional(CATEGORIES)
        if path is None:
            return {}
        hot = self._rows(path, len(tokens))
        return {
            token: [f"category_{column}" for column in np.flatnonzero(row)]
            for token, row in zip(tokens, hot)
        }

    def _texts(self, writer: StagingWriter) -> dict[str, str]:
        """Text of each item."""
        path = self._optional(TEXTS)
        texts: dict[str, str] = {}
        for line in noted_lines(LineFile(path), writer) if path is not None else ():
            item, tab, text = line.partition("\t")
            if tab:
                texts[item.strip()] = text.strip()
            else:
                writer.skip(MALFORMED.format(TEXTS))
        return texts

    def _listed(self, writer: StagingWriter) -> dict[str, Mapping[str, Any]]:
        """Records of the ``.item`` file."""
        path = self._items()
        if path is None:
            return {}
        return {as_id(record.get("item_id")): record for record in RecordFile(path).records(writer)}

    def _items(self) -> Path | None:
        return self._optional(f"{self.file_name}.item")

    def _optional(self, name: str) -> Path | None:
        path = Path(self.folder) / name
        return path if path.is_file() else None
