"""What every command shares: its parser, and how it ends, whatever happens."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from recbole_cammsr.run import unread_settings
from recbole_cammsr.run.cpu_threads import wait_settings
from recbole_cammsr.run.errors import UsageError, describe
from recbole_cammsr.run.process_state import put_back

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of exiting, and knows no abbreviations."""

    def __init__(self, program: str, description: str, epilog: str) -> None:
        super().__init__(
            prog=program,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            usage=f"{program} [options] [--setting=value ...]",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument(
            "--debug", action="store_true", help="show the whole traceback when something fails"
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


@put_back()
def guarded(program: str, body: Callable[[Sequence[str]], int], argv: Sequence[str] | None) -> int:
    """Run a command, turning whatever it raises into one sentence and an exit code.

    What it does to ``sys.argv`` and ``os.environ`` ends with it.

    Args:
        program: the command's name, which opens every message.
        body: receives the arguments and returns the exit code.
        argv: the arguments; None takes those of the process.

    Returns:
        The exit code: 0, 1 (failed), 2 (wrong usage) or 130 (interrupted).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    os.environ.update(wait_settings(os.environ))
    unread_settings.leave_to_command()
    _open_closed_outputs()
    try:
        return body(arguments)
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except UsageError as error:
        print(f"{program}: error: {error} (see {program} --help)", file=sys.stderr)
        return EXIT_USAGE
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return EXIT_FAILED
        if debug:
            traceback.print_exc()
        else:
            sys.stdout.flush()
            print(f"{program}: error: {describe(error)}", file=sys.stderr)
        return EXIT_FAILED


def _open_closed_outputs() -> None:
    """Give an output that the caller closed (``2>&-``) a place to go: progress bars write to it."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _nobody_reads() -> bool:
    """Whether the reader of the output has gone, as `head` does; what is left goes nowhere."""
    try:
        print(flush=True)  # the text that failed may have been given up already
    except BrokenPipeError:
        # else the interpreter would try again when it ends, and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False
