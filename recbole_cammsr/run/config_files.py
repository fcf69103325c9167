"""Finds and reads the YAML files that ``--config_files`` names."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from typing import IO, Any

import yaml

from recbole_cammsr import default_settings
from recbole_cammsr.run import unique_keys
from recbole_cammsr.run.errors import UsageError


def find(names: str | None) -> list[str]:
    """Paths of the config files.

    Args:
        names: file names separated by spaces, as RecBole takes them; None gives none.

    Returns:
        One path a name, in the order given.

    Raises:
        UsageError: a file is missing, no file, no YAML mapping, or has a key twice.
    """
    paths = [_find_one(name) for name in names.split()] if names else []
    for path in paths:
        read(path)
    return paths


def read(path: str) -> dict[str, Any]:
    """The settings in one YAML file.

    Raises:
        UsageError: the file cannot be read, has a key twice, or holds something other than
            settings.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = _content(file, path)
    except OSError as error:
        raise UsageError(f"config file {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(
            f"config file {path} is not valid YAML: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(content, dict):
        raise UsageError(f"config file {path} holds no settings; write lines of 'key: value'")
    return content


def _content(file: IO[str], path: str) -> Any:
    """What ``yaml.load`` makes of a file, once its keys are known to differ."""
    loader = yaml.FullLoader(file)
    try:
        document = loader.get_single_node()
        unique_keys.check(document, path)
        return None if document is None else loader.construct_document(document)
    finally:
        loader.dispose()


def read_all(paths: Sequence[str]) -> dict[str, Any]:
    """The settings of several files together; a later one wins."""
    settings: dict[str, Any] = {}
    for path in paths:
        settings.update(read(path))
    return settings


def _find_one(name: str) -> str:
    if os.path.exists(name):
        return name
    packaged = os.path.join(default_settings.PROPERTIES, name)
    if os.path.isfile(packaged):
        return packaged
    ours = sorted(
        os.path.relpath(path, default_settings.PROPERTIES)
        for path in glob.glob(
            os.path.join(default_settings.PROPERTIES, "**", "*.yaml"), recursive=True
        )
    )
    listing = f"; this package's own files are {', '.join(ours)}" if ours else ""
    raise UsageError(f"config file {name!r} does not exist{listing}")
