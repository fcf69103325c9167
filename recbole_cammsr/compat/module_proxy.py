"""A stand-in for a module that differs from it in a few names."""

from __future__ import annotations

from types import ModuleType
from typing import Any


class ModuleProxy(ModuleType):
    """Shows a module's attributes, except for the ones given, to the code that holds the proxy.

    RecBole's modules say ``torch.load`` or ``sp.dok_matrix``: binding a proxy to that one name in
    that one module changes the call for RecBole and for nobody else.

    Args:
        module: the module that stands behind the proxy.
        **replacements: attributes that the proxy answers itself.
    """

    def __init__(self, module: ModuleType, **replacements: Any) -> None:
        super().__init__(module.__name__, module.__doc__)
        self.__dict__.update(replacements)
        self.__dict__["_module"] = module

    def __getattr__(self, name: str) -> Any:
        module = self.__dict__.get("_module")
        if module is None:
            raise AttributeError(name)
        return getattr(module, name)
