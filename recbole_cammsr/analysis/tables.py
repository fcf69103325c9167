"""Result tables in Markdown and LaTeX: best bold, second underlined, improvement and p below."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from recbole_cammsr.analysis import metric_classes
from recbole_cammsr.analysis.summary import (
    SIGNIFICANT,
    Cell,
    Comparison,
    improvement,
    is_borne_out,
    ranking,
)

_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",  # these three are other characters in LaTeX's oldest encoding
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{character: "\\" + character for character in "&%$#_{}"},
}
#: an underscore within a word, a bracket without an address, and an ampersand alone are no marks
_MARKDOWN_SPECIAL = re.compile(
    r"[\\`*<|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|\](?=[(\[])|&(?=#?\w+;)"
)


#: of the reference in LaTeX
_STAR = "$^{*}$"


@dataclass(frozen=True)
class _Style:
    bold: Callable[[str], str]
    underline: Callable[[str], str]
    text: Callable[[str], str]
    plus_minus: str
    minus: str
    percent: str


def _escape_latex(text: str) -> str:
    return re.sub(
        r"[\\~^&%$#_{}<>|]", lambda match: _LATEX_SPECIAL[match.group()], " ".join(text.split())
    )


def _escape_markdown(text: str) -> str:
    """Escapes what Markdown and its HTML read; what stands in backticks is code already."""
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    parts[::2] = [_MARKDOWN_SPECIAL.sub(r"\\\g<0>", part) for part in parts[::2]]
    parts[1::2] = [part.replace("|", r"\|") for part in parts[1::2]]  # a table takes it first
    return "".join(parts)


MARKDOWN = _Style(
    bold=lambda text: f"**{text}**",
    underline=lambda text: f"<u>{text}</u>",
    text=_escape_markdown,
    plus_minus=" ± ",
    minus="-",
    percent=" %",
)
LATEX = _Style(
    bold=lambda text: rf"\textbf{{{text}}}",
    underline=lambda text: rf"\underline{{{text}}}",
    text=_escape_latex,
    plus_minus=r" {\scriptsize$\pm$ ",
    minus="$-$",
    percent=r"\,\%",
)


def number(cell: Cell, style: _Style) -> str:
    """Such as ``0.0410 ± 0.0012``; the mean alone with one seed."""
    if cell.deviation is None:
        return f"{cell.mean:.4f}"
    close = "}" if style is LATEX else ""
    return f"{cell.mean:.4f}{style.plus_minus}{cell.deviation:.4f}{close}"


def p_value(p: float) -> str:
    """Such as ``0.032`` or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def table_rows(
    cells: Mapping[str, Mapping[str, Cell]],
    metrics: Sequence[str],
    reference: str,
    style: _Style,
) -> list[list[str]]:
    """Cells of the table of one data set: a row a contender, then the improvement.

    Args:
        cells: label to metric to cell.
        metrics: columns.
        reference: label of the contender whose improvement over the best other one is shown.
        style: :data:`MARKDOWN` or :data:`LATEX`.
    """
    rows = []
    places = {metric: ranking(cells, metric) for metric in metrics}
    for label in cells:
        row = [style.text(label)]
        for metric in metrics:
            if metric not in cells[label]:
                row.append("-")
                continue
            text = number(cells[label][metric], style)
            mean = cells[label][metric].mean
            best, second = _two_best(cells, metric, places[metric])
            if len(places[metric]) > 1 and mean == best:
                text = style.bold(text)
            elif len(places[metric]) > 2 and mean == second:
                text = style.underline(text)
            row.append(text)
        rows.append(row)
    if reference in cells and len(cells) > 1:
        row = [style.text(f"{reference} over the best other")]
        for metric in metrics:
            gain = improvement(cells, metric, reference)
            row.append("-" if gain is None else _percentage(gain[1], style))
        rows.append(row)
    return rows


def _percentage(share: float, style: _Style) -> str:
    return f"{100 * share:+.1f}{style.percent}".replace("-", style.minus)


def _two_best(
    cells: Mapping[str, Mapping[str, Cell]], metric: str, order: Sequence[str]
) -> tuple[float, float | None]:
    means = list(dict.fromkeys(cells[label][metric].mean for label in order))
    return means[0], means[1] if len(means) > 1 else None


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, the others to the right."""
    lines = [
        "| " + " | ".join(header) + " |",
        "| --- |" + " ---: |" * (len(header) - 1),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    return "\n".join(lines)


def latex(
    summary: Mapping[str, Mapping[str, Mapping[str, Cell]]],
    metrics: Sequence[str],
    reference: str,
    caption: str,
    comparisons: Sequence[Comparison] = (),
) -> str:
    """One LaTeX table (package ``booktabs``) with a block a data set.

    The reference has a star where all its comparisons on a data set bear its improvement out.

    Args:
        summary: data set to label to metric to cell.
        metrics: columns.
        reference: label of the contender whose improvement is shown.
        caption: plain text.
        comparisons: of the reference, in one of the metrics.
    """
    columns = len(metrics) + 1
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escape_latex(caption)}{_of_star(comparisons)}}}",
        rf"\begin{{tabular}}{{l{'r' * len(metrics)}}}",
        r"\toprule",
        " & ".join(["Model", *(_escape_latex(metric_title(metric)) for metric in metrics)])
        + r" \\",
    ]
    for dataset, cells in summary.items():
        lines += [
            r"\midrule",
            rf"\multicolumn{{{columns}}}{{l}}{{\emph{{{_escape_latex(dataset)}}}}} \\",
        ]
        rows = table_rows(cells, metrics, reference, LATEX)
        here = [one for one in comparisons if one.dataset == dataset]
        # a row that shares too few users is not compared, and a star would speak of it too
        with_all = {reference, *(one.other for one in here)} == set(cells)
        if here and with_all and all(map(is_borne_out, here)):
            rows[list(cells).index(reference)][1 + metrics.index(here[0].metric)] += _STAR
        lines += [_guarded(" & ".join(row)) + r" \\" for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _of_star(comparisons: Sequence[Comparison]) -> str:
    """What the caption says of the star; nothing where there are no tests between seeds."""
    metric = next((one.metric for one in comparisons if one.seeds_p is not None), None)
    if metric is None:
        return ""
    return (
        f". {_STAR}: better than every other row in {_escape_latex(metric_title(metric))}, with "
        f"$p < {SIGNIFICANT:g}$ paired over users (t-test and Wilcoxon's, each after Holm's "
        "correction) and between seeds (Welch's t-test)"
    )


def _guarded(line: str) -> str:
    r"""A line of a table that the ``\\`` before it does not take for its argument or its star."""
    return "{}" + line if line.startswith(("[", "*")) else line


def comparison_rows(comparisons: Sequence[Comparison]) -> list[list[str]]:
    """Markdown cells of the paired tests: against, improvement, p values, users."""
    return [
        [
            MARKDOWN.text(one.other),
            "-" if one.improvement is None else f"{100 * one.improvement:+.1f} %",
            p_value(one.test.t_p),
            p_value(one.t_holm),
            p_value(one.test.wilcoxon_p),
            p_value(one.wilcoxon_holm),
            str(one.test.users),
            "-" if one.seeds_p is None else p_value(one.seeds_p),
        ]
        for one in comparisons
    ]


COMPARISON_HEADER = (
    "against",
    "improvement",
    "t-test p",
    "after Holm",
    "Wilcoxon p",
    "after Holm",
    "users",
    "between seeds p",
)


def metric_title(metric: str) -> str:
    """``ndcg@10`` as ``NDCG@10``, ``giniindex@5`` as ``GiniIndex@5``."""
    return metric_classes.title(metric)
