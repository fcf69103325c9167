"""The command ``run_recbole``: train and test one model, resume it, or evaluate a checkpoint."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from recbole_cammsr.cli import arguments, evaluation, help_text, tables
from recbole_cammsr.cli.request import DEFAULT_DATASET, DEFAULT_MODEL, Request
from recbole_cammsr.run import checkpoints
from recbole_cammsr.run.command import EXIT_OK, Parser, guarded
from recbole_cammsr.run.errors import UsageError

PROGRAM = "run_recbole"
_EXAMPLES = """\
examples:
  run_recbole --model=CAMMSR --dataset=ml-100k
  run_recbole --model=SASRec --dataset=ml-100k --protocol
  run_recbole --model=CAMMSR --dataset=mydata --data_path=data/ --config_files='a.yaml b.yaml'
  run_recbole --resume=saved/CAMMSR-Jan-01-2026_10-00-00.pth --epochs=100
  run_recbole --evaluate=saved/CAMMSR-Jan-01-2026_10-00-00.pth"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: arguments without the program; None takes those of the process.

    Returns:
        The exit code.
    """
    return guarded(PROGRAM, _run, argv)


def _parser() -> Parser:
    parser = Parser(
        PROGRAM,
        "Train a model of RecBole, or CAMMSR, on a data set and test its best checkpoint.",
        "\n\n".join([help_text.SETTINGS, help_text.CAMMSR, _EXAMPLES]),
    )
    arguments.add_model_options(parser)
    parser.add_argument(
        "--resume",
        metavar="CHECKPOINT",
        help="continue training from the last improvement, with the settings saved in the "
        "checkpoint (yours win); the file is overwritten by better ones",
    )
    parser.add_argument(
        "--evaluate",
        metavar="CHECKPOINT",
        help="no training: evaluate a checkpoint with the settings saved in it; "
        f"{', '.join(evaluation.CHANGEABLE)} may be others",
    )
    arguments.add_process_options(parser)
    return parser


def _run(argv: Sequence[str]) -> int:
    origin: checkpoints.Origin | None = None

    def also_trained(options: argparse.Namespace) -> list[str]:
        nonlocal origin
        if options.resume is None or options.evaluate is not None:
            return []
        checkpoints.check_exists(options.resume)
        origin = checkpoints.origin_of(options.resume)
        return [origin.model]

    options, settings = arguments.read(_parser(), argv, also_trained)
    if options.evaluate is not None:
        return _evaluate(options.evaluate, options.model, options.dataset, argv, settings)
    request = Request(options, settings)
    model = request.named("model", None)
    dataset = request.named("dataset", None)
    request.check_models([origin.model if origin is not None else model or DEFAULT_MODEL])
    if origin is not None:
        checkpoints.check_same(origin, options.resume, model, dataset)
        model, dataset = origin.model, origin.dataset
    model, dataset = model or DEFAULT_MODEL, dataset or DEFAULT_DATASET

    from recbole_cammsr.run.training import train

    outcome = train(request.job(model, dataset, options.resume, origin))
    if outcome is not None:
        tables.show(tables.summary(outcome))
    return EXIT_OK


def _evaluate(
    path: str,
    model: str | None,
    dataset: str | None,
    argv: Sequence[str],
    settings: Sequence[str],
) -> int:
    allowed = {"--evaluate", "--model", "-m", "--dataset", "-d", "--debug"}
    allowed.update(f"--{name}" for name in evaluation.CHANGEABLE)
    others = [arg for arg in argv if arg.startswith("-") and arg.partition("=")[0] not in allowed]
    if others:
        raise UsageError(
            f"{others[0]!r} has no effect with --evaluate, which uses the settings saved in the "
            f"checkpoint, but for {', '.join(evaluation.CHANGEABLE)}"
        )
    changed = evaluation.changes(arguments.values(settings))
    checkpoints.check_exists(path)
    checkpoints.check_same(checkpoints.origin_of(path), path, model, dataset)
    arguments.hand_to_recbole(settings)
    tables.show(tables.summary(evaluation.evaluate(path, changed)))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
