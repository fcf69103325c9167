"""hyperopt: see install()."""

from __future__ import annotations


def install() -> None:
    """Attach the shim."""
