"""What a check returns: facts, findings with a level, and figures for the report page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

ERROR = "error"
WARNING = "warning"
NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One sentence about the data; errors make it unusable, warnings and notes do not."""

    level: str
    message: str


@dataclass(frozen=True)
class Bars:
    """A bar chart or histogram.

    Attributes:
        title: What is counted.
        labels: ``n`` names of the bars.
        counts: ``n`` heights.
        horizontal: Bars from left to right, for long names.
    """

    title: str
    labels: tuple[str, ...]
    counts: tuple[float, ...]
    horizontal: bool = False


@dataclass
class Section:
    """The outcome of the checks of one file.

    Attributes:
        title: Name of the section.
        facts: Name and value of what was counted.
        findings: What is wrong, or worth knowing.
        figures: Charts for the report page.
    """

    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    figures: list[Bars] = field(default_factory=list)

    def fact(self, name: str, value: object) -> None:
        """Add a fact; whole numbers are written with thousands separators."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        self.facts.append((name, f"{value:,}" if whole else str(value)))

    def error(self, message: str) -> None:
        """Add a finding that makes the data set unusable."""
        self.findings.append(Finding(ERROR, message))

    def warning(self, message: str) -> None:
        """Add a finding that may explain bad results."""
        self.findings.append(Finding(WARNING, message))

    def note(self, message: str) -> None:
        """Add a finding that is worth knowing."""
        self.findings.append(Finding(NOTE, message))


def percent(part: float, whole: float) -> str:
    """Write a share, e.g. ``"39.2 %"``; of nothing it is ``"0.0 %"``."""
    return f"{100 * part / whole if whole else 0:.1f} %"


def some(values: Sequence[object] | np.ndarray, count: int = 3) -> str:
    """Write the first few values, e.g. ``"'a', 'b', ..."``."""
    shown = ", ".join(repr(str(value)) for value in values[:count])
    return shown + (", ..." if len(values) > count else "")
