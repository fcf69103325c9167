"""Command-line options that every source command shares, and what they mean."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone

from .category_rule import CategoryRule, add_category_options
from .filter_rule import DUPLICATES, Engine, FilterRule
from .prep_summary import summary_rows
from .prepare import prepare
from .source import Source


def add_filter_options(parser: argparse.ArgumentParser) -> None:
    """Add data set name, output folder, filters and limits.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("--dataset", required=True, help="data set name")
    parser.add_argument("--output", required=True, help="folder that receives the files")
    group = parser.add_argument_group(
        "filters, applied in this order, after rows without time where others have one"
    )
    group.add_argument(
        "--min-time", type=_time, metavar="TIME", help="earliest: seconds since 1970 or 2014-05-01"
    )
    group.add_argument("--max-time", type=_time, metavar="TIME", help="the time to stop before")
    group.add_argument(
        "--duplicates",
        choices=DUPLICATES,
        default="first",
        help="which interactions of one user with one item to keep (default %(default)s)",
    )
    group.add_argument("--min-rating", type=float, help="lowest rating kept")
    group.add_argument(
        "--only-described", action="store_true", help="drop items without metadata record"
    )
    group.add_argument(
        "--min-per-user",
        type=int,
        default=5,
        help="k-core of users, 0 for none (default %(default)s)",
    )
    group.add_argument(
        "--min-per-item",
        type=int,
        default=5,
        help="k-core of items, 0 for none (default %(default)s)",
    )
    add_category_options(parser)
    engine = parser.add_argument_group("limits, without influence on the files")
    engine.add_argument(
        "--memory-limit",
        default="4GB",
        metavar="SIZE",
        help="memory of the filter stage, beyond which it works on disk (default 4GB)",
    )
    engine.add_argument(
        "--threads", type=int, default=2, help="threads of the filter stage (default 2)"
    )
    engine.add_argument("--quiet", action="store_true", help="no progress, only the summary")


def filter_rule(options: argparse.Namespace) -> FilterRule:
    """Read the filters from parsed options.

    Args:
        options: Parsed by a parser with ``add_filter_options``.

    Returns:
        The rule.

    Raises:
        ValueError: If the options contradict each other.
    """
    return FilterRule(
        options.min_time,
        options.max_time,
        options.duplicates,
        options.min_rating,
        options.only_described,
        options.min_per_user,
        options.min_per_item,
        CategoryRule(
            options.category_kind,
            options.category_skip_levels,
            options.category_level,
            options.category_min_count,
        ),
    )


def prepare_with_options(source: Source, options: argparse.Namespace) -> None:
    """Prepare a source as parsed options say and print the summary table.

    Args:
        source: The raw data.
        options: Parsed by a parser with ``add_filter_options``.

    Raises:
        FileNotFoundError: If a file of the source does not exist.
        ValueError: See ``prepare``.
    """
    result = prepare(
        source,
        options.output,
        options.dataset,
        filter_rule(options),
        Engine(options.memory_limit, options.threads),
        say=(lambda _: None) if options.quiet else print,
        progress=not options.quiet,
    )
    if options.quiet and result.was_current:
        print(f"{options.dataset}: already complete and unchanged, nothing to do")
    rows = summary_rows(result)
    width = max(len(label) for label, _ in rows)
    value_width = max(len(value) for _, value in rows)
    for label, value in rows:
        print(f"  {label:<{width}}  {value:>{value_width}}")
    for note in result.notes:
        print(f"  note: {note}")
    for warning in result.warnings:
        print(f"  warning: {warning}")
    print(f"  {result.inter}\n  {result.item}\n  {result.record}")


def _time(text: str) -> float:
    """Seconds since 1970 of a number or of a date in UTC."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither seconds since 1970 nor a date such as 2014-05-01"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()
