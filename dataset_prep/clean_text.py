"""Text as RecBole's tab-separated atomic files and tokenizers want it."""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import quote

from recbole_cammsr.data.missing_cells import MISSING_CELLS

# Each stops at the next one that begins, so that many without an end cost no more than one.
_UNSHOWN = re.compile(
    r"<(script|style)\b[^<>]{0,1000}>(?:(?!<\1\b).)*?</\1\s*>", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_BLANK = re.compile(r"\s+")
# joiners within words and signs; other format characters are marks that nobody sees
_JOINERS, _ZERO_WIDTH_SPACE = "\u200c\u200d", "\u200b"
_BREAKS_CELL = re.compile('[\t\r\n"]')
# Of half a pair, which JSON may spell, no file can hold more than "?": two ids would become one.
_UNDECODED = re.compile(r"[\ufffd\ud800-\udfff]")


def clean_text(text: object) -> str:
    """Undo HTML escapes and tags, drop control and format characters, and collapse blanks.

    What a page does not show goes with its tags: scripts and styles.

    Control characters part words, as blanks do, those without width too; soft hyphens and marks of
    direction do not. Joiners stay: Persian words and many emoji need them.

    Args:
        text: Any value; None and NaN give the empty string.

    Returns:
        One line of NFC text.
    """
    if text is None or text != text:
        return ""
    line = _TAG.sub(" ", _UNSHOWN.sub(" ", html.unescape(str(text))))
    line = "".join(map(_visible, line))
    return unicodedata.normalize("NFC", _BLANK.sub(" ", line).strip())


def _visible(character: str) -> str:
    kind = unicodedata.category(character)
    if character == _ZERO_WIDTH_SPACE or kind in ("Cc", "Cs") or kind[0] == "Z":
        return " "
    return "" if kind == "Cf" and character not in _JOINERS else character


def token_seq_text(text: object) -> str:
    """Clean a text for a ``token_seq`` cell; double quotes go, since RecBole's reader parses them.

    Args:
        text: Any value.

    Returns:
        Space-separated words.
    """
    return _BLANK.sub(" ", clean_text(text).replace('"', " ")).strip()


def reference_word(reference: str) -> str:
    """Write an image link or file name as one word of a ``token_seq`` cell.

    It is no text, so its spelling stays, ``&copy=2`` included. Only blanks, which separate
    references, and double quotes and control characters are written as in a URL.

    Args:
        reference: The link or name.

    Returns:
        The word, without the blanks around it.
    """
    return "".join(
        quote(c, safe="") if c == '"' or c.isspace() or unicodedata.category(c) == "Cc" else c
        for c in reference.strip()
    )


def label_token(label: object) -> str:
    """Turn a category label into one token: cleaned, blanks replaced by ``_``.

    Args:
        label: The label as the source spells it.

    Returns:
        The token; a trailing ``_`` marks a label that pandas would read as missing. An apostrophe
        at its beginning is a typographic one: labels in quotes are read as Python strings.
    """
    token = token_seq_text(label).replace(" ", "_")
    if token.startswith("'"):
        token = f"\u2019{token[1:]}"
    return f"{token}_" if token in MISSING_CELLS else token


def is_token(token: str) -> bool:
    """Say whether a user or item id survives RecBole's reader unchanged; see ``check_token``.

    Args:
        token: The id.

    Returns:
        False for what ``check_token`` refuses.
    """
    return not token_fault(token)


def token_fault(token: str) -> str:
    """Say why an id does not survive RecBole's reader; see ``check_token``.

    Args:
        token: The id.

    Returns:
        The reason; empty for a token that survives.
    """
    if not token:
        return "empty"
    if token in MISSING_CELLS:
        return "read as missing"
    if _BREAKS_CELL.search(token):
        return "holds a tab, line break or double quote"
    undecoded = _UNDECODED.search(token)
    if undecoded:
        of_bytes = undecoded[0] == "\ufffd"
        return "holds bytes of another encoding" if of_bytes else "holds half a surrogate pair"
    return "blanks around it" if token != token.strip() else ""


def check_token(token: str, where: str) -> str:
    """Check that a user or item id survives RecBole's reader unchanged.

    Args:
        token: The id.
        where: File and field, for the error sentence.

    Returns:
        The token itself.

    Raises:
        ValueError: If it is empty, holds a tab, line break or double quote, U+FFFD for bytes that
            could not be read or half a surrogate pair, has blanks around it, or is spelled like a
            missing value.
    """
    fault = token_fault(token)
    if fault:
        raise ValueError(
            f"{where}: the id {token!r} cannot stand in an atomic file ({fault}): rename it in "
            "the source"
        )
    return token
