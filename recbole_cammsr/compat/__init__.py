"""Makes stock RecBole 1.2.1 work on today's numpy, pandas, torch, ray and setuptools."""

from __future__ import annotations


def install() -> None:
    """Attach every shim to the RecBole modules that need it (idempotent)."""
