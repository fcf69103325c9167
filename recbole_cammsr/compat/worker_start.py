"""Data loader workers (``worker: 1`` and more) where they do not start as a copy of the process.

On macOS and Windows, and on Linux from Python 3.14 on, what a worker needs is pickled for it. The
loaders of RecBole hold a ``torch.Generator``, which older versions of torch cannot pickle at all,
and newer ones not so that it arrives: the worker dies with ``unable to resize file``, and RecBole
with it. RecBole's loaders get one that arrives; what it draws is the same.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported
from recbole_cammsr.compat.module_proxy import ModuleProxy

#: the modules of RecBole 1.2.1 that make the generator of a loader, new or read from a file
GENERATOR_MODULES = ("recbole.data.dataloader.abstract_dataloader", "recbole.data.utils")


def install() -> None:
    """Attach the shim to every RecBole module that makes the generator of a loader."""
    for name in GENERATOR_MODULES:
        when_imported(name, _offer_sendable_generator)


def _gets_lost(generator_class: Any) -> bool:
    """Whether its pickle is an error, or has a tensor of its own."""
    import torch

    try:
        parts = generator_class().__reduce__()[1:]
    except (TypeError, RuntimeError):  # what torch 2.1 says to it
        return True
    return any(isinstance(value, torch.Tensor) for part in parts if part for value in part)


def _offer_sendable_generator(module: ModuleType) -> None:
    if _gets_lost(module.torch.Generator):
        from recbole_cammsr.compat.sendable_generator import SendableGenerator

        module.torch = ModuleProxy(module.torch, Generator=SendableGenerator)  # type: ignore[attr-defined]
