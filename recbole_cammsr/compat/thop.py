"""thop: ``distutils``, which Python 3.12 removed and which no longer comes with setuptools.

``recbole/utils/utils.py`` counts floating-point operations before every run with
``from thop.profile import register_hooks``; ``thop/profile.py`` compares torch's version with
``distutils.version.LooseVersion``.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager

from recbole_cammsr.compat.import_hooks import around_import
from recbole_cammsr.compat.stand_in import stand_in


class LooseVersion:
    """The comparison that thop makes: by the numbers at the head of a version.

    Args:
        version: e.g. ``2.13.0+cpu``.
    """

    def __init__(self, version: str) -> None:
        self.numbers = [int(number) for number in re.findall(r"\d+", version.split("+")[0])]

    def __lt__(self, other: LooseVersion) -> bool:
        return self.numbers < other.numbers

    def __ge__(self, other: LooseVersion) -> bool:
        return self.numbers >= other.numbers


def install() -> None:
    """Attach the shim to ``thop.profile``."""
    around_import("thop.profile", _distutils_for_thop)


@contextmanager
def _distutils_for_thop() -> Iterator[None]:
    """Have ``distutils.version`` importable while thop is imported, and not afterwards."""
    if importlib.util.find_spec("distutils") is not None:
        yield
        return
    with stand_in("distutils.version", LooseVersion=LooseVersion):
        yield
