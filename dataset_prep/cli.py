"""``cammsr-prep``: one command for every step from raw data to a validated data set."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from recbole_cammsr.run.errors import of_the_system

PROGRAM = "cammsr-prep"
_PURPOSE = (
    "From raw data to a checked data set. Killed or interrupted, a command goes on from there."
)
EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
#: sub-command to module of ``commands``, which has NAME, HELP, add_arguments and execute
COMMANDS = (
    ("amazon", "amazon"),
    ("movielens", "movielens"),
    ("microlens", "microlens"),
    ("hm", "hm"),
    ("table", "table"),
    ("convert", "convert"),
    ("encode-text", "encode_text"),
    ("encode-images", "encode_images"),
    ("check", "check"),
    ("ml100k", "ml100k"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command.

    Args:
        arguments: Command-line arguments; None takes the process's own.

    Returns:
        The exit code: 0, 1 (failed), 2 (wrong usage) or 130 (interrupted).
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Only the module of the command that runs is imported, so that one needs what it uses alone.
    chosen = given[0] if given else ""
    known = dict(COMMANDS)
    if chosen in ("", "-h", "--help"):
        print(_overview())
        return 0 if chosen else EXIT_USAGE
    if chosen not in known:
        print(
            f"{PROGRAM}: error: no command {chosen!r}; the commands are {', '.join(known)}",
            file=sys.stderr,
        )
        return EXIT_USAGE
    debug = "--debug" in given
    try:
        command = _load(known[chosen])
        parser = argparse.ArgumentParser(prog=f"{PROGRAM} {chosen}", description=command.HELP)
        command.add_arguments(parser)
        parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
        options = parser.parse_args(given[1:])
        return int(command.execute(options) or 0)
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted; the same command goes on from here", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:
        if debug:
            traceback.print_exc()
        else:
            print(f"{PROGRAM} {chosen}: error: {_sentence(error)}", file=sys.stderr)
        return EXIT_FAILED


def _load(module: str) -> ModuleType:
    """Import the module of a sub-command."""
    return import_module(f"{__package__}.commands.{module}")


def _overview() -> str:
    """The commands with their one-line help."""
    lines = [f"usage: {PROGRAM} COMMAND ...", "", _PURPOSE, "", "commands:"]
    for name, module in COMMANDS:
        try:
            text = _load(module).HELP
        except ImportError as error:
            text = f"not available: {error}"
        lines.append(f"  {name:<14} {text}")
    return "\n".join([*lines, "", f"{PROGRAM} COMMAND --help lists the options of a command"])


def _sentence(error: Exception) -> str:
    """One line that says what went wrong."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename is not None:
        return of_the_system(error)
    if isinstance(error, (ValueError, OSError, ImportError)) and text:
        return text
    return f"{type(error).__name__}: {text or 'no message'}; rerun with --debug for the traceback"


if __name__ == "__main__":
    sys.exit(main())
