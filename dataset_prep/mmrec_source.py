"""An MMRec folder as a source: ``<name>.inter``, ID maps, metadata, row-aligned ``.npy`` files."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .cells import as_category_paths, as_id, as_text
from .feature_source import FeatureRows, existing_features, read_rows
from .interaction_records import InteractionFields, readable_interactions
from .item_fields import NO_CATEGORY
from .record_file import RecordFile
from .source_folder import Damage, DamageSink, require_files, shown
from .staging import StagingWriter

# before the number of a row that no item has: nobody's ID, which the number alone may be
_NO_ITEM = "\t"

USUAL_FEATURES = {"text": "text_feat.npy", "image": "image_feat.npy"}
ITEM_MAP, USER_MAP = "i_id_mapping.csv", "u_id_mapping.csv"
#: items whose image row MMRec filled with the mean of the others
FILLED_IMAGES = "missed_img_itemIDs.csv"


@dataclass(frozen=True)
class MMRec:
    """One data set of MMRec.

    Attributes:
        folder: Its folder, e.g. ``data/baby``.
        file_name: Name of the interactions before ``.inter``.
        named: Modality to feature file; empty takes those of ``USUAL_FEATURES`` that exist.
        progress: Whether to show progress bars.
    """

    folder: str | os.PathLike[str]
    file_name: str
    named: Mapping[str, str] = field(default_factory=dict)
    progress: bool = False
    category_kind: str = "path"

    @property
    def name(self) -> str:
        """``mmrec``."""
        return "mmrec"

    def inputs(self) -> list[Path]:
        """List interactions and, where there are any, ID maps and metadata.

        Raises:
            FileNotFoundError: If there are no interactions.
            ValueError: If several files hold metadata.
        """
        paths = require_files(self.folder, f"{self.file_name}.inter")
        maps = [Path(self.folder) / name for name in (ITEM_MAP, USER_MAP)]
        meta = self._metadata()
        return [*paths, *(path for path in maps if path.is_file()), *([meta] if meta else [])]

    def settings(self) -> dict[str, Any]:
        """The name of the interactions is in the inputs; nothing else decides."""
        return {}

    def stage(self, writer: StagingWriter) -> None:
        """Stage items that have metadata, then the interactions in file order.

        Args:
            writer: Receives them; the ``x_label`` split is noted as left out.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the interactions have no time, or an ID is in no map.
        """
        (inter,) = require_files(self.folder, f"{self.file_name}.inter")
        items = self._tokens(ITEM_MAP, "itemID", writer)
        users = self._tokens(USER_MAP, "userID", writer)
        meta = self._metadata()
        if meta is not None:
            for record in RecordFile(meta, ",", self.progress).records(writer):
                item = _token(items, as_id(record.get("itemID")), meta, ITEM_MAP)
                writer.item(
                    item,
                    title=as_text(record.get("title")),
                    description=as_text(record.get("description")),
                    brand=as_text(record.get("brand")),
                    categories=_python_categories(record.get("categories"), meta.name, writer),
                    image=as_text(record.get("imUrl")),
                )
        file = RecordFile(inter, "\t", self.progress)
        fields = InteractionFields("userID", "itemID", "timestamp", "rating")
        for user, item, rating, time in readable_interactions(file, fields, writer):
            writer.interaction(
                _token(users, user, inter, USER_MAP),
                _token(items, item, inter, ITEM_MAP),
                rating,
                time,
            )
        # Without times there is no sequence, so their absence must not pass as missing cells.
        file.require_fields({"user": "userID", "item": "itemID", "time": "timestamp"})
        if "x_label" in file.seen:
            writer.note(
                f"{inter.name}: MMRec's split (x_label) is not kept; training splits by time"
            )

    def feature_files(self) -> dict[str, Path]:
        """Modality to feature file.

        Raises:
            FileNotFoundError: If a named file does not exist.
        """
        return existing_features(self.folder, self.named, USUAL_FEATURES)

    def row_files(self) -> list[Path]:
        """List what numbers the rows, and the rows that MMRec filled.

        Raises:
            FileNotFoundError: If there are no interactions.
        """
        (inter,) = require_files(self.folder, f"{self.file_name}.inter")
        found = [Path(self.folder) / name for name in (ITEM_MAP, FILLED_IMAGES)]
        return [inter, *(path for path in found if path.is_file())]

    def features(self) -> Iterator[FeatureRows]:
        """Read each modality; image rows that MMRec filled with the mean count as missing.

        MMRec has texts and images, so that what is not its text is made of images.

        Raises:
            ValueError: If a file has not one row per item.
        """
        size, named, reason = self._rows()
        rows_to_tokens: list[str] = []
        for modality, path in self.feature_files().items():
            values = read_rows(path, size, reason)
            if not rows_to_tokens:  # not before a file has so many rows: IDs can be any numbers
                rows_to_tokens = [named.get(row, f"{_NO_ITEM}{row}") for row in range(size)]
            filled = Path(self.folder) / FILLED_IMAGES
            is_text = modality == "text" or path.name == USUAL_FEATURES["text"]
            if not is_text and filled.is_file():
                values = np.array(values)
                values[_row_numbers(filled, len(values))] = 0
            yield FeatureRows(modality, path, rows_to_tokens, values)

    def _rows(self) -> tuple[int, dict[int, str], str]:
        """Number of rows, item token of each that has one, and a clause on the number's origin."""
        # Staging has reported the damage that is met here again.
        reported = Damage()
        items = self._tokens(ITEM_MAP, "itemID", reported)
        if items is not None:
            numbers, origin = list(items), f"one per item of {ITEM_MAP}"
        else:
            (inter,) = require_files(self.folder, f"{self.file_name}.inter")
            records = RecordFile(inter, "\t").records(reported)
            numbers = list({as_id(record.get("itemID")) for record in records} - {""})
            origin = f"one per itemID of {inter.name}, counted from 0"
        odd = [number for number in numbers if not number.isdecimal()]
        if odd or not numbers:
            raise ValueError(
                f"{self.folder}: itemID must be row numbers of the features, not {odd[:3]}"
            )
        named = {int(number): number if items is None else items[number] for number in numbers}
        return max(named) + 1, named, origin

    def _tokens(self, name: str, column: str, sink: DamageSink) -> dict[str, str] | None:
        """Number to raw ID of a map of two columns in either order; None where there is no map."""
        path = Path(self.folder) / name
        if not path.is_file():
            return None
        file = RecordFile(path, "\t")
        tokens: dict[str, str] = {}
        taken: set[str] = set()
        for record in file.records(sink):
            others = [key for key in record if key != column]
            if column not in record or len(others) != 1:
                raise ValueError(f"{path}: must have {column} and one more column, not {file.seen}")
            number, raw = as_id(record[column]), as_id(record[others[0]])
            if number in tokens:
                raise ValueError(f"{path}: {column} {number} occurs twice")
            if raw in taken:
                raise ValueError(f"{path}: {others[0]} {raw!r} occurs twice")
            taken.add(raw)
            tokens[number] = raw
        return tokens

    def _metadata(self) -> Path | None:
        """The file of metadata, if there is one."""
        found = sorted(Path(self.folder).glob("meta-*.csv"))
        if len(found) > 1:
            raise ValueError(f"{self.folder}: several files of metadata {[p.name for p in found]}")
        return found[0] if found else None


def _token(tokens: dict[str, str] | None, number: str, path: Path, map_name: str) -> str:
    """Raw ID of a number; the number itself where there is no map."""
    if tokens is None:
        return number
    if number not in tokens:
        raise ValueError(f"{path}: ID {number!r} is not in {map_name}: the files do not fit")
    return tokens[number]


def _python_categories(value: Any, file: str, sink: DamageSink) -> list[list[str]]:
    """Categories that were written as a Python list; nothing in the text is run.

    What cannot be read is counted, and the item goes without.
    """
    text = (as_text(value) or "").strip()
    if not text.startswith("["):
        return [[text]] if text else []
    try:
        return as_category_paths(ast.literal_eval(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        sink.skip(NO_CATEGORY.format(file), example=shown(text))
        return []


def _row_numbers(path: Path, rows: int) -> list[int]:
    """Row numbers, one a line."""
    lines = path.read_text(encoding="utf-8").split()
    numbers = [int(line) for line in lines if line.isdecimal()]
    if len(numbers) < len(lines) or any(number >= rows for number in numbers):
        raise ValueError(f"{path}: must hold one row number below {rows} a line")
    return numbers
