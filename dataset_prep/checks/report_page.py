"""The report of ``cammsr-prep check`` as one HTML page that needs no other file, and no script."""

from __future__ import annotations

import os
from collections.abc import Mapping
from html import escape

from recbole_cammsr.run.atomic_write import atomic_open

from .contact_sheet import Cell, Sheet, make_sheet, shown_tokens
from .dataset_check import DatasetCheck
from .finding import ERROR, NOTE, WARNING, Section
from .svg_figures import draw
from .thumbnails import thumbnails

# Titles come from strangers: nothing on the page may run or be fetched, whatever they contain.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
# Characters of a title on a contact sheet; shops write whole descriptions into titles.
_TITLE = 90
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #66707f; --line: #d9dee6; --bar: #4a78b5;
  --page: #fff; --card: #f6f8fa; --error: #b3261e; --warning: #9a6200; --good: #2e7d4f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #9aa4b2; --line: #3a424e;
  --bar: #7ba6de; --page: #14181e; --card: #1d232b; --error: #ff8a80; --warning: #f0b95a;
  --good: #6fcf97; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem;
  border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
.verdict { font-size: 1.05rem; font-weight: 600; } .bad { color: var(--error); }
.fine { color: var(--good); } .soft { color: var(--soft); }
table { border-collapse: collapse; } td { padding: .1rem .8rem .1rem 0; vertical-align: top; }
td:first-child { color: var(--soft); min-width: 16rem; }
td:last-child { overflow-wrap: anywhere; } ul { padding-left: 1.2rem; }
li.error { color: var(--error); } li.warning { color: var(--warning); }
li b { font-weight: 600; } .charts { display: flex; flex-wrap: wrap; gap: 1.2rem; }
figure { margin: .8rem 0 0; } figcaption { font-size: .85rem; margin-bottom: .2rem; }
svg { max-width: 100%; height: auto; } svg text { font-size: 11px; fill: var(--soft); }
svg rect { fill: var(--bar); } .axis { stroke: var(--line); fill: none; }
.sheet { display: grid; grid-template-columns: repeat(7, minmax(0, 1fr)); gap: .5rem;
  margin-bottom: .9rem; }
.cell { background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: .35rem; font-size: .72rem; line-height: 1.3; overflow-wrap: anywhere; }
.cell.first { border: 2px solid var(--ink); } .cell.related { border-color: var(--good); }
.cell img { display: block; margin: 0 auto .3rem; max-width: 100%; }
.cell .title { display: -webkit-box; -webkit-line-clamp: 4; -webkit-box-orient: vertical;
  overflow: hidden; } .cell .soft { display: block; }
@media (max-width: 700px) { .sheet { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
"""


def write_report(
    path: str | os.PathLike[str], result: DatasetCheck, images: str | None = None
) -> None:
    """Write the report page.

    Args:
        path: The HTML file.
        result: The outcome of the checks.
        images: Folder, zip or download folder with item images, shown beside the titles.

    Raises:
        FileNotFoundError: If the images do not exist.
        ImportError: If images are to be shown and Pillow is not installed.
        ValueError: If the source of images holds none.
    """
    sheets = [make_sheet(embedding, result.items) for embedding in result.embeddings]
    pictures = thumbnails(images, shown_tokens(sheets)) if images else {}
    with atomic_open(path, "w") as file:
        file.write(_page(result, sheets, pictures))


def _page(result: DatasetCheck, sheets: list[Sheet], pictures: Mapping[str, str]) -> str:
    """The whole page."""
    verdict = result.verdict()
    mood = "bad" if result.count(ERROR) else "fine"
    body = [
        f"<h1>{escape(result.name)}</h1>",
        f'<p class="soft">{escape(str(result.folder))}</p>',
        f'<p class="verdict {mood}">{escape(verdict)}</p>',
        _summary(result),
        *(_section(section) for section in result.sections),
        *(_sheet(sheet, pictures) for sheet in sheets),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(result.name)}: data set check</title>\n<style>{_STYLE}</style>\n</head>\n"
        "<body>\n" + "\n".join(part for part in body if part) + "\n</body>\n</html>\n"
    )


def _summary(result: DatasetCheck) -> str:
    """All errors and warnings at the top, where they are read."""
    findings = [
        (x, section.title)
        for level in (ERROR, WARNING)
        for section in result.sections
        for x in section.findings
        if x.level == level
    ]
    items = "".join(
        f'<li class="{x.level}"><b>{escape(title)}</b>: {escape(x.message)}</li>'
        for x, title in findings
    )
    return f"<ul>{items}</ul>" if items else ""


def _section(section: Section) -> str:
    """Facts, notes and charts of one file."""
    facts = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in section.facts
    )
    findings = "".join(
        f'<li class="{x.level}"><b>{x.level}</b>: {escape(x.message)}</li>'
        for level in (ERROR, WARNING, NOTE)
        for x in section.findings
        if x.level == level
    )
    charts = "".join(draw(bars) for bars in section.figures)
    return (
        f"<h2>{escape(section.title)}</h2>"
        + (f"<table>{facts}</table>" if facts else "")
        + (f"<ul>{findings}</ul>" if findings else "")
        + (f'<div class="charts">{charts}</div>' if charts else "")
    )


def _sheet(sheet: Sheet, pictures: Mapping[str, str]) -> str:
    """The contact sheet of one modality."""
    sample = " among a sample of the catalogue" if sheet.sampled else ""
    rows = "".join(
        '<div class="sheet">'
        + "".join(_cell(cell, pictures.get(cell.token)) for cell in row)
        + "</div>"
        for row in sheet.rows
    )
    return (
        f"<h2>nearest neighbours: {escape(sheet.modality)}</h2>"
        f'<p class="soft">Each row: an item, then the items with the highest cosine{sample}. '
        f"Green: shares a category with the first.</p>{rows}"
    )


def _cell(cell: Cell, picture: str | None) -> str:
    """One item of a contact sheet."""
    kind = "first" if cell.cosine is None else "related" if cell.related else ""
    title = cell.title if len(cell.title) <= _TITLE else f"{cell.title[: _TITLE - 1]}…"
    image = f'<img src="{picture}" alt="">' if picture else ""
    labels = ", ".join(label.rsplit(">", 1)[-1].replace("_", " ") for label in cell.labels)
    cosine = "" if cell.cosine is None else f"{cell.cosine:.2f}"
    below = " · ".join(part for part in (cosine, labels) if part)
    return (
        f'<div class="cell {kind}">{image}<span class="title">{escape(title)}</span>'
        f'<span class="soft">{escape(below)}</span></div>'
    )
