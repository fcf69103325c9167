"""Ids that cannot stand in an atomic file, as a summary tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .clean_text import token_fault
from .source_folder import shown

UNUSABLE_USER = "user id that cannot stand in an atomic file"
UNUSABLE_ITEM = "item id that cannot stand in an atomic file"


def unusable(token: str) -> str:
    """Write an id that cannot be used, and why.

    Args:
        token: The id.

    Returns:
        E.g. ``"'NA' (read as missing)"``.
    """
    return f"{shown(token)} ({token_fault(token)})"


def id_notes(report: Mapping[str, Any]) -> list[str]:
    """Show an example of the ids that were left out.

    Args:
        report: See ``staging.read_report``.

    Returns:
        One sentence for users and one for items, where some were.
    """
    return [
        f"{reason}, e.g. {report['examples'][reason]}"
        for reason in (UNUSABLE_USER, UNUSABLE_ITEM)
        if reason in report["examples"]
    ]
