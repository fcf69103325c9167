"""Data preparation for recbole-cammsr: atomic files, text and image features keyed by item token.

Nothing here is needed to train a model. The encoders need ``pip install 'recbole-cammsr[prep]'``.
"""

from __future__ import annotations
