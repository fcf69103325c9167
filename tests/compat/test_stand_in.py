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


@pytest.mark.parametrize(
    "held", [(), ("nobodys_package",), ("nobodys_package", "nobodys_package.a.b")]
)
def test_packages_above_a_module_stand_in_too(
    held: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = {name: ModuleType(name) for name in held}
    for name, module in theirs.items():
        monkeypatch.setitem(sys.modules, name, module)
    with stand_in("nobodys_package.a.b", number=3):
        import nobodys_package.a.b
        from nobodys_package.a.b import number

        assert number == nobodys_package.a.b.number == 3
        with pytest.raises(ImportError):
            import nobodys_package.c
    left = {name: sys.modules.get(name) for name in sys.modules if "nobodys_package" in name}
    assert left == theirs


def test_an_error_leaves_nothing_behind() -> None:
    with pytest.raises(AttributeError):
        stand_in("nobodys_package")(_import)()
    assert "nobodys_package" not in sys.modules
