"""Keeps the import of RecBole's sequential models from switching autograd's anomaly detection on.

Mends ``recbole/model/sequential_recommender/sine.py``, which calls
``torch.autograd.set_detect_anomaly(True)`` when it is imported. The package's ``__init__`` imports
all of its models, so one debugging line in one of them slows every training step of every
sequential model, in a process that asked for nothing of the kind. Results do not depend on it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from recbole_cammsr.compat.import_hooks import around_import

_CULPRIT = "recbole.model.sequential_recommender.sine"

_installed = False


def install() -> None:
    """Attach the hook; a second call has no effect.

    Where the module was imported before, the mode it left behind is switched off: what was chosen
    before that import is no longer known, and a user's own choice is normally made after it.
    """
    global _installed
    if _installed:
        return
    _installed = True
    around_import(_CULPRIT, _unchanged_mode)
    if _CULPRIT in sys.modules:
        import torch

        torch.autograd.set_detect_anomaly(False)


@contextmanager
def _unchanged_mode() -> Iterator[None]:
    """Put autograd's anomaly mode back as it was."""
    import torch

    enabled, check_nan = torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
    try:
        yield
    finally:
        torch.autograd.set_detect_anomaly(enabled, check_nan)
