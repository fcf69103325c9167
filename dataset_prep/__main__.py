"""``python -m recbole_cammsr.dataset_prep``: the same as ``cammsr-prep``."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
