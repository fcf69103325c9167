"""The command ``cammsr-benchmark``: models x data sets x seeds from one YAML file."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recbole_cammsr.cli import arguments, tables
from recbole_cammsr.run.command import EXIT_FAILED, EXIT_OK, Parser, guarded
from recbole_cammsr.run.errors import UsageError

PROGRAM = "cammsr-benchmark"
_EXAMPLES = """\
the file (properties/experiments/ has examples, each opens with its usage):
  datasets: {amazon_beauty: {data_path: data}}       settings that hold on a data set
  seeds: [1, 2, 3, 4, 5]
  models:
    CAMMSR: {grid: {learning_rate: [0.001, 0.0005], swap_weight: [0.1, 0.3]}}
    SASRec: {grid: {learning_rate: [0.001, 0.0005], hidden_size: [64, 128]}}
  reference: CAMMSR                                  the model the others are compared with
  tuning: {trials: 4}                                combinations that each model may try
  metrics: [NDCG@10, Recall@10]                      columns; the first one of users is tested

Every model follows the data set's protocol: same filters, split, candidates and metrics. A command
that was killed goes on where it stopped; run it again with the same --output.

examples:
  cammsr-benchmark --experiment=example --output=results/example
  cammsr-benchmark --experiment=mine.yaml --output=results/mine --jobs=2 --epochs=50"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: arguments without the program; None takes those of the process.

    Returns:
        The exit code; 1 where a run failed, even if the report of the others stands.
    """
    return guarded(PROGRAM, _run, argv)


def add_runner_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command has that runs jobs."""
    parser.add_argument(
        "--output",
        "-o",
        metavar="FOLDER",
        help="where results, logs and the report go; finished runs found there are not repeated",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time (1)")
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="processor threads of each run (default: the processors shared among the runs)",
    )
    parser.add_argument(
        "--keep_checkpoints", action="store_true", help="keep the best checkpoint of every run"
    )


def runner_of(options: argparse.Namespace) -> Any:
    """The runner that the options describe; its folder is locked while its store lives.

    Raises:
        UsageError: no folder, or a number that cannot be.
        ValueError: another command is at work in the folder.
    """
    from recbole_cammsr.analysis import folder_lock
    from recbole_cammsr.analysis.runner import Runner
    from recbole_cammsr.analysis.store import ResultStore

    if not options.output:
        raise UsageError("name the folder for the results: --output=results/NAME")
    for name in ("jobs", "threads"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} must be at least 1, not {value}")
    store = ResultStore(Path(options.output))
    folder_lock.hold(store.folder, store)
    if folder_lock.fcntl is not None:  # so nobody is at work there
        # of killed runs, also of those that are no part of the experiment any more
        shutil.rmtree(store.folder / "scratch", ignore_errors=True)
    return Runner(
        store,
        parallel=options.jobs,
        threads=options.threads,
        keep_checkpoints=options.keep_checkpoints,
        show=lambda line: print(line, file=sys.stderr, flush=True),
    )


def typed_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Values of ``--key=value`` strings, read as RecBole reads them.

    Raises:
        UsageError: the seed is among them, which these commands set themselves, or a value that no
            result file can hold.
    """
    from recbole_cammsr.analysis import experiment_entries

    if "seed" in arguments.keys(settings):
        raise UsageError("--seed has no effect here; several seeds are given instead")
    return experiment_entries.settings(arguments.values(settings), "the command line")


def command_line(program: str, argv: Sequence[str]) -> str:
    """The command as it can be typed again."""
    return shlex.join([program, *argv])


def _parser() -> Parser:
    parser = Parser(
        PROGRAM,
        "Tune models on validation with equal budgets, run the chosen configurations with several "
        "seeds, and compare them: tables, paired tests, breakdowns, pictures.",
        _EXAMPLES,
    )
    parser.add_argument(
        "--experiment",
        "-e",
        metavar="FILE",
        help="YAML file, or the name of one that this package ships, e.g. example",
    )
    add_runner_options(parser)
    return parser


def _run(argv: Sequence[str]) -> int:
    options, settings = arguments.read(_parser(), argv)
    from recbole_cammsr.analysis import benchmark, efficiency, equal_rows, experiment, report

    if not options.experiment:
        raise UsageError("name the experiment: --experiment=FILE")
    plan = experiment.read(experiment.find(options.experiment))
    plan = plan.with_settings(typed_settings(settings))
    experiment.check_before_runs(plan, f"'metrics' of {options.experiment}")
    runner = runner_of(options)
    for sentence in [*benchmark.unequal_budgets(plan), *equal_rows.planned(plan)]:
        print(f"warning: {sentence}", file=sys.stderr)
    _warn_of_another_report(runner.store.folder, plan.name)
    outcome = benchmark.run(plan, runner)
    folder: Path = runner.store.folder
    tables.show(report.write(plan, outcome, folder, command_line(PROGRAM, argv)))
    if outcome.runs:
        efficiency.write(outcome.runs, report.columns(plan, outcome.runs)[0], folder)
    print(f"\nreport  {folder / 'report.md'}")
    return EXIT_FAILED if outcome.failures else EXIT_OK


def _warn_of_another_report(folder: Path, name: str) -> None:
    """Experiments may share runs, but each would write its tables over the other's."""
    report = folder / "report.md"
    if not report.is_file():
        return
    with report.open(encoding="utf-8", errors="replace") as lines:
        title = lines.readline().strip().removeprefix("# ")
    if title != name:
        print(
            f"warning: {report} is of the experiment {title!r}, and its tables, pictures and "
            f"chosen settings will be replaced by those of {name!r}; its runs in {folder / 'jobs'} "
            "stay. To keep it, name another folder with --output",
            file=sys.stderr,
        )


if __name__ == "__main__":
    sys.exit(main())
