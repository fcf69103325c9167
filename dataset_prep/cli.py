"""The command ``cammsr-prep``: from raw data to a checked data set, one sub-command per step."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Sequence
from types import ModuleType

#: Modules of ``dataset_prep.commands``, in the order of the help. Each has ``NAME``, ``HELP``,
#: ``add_arguments(parser)`` and ``execute(options)``.
COMMANDS = (
    "amazon",
    "movielens",
    "microlens",
    "hm",
    "table",
    "convert",
    "ml100k",
    "encode_text",
    "encode_images",
    "check",
)
PROGRAM = "cammsr-prep"
EXIT_OK, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130

_EPILOG = f"""\
a data set, step by step:
  {PROGRAM} amazon --release 2018 --category Office_Products --raw downloads --output dataset
  {PROGRAM} encode-text --dataset office_products --output dataset/office_products …
  {PROGRAM} encode-images --dataset office_products --output dataset/office_products …
  {PROGRAM} check dataset/office_products

Every command may be killed and started again: it goes on where it was, and a finished one says so.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command.

    Args:
        arguments: Command-line arguments; None takes the process's own.

    Returns:
        The exit code: 0, 1 after an error the user can mend (one sentence on stderr), 2 after wrong
        usage, 130 after an interruption.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    program = f"{PROGRAM} {options.command.NAME}"
    try:
        options.command.execute(options)
    except KeyboardInterrupt:
        print(f"\n{program}: interrupted; the same command goes on from here", file=sys.stderr)
        return EXIT_INTERRUPTED
    except (ValueError, OSError, ImportError) as error:
        if options.debug:
            traceback.print_exc()
        else:
            sys.stdout.flush()
            print(f"{program}: error: {error}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all sub-commands.

    Returns:
        A parser whose options hold the chosen module as ``command``.
    """
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    choices = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _commands():
        sub = choices.add_parser(
            command.NAME,
            help=command.HELP,
            description=command.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub)
        sub.add_argument("--debug", action="store_true", help="show the traceback of an error")
        sub.set_defaults(command=command)
    return parser


def _commands() -> list[ModuleType]:
    """Import the modules of the sub-commands; heavy libraries are theirs to import when used."""
    package = f"{__package__}.commands"
    return [
        importlib.import_module(f"{package}.{name}")
        for name in COMMANDS
        if importlib.util.find_spec(f"{package}.{name}") is not None
    ]
