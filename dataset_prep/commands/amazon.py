"""``cammsr-prep amazon``: a category of Amazon Reviews 2014, 2018 or 2023."""

from __future__ import annotations

import argparse

from ..amazon import Amazon
from ..amazon_releases import RELEASES
from ..filter_options import add_filter_options, prepare_with_options

NAME = "amazon"
HELP = "Amazon Reviews 2014, 2018 or 2023, any category, from local files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("--release", required=True, choices=tuple(RELEASES))
    parser.add_argument(
        "--reviews",
        required=True,
        metavar="FILE",
        help="reviews_*_5.json.gz (2014), *_5.json.gz (2018) or *.jsonl.gz (2023), also unpacked; "
        "or the release's .csv of ratings alone",
    )
    parser.add_argument(
        "--meta", metavar="FILE", help="meta_*.json.gz or meta_*.jsonl.gz of the same category"
    )
    add_filter_options(parser)


def execute(options: argparse.Namespace) -> int:
    """Prepare the category.

    Args:
        options: Parsed options.

    Returns:
        The exit code.
    """
    source = Amazon(options.release, options.reviews, options.meta, not options.quiet)
    prepare_with_options(source, options)
    return 0
