"""``python -m recbole_cammsr.dataset_prep``: the command ``cammsr-prep``."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
