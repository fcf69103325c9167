"""The command line and the environment of a process, which RecBole and the commands write to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def put_back() -> Iterator[None]:
    """Leave ``sys.argv`` and ``os.environ`` as they were before, whatever is done to them.

    RecBole's ``Config`` reads ``sys.argv``: settings that a command leaves there would win over
    those of the caller's next model in the same process.
    """
    held, words, environment = sys.argv, list(sys.argv), dict(os.environ)
    try:
        yield
    finally:
        held[:] = words
        sys.argv = held
        for key in set(os.environ) - set(environment):
            del os.environ[key]
        os.environ.update(environment)
