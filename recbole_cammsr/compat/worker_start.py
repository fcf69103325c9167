"""Data loader workers (``worker: 1`` and more) where they do not start as a copy of the process.

On macOS and Windows, and on Linux from Python 3.14 on, what a worker needs is pickled for it. The
loaders of RecBole hold a ``torch.Generator``, which older versions of torch cannot pickle at all,
and newer ones not so that it arrives: the worker dies with ``unable to resize file``, and RecBole
with it. RecBole's loaders get one that arrives; what it draws is the same.
"""

from __future__ import annotations

from types import ModuleType

from recbole_cammsr.compat.import_hooks import when_imported
from recbole_cammsr.compat.module_proxy import ModuleProxy


def install() -> None:
    """Attach the shim to the module of RecBole that makes the generator of a loader."""
    when_imported("recbole.data.dataloader.abstract_dataloader", _offer_sendable_generator)


def _generators_get_lost() -> bool:
    """Whether a pickled generator is an error, or has a tensor of its own."""
    import torch

    try:
        parts = torch.Generator().__reduce__()[1:]
    except (TypeError, RuntimeError):  # what torch before 2.2 says to it
        return True
    return any(isinstance(value, torch.Tensor) for part in parts if part for value in part)


def _offer_sendable_generator(module: ModuleType) -> None:
    if _generators_get_lost():
        from recbole_cammsr.compat.sendable_generator import SendableGenerator

        module.torch = ModuleProxy(module.torch, Generator=SendableGenerator)  # type: ignore[attr-defined]
