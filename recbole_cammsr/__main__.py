"""``python -m recbole_cammsr script.py ...``: run a RecBole script with this package registered."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from recbole_cammsr.cli import script_runner
from recbole_cammsr.run.command import EXIT_OK, EXIT_USAGE
from recbole_cammsr.run.errors import UsageError

_PROGRAM = "python -m recbole_cammsr"
_USAGE = f"""\
usage: {_PROGRAM} SCRIPT.py [arguments ...]
       {_PROGRAM} -m MODULE [arguments ...]

Run a script that uses RecBole, unchanged: inside it RecBole works on today's numpy, pandas, torch
and ray, and resolves CAMMSR by name, also in processes that the script spawns. The script sees its
arguments as if it had been started by itself.

examples:
  {_PROGRAM} run_recbole.py --model=CAMMSR --dataset=ml-100k
  {_PROGRAM} -m my_package.train --epochs=5

To train without a script use the command run_recbole.\
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script or module that the arguments name; what it raises is its own affair.

    Args:
        argv: arguments without the program; None takes those of the process.

    Returns:
        The exit code, where the script does not exit by itself.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(_USAGE, file=sys.stdout if arguments else sys.stderr)
        return EXIT_OK if arguments else EXIT_USAGE
    try:
        if arguments[0] == "-m":
            if len(arguments) == 1:
                raise UsageError("-m needs the name of a module")
            script_runner.run_module(arguments[1], arguments[2:])
        elif arguments[0].startswith("-"):
            raise UsageError(f"unknown option {arguments[0]!r}; the script comes first")
        else:
            script_runner.run_script(arguments[0], arguments[1:])
    except UsageError as error:
        print(f"{_PROGRAM}: error: {error}", file=sys.stderr)
        return EXIT_USAGE
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
