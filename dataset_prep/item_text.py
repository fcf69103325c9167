"""Text features of items: ``python -m recbole_cammsr.dataset_prep.item_text --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from .clean_text import clean_text
from .command_line import add_run_options, add_text_encoder_options, run
from .feature_file import feature_path, write_feature_file
from .table_reader import Record, field, read_records
from .text_encoder import TextEncoder


def item_text(record: Record, fields: Sequence[str]) -> str:
    """Join fields of an item as sentences; of nested paths the first is written word by word.

    Args:
        record: One item.
        fields: Field names, in the order they are to be read.

    Returns:
        ``"Title. Beauty Makeup Nails."``; the empty string where every field is empty.
    """
    parts = []
    for name in fields:
        value = record.get(name)
        while isinstance(value, list) and value and isinstance(value[0], list):
            value = value[0]
        part = clean_text(" ".join(map(str, value)) if isinstance(value, list) else value)
        if part:
            parts.append(part if part[-1] in ".!?" else f"{part}.")
    return " ".join(parts)


def encode_items(
    items: Sequence[tuple[str, str]], encoder: TextEncoder, tokens_per_batch: int, progress: bool
) -> tuple[list[str], np.ndarray]:
    """Encode the items that have text.

    Args:
        items: Item token and text; blank texts are left out.
        encoder: The encoder.
        tokens_per_batch: Padded tokens a batch.
        progress: Show a progress bar.

    Returns:
        The ``n`` tokens with text, and their features (n, d).

    Raises:
        ValueError: If no item has text.
    """
    kept = [(token, text) for token, text in items if text.strip()]
    if not kept:
        raise ValueError("no item has a text: check the names of the text fields")
    features = encoder.encode([text for _, text in kept], tokens_per_batch, progress)
    return [token for token, _ in kept], features


def main(arguments: Sequence[str] | None = None) -> int:
    """Encode the text of items into ``<dataset>.<modality>.npz``.

    Args:
        arguments: Command-line arguments; None takes the process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="item_text", description=__doc__)
    parser.add_argument("--items", required=True, help="JSON lines, one item each (.jsonl[.gz])")
    parser.add_argument("--item-field", default="item_id", help="field of the item id")
    parser.add_argument("--text-fields", nargs="+", required=True, help="fields to read, in order")
    parser.add_argument("--dataset", required=True, help="data set name")
    parser.add_argument("--modality", default="text", help="modality name (default text)")
    parser.add_argument("--output", required=True, help="folder of the data set")
    parser.add_argument("--dtype", choices=("float16", "float32"), default="float32")
    add_text_encoder_options(parser, required=True)
    add_run_options(parser)
    options = parser.parse_args(arguments)

    def command() -> None:
        items = [
            (
                str(field(record, options.item_field, options.items)),
                item_text(record, options.text_fields),
            )
            for record in read_records(options.items)
        ]
        encoder = TextEncoder.from_pretrained(
            options.text_encoder, options.device, options.max_length
        )
        tokens, features = encode_items(
            items, encoder, options.tokens_per_batch, progress=not options.quiet
        )
        path = feature_path(options.output, options.dataset, options.modality)
        write_feature_file(path, tokens, features, options.dtype)
        print(f"{path}: {features.shape[0]} of {len(items)} items, {features.shape[1]} values each")

    return run(command)


if __name__ == "__main__":
    sys.exit(main())
