"""``cammsr-prep ml100k``: the complete MovieLens-100K data set, in one command."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import ModuleType

from .. import ml100k
from ..command_line import DEFAULT_IMAGE_ENCODER, summary_table
from ..content_digest import file_digest
from ..prep_record import PrepRecord
from . import encode_images, encode_text

NAME = "ml100k"
HELP = "MovieLens-100K with plots and posters: .inter, .item, text and image features"

STAGE = "atomic-files"

# The shipped features were made with it. With batches of another size the last digit of 0.14 % of
# their values is another one.
_TOKENS_PER_BATCH = "8192"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "--source",
        required=True,
        metavar="FOLDER",
        help=f"folder with {ml100k.INTERACTIONS}, {ml100k.ITEMS} and {ml100k.POSTERS}",
    )
    parser.add_argument("--output", required=True, help="folder that receives the data set")
    parser.add_argument(
        "--text-encoder",
        default="sentence-transformers/all-MiniLM-L6-v2",
        metavar="MODEL",
        help="hub name, local folder or package:NAME (default: all-MiniLM-L6-v2 of the hub)",
    )
    parser.add_argument("--image-encoder", default=DEFAULT_IMAGE_ENCODER, metavar="MODEL")
    parser.add_argument("--image-components", type=int, default=256, help="PCA; 0 keeps all")
    parser.add_argument("--device", default="auto", help="torch device (default auto)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def execute(options: argparse.Namespace) -> None:
    """Write the data set; stages that are up to date are not done again.

    Args:
        options: The parsed options.

    Raises:
        FileNotFoundError: If a source file or an encoder does not exist.
        ImportError: If a package that an encoder needs is not installed.
        ValueError: If a source file is malformed.
    """
    source = Path(options.source)
    items, posters = source / ml100k.ITEMS, source / ml100k.POSTERS
    # All sources are looked for before minutes are spent on the first.
    for path in (source / ml100k.INTERACTIONS, items, posters):
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
    _write_atomic_files(source, Path(options.output))
    shared = ["--dataset", ml100k.DATASET, "--output", str(options.output), "--items", str(items)]
    shared += ["--dtype", "float16", "--device", options.device]
    shared += ["--quiet"] if options.quiet else []
    # A title alone says too little of a movie's content, so one without overview has no text.
    text = ["--fields", "title,overview", "--require", "overview"]
    text += ["--tokens-per-batch", _TOKENS_PER_BATCH]
    _run(encode_text, [*shared, *text, "--text-encoder", options.text_encoder])
    images = ["--images", str(posters), "--components", str(options.image_components)]
    _run(encode_images, [*shared, *images, "--image-encoder", options.image_encoder])


def _write_atomic_files(source: Path, output: Path) -> None:
    """Write and record the atomic files unless that is done already."""
    names = (ml100k.INTERACTIONS, ml100k.ITEMS)
    inputs = {name: file_digest(source / name) for name in names}
    record = PrepRecord.of_dataset(output, ml100k.DATASET)
    files = [output / f"{ml100k.DATASET}.{suffix}" for suffix in ("inter", "item")]
    if record.is_current(STAGE, inputs, {}):
        print(f"{files[0]}, .item: up to date, nothing to do")
        return
    counts = ml100k.write_atomic_files(source, output)
    found = {
        "title": counts.titles,
        "categories": counts.categorised,
        "description": counts.descriptions,
    }
    coverage = {name: count / max(counts.items, 1) for name, count in found.items()}
    record.finish(
        STAGE, inputs=inputs, settings={}, outputs=files, counts=vars(counts), coverage=coverage
    )
    print(f"{files[0]}, .item\n{summary_table(list(vars(counts).items()))}")


def _run(command: ModuleType, arguments: list[str]) -> None:
    """Run another command of this package."""
    parser = argparse.ArgumentParser(prog=command.NAME)
    command.add_arguments(parser)
    command.execute(parser.parse_args(arguments))
