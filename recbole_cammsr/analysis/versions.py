"""Which versions of Python and of packages are at work."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable


def with_python(packages: Iterable[str]) -> list[str]:
    """Name and version of Python and of each package, such as ``torch 2.13.0``.

    Args:
        packages: names of distributions. Of one without metadata, such as a checkout on the path,
            the version is not known, and that is said instead.
    """
    found = [f"python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:  # a checkout that is not installed
            found.append(f"{package} (not installed)")
    return found
