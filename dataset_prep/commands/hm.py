"""``cammsr-prep hm``."""

from __future__ import annotations

import argparse

from ..filter_options import add_filter_options, prepare_with_options
from ..hm import HM

NAME = "hm"
HELP = "H&M Personalized Fashion Recommendations: transactions, articles and images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Args:
        parser: Its parser.
    """
    parser.add_argument(
        "--folder", required=True, help="folder of transactions_train.csv and articles.csv"
    )
    parser.add_argument(
        "--images",
        default="images",
        help="folder of the images as the image references name it, relative to --folder "
        "(default images)",
    )
    add_filter_options(parser)


def execute(options: argparse.Namespace) -> int:
    """Prepare the data.

    Args:
        options: Parsed arguments.

    Returns:
        The exit code, 0.
    """
    source = HM(options.folder, options.images, progress=not options.quiet)
    prepare_with_options(source, options)
    return 0
