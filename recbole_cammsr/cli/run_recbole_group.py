"""The command ``run_recbole_group``: train several models on one data set and compare them."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from recbole_cammsr.cli import arguments, help_text, same_evaluation, tables
from recbole_cammsr.cli.output_files import check_writable
from recbole_cammsr.cli.request import DEFAULT_DATASET, DEFAULT_MODEL, Request
from recbole_cammsr.run.command import EXIT_FAILED, EXIT_OK, Parser, guarded
from recbole_cammsr.run.errors import UsageError, describe
from recbole_cammsr.run.training import Outcome, train

PROGRAM = "run_recbole_group"
#: options for one checkpoint, which are refused here
_OF_RUN_RECBOLE = ("resume", "evaluate")
_EXAMPLES = """\
examples:
  run_recbole_group --model_list=SASRec,GRU4Rec,CAMMSR --dataset=ml-100k --protocol
  run_recbole_group -m Pop,BPR -d ml-100k --valid_latex=valid.tex --test_latex=test.tex"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: arguments without the program; None takes those of the process.

    Returns:
        The exit code; 1 where a model failed, even if others did not.
    """
    return guarded(PROGRAM, _run, argv)


def _parser() -> Parser:
    parser = Parser(
        PROGRAM,
        "Train several models with the same settings, and compare them in a table (also in LaTeX).",
        "\n\n".join([help_text.SETTINGS, _EXAMPLES]),
    )
    parser.add_argument(
        "--model_list",
        "-m",
        default=DEFAULT_MODEL,
        metavar="A,B",
        help=f"models, separated by commas (default: {DEFAULT_MODEL})",
    )
    arguments.add_dataset_options(parser)
    parser.add_argument(
        "--valid_latex",
        default="./latex/valid.tex",
        metavar="FILE",
        help="LaTeX table of the validation results (default: ./latex/valid.tex)",
    )
    parser.add_argument(
        "--test_latex",
        default="./latex/test.tex",
        metavar="FILE",
        help="LaTeX table of the test results (default: ./latex/test.tex)",
    )
    for name in _OF_RUN_RECBOLE:
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    arguments.add_process_options(parser)
    return parser


def _run(argv: Sequence[str]) -> int:
    options, settings = arguments.read(_parser(), argv)
    for name in _OF_RUN_RECBOLE:
        if getattr(options, name) is not None:
            raise UsageError(f"--{name} takes the checkpoint of one model: use run_recbole for it")
    models = _models(options.model_list)
    request = Request(options, settings)
    request.check_models(models)
    dataset = request.named("dataset", DEFAULT_DATASET) or DEFAULT_DATASET
    check_writable(options.valid_latex, "--valid_latex")
    check_writable(options.test_latex, "--test_latex")

    evaluated = {model: same_evaluation.of(request, model, dataset) for model in models}
    differing = same_evaluation.difference(evaluated, options.protocol)
    if differing is not None:
        print(f"warning: {differing}", file=sys.stderr)
    outcomes = []
    for model in models:
        outcome = _train_one(request, model, dataset, options.debug)
        if outcome is not None:
            outcomes.append(outcome)
    if outcomes:
        finished = {outcome.model: evaluated[outcome.model] for outcome in outcomes}
        differing = same_evaluation.difference(finished, options.protocol)
        for split, path in (("valid", options.valid_latex), ("test", options.test_latex)):
            tables.show(tables.comparison(outcomes, split, mark_best=differing is None))
            _write_latex(outcomes, split, path, mark_best=differing is None)
        if differing is not None:
            tables.show(differing)
    return EXIT_OK if len(outcomes) == len(models) else EXIT_FAILED


def _models(listed: str) -> list[str]:
    """The names in ``--model_list``, each once."""
    named = [name.strip() for name in listed.split(",") if name.strip()]
    if not named:
        raise UsageError("--model_list names no model")
    models = list(dict.fromkeys(named))
    for model in models:
        if named.count(model) > 1:
            print(
                f"warning: --model_list names {model} {named.count(model)} times; it is trained "
                "once",
                file=sys.stderr,
            )
    return models


def _train_one(request: Request, model: str, dataset: str, debug: bool) -> Outcome | None:
    """One model's outcome; None where it failed: the others still run."""
    _close_logs()
    try:
        return train(request.job(model, dataset, resume=None, origin=None))
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(f"{PROGRAM}: error: {model} failed: {describe(error)}", file=sys.stderr)
        return None


def _close_logs() -> None:
    """Let RecBole open a log file for each model: it opens none while the last one is open."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()


def _write_latex(
    outcomes: Sequence[Outcome], split: str, path: str, mark_best: bool = True
) -> None:
    results = [outcome.valid if split == "valid" else outcome.test for outcome in outcomes]
    unfinished = f"{path}.part"
    with open(unfinished, "w", encoding="utf-8") as file:
        file.write(_latex([outcome.model for outcome in outcomes], results, mark_best))
    os.replace(unfinished, path)
    print(f"LaTeX table  {path}")


def _latex(models: Sequence[str], results: Sequence[Mapping[str, float]], mark_best: bool) -> str:
    """The table of RecBole's ``list_to_latex``, which has one direction for all columns.

    It also shifts the rows of a column that some model lacks, and escapes nothing.

    Args:
        models: names, a row each.
        results: metric to value of each model.
        mark_best: whether the best of each column is bold.
    """
    import pandas

    from recbole_cammsr.analysis.metric_classes import smaller_is_better
    from recbole_cammsr.analysis.tables import LATEX

    metrics = list(dict.fromkeys(name for result in results for name in result))
    rows = [
        [LATEX.text(model), *(result.get(name) for name in metrics)]
        for model, result in zip(models, results)
    ]
    header = ["Model", *(LATEX.text(name) for name in metrics)]
    frame = pandas.DataFrame(rows, columns=header, dtype=object)
    if not metrics:
        return str(frame.to_latex(index=False))

    def bold(column: Any) -> list[str | None]:
        name = metrics[header.index(column.name) - 1]
        values = column.dropna()
        best = values.min() if smaller_is_better(name) else values.max()
        return ["font-weight:bold" if value == best else None for value in column]

    style = frame.style.format(precision=4, na_rep="-")
    if mark_best:
        style = style.apply(bold, subset=header[1:])
    return str(
        style.hide(axis="index").to_latex(
            caption="Result Table",
            label="Result Table",
            convert_css=True,
            hrules=True,
            column_format="c" * len(header),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
