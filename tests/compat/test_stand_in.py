"""A stand-in answers the import while it is needed, and leaves nothing behind."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from recbole_cammsr.compat.stand_in import stand_in


def _import() -> int:
    import nobodys_package

    return int(nobodys_package.number)


@pytest.mark.parametrize("installed", [True, False])
def test_what_was_there_comes_back(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = ModuleType("nobodys_package")
    if installed:
        monkeypatch.setitem(sys.modules, "nobodys_package", theirs)
    assert stand_in("nobodys_package", number=3)(_import)() == 3
    assert sys.modules.get("nobodys_package") is (theirs if installed else None)


def test_an_error_leaves_nothing_behind() -> None:
    with pytest.raises(AttributeError):
        stand_in("nobodys_package")(_import)()
    assert "nobodys_package" not in sys.modules
