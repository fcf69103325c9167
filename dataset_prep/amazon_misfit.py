"""Why no line of a file is a record of the Amazon release it was given as."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from .amazon_ratings import is_ratings_file, ratings_layout
from .amazon_releases import RELEASES, Release
from .line_files import LineFile
from .literals import json_or_literal, json_value

BAD_SYNTAX = "{}: line cut short or not of the release's syntax"
#: lines that are tried with the other releases
_SAMPLE = 20


def no_review(path: Path, release: str, report: Mapping[str, Any]) -> ValueError:
    """Explain a file without a review.

    Args:
        path: The file.
        release: The release it was given as.
        report: See ``staging.StagingReport.as_dict``.

    Returns:
        The error to raise.
    """
    layout = RELEASES[release]
    if is_ratings_file(path):
        return ValueError(
            f"{path}: no row is a rating of Amazon {release}, whose .csv has "
            f"{ratings_layout(release)}: check --release and the file"
        )
    expected = (
        f"{path}: no line is a review of Amazon {release} (JSON lines with {layout.user}, "
        f"{layout.item} and {layout.time}, or a .csv of ratings, {ratings_layout(release)})"
    )
    others = _fitting(path, release, lambda _: json_value, lambda x: (x.user, x.item, x.time))
    return ValueError(expected + _unreadable(path, "JSON", report) + _advice(others))


def no_item(path: Path, release: str, report: Mapping[str, Any]) -> ValueError:
    """Explain a file without an item; see ``no_review``.

    Args:
        path: The file.
        release: The release it was given as.
        report: See ``staging.StagingReport.as_dict``.

    Returns:
        The error to raise.
    """
    layout = RELEASES[release]
    syntax = "JSON" + " or a Python literal" * (layout.parse_item is json_or_literal)
    expected = f"{path}: no line is an item of Amazon {release} (field {layout.item})"
    others = _fitting(path, release, lambda x: x.parse_item, lambda x: (x.item,))
    if len(others) > 1:
        others = _of_same_categories(path, release) or others
    return ValueError(expected + _unreadable(path, syntax, report) + _advice(others))


def no_category(path: Path, release: str) -> str:
    """Explain a file of items without the release's field of categories.

    Args:
        path: The file.
        release: The release it was given as.

    Returns:
        The sentence: a warning, since the items may all the same be of the release.
    """
    return (
        f"{path.name}: no item has the field {RELEASES[release].categories!r} of Amazon {release}, "
        "so none has a category" + _advice(_of_same_categories(path, release))
    )


def _of_same_categories(path: Path, given: str) -> list[str]:
    """As ``_fitting`` for items, by their categories too, in which 2014 and 2018 differ."""
    return _fitting(path, given, lambda x: x.parse_item, lambda x: (x.item, x.categories))


def _fitting(
    path: Path,
    given: str,
    parser: Callable[[Release], Callable[[str], object]],
    fields: Callable[[Release], tuple[str, ...]],
) -> list[str]:
    """Names of the releases of which one of the first lines is a record; none if the given is."""
    lines = list(islice(LineFile(path), _SAMPLE))

    def fits(release: Release, line: str) -> bool:
        try:
            record = parser(release)(line)
        except ValueError:
            return False
        return isinstance(record, dict) and set(fields(release)) <= set(record)

    names = [name for name, one in RELEASES.items() if any(fits(one, line) for line in lines)]
    # Lines with the right fields are of the right release, and something else is wrong with them.
    return [] if given in names else names


def _unreadable(path: Path, syntax: str, report: Mapping[str, Any]) -> str:
    """How many lines could not be parsed, with the first of them."""
    reason = BAD_SYNTAX.format(path.name)
    count = report["skipped"].get(reason, 0)
    example = report["examples"].get(reason, "")
    return f"; lines that could not be parsed as {syntax}: {count:,}, e.g. {example}" * bool(count)


def _advice(others: list[str]) -> str:
    """What to do."""
    if others:
        return f": its lines are of another release: try --release {' or '.join(others)}"
    return ": check --release and the file"
