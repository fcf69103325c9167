"""MovieLens-100K plots and posters: ``python -m recbole_cammsr.dataset_prep.ml100k --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .clean_text import clean_text
from .command_line import (
    add_image_encoder_options,
    add_run_options,
    add_text_encoder_options,
    run,
)
from .feature_file import feature_path, write_feature_file
from .item_image import encode_item_images
from .item_text import encode_items, item_text
from .pca import reduce_pca
from .table_reader import Record, field, read_records
from .text_encoder import TextEncoder

DATASET = "ml-100k"


def movie_text(record: Record) -> str:
    """Write a movie as title and overview.

    Args:
        record: One movie.

    Returns:
        ``"Title (1995). Overview."``; empty for a movie without overview, since the title alone
        says too little of its content.
    """
    return item_text(record, ("title", "overview")) if clean_text(record.get("overview")) else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write ``ml-100k.text.npz`` and ``ml-100k.image.npz``.

    Args:
        arguments: Command-line arguments; None takes the process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="ml100k", description=__doc__)
    parser.add_argument("--items", required=True, help="JSON lines: item_id, title, overview")
    parser.add_argument("--posters", required=True, help="folder or zip of <item_id>.jpg")
    parser.add_argument("--output", required=True, help="folder that receives the two files")
    parser.add_argument("--image-components", type=int, default=256, help="PCA; 0 keeps all values")
    parser.add_argument("--dtype", choices=("float16", "float32"), default="float16")
    add_text_encoder_options(parser, required=True)
    add_image_encoder_options(parser)
    add_run_options(parser)
    options = parser.parse_args(arguments)

    def command() -> None:
        movies = [
            (str(field(record, "item_id", options.items)), movie_text(record))
            for record in read_records(options.items)
        ]
        pictures = encode_item_images(options.posters, {token for token, _ in movies}, options)
        images = pictures.features
        if options.image_components:
            images = reduce_pca(images, options.image_components)
        encoder = TextEncoder.from_pretrained(
            options.text_encoder, options.device, options.max_length
        )
        tokens, texts = encode_items(
            movies, encoder, options.tokens_per_batch, progress=not options.quiet
        )
        for modality, ids, values in (
            ("text", tokens, texts),
            ("image", pictures.item_ids, images),
        ):
            path = feature_path(options.output, DATASET, modality)
            write_feature_file(path, ids, values, options.dtype)
            print(f"{path}: {len(ids)} of {len(movies)} movies, {values.shape[1]} values each")

    return run(command)


if __name__ == "__main__":
    sys.exit(main())
