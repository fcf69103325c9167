"""Import of the heavy dependencies that only data preparation needs."""

from __future__ import annotations

import importlib
from typing import Any

PREP_HINT = "pip install 'recbole-cammsr[prep]'"


def require(module: str, purpose: str, hint: str = PREP_HINT) -> Any:
    """Import an optional module or say how to install it.

    Args:
        module: Dotted module name, e.g. ``"transformers"``.
        purpose: What the module is for, as the subject of the error sentence.
        hint: The command that installs it.

    Returns:
        The imported module.

    Raises:
        ImportError: If the module, or something it imports, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs the package '{module}' ({error}): run {hint}"
        ) from error
