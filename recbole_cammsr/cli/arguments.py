"""Reads a command line the way RecBole does, and refuses what RecBole would drop in silence.

RecBole's ``Config`` reads ``sys.argv`` itself: ``--key=value`` with exactly one ``=``, everything
else is ignored with a warning. :func:`read` therefore splits the arguments into this command's own
options and RecBole's settings, checks both, and :func:`hand_to_recbole` leaves exactly the
settings in ``sys.argv``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from recbole_cammsr.run import known_settings
from recbole_cammsr.run.errors import UsageError
from recbole_cammsr.run.setting_text import is_arithmetic, value, with_quoted_words

#: options for which an empty value, of a variable that is not set, would mean something else
_NEVER_EMPTY = (
    *("model", "dataset", "resume", "evaluate", "tuned"),
    *("config_files", "params_file", "experiment"),
)
#: options that name models, whose settings are then known
_NAMES_OF_MODELS = ("model", "model_list", "baselines")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``, ``--dataset``, ``--config_files`` and ``--protocol``."""
    parser.add_argument(
        "--model",
        "-m",
        metavar="NAME",
        help="model to train (default: BPR); one of your own by its path, e.g. my_models.Mine",
    )
    add_dataset_options(parser)


def add_dataset_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--dataset``, ``--config_files`` and ``--protocol``."""
    parser.add_argument("--dataset", "-d", metavar="NAME", help="data set (default: ml-100k)")
    parser.add_argument(
        "--config_files",
        metavar="'A B'",
        help="YAML files, separated by spaces; a later one wins. A name that is not found in the "
        "current folder is looked up among this package's own files",
    )
    parser.add_argument(
        "--protocol",
        action="store_true",
        help="evaluate as CAMMSR is evaluated on this data set: same filtering, split, "
        "candidates and metrics; your own settings win over it",
    )


def add_process_options(parser: argparse.ArgumentParser) -> None:
    """Add RecBole's options for training in several processes."""
    group = parser.add_argument_group("several processes")
    group.add_argument("--nproc", type=int, default=1, metavar="N", help="processes here (1)")
    group.add_argument("--ip", default="localhost", help="address of the first machine (localhost)")
    group.add_argument("--port", default="5678", help="port of the first machine (5678)")
    group.add_argument(
        "--world_size", type=int, default=-1, metavar="N", help="processes on all machines (nproc)"
    )
    group.add_argument(
        "--group_offset", type=int, default=0, metavar="N", help="rank of the first process here"
    )


def check_process_options(options: argparse.Namespace) -> None:
    """Refuse numbers of processes with which nothing would be trained, in silence.

    Args:
        options: may have those of :func:`add_process_options`.

    Raises:
        UsageError: names the option, its value and what it may be.
    """
    processes = getattr(options, "nproc", 1)
    if processes < 1:
        raise UsageError(f"--nproc must be at least 1, not {processes}")
    first = getattr(options, "group_offset", 0)
    if first < 0:
        raise UsageError(f"--group_offset must be at least 0, not {first}")
    everywhere = getattr(options, "world_size", -1)
    if everywhere != -1 and everywhere < first + processes:
        raise UsageError(
            f"--world_size must be at least --group_offset and --nproc together, "
            f"{first + processes}, not {everywhere}"
        )


def read(
    parser: argparse.ArgumentParser,
    argv: Sequence[str],
    also_trained: Callable[[argparse.Namespace], Iterable[str]] = lambda options: (),
) -> tuple[argparse.Namespace, list[str]]:
    """Split a command line into this command's options and RecBole's settings.

    Args:
        parser: knows the command's own options.
        argv: the arguments without the program.
        also_trained: models that the options name in another way; their settings are known too.

    Returns:
        The options, and the settings as ``--key=value`` strings in the order given.

    Raises:
        UsageError: an argument that RecBole would ignore, or probably a typing error.
    """
    takes_value = {
        string: action.nargs != 0 for action in parser._actions for string in action.option_strings
    }
    own_names = [string.lstrip("-") for string in takes_value if string.startswith("--")]
    own, settings = [], []
    queue = list(argv)
    while queue:
        argument = queue.pop(0)
        name, equals, _ = argument.partition("=")
        if name in takes_value:
            own.append(argument)
            if takes_value[name] and not equals and queue:
                own.append(queue.pop(0))
        else:
            _check_shape(argument, queue, own_names)
            name, equals, text = argument.partition("=")
            settings.append(f"{name}{equals}{with_quoted_words(text)}")
    # options before settings: `--help` must work whatever else is wrong
    options = parser.parse_args(own)
    for name in _NEVER_EMPTY:
        given = getattr(options, name, None)
        if given is not None and not given.strip():
            raise UsageError(f"--{name} is empty; give it a value, or leave the option out")
    named = (getattr(options, option, None) or "" for option in _NAMES_OF_MODELS)
    known_settings.note_models(name.strip() for text in named for name in text.split(","))
    known_settings.note_models(also_trained(options))
    _check_settings(settings, own_names)
    return options, settings


def hand_to_recbole(settings: Sequence[str], **named: str | None) -> None:
    """Leave exactly these settings in ``sys.argv``, where ``Config`` reads them.

    Until the end of the command: ``guarded`` puts back what stood there.

    Args:
        settings: ``--key=value`` strings.
        named: further ones by name; None is left out.
    """
    first = [f"--{key}={value}" for key, value in named.items() if value is not None]
    sys.argv[1:] = [*first, *settings]


def keys(settings: Sequence[str]) -> set[str]:
    """The names that ``--key=value`` strings set."""
    return {setting[2:].partition("=")[0] for setting in settings}


def values(settings: Sequence[str]) -> dict[str, Any]:
    """What RecBole makes of ``--key=value`` strings, by key."""
    pairs = (setting[2:].partition("=") for setting in settings)
    return {key: value(text) for key, _, text in pairs}


def _check_shape(argument: str, following: Sequence[str], own_options: Sequence[str]) -> None:
    name, equals, value = argument.lstrip("-").partition("=")
    if not argument.startswith("--") and argument.startswith("-") and name:
        raise UsageError(f"unknown option {argument!r}; settings start with two dashes: --{name}=…")
    if not argument.startswith("--") or not name:
        raise UsageError(
            f"unexpected argument {argument!r}; settings are written --key=value, and several "
            "config files go into one quoted value: --config_files='a.yaml b.yaml'"
        )
    if not equals:
        next_value = following[0] if following and not following[0].startswith("-") else "VALUE"
        if name not in known_settings.settings():
            near = known_settings.nearest_setting(name, own_options)
            if near is not None:
                raise UsageError(f"unknown option --{name}; did you mean --{near}?")
        raise UsageError(
            f"setting --{name} has no value; write --{name}={next_value} with an equals sign"
        )
    if "=" in value:
        raise UsageError(
            f"RecBole cannot read {argument!r} because the value contains '='; put it into a YAML "
            "file and give that with --config_files"
        )


def _check_settings(settings: Sequence[str], own_options: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for setting in settings:
        key, _, value = setting[2:].partition("=")
        if seen.setdefault(key, value) != value:
            raise UsageError(f"--{key} is given twice, as {seen[key]!r} and as {value!r}")
        if key in {"model", "dataset"} and key not in own_options:
            raise UsageError(f"this command has no option --{key}; name models with --model_list")
        if key not in known_settings.settings():
            near = known_settings.nearest_setting(key, own_options)
            if near is not None:
                raise UsageError(f"unknown setting --{key}; did you mean --{near}?")
            guess = known_settings.nearest_setting(key, own_options, likeness=0.7)
            hint = "" if guess is None else f"; is {guess!r} meant?"
            print(f"warning: no model of RecBole reads the setting {key!r}{hint}", file=sys.stderr)
        _check_value(key, value)


def _check_value(key: str, text: str) -> None:
    """Refuse what RecBole would take for something else, or fail with in mid-training."""
    expected = None if is_arithmetic(text) else known_settings.expected_instead(key, value(text))
    if expected is not None:
        raise UsageError(f"--{key} must be {expected}, not {text!r}")
