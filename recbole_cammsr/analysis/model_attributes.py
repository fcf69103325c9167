"""What a model changes while it trains beside its parameters: counters, histories, orders drawn.

RecBole's checkpoints do not have it. MultiVAE counts its steps for the annealing, LINE goes through
a shuffled list of users, DiffRec draws steps by the losses that it has seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
_NUMBERS_AND_TEXT = (bool, int, float, str, bytes, type(None))
#: kinds of arrays whose bytes are their content
_ARRAY_KINDS = "biufc"
_ABSENT = object()


class ModelAttributes:
    """Attributes of a model and its modules that training changes.

    Numbers, text, arrays, tensors, generators, and lists, tuples and dictionaries of these are
    seen; other objects are not.

    Args:
        model: before its training; what it has now is taken as what every new one has.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        # objects are held: another one may get the address of one that is gone
        self._first = {place: (value, _mark(value)) for place, value in _attributes(model)}

    def changed(self) -> dict[str, Any]:
        """What is another value than at first.

        Returns:
            Path of the attribute to whether it is still the same object, and its value, of kinds
            that ``torch.load`` reads without unpickling.
        """
        changed = {}
        for place, value in _attributes(self._model):
            first, mark = self._first.get(place, (_ABSENT, _ABSENT))
            if not _same(_mark(value), mark):
                changed[place] = (value is first, packed(value))
        return changed

    def put_back(self, values: Mapping[str, Any]) -> None:
        """Give a new model the values of one that was under way.

        Args:
            values: what :meth:`changed` gave.

        Raises:
            KeyError: the model has no such module.
        """
        modules = dict(self._model.named_modules())
        for place, (same_object, content) in values.items():
            path, _, name = place.rpartition(".")
            module, value = modules[path], unpacked(content)
            # in place where it was so: others may hold the object, or share its memory
            if not (same_object and _written_into(getattr(module, name, None), value)):
                setattr(module, name, value)


def _attributes(model: nn.Module) -> Iterator[tuple[str, Any]]:
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name not in _OF_EVERY_MODULE and "." not in name and _is_plain(value):
                yield f"{path}.{name}", value


def _is_plain(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return type(value) is torch.Tensor and not value.requires_grad
    if isinstance(value, np.ndarray):
        return value.dtype.kind in _ARRAY_KINDS
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(type(key) in _NUMBERS_AND_TEXT and _is_plain(value[key]) for key in value)
    return isinstance(value, torch.Generator) or type(value) in _NUMBERS_AND_TEXT


def _mark(value: Any) -> Any:
    """What tells whether a value is still the same, without a copy of it."""
    if isinstance(value, torch.Tensor):
        return value, None if value.is_inference() else value._version
    if isinstance(value, np.ndarray):
        if not value.flags.writeable:  # such as features that stay in their file
            return value, None
        content = np.ascontiguousarray(value)
        return str(value.dtype), value.shape, hashlib.blake2b(content.data).digest()
    if isinstance(value, torch.Generator):
        return bytes(value.get_state().numpy())
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(_mark, value)]
    if isinstance(value, dict):
        return ["dict", *((key, _mark(value[key])) for key in value)]
    return type(value).__name__, value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, (torch.Tensor, np.ndarray)):
        return one is other
    # a number that is none equals itself here
    return bool(one == other or (one != one and other != other))


def packed(value: Any) -> Any:
    """A value as what ``torch.load(…, weights_only=True)`` takes, with its kind."""
    if isinstance(value, torch.Tensor):
        return "tensor", value.clone(), str(value.device)
    if isinstance(value, np.ndarray):
        content = np.frombuffer(bytearray(value.tobytes()), dtype=np.uint8)
        return "array", torch.from_numpy(content), value.dtype.str, list(value.shape)
    if isinstance(value, torch.Generator):
        return "generator", value.get_state(), str(value.device)
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [packed(each) for each in value]
    if isinstance(value, dict):
        return "dict", [(key, packed(value[key])) for key in value]
    return "value", value


def unpacked(kind_and_content: Any) -> Any:
    """The value that :func:`packed` packed."""
    kind, content, *more = kind_and_content
    if kind == "tensor":
        return content.to(more[0])
    if kind == "array":
        return np.frombuffer(bytearray(content.numpy().tobytes()), more[0]).reshape(more[1])
    if kind == "generator":
        return torch.Generator(more[0]).set_state(content)
    if kind in ("list", "tuple"):
        return {"list": list, "tuple": tuple}[kind](map(unpacked, content))
    if kind == "dict":
        return {key: unpacked(value) for key, value in content}
    return content


def _written_into(now: Any, value: Any) -> bool:
    """Write a value into an object of its kind; False where that cannot hold it."""
    if type(now) is not type(value):
        return False
    if isinstance(now, torch.Generator):
        now.set_state(value.get_state())
    elif isinstance(now, list):
        now[:] = value
    elif isinstance(now, dict):
        now.clear()
        now.update(value)
    elif isinstance(now, torch.Tensor):
        if now.layout != torch.strided or now.shape != value.shape:
            return False
        now.copy_(value)
    elif isinstance(now, np.ndarray):
        if now.dtype != value.dtype or now.shape != value.shape:
            return False
        now[...] = value
    else:
        return False
    return True
