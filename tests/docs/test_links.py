"""README and docs: a link leads to a file that is there, and to a heading that it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("dataset_prep/**/*.md")]
)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^()\s]+)\)")


def anchors_of(page: Path) -> set[str]:
    """What GitHub calls the headings of a page: lower case, hyphens, no punctuation."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+)$", text, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
        number, numbered = 0, anchor
        while numbered in found:
            number += 1
            numbered = f"{anchor}-{number}"
        found.add(numbered)
    return found


def broken_links(page: Path) -> list[str]:
    """Links of a page, without those to other sites, that lead nowhere."""
    broken = []
    for link in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        leads = target.exists()
        if leads and anchor and target.suffix == ".md":
            leads = anchor in anchors_of(target)
        if not leads:
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    other.write_text("# One `x`, two\n\n## One `x`, two\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](other.md#one-x-two) [b](other.md#one-x-two-1) [c](#here) "
        "[d](https://nowhere.invalid/x) [e](other.md#one) [f](#there) [g](lost.md)\n"
        "```\n[h](in-code.md)\n```\n",
        encoding="utf-8",
    )
    assert broken_links(page) == ["other.md#one", "#there", "lost.md"]
    assert len(PAGES) > 10
