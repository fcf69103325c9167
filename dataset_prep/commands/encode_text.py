"""``cammsr-prep encode-text``: texts of items to a feature file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..chunked_encoding import encode_to_file
from ..command_line import (
    add_run_options,
    add_text_encoder_options,
    item_bar,
    silence_libraries,
    summary_table,
)
from ..content_digest import file_digest, rows_digest
from ..data_set_items import others_row, within_data_set
from ..encoding_stage import EncodingStage, software_versions
from ..feature_file import feature_path
from ..item_records import read_items, scan_items
from ..item_text import item_text, text_chunks
from ..model_location import model_packages
from ..text_encoder import TextEncoder, default_tokens_per_batch
from ..torch_device import choose_device

NAME = "encode-text"
HELP = "encode item texts with a pretrained transformer; a killed run goes on where it was"
DEFAULT_FIELDS = "title,categories"
# Large enough for little padding (texts are sorted by length within a chunk), small enough that a
# kill costs a minute on a laptop.
CHUNK_SIZE = 2048


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("--dataset", required=True, help="data set name")
    parser.add_argument("--output", required=True, help="folder of the data set")
    parser.add_argument("--modality", default="text", help="modality name (default text)")
    parser.add_argument(
        "--items",
        metavar="FILE",
        help=".item file, CSV, TSV or JSON lines, optionally .gz (default: "
        "<output>/<dataset>.item)",
    )
    parser.add_argument("--item-field", default="item_id", help="field of the item id")
    parser.add_argument(
        "--fields",
        default=DEFAULT_FIELDS,
        help=f"fields to read, in order, separated by commas (default {DEFAULT_FIELDS})",
    )
    parser.add_argument(
        "--require",
        metavar="FIELD",
        help="count an item without this field as missing, e.g. description",
    )
    parser.add_argument(
        "--chunk-size", type=int, default=CHUNK_SIZE, help="items between two save points"
    )
    add_text_encoder_options(parser, required=True)
    add_run_options(parser)


def execute(options: argparse.Namespace) -> None:
    """Encode the texts of items into ``<dataset>.<modality>.npz``.

    Args:
        options: The parsed options.

    Raises:
        FileNotFoundError: If the items or the encoder do not exist.
        ImportError: If a package that the encoder needs is not installed.
        ValueError: If no item has text, or an option or a field is unusable.
    """
    output = feature_path(options.output, options.dataset, options.modality)
    items = Path(options.items or Path(options.output) / f"{options.dataset}.item")
    fields = [name.strip() for name in options.fields.split(",") if name.strip()]
    if not fields or options.chunk_size < 1:
        raise ValueError("--fields must name at least one field, --chunk-size be at least 1")
    read = [*fields, *([options.require] if options.require else [])]
    listed = scan_items(items, options.item_field, list(dict.fromkeys(read))).tokens
    kept = within_data_set(listed, items, options.output, options.dataset, options.item_field)
    inputs = {items.name: file_digest(items)}
    if kept != listed:
        inputs["items of the data set"] = rows_digest("", [sorted(kept)])
    device = choose_device(options.device)
    silence_libraries(options.quiet)
    encoder = TextEncoder.from_pretrained(
        options.text_encoder, device, options.max_length, options.precision
    )
    tokens_per_batch = options.tokens_per_batch
    if tokens_per_batch is None:
        tokens_per_batch = default_tokens_per_batch(device)
    stage = EncodingStage(
        output,
        options.dataset,
        f"{NAME}:{options.modality}",
        inputs=inputs,
        settings={
            "fields": fields,
            "required field": options.require,
            "item field": options.item_field,
            "encoder": options.text_encoder,
            "encoder content": encoder.fingerprint(),
            "pooling": encoder.pooling.mode,
            "max length": encoder.max_length,
            "precision": options.precision,
            # as it was asked for: what a device takes by itself is no reason to encode again
            "tokens per batch": options.tokens_per_batch,
            "chunk size": options.chunk_size,
        },
        software={
            **software_versions(
                "torch", "transformers", "tokenizers", *model_packages(options.text_encoder)
            ),
            "device": device,
            "tokens per batch": str(tokens_per_batch),
        },
        file_settings={"dtype": options.dtype},
    )
    if stage.announce_if_up_to_date(options.force):
        return
    with item_bar(options, len(kept), options.modality) as bar:
        every = _texts(items, options.item_field, fields, options.require)
        rows = ((token, text) for token, text in every if token in kept)
        chunks = text_chunks(
            rows, encoder, stage.salt, options.chunk_size, tokens_per_batch, bar.update
        )
        result = encode_to_file(chunks, output, options.dtype, reached=bar.update)
    stage.finish(
        {
            "items": len(kept),
            "encoded": result.items,
            "missing": len(result.missing),
            "cut": result.cut,
            "width": result.width,
        },
        {options.modality: result.items / len(kept)},
    )
    print(
        f"{output}\n"
        + summary_table(
            [
                ("items", len(kept)),
                *others_row(len(listed) - len(kept)),
                ("with a feature", result.items),
                ("without text", len(result.missing)),
                (f"texts cut at {encoder.max_length} tokens", result.cut),
                ("values each", result.width),
                ("encoder", options.text_encoder),
                ("pooling", encoder.pooling.mode),
                ("device", f"{device}, {options.precision}"),
                ("taken over from a stopped run", f"{result.reused} of {result.chunks} chunks"),
            ]
        )
    )


def _texts(
    path: Path, item_field: str, fields: Sequence[str], required: str | None
) -> Iterator[tuple[str, str]]:
    """Yield token and text of each item."""
    read = list(dict.fromkeys([*fields, *([required] if required else [])]))
    for token, record in read_items(path, item_field, read):
        lacks = required is not None and not item_text(record, [required])
        yield token, "" if lacks else item_text(record, fields)
