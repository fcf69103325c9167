"""Loading an image network by name."""

from __future__ import annotations

from .command_line import DEFAULT_IMAGE_ENCODER
from .efficientnet_lite import efficientnet_lite0
from .image_model import ImageModel, TransformersImageModel


def load_image_model(name: str, device: str = "cpu", precision: str = "float32") -> ImageModel:
    """Load an image network by name.

    Args:
        name: ``"efficientnet-lite0"``, or a ``transformers`` model: hub name, local folder or
            ``package:NAME``.
        device: Torch device to run on.
        precision: ``"float32"``, ``"float16"`` or ``"bfloat16"``.

    Returns:
        The network's adapter.

    Raises:
        ImportError: If a package that the network needs is not installed.
        FileNotFoundError: If the model cannot be found.
    """
    if name == DEFAULT_IMAGE_ENCODER:
        return efficientnet_lite0(device, precision)
    return TransformersImageModel.from_pretrained(name, device, precision)
