"""CAMMSR, multimodal sequential recommendation as a RecBole plugin.

``import recbole_cammsr`` is all an existing RecBole script needs: afterwards RecBole 1.2.1 runs on
today's numpy, pandas, torch and ray, and resolves ``CAMMSR`` by name. The import itself is light;
torch and RecBole are loaded when something of theirs is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from recbole_cammsr import compat, default_settings, registry
from recbole_cammsr.default_settings import preset
from recbole_cammsr.registry import register

if TYPE_CHECKING:
    from recbole_cammsr.model.serving import item_vectors, recommend, user_vectors

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "item_vectors",
    "preset",
    "protocol_settings",
    "recommend",
    "register",
    "user_vectors",
]


def __getattr__(name: str) -> Any:
    """Names that need torch and RecBole, loaded when they are first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from recbole_cammsr.model import serving

    return getattr(serving, name)


def protocol_settings(model: str, dataset: str, **settings: Any) -> dict[str, Any]:
    """What the commands' ``--protocol`` sets, for RecBole's ``config_dict`` in a script.

    Args:
        model: name of a model, RecBole's or of this package.
        dataset: name of the data set.
        **settings: of RecBole, the model or the data set; they win over the protocol's, and of
            ``eval_args`` a part will do.

    Returns:
        The protocol's settings and yours.
    """
    from recbole_cammsr.run import protocol

    return protocol.followed(model, dataset, settings)


# a checkout on the path hides an installed package: its parts stand beside this folder, not in it
_PARTS = os.path.dirname(default_settings.PROPERTIES)
if _PARTS not in map(os.path.realpath, __path__):
    __path__.append(_PARTS)

compat.install()
registry.register()
