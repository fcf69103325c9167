"""Refuses YAML in which a mapping has a key twice: the reader keeps the last, in silence."""

from __future__ import annotations

import yaml

from recbole_cammsr.run.errors import UsageError


class DuplicateKeyError(UsageError):
    """A key stands twice in one mapping.

    Attributes:
        key: as written.
        within: keys of the mappings around it, the outermost first.
        lines: e.g. "lines 3 and 5", counted from 1.
    """

    def __init__(self, path: str, key: str, within: tuple[str, ...], first: int, again: int):
        self.key = key
        self.within = within
        self.lines = f"line {first}" if first == again else f"lines {first} and {again}"
        place = f" in {'.'.join(within)!r}" if within else ""
        super().__init__(
            f"config file {path}: {key!r} stands twice{place} ({self.lines}); keep one of the two"
        )


def check(node: yaml.Node | None, path: str) -> None:
    """Refuse the first key that stands twice.

    Looked at is what is written: a key that overrides one of a merged mapping (``<<``) is none.

    Args:
        node: the document, composed but not constructed; None for an empty one.
        path: of the file.

    Raises:
        DuplicateKeyError: names the file, the key and its lines.
    """
    if node is not None:
        _check(node, path, (), set())


def _check(node: yaml.Node, path: str, within: tuple[str, ...], seen: set[int]) -> None:
    if id(node) in seen:  # through an alias, which may even lead into itself
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check(item, path, within, seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            name = ""
            if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
                name, line = str(key.value), key.start_mark.line + 1
                if (key.tag, name) in lines:
                    raise DuplicateKeyError(path, name, within, lines[key.tag, name], line)
                lines[key.tag, name] = line
            _check(value, path, (*within, name), seen)
