"""Sub-commands of ``cammsr-prep``: one module each with NAME, HELP, add_arguments and execute."""

from __future__ import annotations
