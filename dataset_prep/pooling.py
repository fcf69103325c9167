"""How a text encoder pools its token states, read from its sentence-transformers files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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
        ValueError: If the model pools in a way other than CLS or mean, or has further modules.
    """
    modules = _parse(read, "modules.json", model)
    if modules is None:
        return Pooling()
    mode, normalize = "mean", False
    for module in modules:
        kind = str(module.get("type", "")).rsplit(".", 1)[-1]
        if kind == "Pooling":
            name = f"{module.get('path', '')}/config.json"
            mode = _mode(_parse(read, name, model) or {}, f"{model}: {name}")
        elif kind == "Normalize":
            normalize = True
        elif kind != "Transformer":
            raise ValueError(
                f"{model}: modules.json has a module {kind!r}, which this encoder cannot apply: "
                "choose a model of Transformer, Pooling and Normalize"
            )
    length = (_parse(read, "sentence_bert_config.json", model) or {}).get("max_seq_length")
    return Pooling(mode, normalize, int(length) if length else None)


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
        raise ValueError(f"{where} asks for pooling {modes}: only one of 'cls', 'mean' is offered")
    return str(modes[0])


def _parse(read: Callable[[str], str | None], name: str, model: str) -> Any:
    """Parse a JSON file of the model; None where it is absent."""
    text = read(name)
    if text is None:
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{model}: {name} is not JSON ({error})") from error
