"""How a text encoder pools its token states, read from its sentence-transformers files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_FIX = "get the file anew from whoever made the model"


@dataclass(frozen=True)
class Pooling:
    """Pooling of one encoder.

    Attributes:
        mode: ``"cls"`` or ``"mean"``.
        normalize: Whether the pooled vector is scaled to length 1.
        max_length: Tokens the model was trained to read, or None where the files do not say.
    """

    mode: str = "mean"
    normalize: bool = False
    max_length: int | None = None


def read_pooling(read: Callable[[str], str | None], model: str) -> Pooling:
    """Derive the pooling from ``modules.json`` and the files that it names.

    Args:
        read: Returns the text of a file of the model by its relative name, None where absent.
        model: Name of the model, for the error sentence.

    Returns:
        Mean pooling without normalisation for a model without these files, else what they say.

    Raises:
        ValueError: If a file is no JSON of the kind that it should be, or if the model pools in a
            way other than CLS or mean, or has further modules.
    """
    modules = _parse(read, "modules.json", model, list)
    if modules is None:
        return Pooling()
    mode, normalize = "mean", False
    for module in modules:
        if not isinstance(module, dict):
            raise ValueError(
                f"{model}: modules.json has {module!r} where a module stands, not an object: {_FIX}"
            )
        kind = str(module.get("type", "")).rsplit(".", 1)[-1]
        if kind == "Pooling":
            name = f"{module.get('path', '')}/config.json"
            config = _parse(read, name, model, dict)
            if config is None:
                raise ValueError(f"{model}: modules.json names {name}, which is not there: {_FIX}")
            mode = _mode(config, f"{model}: {name}")
        elif kind == "Normalize":
            normalize = True
        elif kind != "Transformer":
            raise ValueError(
                f"{model}: modules.json has a module {kind!r}, which this encoder cannot apply: "
                "choose a model of Transformer, Pooling and Normalize"
            )
    name = "sentence_bert_config.json"
    length = (_parse(read, name, model, dict) or {}).get("max_seq_length")
    if length is not None and not (type(length) is int and length > 0):
        raise ValueError(
            f"{model}: {name} has max_seq_length {length!r}: write the number of tokens, or null"
        )
    return Pooling(mode, normalize, length)


def _mode(config: dict[str, Any], where: str) -> str:
    """Return the one pooling mode that is switched on."""
    # sentence-transformers up to 5 writes one flag a mode, later versions one name.
    if isinstance(config.get("pooling_mode"), str):
        modes = [config["pooling_mode"]]
    else:
        flags = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}
        on = [key for key, value in config.items() if key.startswith("pooling_mode_") and value]
        modes = [flags.get(key, key) for key in on]
    if len(modes) != 1 or modes[0] not in ("cls", "mean"):
        asked = ", ".join(map(repr, modes)) or "none at all"
        raise ValueError(
            f"{where} asks for pooling {asked}: exactly one of 'cls', 'mean' is offered"
        )
    return str(modes[0])


def _parse(read: Callable[[str], str | None], name: str, model: str, kind: type) -> Any:
    """Parse a JSON file of the model, a list or an object; None where it is absent."""
    text = read(name)
    if text is None:
        return None
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{model}: {name} is not JSON ({error})") from error
    if not isinstance(content, kind):
        wanted = "a list of modules" if kind is list else "an object of settings"
        raise ValueError(f"{model}: {name} holds {content!r:.80}, not {wanted}: {_FIX}")
    return content
