"""Lets ``save_dataloaders: True`` leave the run that saves as it would have been.

``save_split_dataloaders`` (``recbole/data/utils.py``) takes the generators of the loaders away to
pickle them, and does not put them back: the run goes on with other random numbers than one that
saves nothing, and than those that load what it saved. The loaders of knowledge models it cannot
save at all.
"""

from __future__ import annotations

from functools import wraps
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import rebind, when_imported


def install() -> None:
    """Attach the hook; a second call has no effect."""
    when_imported("recbole.data.utils", _put_generators_back)


def _put_generators_back(module: ModuleType) -> None:
    stock = module.save_split_dataloaders

    @wraps(stock)
    def save_split_dataloaders(config: Any, dataloaders: Any) -> None:
        if not all(hasattr(loader, "sampler") for loader in dataloaders):
            raise ValueError(
                f"save_dataloaders: RecBole cannot save the loaders of {config['model']}, which "
                "are two in one, as every knowledge model's; leave save_dataloaders out"
            )
        parts = [part for loader in dataloaders for part in (loader, loader.sampler)]
        generators = [(part, part.generator) for part in parts if hasattr(part, "generator")]
        try:
            stock(config, dataloaders)
        finally:
            for part, generator in generators:
                part.generator = generator

    rebind("save_split_dataloaders", stock, save_split_dataloaders)
