"""Cells of atomic files that RecBole, through pandas, reads as missing values."""

from __future__ import annotations

_WORDS = "<NA> N/A NA NULL NaN None n/a nan null #N/A #NA -NaN -nan"
_NUMBERS = "-1.#IND -1.#QNAN 1.#IND 1.#QNAN"

#: beside the empty one: pandas' own list
MISSING_CELLS = frozenset([*_WORDS.split(), *_NUMBERS.split(), "#N/A N/A"])
