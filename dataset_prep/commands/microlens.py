"""``cammsr-prep microlens``."""

from __future__ import annotations

import argparse

from ..filter_options import add_filter_options, prepare_with_options
from ..microlens import MicroLens

NAME = "microlens"
HELP = "MicroLens 50K or 100K: pairs, titles, tags and covers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Args:
        parser: Its parser.
    """
    parser.add_argument(
        "--folder", required=True, help="folder of *_pairs.csv and *_titles.csv or *_title_en.csv"
    )
    parser.add_argument(
        "--covers",
        help="folder of the covers as the image references name it, relative to --folder "
        "(default: MicroLens-..._covers)",
    )
    add_filter_options(parser)
    # The tags of a video have no order.
    parser.set_defaults(category_kind="flat")


def execute(options: argparse.Namespace) -> int:
    """Prepare the release.

    Args:
        options: Parsed arguments.

    Returns:
        The exit code, 0.
    """
    source = MicroLens(options.folder, options.covers, progress=not options.quiet)
    prepare_with_options(source, options)
    return 0
