"""``cammsr-prep movielens``."""

from __future__ import annotations

import argparse

from ..filter_options import add_filter_options, prepare_with_options
from ..movielens import RELEASES, MovieLens

NAME = "movielens"
HELP = "MovieLens 100K, 1M, 10M, 20M, latest-small, 25M or 32M, from the unpacked archive"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Args:
        parser: Its parser.
    """
    parser.add_argument("--release", required=True, choices=tuple(RELEASES))
    parser.add_argument("--folder", required=True, help="the unpacked archive, e.g. ml-1m")
    add_filter_options(parser)
    # Genres have no order; as a path the first of them would stand for the film.
    parser.set_defaults(category_kind="flat")


def execute(options: argparse.Namespace) -> int:
    """Prepare the release.

    Args:
        options: Parsed arguments.

    Returns:
        The exit code, 0.
    """
    source = MovieLens(options.release, options.folder, progress=not options.quiet)
    prepare_with_options(source, options)
    return 0
