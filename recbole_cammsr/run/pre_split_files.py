"""Pre-split files (`benchmark_filename`) for RecBole's own models, which look at less in them.

RecBole reads histories only where `load_col` lists them, numbers their items by themselves unless
`alias_of_item_id` names them, and cuts none to `MAX_ITEM_LIST_LENGTH` (``data/last_items.py``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from recbole_cammsr.data.atomic_header import read_header
from recbole_cammsr.run import known_settings


def reading_histories(dataset: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with which RecBole reads the histories, as items.

    Args:
        dataset: its name.
        settings: of a run, RecBole's defaults among them.

    Returns:
        ``load_col``, ``alias_of_item_id`` and ``keep_last_items``; nothing for other data, and
        files without histories.
    """
    field = _history_field(settings)
    if not _with_histories(dataset, settings):
        return {}
    found: dict[str, Any] = {"alias_of_item_id": [field], "keep_last_items": True}
    columns = settings["load_col"]
    if isinstance(columns, Mapping) and isinstance(columns.get("inter"), (list, tuple)):
        listed = [name for name in columns["inter"] if name != field]
        found["load_col"] = {**columns, "inter": [*listed, field]}
    return found


def _with_histories(dataset: str, settings: Mapping[str, Any]) -> list[str]:
    """The files in which histories are a list of tokens."""
    field, (between, _, encoding) = _history_field(settings), _layout(settings)
    found = []
    for path in _files(dataset, settings):
        # only looked at: what is wrong in them, RecBole says
        header = read_header(path, between, encoding, errors="replace")
        if header.types.get(field) == "token_seq":
            found.append(path)
    return found


def _files(dataset: str, settings: Mapping[str, Any]) -> Iterator[str]:
    parts = settings.get("benchmark_filename")
    folder = known_settings.data_folder(dataset, settings.get("data_path"))
    for part in parts if isinstance(parts, (list, tuple)) else ():
        path = os.path.join(folder, f"{dataset}.{part}.inter")
        if os.path.isfile(path):  # of others RecBole speaks
            yield path


def _history_field(settings: Mapping[str, Any]) -> str:
    return f"{settings['ITEM_ID_FIELD']}{settings['LIST_SUFFIX']}"


def _layout(settings: Mapping[str, Any]) -> tuple[str, str, str]:
    """What stands between cells, and between the tokens of a cell, and the encoding."""
    return (
        settings["field_separator"],
        settings["seq_separator"],
        settings.get("encoding") or "utf-8",
    )
