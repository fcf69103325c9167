"""Text features from a pretrained transformer, in length-sorted batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .content_digest import settings_digest, weights_digest
from .model_location import resolve_model
from .optional_import import require
from .pooling import Pooling, read_pooling
from .text_network import TextNetwork, give_padding
from .torch_device import to_device

# Padded tokens a batch. On a CPU the states should stay in its cache: measured on MiniLM, 1024
# tokens take 0.6 of the time of 8192 (docs/dataset_prep_encoding.md).
_CPU_TOKENS = 1024
_ACCELERATOR_TOKENS = 8192

# Some tokenizers state "no limit" as a huge number.
_NO_LIMIT = 1_000_000
_DEFAULT_LENGTH = 512
# The pooling of a two-tower model: its own.
_JOINT = "joint"


class TextEncoder:
    """A tokenizer and an encoder with the pooling that the model was trained with."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        pooling: Pooling,
        device: str = "cpu",
        precision: str = "float32",
        random_weights: Collection[str] = (),
    ) -> None:
        """Wrap a loaded model.

        Args:
            model: Module whose output has ``last_hidden_state`` (B, T, d), of a model with a
                decoder the encoder's; or a two-tower model with ``get_text_features``.
            tokenizer: The model's ``transformers`` tokenizer.
            pooling: How token states become one vector; a two-tower model has a way of its own.
            device: Torch device to run on.
            precision: Type of the weights and states: ``"float32"``, ``"float16"`` or
                ``"bfloat16"``; pooling is always done in float32.
            random_weights: Names of weights that the checkpoint lacks; the output that is pooled
                does not depend on them.

        Raises:
            ValueError: If the device is unknown, not available, or unfit for the precision, the
                tokenizer cannot pad, or a checkpoint lacks what all texts go through.
        """
        self._network = TextNetwork(model)
        self._random_weights = self._network.own(random_weights)
        self.model = to_device(self._network.module, device, precision)
        give_padding(tokenizer)
        self.tokenizer = tokenizer
        self.pooling = replace(pooling, mode=_JOINT) if self._network.joint else pooling
        self.device = device
        self.precision = precision
        limits = [
            pooling.max_length,
            getattr(tokenizer, "model_max_length", None),
            self._network.positions,
        ]
        known = [limit for limit in limits if limit and 0 < limit < _NO_LIMIT]
        self.max_length = min(known, default=_DEFAULT_LENGTH)

    @classmethod
    def from_pretrained(
        cls,
        name: str,
        device: str = "cpu",
        max_length: int | None = None,
        precision: str = "float32",
    ) -> TextEncoder:
        """Load an encoder by name.

        Args:
            name: Hub name, local folder or ``package:NAME`` (see ``resolve_model``).
            device: Torch device to run on.
            max_length: Truncate texts to this many tokens; at most the model's own limit.
            precision: ``"float32"``, ``"float16"`` or ``"bfloat16"``.

        Returns:
            The encoder, in eval mode.

        Raises:
            ImportError: If ``transformers`` is not installed.
            FileNotFoundError: If the model cannot be found.
            ValueError: If its pooling is not supported, ``max_length`` is not within limits, or it
                cannot be used (see the constructor).
        """
        transformers = require("transformers", "Text encoding")
        location = resolve_model(name)
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(location)
            model, loading = transformers.AutoModel.from_pretrained(
                location, output_loading_info=True
            )
        except (OSError, ValueError, KeyError) as error:
            # transformers raises ValueError or KeyError for a model type that it does not know.
            reason = str(error).splitlines()[0]
            raise FileNotFoundError(
                f"text encoder {name!r} cannot be loaded ({reason}): give a hub name that this "
                "machine can reach, or a local folder"
            ) from error
        pooling = read_pooling(_file_reader(location), name)
        missing = list(loading["missing_keys"])
        encoder = cls(model, tokenizer, pooling, device, precision, missing)
        if max_length is not None:
            if not 2 <= max_length <= encoder.max_length:
                raise ValueError(
                    f"max_length {max_length} is not within 2..{encoder.max_length}, the limits of "
                    f"text encoder {name!r}"
                )
            encoder.max_length = max_length
        return encoder

    def fingerprint(self) -> str:
        """Digest of everything that a feature depends on besides its text and the machine."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        rules = self.tokenizer.get_vocab() if backend is None else backend.to_str()
        return settings_digest(
            {
                "weights": weights_digest(self.model, self._random_weights),
                "tokenizer": rules,
                "pooling": [self.pooling.mode, self.pooling.normalize],
                "max_length": self.max_length,
                "precision": self.precision,
            }
        )

    def encode(
        self,
        texts: Sequence[str],
        tokens_per_batch: int | None = None,
        advance: Callable[[int], object] | None = None,
        cut: Callable[[int], object] | None = None,
    ) -> np.ndarray:
        """Encode texts, truncated to ``max_length`` tokens.

        Args:
            texts: ``n`` texts.
            tokens_per_batch: Padded tokens a batch may hold; by default what suits the device.
            advance: Called after each batch with its number of texts.
            cut: Called once with the number of texts that were truncated.

        Returns:
            Features, float32 (n, d), in the order of ``texts``.

        Raises:
            ValueError: If there is no text, a text is blank, or ``tokens_per_batch`` is below 1.
        """
        if tokens_per_batch is None:
            tokens_per_batch = default_tokens_per_batch(self.device)
        if tokens_per_batch < 1:
            raise ValueError(f"tokens_per_batch must be at least 1, not {tokens_per_batch}")
        blank = [index for index, text in enumerate(texts) if not text.strip()]
        if not texts or blank:
            raise ValueError(
                f"nothing to encode: {len(texts)} texts, blank at positions {blank[:5]}; leave "
                "items without text out, they are then treated as missing"
            )
        torch = require("torch", "Text encoding", "pip install torch")
        encoded = self.tokenizer(list(texts), truncation=True, max_length=self.max_length)
        lengths = [len(ids) for ids in encoded["input_ids"]]
        if cut is not None:
            full = [text for text, length in zip(texts, lengths) if length == self.max_length]
            cut(self._count_longer(full))
        padding: dict[str, Any] = {}
        if self._network.padded:
            width = self._network.positions or self.max_length
            padding = {"padding": "max_length", "max_length": width}
            lengths = [width] * len(lengths)
        features: np.ndarray | None = None
        with torch.inference_mode():
            for rows in length_sorted_batches(lengths, tokens_per_batch):
                batch = {key: [values[row] for row in rows] for key, values in encoded.items()}
                pooled = self._pooled(self.tokenizer.pad(batch, return_tensors="pt", **padding))
                if features is None:
                    features = np.empty((len(texts), pooled.shape[1]), dtype=np.float32)
                features[rows] = pooled
                if advance is not None:
                    advance(len(rows))
        if features is None:
            raise ValueError("nothing to encode")
        return features

    def _count_longer(self, texts: Sequence[str]) -> int:
        """Count texts of more than ``max_length`` tokens."""
        if not texts:
            return 0
        # Not verbose: the tokenizer would warn of what is counted here.
        whole = self.tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]
        return sum(len(ids) > self.max_length for ids in whole)

    def _pooled(self, batch: Any) -> np.ndarray:
        """Run one padded batch and pool it: float32 (B, d)."""
        torch = require("torch", "Text encoding", "pip install torch")
        batch = {key: value.to(self.device) for key, value in batch.items()}
        try:
            pooled = self._network.vectors(batch) if self._network.joint else self._states(batch)
        except torch.cuda.OutOfMemoryError as error:
            shape = tuple(batch["input_ids"].shape)
            raise ValueError(
                f"a batch of {shape[0]} texts of {shape[1]} tokens does not fit on {self.device}: "
                "lower --tokens-per-batch"
            ) from error
        if self.pooling.normalize:
            pooled = torch.nn.functional.normalize(pooled, dim=1)
        return np.asarray(pooled.cpu().numpy())

    def _states(self, batch: dict[str, Any]) -> Any:
        """Run one padded batch and pool the states of its tokens: float32 (B, d)."""
        torch = require("torch", "Text encoding", "pip install torch")
        states = self._network.states(batch)
        if self.pooling.mode == "cls":
            # The first position that is not padding: some tokenizers pad on the left.
            first = batch["attention_mask"].argmax(dim=1)
            return states[torch.arange(len(states), device=states.device), first]
        mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
        return (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)


def default_tokens_per_batch(device: str) -> int:
    """Padded tokens a batch that suit a device.

    Args:
        device: Torch device, e.g. ``"cpu"`` or ``"cuda:0"``.

    Returns:
        The number.
    """
    return _CPU_TOKENS if device.startswith("cpu") else _ACCELERATOR_TOKENS


def length_sorted_batches(lengths: Sequence[int], tokens_per_batch: int) -> Iterator[list[int]]:
    """Group positions of similar length, longest first, so that padding stays small.

    Args:
        lengths: ``n`` lengths.
        tokens_per_batch: Most padded tokens a batch may hold; one item is always allowed.

    Yields:
        Positions; each of 0..n-1 once.
    """
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    start = 0
    while start < len(order):
        # Longest first: the width of the batch is that of its first row, and a batch that does
        # not fit in memory fails at once rather than after an hour.
        size = max(1, tokens_per_batch // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _file_reader(location: str) -> Any:
    """Return a function that reads a small file of the model, None where it has no such file."""
    if Path(location).is_dir():

        def read_local(name: str) -> str | None:
            path = Path(location) / name
            return path.read_text(encoding="utf-8") if path.is_file() else None

        return read_local

    hub = require("huggingface_hub", "Text encoding")
    errors = require("huggingface_hub.utils", "Text encoding")

    def read_hub(name: str) -> str | None:
        try:
            path = hub.hf_hub_download(location, name)
        except (errors.EntryNotFoundError, OSError, ValueError) as error:
            local = isinstance(error, errors.LocalEntryNotFoundError)
            if isinstance(error, errors.EntryNotFoundError) and not local:
                return None
            # Not reached. The cache may know that there is no such file; a file that it merely
            # lacks may exist, and without it features would silently be other ones.
            if hub.try_to_load_from_cache(location, name) is not None:
                return None
            raise FileNotFoundError(
                f"text encoder {location!r}: whether it has {name}, which says how it pools, "
                "cannot be known without the hub: run once with a connection, or download the "
                f"whole model (hf download {location} --local-dir FOLDER) and give the folder"
            ) from error
        return Path(path).read_text(encoding="utf-8")

    return read_hub
