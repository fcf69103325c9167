"""What is said of a text file that is in another encoding."""

from __future__ import annotations


def other_encoding(path: str, encoding: str | None, error: UnicodeDecodeError) -> str:
    """The sentence on a file that is not in the encoding it was read in.

    Args:
        path: the file.
        encoding: as asked for; None is the platform's.
        error: of the attempt.
    """
    return (
        f"{path} is not text in {encoding or error.encoding}: {error.reason}; save it so, or name "
        "its own in `encoding`."
    )
