"""The part of a pretrained model that reads texts, and what a text becomes in it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

# These were trained on texts padded to their full length, without a mask: the state at the last
# position, which is padding in most texts, stands for the text.
_PADDED_IN_TRAINING = frozenset(("siglip", "siglip2"))
# The part of a two-tower model without which its text vectors are noise.
_PROJECTION = "text_projection"


class TextNetwork:
    """A model of ``transformers`` as a reader of texts.

    Attributes:
        module: What is run: the encoder of a model that has a decoder too, else the model.
        joint: Whether it is a two-tower model, whose text vectors share a space with images.
        padded: Whether a text must be padded to all positions, without a mask.
        positions: Most tokens of a text; None where the model does not say.
    """

    def __init__(self, model: Any) -> None:
        """Choose the part.

        Args:
            model: A loaded model.
        """
        self.joint = hasattr(model, "get_text_features")
        self.padded = self.joint and model.config.model_type in _PADDED_IN_TRAINING
        reads = hasattr(model, "get_encoder") and _has_decoder(model) and not self.joint
        self.module = model.get_encoder() if reads else model
        self.positions = _positions(self.module, getattr(self.module, "config", model.config))
        names = (name for name, module in model.named_modules() if module is self.module)
        self._prefix = "".join(f"{name}." for name in names if name)

    def own(self, weights: Iterable[str]) -> tuple[str, ...]:
        """Choose the weights that belong to the part.

        Args:
            weights: Names within the whole model of weights that its checkpoint lacks.

        Returns:
            Names within the part.

        Raises:
            ValueError: If one is part of every text vector, which would then be noise.
        """
        found = [name for name in weights if name.startswith(self._prefix)]
        noise = [name for name in found if self.joint and name.startswith(_PROJECTION)]
        if noise:
            raise ValueError(
                f"text encoder {_name(self.module)!r}: its checkpoint lacks {noise[0]}, through "
                "which all texts go: give a complete one"
            )
        return tuple(name[len(self._prefix) :] for name in found)

    def states(self, batch: dict[str, Any]) -> Any:
        """Compute the states of tokens.

        Args:
            batch: Tensors (B, T) as the tokenizer names them.

        Returns:
            Float tensor (B, T, d).
        """
        return self.module(**_known(self.module.forward, batch)).last_hidden_state.float()

    def vectors(self, batch: dict[str, Any]) -> Any:
        """Compute the text vectors of a two-tower model.

        Args:
            batch: Tensors (B, T) as the tokenizer names them.

        Returns:
            Float tensor (B, d).

        Raises:
            ValueError: If the model has vectors of tokens only.
        """
        if self.padded:
            batch = {name: value for name, value in batch.items() if name != "attention_mask"}
        output = self.module.get_text_features(**_known(self.module.get_text_features, batch))
        # A tensor up to transformers 4, an output object later.
        found = output if hasattr(output, "ndim") else getattr(output, "pooler_output", None)
        if found is None or found.ndim != 2:
            raise ValueError(
                f"text encoder {_name(self.module)!r}: {type(self.module).__name__} has vectors of "
                "tokens, none of a text: give a model such as CLIP or SigLIP, or one of "
                "sentence-transformers"
            )
        return found.float()


def give_padding(tokenizer: Any) -> None:
    """Make a tokenizer able to pad, as those of decoders are not.

    Args:
        tokenizer: A tokenizer of ``transformers``; gets its end token as padding where it has
            none, which changes no feature, since a mask covers padding.

    Raises:
        ValueError: If it has no end token either.
    """
    if tokenizer.pad_token_id is not None:
        return
    if tokenizer.eos_token_id is None:
        raise ValueError(
            f"text encoder {tokenizer.name_or_path!r}: its tokenizer has neither a padding nor an "
            "end token, so texts of different lengths make no batch: set pad_token in its "
            "tokenizer_config.json"
        )
    tokenizer.pad_token = tokenizer.eos_token


def _has_decoder(model: Any) -> bool:
    """Whether a model has a decoder beside its encoder."""
    # A checkpoint of the encoder of a T5 says that it has none, but is loaded as a whole T5.
    parts = [getattr(model, name, None) for name in ("encoder", "decoder")]
    return bool(getattr(model.config, "is_encoder_decoder", False)) or None not in parts


def _positions(module: Any, config: Any) -> int | None:
    """Number of tokens for which a module has positions, None where it does not say."""
    limit: int | None = getattr(config, "max_position_embeddings", None)
    if limit is None:
        limit = getattr(getattr(config, "text_config", None), "max_position_embeddings", None)
    # The text tower of some two-tower models is a whole RoBERTa.
    tower = getattr(module, "text_model", module)
    tower = getattr(tower, "roberta", tower)
    positions = getattr(getattr(tower, "embeddings", None), "position_embeddings", None)
    padding = getattr(positions, "padding_idx", None)
    # RoBERTa and its kin (XLM-R, MPNet, Longformer, ...) count from the padding's index + 1 on.
    return limit if limit is None or padding is None else limit - padding - 1


def _known(function: Callable[..., Any], batch: dict[str, Any]) -> dict[str, Any]:
    """The tensors that a network asks for: a plain tokenizer also makes token types."""
    names = inspect.signature(function).parameters
    return {key: value for key, value in batch.items() if key in names or "input_ids" not in names}


def _name(module: Any) -> str:
    """Where a model was loaded from."""
    return str(getattr(module.config, "_name_or_path", "") or type(module).__name__)
