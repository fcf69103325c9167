"""Names, in one sentence, the settings of config files and scripts that nothing will read.

A file may hold notes of its own, and may be shared between models: so there is only a warning, and
none of what one of the models reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from recbole_cammsr.run import known_settings

#: in the environment of a command and of its processes: it has named what its files set in vain,
#: once and for all of its models
_TOLD = "RECBOLE_CAMMSR_FILES_TOLD"


def in_files(given: Mapping[Any, Any], models: Sequence[str]) -> str | None:
    """:func:`sentence` on the settings of config files, which says that they stand there."""
    found = sentence(given, models)
    return None if found is None else f"in the config files, {found}"


def sentence(given: Mapping[Any, Any], models: Sequence[str]) -> str | None:
    """The sentence on settings that change nothing.

    Args:
        given: settings and their values.
        models: that will be trained with them, at least one.

    Returns:
        It names every such setting, with the one that was probably meant; None without any.
    """
    known = known_settings.settings()
    unknown = [key for key in given if key not in known]
    unread = [
        key
        for key in given
        if key in known and not any(known_settings.reads(model, key) for model in models)
    ]
    parts = []
    if unknown:
        parts.append(f"no setting is named {_joined(_hinted(key, given[key]) for key in unknown)}")
    if unread:
        verb = "does" if len(models) == 1 else "do"
        whose = (f"{key!r} (of {known_settings.whose(key, models[0])})" for key in unread)
        parts.append(f"{_joined(models)} {verb} not read {_joined(whose)}")
    return "; ".join(parts) or None


def leave_to_command() -> None:
    """Let a command alone name them; ends with the command, whose environment is put back."""
    os.environ[_TOLD] = "1"


def are_left_to_command() -> bool:
    """Whether a command runs, which names them itself."""
    return _TOLD in os.environ


def _hinted(key: Any, value: Any) -> str:
    inside = value if isinstance(value, dict) else {}
    settings = [name for name in inside if name in known_settings.settings()]
    if settings:
        return f"{key!r} (RecBole knows no sections: {settings[0]!r} must not be indented)"
    near = known_settings.nearest_setting(str(key), (), likeness=0.7)
    return repr(key) if near is None else f"{key!r} (is {near!r} meant?)"


def _joined(texts: Iterable[str]) -> str:
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last
