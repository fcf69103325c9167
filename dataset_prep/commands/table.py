"""``cammsr-prep table``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..filter_options import add_filter_options, prepare_with_options
from ..table import INTERACTION_DEFAULTS, ITEM_DEFAULTS, TIME_UNITS, Table, TableMapping

NAME = "table"
HELP = "any CSV, TSV, JSON-lines or Parquet table of interactions, with or without one of items"
_LISTS = ("columns", "item_columns")
_TEXTS = ("separator", "item_separator", "encoding", "category_separator", "time_unit")
_KEYS = ("interactions", "items", *_TEXTS, *_LISTS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Args:
        parser: Its parser.
    """
    texts = ".csv, .tsv, .inter, .item, .jsonl, .json, .ndjson"
    formats = f"{texts} (each optionally .gz), .parquet or .pq"
    parser.add_argument("--interactions", required=True, help=f"interactions: {formats}")
    parser.add_argument("--items", help="items, in any of these formats")
    group = parser.add_argument_group(
        "mapping", "a field named here must exist; a default one may be absent, but for the ids"
    )
    group.add_argument(
        "--mapping",
        metavar="YAML",
        help=f"file with any of {', '.join(_KEYS)}; the first two map a role (as in the options "
        "below) to a field; an option overrides the file",
    )
    for role, default in INTERACTION_DEFAULTS.items():
        group.add_argument(f"--{role}-column", metavar="NAME", help=f"default {default}")
    for role, default in ITEM_DEFAULTS.items():
        group.add_argument(f"--{_item_option(role)}", metavar="NAME", help=f"default {default}")
    group.add_argument(
        "--columns",
        metavar="NAMES",
        help="names of the cells of interactions without a header, e.g. user,item,rating,timestamp",
    )
    group.add_argument("--item-columns", metavar="NAMES", help="the same for items")
    group.add_argument(
        "--separator", help="between the cells of text tables, e.g. '::' (default: by file name)"
    )
    group.add_argument(
        "--item-separator", help="the same for items, where it is another (default: --separator)"
    )
    group.add_argument(
        "--encoding", help="of text tables and JSON lines, e.g. cp1252 (default utf-8)"
    )
    group.add_argument(
        "--category-separator", help="between the levels of a category path, e.g. ' > '"
    )
    group.add_argument("--time-unit", choices=tuple(TIME_UNITS), help="of numeric times; default s")
    add_filter_options(parser)


def execute(options: argparse.Namespace) -> int:
    """Prepare the tables.

    Args:
        options: Parsed arguments.

    Returns:
        The exit code, 0.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the mapping is malformed or does not fit the files.
    """
    source = Table(
        options.interactions, options.items, _mapping(options), progress=not options.quiet
    )
    prepare_with_options(source, options)
    return 0


def read_mapping(path: str | Path) -> dict[str, Any]:
    """Read a mapping file.

    Args:
        path: The YAML file.

    Returns:
        Arguments of ``TableMapping``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not YAML or has another form.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not YAML ({error})") from error
    if not isinstance(content, dict) or not set(content) <= set(_KEYS):
        raise ValueError(f"{path}: must map some of {', '.join(_KEYS)}, not {content!r:.200}")
    for key in ("interactions", "items"):
        if not isinstance(content.get(key, {}), dict):
            raise ValueError(f"{path}: {key} must map roles to fields, not {content[key]!r:.100}")
    for key in _TEXTS:
        if not isinstance(content.get(key, ""), str):
            raise ValueError(f"{path}: {key} must be a text, not {content[key]!r:.100}")
    for key in _LISTS:
        if not isinstance(content.get(key, []), list):
            raise ValueError(f"{path}: {key} must be a list of names, not {content[key]!r:.100}")
    return content


def _mapping(options: argparse.Namespace) -> TableMapping:
    """Merge the mapping file and the options."""
    given: Mapping[str, Any] = read_mapping(options.mapping) if options.mapping else {}
    columns = {role: getattr(options, f"{role}_column") for role in INTERACTION_DEFAULTS}
    fields = {
        role: getattr(options, _item_option(role).replace("-", "_")) for role in ITEM_DEFAULTS
    }
    texts = {**given, **_named({key: getattr(options, key) for key in _TEXTS})}
    rest: dict[str, Any] = {key: texts[key] for key in _TEXTS if key in texts}
    for key in _LISTS:
        rest[key] = _columns(getattr(options, key), given.get(key, ()))
    return TableMapping(
        {**given.get("interactions", {}), **_named(columns)},
        {**given.get("items", {}), **_named(fields)},
        **rest,
    )


def _columns(option: str | None, given: Sequence[str]) -> tuple[str, ...]:
    """Names of columns, of the option or of the mapping file."""
    names = given if option is None else [name.strip() for name in option.split(",")]
    return tuple(names)


def _item_option(role: str) -> str:
    """Name of the option for a field of the item table."""
    return "item-field" if role == "item" else f"{role}-field"


def _named(fields: Mapping[str, str | None]) -> dict[str, str]:
    """The roles that an option was given for."""
    return {role: name for role, name in fields.items() if name is not None}
