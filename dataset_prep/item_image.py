"""Image features of items: ``python -m recbole_cammsr.dataset_prep.item_image --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from .atomic_file import write_atomic_file
from .command_line import add_image_encoder_options, add_run_options, run
from .efficientnet_lite import efficientnet_lite0
from .feature_file import feature_path, write_feature_file
from .image_encoder import NO_IMAGE, ImageFeatures, encode_images
from .image_model import ImageModel, TransformersImageModel
from .pca import reduce_pca
from .table_reader import field, read_records


def load_image_model(name: str, device: str = "cpu") -> ImageModel:
    """Load an image network by name.

    Args:
        name: ``"efficientnet-lite0"``, or a ``transformers`` model: hub name, local folder or
            ``package:NAME``.
        device: Torch device to run on.

    Returns:
        The network's adapter.

    Raises:
        ImportError: If a package that the network needs is not installed.
        FileNotFoundError: If the model cannot be found.
    """
    if name == "efficientnet-lite0":
        return efficientnet_lite0(device)
    return TransformersImageModel.from_pretrained(name, device)


def encode_item_images(
    images: str, wanted: Collection[str] | None, options: argparse.Namespace
) -> ImageFeatures:
    """Encode images as the command-line options say, and report what is missing.

    Args:
        images: Folder or zip archive.
        wanted: Item tokens; None for every image.
        options: Holds the options of ``add_image_encoder_options`` and ``add_run_options``.

    Returns:
        The features and what is missing.

    Raises:
        FileNotFoundError: If the images or the model do not exist.
        ValueError: If no image is usable.
    """
    model = load_image_model(options.image_encoder, options.device)
    result = encode_images(images, model, options.image_batch_size, wanted, not options.quiet)
    absent = sum(reason == NO_IMAGE for reason in result.missing.values())
    print(
        f"{images}: {len(result.item_ids)} usable, {len(result.missing) - absent} unusable, "
        f"{absent} items without image, {len(result.ignored)} files ignored"
    )
    if options.missing_report:
        found = [("item", *pair) for pair in result.missing.items()]
        found += [("file", *pair) for pair in result.ignored.items()]
        # A hostile file name may hold the very characters that end a cell.
        rows = ([" ".join(cell.split()) for cell in row] for row in found)
        write_atomic_file(options.missing_report, ("kind", "name", "reason"), rows)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Encode the images of items into ``<dataset>.<modality>.npz``.

    Args:
        arguments: Command-line arguments; None takes the process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="item_image", description=__doc__)
    parser.add_argument("--images", required=True, help="folder or zip; file stem = item id")
    parser.add_argument("--items", help="JSON lines; only these items (default: every image)")
    parser.add_argument("--item-field", default="item_id", help="field of the item id")
    parser.add_argument("--dataset", required=True, help="data set name")
    parser.add_argument("--modality", default="image", help="modality name (default image)")
    parser.add_argument("--output", required=True, help="folder of the data set")
    parser.add_argument("--components", type=int, default=0, help="PCA; 0 (default) keeps all")
    parser.add_argument("--dtype", choices=("float16", "float32"), default="float32")
    add_image_encoder_options(parser)
    add_run_options(parser)
    options = parser.parse_args(arguments)

    def command() -> None:
        wanted = None
        if options.items:
            wanted = {
                str(field(record, options.item_field, options.items))
                for record in read_records(options.items)
            }
        result = encode_item_images(options.images, wanted, options)
        values = result.features
        if options.components:
            values = reduce_pca(values, options.components)
        path = feature_path(Path(options.output), options.dataset, options.modality)
        write_feature_file(path, result.item_ids, values, options.dtype)
        print(f"{path}: {len(result.item_ids)} items, {values.shape[1]} values each")

    return run(command)


if __name__ == "__main__":
    sys.exit(main())
