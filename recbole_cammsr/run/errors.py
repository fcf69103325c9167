"""Errors that are sentences for the user, and the sentence that any other error comes to."""

from __future__ import annotations

import dis
import os
import re
import traceback
from pathlib import Path
from types import FrameType, TracebackType

from recbole_cammsr.compat.valid_metric import not_computed

#: the kinds RecBole and this package raise on purpose, with a sentence in them
_DELIBERATE = (ValueError, KeyError, NotImplementedError, OSError, TypeError, RuntimeError)
#: characters of an unforeseen error's text: libraries append essays
_LONGEST_UNFORESEEN = 200
_LAST_LINE = re.compile(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception|Interrupt)): ?(.*)$")
#: a place in a traceback's text: the file, and the statement there
_PLACE = re.compile(r'^ *File "(.*)", line \d+, in .*\n *(.*)$', re.MULTILINE)
_OUR_FILE = re.compile(r"[\\/]recbole(_cammsr)?[\\/]")
_METRIC = re.compile(r"\w+@\d+")
#: what torch's writer of checkpoints says, in place of the system's error, of a disk that is full
_UNFINISHED_CHECKPOINT = re.compile(
    r"inline_container\.cc:\d+\] \. unexpected pos \d+ vs \d+|basic_ios::clear: iostream error"
    r"|PytorchStreamWriter failed writing file"
)


class UsageError(Exception):
    """The command was given something it cannot use; the text is one sentence for the user."""


class RunError(Exception):
    """The command cannot go on; the text is one sentence for the user."""


def missing_data_set(name: str, folder: str) -> str:
    """The sentence on a data set that is nowhere.

    Args:
        name: of the data set.
        folder: where it should be.
    """
    return (
        f"there is no data set {name!r}: the folder {folder} does not exist and RecBole knows no "
        "download of that name; check the name, or point --data_path at the folder that holds "
        f"{name}/{name}.inter"
    )


def of_the_system(error: OSError) -> str:
    """The sentence on a file or folder that the system refused, with the fix where one is known.

    Args:
        error: with the path in its ``filename``.

    Returns:
        A single line.
    """
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        path = Path(str(error.filename))
        for part in (*reversed(path.parents), path):
            if part.is_file():
                return (
                    f"{part} is a file, where a folder of that name is needed: move or rename it, "
                    "or name another folder (a relative one lies in the folder that the command "
                    "runs in)"
                )
    return f"{error.strerror or type(error).__name__}: {error.filename}"


def describe(error: BaseException) -> str:
    """One sentence that says what an exception means to the user.

    Args:
        error: anything that a run raised, in this process or (through ``mp.spawn``) in a child.

    Returns:
        A single line; unforeseen kinds name themselves and point to ``--debug``.
    """
    if isinstance(error, (UsageError, RunError)):
        return str(error)
    kind, text = type(error).__name__, _text(error)
    deliberate = isinstance(error, _DELIBERATE) and _raised_by_recbole(error)
    if kind in {"ProcessRaisedException", "ProcessExitedException"}:
        kind, text = _cause_in_child(kind, str(error))
        sentences = {"ValueError", "KeyError", "NotImplementedError", "FileNotFoundError"}
        deliberate = kind == "RunError" or (kind in sentences and _raised_in_child(str(error)))
    if isinstance(error, ImportError):
        if error.name == "recbole" and "pip install" in text:
            return text
        return f"{text}; install the missing package, or rerun with --debug for the traceback"
    if isinstance(error, OSError) and error.filename is not None:
        return of_the_system(error)
    if kind == "KeyError" and _METRIC.fullmatch(text):
        return not_computed(text)
    if kind == "KeyError" and _looked_up_field(error) == text:
        return (
            f"the model reads a field {text!r} (`selected_features`) that is not loaded; name "
            "fields of the item file with --selected_features=[FIELD,FIELD], and load them: "
            "--protocol does, or `load_col`"
        )
    known = _known_sentence(text)
    if known is not None:
        return known
    if deliberate and " " in text:
        return text
    if len(text) > _LONGEST_UNFORESEEN:
        text = f"{text[:_LONGEST_UNFORESEEN]}…"
    return f"{kind}: {text or 'no message'}; rerun with --debug for the traceback"


def _text(error: BaseException) -> str:
    if isinstance(error, KeyError) and error.args:
        return _one_line(str(error.args[0]))
    text = _one_line(str(error))
    if text:
        return text
    frames = traceback.extract_tb(error.__traceback__)
    return f"{os.path.basename(frames[-1].filename)}: {frames[-1].line}" if frames else ""


def _one_line(text: str) -> str:
    """The message without line breaks; only its first paragraph, since torch appends stacks."""
    return " ".join(text.strip().split("\n\n")[0].split())


def _raised_by_recbole(error: BaseException) -> bool:
    """Whether a ``raise`` of RecBole's or ours is the cause, so that the text is for users.

    Their code is the innermost one too where a function in C fails that it calls: ``int("one")``.
    """
    last = _last_of_traceback(error)
    if last is None:
        return False
    module = last.tb_frame.f_globals.get("__name__", "")
    failing = dis.opname[last.tb_frame.f_code.co_code[last.tb_lasti]]
    return module.split(".")[0] in {"recbole", "recbole_cammsr"} and failing == "RAISE_VARARGS"


def _raised_in_child(text: str) -> bool:
    """The same of a traceback that came as text."""
    places = _PLACE.findall(text)
    if not places:
        return False
    path, statement = places[-1]
    return bool(_OUR_FILE.search(path)) and statement.startswith("raise ")


def _looked_up_field(error: BaseException) -> str | None:
    """The field that one of RecBole's models was asking its data set for when it failed."""
    frame = _innermost_frame(error)
    if frame is None or not frame.f_globals.get("__name__", "").startswith("recbole.model."):
        return None
    return frame.f_locals.get("field_name", frame.f_locals.get("field"))


def _innermost_frame(error: BaseException) -> FrameType | None:
    last = _last_of_traceback(error)
    return None if last is None else last.tb_frame


def _last_of_traceback(error: BaseException) -> TracebackType | None:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last


def _cause_in_child(kind: str, text: str) -> tuple[str, str]:
    for line in reversed(text.strip().splitlines()):
        match = _LAST_LINE.match(line.strip())
        if match:
            return match.group(1), match.group(2).strip("'\"")
    return kind, _one_line(text)


def _known_sentence(text: str) -> str | None:
    if "should be None when the loss_type is CE" in text:
        return (
            f"{text.rstrip('.')}: this model ranks against all items, so add "
            "--train_neg_sample_args=None (or --protocol, which sets it)"
        )
    missing = re.match(r"Neither \[(.*)\] exists in the device nor \[(.*)\] a known dataset", text)
    if missing:
        folder, name = missing.groups()
        return missing_data_set(name, folder)
    if text.startswith("selected index k out of range"):
        return (
            "more items are asked for than can be ranked: lower --topk to the number of items, or "
            "below it"
        )
    if "EADDRINUSE" in text or "address already in use" in text.lower():
        return (
            "the port at which the processes would meet is in use, by another such run perhaps: "
            "give another --port"
        )
    if _UNFINISHED_CHECKPOINT.search(text):
        return (
            "a checkpoint could not be written whole; probably the disk is full: free some space, "
            "or write to another disk (--checkpoint_dir=FOLDER, with a benchmark or an ablation "
            "--output=FOLDER)"
        )
    if re.match(r"<?urlopen error", text):
        return (
            "the data set's folder does not exist and RecBole could not download it "
            f"({text.strip('<>')}); check --dataset, or point --data_path at the folder that "
            "holds the data set's folder"
        )
    return None
