"""Adapters that give any image network one face: prepare an image, compute features of a batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

import numpy as np

from .content_digest import settings_digest, weights_digest
from .model_location import resolve_model
from .optional_import import require
from .torch_device import to_device


class ImageModel(Protocol):
    """What the encoder needs of an image network."""

    def prepare(self, image: Any) -> Any:
        """Turn an RGB ``PIL.Image.Image`` into a float tensor (3, H, W)."""

    def features(self, batch: Any) -> Any:
        """Turn a batch (B, 3, H, W) on the CPU into features (B, d) on the CPU."""

    def fingerprint(self) -> str:
        """Digest of everything that a feature depends on besides its image and the machine."""


class TorchImageModel:
    """Any torch module that maps (B, 3, S, S) to features."""

    def __init__(
        self,
        module: Any,
        size: int,
        mean: Sequence[float],
        std: Sequence[float],
        device: str = "cpu",
        forward: Callable[[Any], Any] | None = None,
        precision: str = "float32",
    ) -> None:
        """Wrap a module.

        Args:
            module: The network; put into eval mode.
            size: Side S of the square input; images are stretched to it, so that nothing of a
                poster or product photo is cut off.
            mean: Mean per channel of pixels in 0..1.
            std: Standard deviation per channel of pixels in 0..1.
            device: Torch device to run on.
            forward: The method that computes (B, d) or (B, d, h, w); None calls the module.
            precision: ``"float32"``, ``"float16"`` or ``"bfloat16"``.
        """
        self.module = to_device(module, device, precision)
        self.precision = precision
        self.size = size
        self.mean = np.asarray(mean, dtype=np.float32).reshape(3, 1, 1)
        self.std = np.asarray(std, dtype=np.float32).reshape(3, 1, 1)
        self.device = device
        self.forward = self.module if forward is None else forward

    def prepare(self, image: Any) -> Any:
        """Resize and normalise.

        Args:
            image: RGB image.

        Returns:
            Float tensor (3, S, S).
        """
        torch = require("torch", "Image encoding", "pip install torch")
        bicubic = require("PIL.Image", "Image encoding").Resampling.BICUBIC
        resized = image.resize((self.size, self.size), bicubic)
        pixels = np.asarray(resized, dtype=np.float32).transpose(2, 0, 1) / 255.0
        return torch.from_numpy((pixels - self.mean) / self.std)

    def features(self, batch: Any) -> Any:
        """Compute features; maps are averaged over their positions.

        Args:
            batch: Float tensor (B, 3, S, S).

        Returns:
            Float tensor (B, d) on the CPU.
        """
        output = self.forward(_moved(batch, self.device, self.precision)).float()
        return (output.mean(dim=(2, 3)) if output.ndim == 4 else output).cpu()

    def fingerprint(self) -> str:
        """Digest of everything that a feature depends on besides its image and the machine."""
        return settings_digest(
            {
                "weights": weights_digest(self.module),
                "forward": getattr(self.forward, "__qualname__", type(self.forward).__qualname__),
                "size": self.size,
                "mean": self.mean.ravel().tolist(),
                "std": self.std.ravel().tolist(),
                "precision": self.precision,
            }
        )


class TransformersImageModel:
    """An image network of ``transformers`` with its own image processor."""

    def __init__(
        self,
        model: Any,
        processor: Any,
        device: str = "cpu",
        trained_pooler: bool = True,
        precision: str = "float32",
        random_weights: Collection[str] = (),
    ) -> None:
        """Wrap a loaded model.

        Args:
            model: Vision model, or a two-tower model with ``get_image_features``.
            processor: Its image processor.
            device: Torch device to run on.
            trained_pooler: Whether ``pooler_output`` comes from trained weights.
            precision: ``"float32"``, ``"float16"`` or ``"bfloat16"``.
            random_weights: Names of weights that the checkpoint lacks; no feature depends on them.
        """
        self.model = to_device(model, device, precision)
        self.precision = precision
        self._random_weights = tuple(random_weights)
        self.processor = processor
        self.device = device
        self.trained_pooler = trained_pooler

    @classmethod
    def from_pretrained(
        cls, name: str, device: str = "cpu", precision: str = "float32"
    ) -> TransformersImageModel:
        """Load a network by name.

        Args:
            name: Hub name, local folder or ``package:NAME`` (see ``resolve_model``).
            device: Torch device to run on.
            precision: ``"float32"``, ``"float16"`` or ``"bfloat16"``.

        Returns:
            The adapter.

        Raises:
            ImportError: If ``transformers`` is not installed.
            FileNotFoundError: If the model cannot be found.
        """
        transformers = require("transformers", "Image encoding")
        location = resolve_model(name)
        try:
            processor = transformers.AutoImageProcessor.from_pretrained(location)
            model, loading = transformers.AutoModel.from_pretrained(
                location, output_loading_info=True
            )
        except (OSError, ValueError, KeyError) as error:
            # transformers raises ValueError or KeyError for a model type that it does not know.
            reason = str(error).splitlines()[0]
            raise FileNotFoundError(
                f"image encoder {name!r} cannot be loaded ({reason}): give a hub name that this "
                "machine can reach, or a local folder"
            ) from error
        # A checkpoint of a classifier has no pooler: transformers then makes a random one.
        missing = list(loading["missing_keys"])
        trained = not any("pooler" in key for key in missing)
        return cls(model, processor, device, trained, precision, missing)

    def prepare(self, image: Any) -> Any:
        """Apply the model's own image processor.

        Args:
            image: RGB image.

        Returns:
            Float tensor (3, H, W).
        """
        return self.processor(images=image, return_tensors="pt")["pixel_values"][0]

    def features(self, batch: Any) -> Any:
        """Compute the model's image embedding.

        Args:
            batch: Float tensor (B, 3, H, W).

        Returns:
            Float tensor (B, d) on the CPU: the joint-space embedding of a two-tower model, else
            the trained pooler's output, else the first token's state or the mean over a map.
        """
        batch = _moved(batch, self.device, self.precision)
        if hasattr(self.model, "get_image_features"):
            output = self.model.get_image_features(pixel_values=batch)
            # Later versions of transformers return an output object here.
            pooled = getattr(output, "pooler_output", output)
        else:
            output = self.model(pixel_values=batch)
            pooled = getattr(output, "pooler_output", None) if self.trained_pooler else None
            if pooled is None:
                states = output.last_hidden_state
                pooled = states.mean(dim=(2, 3)) if states.ndim == 4 else states[:, 0]
        return pooled.flatten(1).float().cpu()

    def fingerprint(self) -> str:
        """Digest of everything that a feature depends on besides its image and the machine."""
        return settings_digest(
            {
                "weights": weights_digest(self.model, self._random_weights),
                "processor": self.processor.to_dict(),
                "trained_pooler": self.trained_pooler,
                "precision": self.precision,
            }
        )


def _moved(batch: Any, device: str, precision: str) -> Any:
    """Bring a batch to the network's device and type."""
    import torch

    return batch.to(device=device, dtype=getattr(torch, precision))
