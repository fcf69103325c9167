"""Worker processes that live for a whole benchmark and take turns: one works, the others sleep.

Every contender has a process of its own, so that its memory is its own and no contender sees
another's allocator or caches of Python objects. The processes persist, so that a round can visit
all of them: a slow minute of the machine then falls on every contender, and a ratio within a round
hardly feels it. Contenders run one after the other in processes that end would be compared across
minutes; all in one process would share memory figures, heap fragmentation and thread pools.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from recbole_cammsr.run.cpu_threads import thread_settings

_SECONDS_TO_END = 20


class WorkerError(RuntimeError):
    """What is measured failed; the text says why in one sentence.

    Args:
        sentence: why.
        trace: the worker's traceback, empty where its process is gone.
    """

    def __init__(self, sentence: str, trace: str = "") -> None:
        super().__init__(sentence)
        self.trace = trace


class Worker:
    """A process that holds one contender.

    Args:
        title: for messages.
        build: class of what is measured, importable by name.
        arguments: of ``build``.

    Raises:
        WorkerError: it could not be built.
    """

    def __init__(self, title: str, build: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.title = title
        self._folder = tempfile.TemporaryDirectory(prefix="benchmark_speed_")
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, self._folder.name, build, arguments), daemon=True
        )
        self._process.start()
        theirs.close()
        self._receive()

    def call(self, method: str, *arguments: Any) -> Any:
        """Let the worker do something while everything else waits.

        Args:
            method: of what it built.
            arguments: picklable.

        Returns:
            What the method returned.

        Raises:
            WorkerError: the method failed, or the process is gone.
        """
        try:
            self._pipe.send((method, arguments))
        except OSError as error:
            raise WorkerError(f"{self.title}: its process has ended") from error
        return self._receive()

    def close(self) -> None:
        """End the process and remove its working directory."""
        with suppress(OSError):  # it may have ended by itself; joined below
            self._pipe.send(None)
        self._process.join(_SECONDS_TO_END)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()
        self._folder.cleanup()

    def _receive(self) -> Any:
        try:
            fine, content = self._pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            self._process.join(_SECONDS_TO_END)
            code = self._process.exitcode
            hint = ", most likely for memory" if code == -9 else ""
            raise WorkerError(f"{self.title}: its process was ended (exit {code}{hint})") from error
        if fine:
            return content
        sentence, trace = content
        raise WorkerError(f"{self.title}: {sentence}", trace)


def serve(
    connection: Any, folder: str, build: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    """Body of a worker process: build something, then call its methods by name.

    Args:
        connection: end of a pipe; receives ``(method, arguments)``, or None to end.
        folder: working directory; RecBole and HM4SR write into it.
        build: class of what is measured.
        arguments: of ``build``.
    """
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    sys.argv = sys.argv[:1]  # RecBole's Config reads the command line
    os.chdir(folder)
    sys.stdout = sys.stderr
    try:
        subject = build(*arguments)
        connection.send((True, None))
        while (message := connection.recv()) is not None:
            method, parameters = message
            connection.send((True, getattr(subject, method)(*parameters)))
    except (EOFError, KeyboardInterrupt):
        return
    except Exception as error:
        text = " ".join(str(error).split()) or "no message"
        connection.send((False, (f"{type(error).__name__}: {text}", traceback.format_exc())))


def _end_with_parent(folder: str) -> None:
    """End this process when the parent is gone, also in the middle of an epoch."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        shutil.rmtree(folder, ignore_errors=True)  # the parent can no longer do it
        os._exit(1)


@contextmanager
def thread_environment(threads: int) -> Iterator[None]:
    """Environment that workers inherit: as many threads as asked for, that soon sleep.

    Args:
        threads: of each worker.
    """
    # spinning threads of waiting workers would take the core of the one that works
    wanted = thread_settings(threads, os.environ)
    before = {key: os.environ.get(key) for key in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key)
            else:
                os.environ[key] = value
