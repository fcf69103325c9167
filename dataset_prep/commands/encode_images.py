"""``cammsr-prep encode-images``: images of items to a feature file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from ..chunked_encoding import Chunk, EncodedChunk, NothingEncodedError, encode_to_file
from ..command_line import (
    DEFAULT_IMAGE_ENCODER,
    add_image_encoder_options,
    add_run_options,
    item_bar,
    silence_libraries,
    summary_table,
)
from ..content_digest import rows_digest
from ..data_set_items import others_row, within_data_set
from ..encoding_stage import EncodingStage, software_versions
from ..feature_file import feature_path
from ..image_download_command import add_download_options, download
from ..image_encoder import encode_image_files
from ..image_matches import ItemImages
from ..image_model import ImageModel
from ..image_network import load_image_model
from ..image_source import ImageFile, open_images
from ..image_verdicts import write_verdicts
from ..item_files import read_files
from ..item_links import read_links
from ..item_records import scan_items
from ..model_location import model_packages
from ..torch_device import choose_device

NAME = "encode-images"
HELP = "encode item images from a folder, a zip or URLs; a killed run goes on where it was"
CHUNK_SIZE = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("--dataset", required=True, help="data set name")
    parser.add_argument("--output", required=True, help="folder of the data set")
    parser.add_argument("--modality", default="image", help="modality name (default image)")
    parser.add_argument(
        "--images",
        metavar="SOURCE",
        help="folder or zip, file stem = item id unless --file-field names the files; or a folder "
        "that an earlier download made",
    )
    parser.add_argument(
        "--file-field",
        metavar="FIELD",
        help="field of --items with the name of the item's file, from --images on",
    )
    parser.add_argument(
        "--items",
        metavar="FILE",
        help="items to encode: .item file, CSV, TSV or JSON lines, optionally .gz (default: "
        "<output>/<dataset>.item where it exists, else every image)",
    )
    parser.add_argument("--item-field", default="item_id", help="field of the item id")
    parser.add_argument("--components", type=int, default=0, help="PCA; 0 (default) keeps all")
    parser.add_argument(
        "--chunk-size", type=int, default=CHUNK_SIZE, help="images between two save points"
    )
    add_image_encoder_options(parser)
    add_download_options(parser)
    add_run_options(parser)


def execute(options: argparse.Namespace) -> None:
    """Encode images into ``<dataset>.<modality>.npz``, with a verdict on every item beside it.

    Args:
        options: The parsed options.

    Raises:
        FileNotFoundError: If items, images or the encoder do not exist.
        ImportError: If a package that is needed is not installed.
        ValueError: If no image is usable, or an option is.
    """
    if bool(options.images) == bool(options.url_field):
        raise ValueError("give either --images or --url-field")
    if options.file_field and not options.images:
        raise ValueError("--file-field names files in a folder or zip: give it with --images")
    if options.chunk_size < 1:
        raise ValueError(f"--chunk-size must be at least 1, not {options.chunk_size}")
    if options.components < 0:
        raise ValueError(f"--components must be at least 0, not {options.components}")
    output = feature_path(options.output, options.dataset, options.modality)
    items = _items_file(options)
    wanted, others = _wanted(items, options)
    # What was mistyped is told before a network is loaded and links are followed.
    if options.images and not Path(options.images).exists():
        raise FileNotFoundError(f"{options.images}: no such folder or zip archive of images")
    links: dict[str, str] | None = None
    if options.url_field:
        links = dict(
            read_links(_known(items, "--url-field"), options.item_field, options.url_field)
        )
        links = {token: link for token, link in links.items() if token in (wanted or ())}
    files: dict[str, str] | None = None
    if options.file_field:
        named = read_files(_known(items, "--file-field"), options.item_field, options.file_field)
        files = {token: file for token, file in named if token in (wanted or ())}
    device = choose_device(options.device)
    # The default network does without transformers, which need not be installed for it.
    silence_libraries(options.quiet and options.image_encoder != DEFAULT_IMAGE_ENCODER)
    model = load_image_model(options.image_encoder, device, options.precision)
    settings = {
        "encoder": options.image_encoder,
        "encoder content": model.fingerprint(),
        "precision": options.precision,
        "batch size": options.image_batch_size,
        "chunk size": options.chunk_size,
    }
    software = {
        **software_versions(
            *("torch", "transformers", "pillow", "numpy", "scipy"),
            *model_packages(options.image_encoder),
        ),
        "device": device,
    }
    file_settings = {"components": options.components, "dtype": options.dtype}
    name = f"{NAME}:{options.modality}"
    inputs = {"items": rows_digest("", [sorted(wanted)]) if wanted is not None else "every image"}
    if links is not None:
        inputs["links"] = rows_digest("", links.items())

    def stage_of(images: Sequence[ImageFile]) -> EncodingStage:
        content = rows_digest("", ((x.token, x.name, x.stamp) for x in images))
        with_images = {**inputs, "images": content}
        return EncodingStage(
            output, options.dataset, name, with_images, settings, software, file_settings
        )

    # Also where all was encoded before: a link that failed may work now, or be allowed now.
    source = options.images if links is None else download(links, options)
    with open_images(source, links=links, references=files) as listing:
        _encode(options, ItemImages(source, listing, wanted, files), others, model, stage_of)


def _encode(
    options: argparse.Namespace,
    found: ItemImages,
    others: int,
    model: ImageModel,
    stage_of: Callable[[Sequence[ImageFile]], EncodingStage],
) -> None:
    """Encode a source unless that is done already."""
    images = found.images()
    stage = stage_of(images)
    if stage.announce_if_up_to_date(options.force):
        return
    absent, ignored, strangers = found.absent(), found.ignored(), found.of_no_item()
    verdicts = stage.output.with_name(f"{options.dataset}.{options.modality}.verdicts.tsv")
    # Those of the features that are there are theirs: a run that fails leaves both alone.
    failed = verdicts.with_suffix(".failed.tsv") if stage.output.exists() else verdicts
    if not images:
        write_verdicts(failed, images, absent, ignored)
        found.refuse_no_image(failed)
    if len(images) < options.components:
        raise ValueError(
            f"{found.source}: --components {options.components} needs at least as many images, but "
            f"{len(images)} are to be encoded: ask for fewer, or for 0 to keep all values"
        )
    try:
        with item_bar(options, len(images), options.modality) as bar:
            chunks = _chunks(images, model, stage.salt, options, bar.update)
            result = encode_to_file(
                chunks, stage.output, options.dtype, options.components, bar.update
            )
    except NothingEncodedError as error:
        # There is no feature file to write then, but still a reason for every item.
        missing = {**error.missing, **absent}
        write_verdicts(failed, images, missing, ignored)
        raise NothingEncodedError(stage.output.name, missing, failed) from error
    missing = {**result.missing, **absent}
    write_verdicts(verdicts, images, missing, ignored)
    verdicts.with_suffix(".failed.tsv").unlink(missing_ok=True)
    counts = {
        "items": result.items + len(missing),
        "encoded": result.items,
        "unusable": len(result.missing),
        "without image": len(absent),
        "width": result.width,
    }
    stage.finish(counts, {options.modality: result.items / counts["items"]}, [verdicts])
    print(
        f"{stage.output}\n"
        + summary_table(
            [
                ("items", counts["items"]),
                *others_row(others),
                ("with a feature", result.items),
                ("image unusable", len(result.missing)),
                ("no image", len(absent)),
                ("files ignored", len(ignored)),
                *([("of these, images of no item", len(strangers))] if strangers else []),
                ("values each", result.width),
                ("encoder", options.image_encoder),
                ("device", f"{stage.software['device']}, {options.precision}"),
                ("taken over from a stopped run", f"{result.reused} of {result.chunks} chunks"),
                ("reasons", str(verdicts)),
            ]
        )
    )


def _chunks(
    images: Sequence[ImageFile],
    model: ImageModel,
    salt: str,
    options: argparse.Namespace,
    advance: Callable[[int], object],
) -> Iterator[Chunk]:
    """Cut images into chunks of the same number of images, in their order."""

    def job(rows: list[ImageFile]) -> Callable[[], EncodedChunk]:
        def encode() -> EncodedChunk:
            return encode_image_files(
                rows, model, options.image_batch_size, options.workers, advance
            )

        return encode

    rest = iter(images)
    while rows := list(islice(rest, options.chunk_size)):
        key = rows_digest(salt, ((x.token, x.name, x.stamp) for x in rows))
        yield Chunk(key, len(rows), job(rows))


def _items_file(options: argparse.Namespace) -> Path | None:
    """The file of items, None where every image is to be encoded."""
    if options.items:
        return Path(options.items)
    default = Path(options.output) / f"{options.dataset}.item"
    return default if default.is_file() else None


def _known(items: Path | None, option: str) -> Path:
    """The file of items, which has the field that an option names."""
    if items is None:
        raise ValueError(f"{option} needs --items, the file that has the field")
    return items


def _wanted(items: Path | None, options: argparse.Namespace) -> tuple[frozenset[str] | None, int]:
    """Items to encode, None for every image; and how many more the data set does not have."""
    if items is None:
        return None, 0
    listed = scan_items(items, options.item_field, []).tokens
    kept = within_data_set(listed, items, options.output, options.dataset, options.item_field)
    return kept, len(listed) - len(kept)
