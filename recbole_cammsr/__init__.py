"""CAMMSR, multimodal sequential recommendation as a RecBole plugin.

``import recbole_cammsr`` is all an existing RecBole script needs: afterwards RecBole 1.2.1 runs on
today's numpy, pandas, torch and ray, and resolves ``CAMMSR`` by name. The import itself is light;
torch and RecBole are loaded when something of theirs is used.
"""

from __future__ import annotations

import os

from recbole_cammsr import compat, registry
from recbole_cammsr.registry import register

__version__ = "0.1.0"
__all__ = ["__version__", "register"]

_HERE = os.path.dirname(os.path.realpath(__file__))
if not os.path.isdir(os.path.join(_HERE, "dataset_prep")):
    # a checkout on the path, which hides an installed package: the folder stands beside this one
    __path__.append(os.path.dirname(_HERE))

compat.install()
registry.register()
