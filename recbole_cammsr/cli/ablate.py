"""The command ``cammsr-ablate``: what each part of CAMMSR earns, costs, and withstands."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recbole_cammsr.analysis import setting_names
from recbole_cammsr.cli import arguments, tables, value_lists
from recbole_cammsr.cli.benchmark import (
    add_runner_options,
    command_line,
    runner_of,
    typed_settings,
)
from recbole_cammsr.run import config_files, known_settings
from recbole_cammsr.run.command import EXIT_FAILED, EXIT_OK, Parser, guarded
from recbole_cammsr.run.errors import UsageError

PROGRAM = "cammsr-ablate"
_MODEL = "CAMMSR"
_OWN_PLACE = f"this command is about {_MODEL} and has the options --dataset and --seeds"
_EXAMPLES = """\
Without --components, --modalities_off, --noise, --missing or --sweep the first two are run. Each
writes a folder of its own with tables, paired tests and a picture; runs that parts share are made
once.
efficiency.md compares parameters, operations, seconds and memory of everything that was run.

examples:
  cammsr-ablate --dataset=ml-100k --output=results/ml-100k --seeds=1,2,3,4,5
  cammsr-ablate --dataset=amazon_beauty --data_path=data --output=results/beauty \\
    --baselines=SASRec --noise=0,0.05,0.1,0.2,0.3 --missing=0,0.2,0.5,0.8 \\
    --sweep=swap_weight=0.05,0.1,0.2
  cammsr-ablate --dataset=amazon_beauty --data_path=data --output=results/beauty \\
    --tuned=results/bench/chosen/amazon_beauty/CAMMSR.yaml"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: arguments without the program; None takes those of the process.

    Returns:
        The exit code; 1 where a run failed, even if the reports of the others stand.
    """
    return guarded(PROGRAM, _run, argv)


def _parser() -> Parser:
    parser = Parser(
        PROGRAM,
        "Switch off components and modalities of CAMMSR, damage its input, vary its settings, and "
        "measure what everything costs.",
        _EXAMPLES,
    )
    parser.add_argument("--dataset", "-d", metavar="NAME", help="data set (default: ml-100k)")
    parser.add_argument("--seeds", default="1", metavar="1,2", help="seeds of every variant (1)")
    parser.add_argument(
        "--components",
        action="store_true",
        help="without CAMoE, guidance, swap, one by one and together, with the history "
        "scaled; other positions, norms and times",
    )
    parser.add_argument(
        "--modalities_off", action="store_true", help="every modality left out, and alone"
    )
    parser.add_argument(
        "--noise", metavar="0,0.1", help="shares of the items with wrong category labels"
    )
    parser.add_argument(
        "--missing",
        metavar="0,0.5",
        help="shares of the items that lose a content modality, drawn for each modality",
    )
    parser.add_argument(
        "--sweep",
        action="append",
        default=[],
        metavar="NAME=A,B",
        help="values of a setting, can be repeated",
    )
    parser.add_argument(
        "--baselines",
        default="",
        metavar="A,B",
        help="RecBole models to show beside; they follow the data set's protocol",
    )
    parser.add_argument(
        "--tuned",
        metavar="FILE",
        help="YAML file with settings of CAMMSR, e.g. what cammsr-benchmark chose; what it has of "
        "data, evaluation and number of epochs holds for the baselines too",
    )
    parser.add_argument(
        "--columns", default="", metavar="A,B", help="metrics of the tables (default: all)"
    )
    add_runner_options(parser)
    return parser


def _run(argv: Sequence[str]) -> int:
    options, settings = arguments.read(_parser(), argv)
    from recbole_cammsr.analysis import ablation, benchmark, efficiency, equal_rows, figure, report
    from recbole_cammsr.analysis.corruption import CATEGORY_NOISE, MISSING
    from recbole_cammsr.analysis.experiment import (
        Experiment,
        check_before_runs,
        check_data_folder,
    )

    baselines = _baselines(options.baselines)
    tuned = _tuned(options.tuned) if options.tuned else {}
    tuned = {k: v for k, v in tuned.items() if k not in arguments.keys(settings)}
    # what a benchmark chose holds its file's data, evaluation and budget, which baselines share
    of_all = (*setting_names.COMPARED_BY, *setting_names.COMMON)
    base = ablation.Base(
        dataset=options.dataset or "ml-100k",
        settings={**{k: v for k, v in tuned.items() if k in of_all}, **typed_settings(settings)},
        model_settings={k: v for k, v in tuned.items() if k not in of_all},
        seeds=_seeds(options.seeds),
        baselines=baselines,
        metrics=_words(options.columns),
    )
    # before anything is said of what the data set lacks
    check_data_folder(base.dataset, base.settings.get("data_path"))
    plans: dict[str, Experiment] = {}
    try:
        if options.noise is not None:
            shares = value_lists.read_shares(options.noise, "--noise")
            plans["noise"] = ablation.damage(base, CATEGORY_NOISE, shares)
        if options.missing is not None:
            shares = value_lists.read_shares(options.missing, "--missing", all_of_it=False)
            plans["missing"] = ablation.damage(base, MISSING, shares)
        for name, values in _sweeps(options.sweep).items():
            plans[f"sweep_{name}"] = ablation.sweep(base, name, values)
        everything = not (plans or options.components or options.modalities_off)
        if options.modalities_off or everything:
            plans = {"modalities": ablation.modalities(base), **plans}
        if options.components or everything:
            plans = {"components": ablation.components(base), **plans}
    except ValueError as error:
        raise UsageError(str(error)) from error

    for plan in plans.values():
        check_before_runs(plan, f"--columns={options.columns}")
    runner = runner_of(options)
    folder: Path = runner.store.folder
    failures: list[str] = []
    reports: list[str] = []
    runs: dict[tuple[str, int], Any] = {}
    for part, plan in plans.items():
        print(plan.name, file=sys.stderr, flush=True)
        for sentence in equal_rows.planned(plan):
            print(f"warning: {sentence}", file=sys.stderr)
        outcome = benchmark.run(plan, runner)
        failures += outcome.failures
        text = report.write(plan, outcome, folder / part, command_line(PROGRAM, argv))
        tables.show(f"# {plan.name}\n\n{text}")
        reports.append(str(folder / part / "report.md"))
        metrics = report.columns(plan, outcome.runs)
        if outcome.runs and figure.available() and part not in ("components", "modalities"):
            _curve(part, plan, outcome.runs, metrics[0], folder / part)
        for run in outcome.runs:
            runs.setdefault((run.contender, run.seed), run)
    if runs:
        runner.check_data(run.result for run in runs.values())  # of all parts together
        metric = report.columns(plan, list(runs.values()))[0]
        tables.show(f"# Efficiency\n\n{efficiency.write(list(runs.values()), metric, folder)}")
    print(f"\nreports  {', '.join(reports)}")
    return EXIT_FAILED if failures else EXIT_OK


def _curve(part: str, plan: Any, runs: Sequence[Any], metric: str, folder: Path) -> None:
    """The picture of a part whose contenders are values of one thing.

    A sweep shows validation beside test, since that is what a value may be chosen by.
    """
    from recbole_cammsr.analysis import result_figures
    from recbole_cammsr.analysis.summary import summarise, validation
    from recbole_cammsr.analysis.tables import metric_title

    ((dataset, cells),) = summarise(runs).items()
    chosen_by = validation(runs, dataset)
    series: dict[str, dict[Any, Any]] = {}
    levels = {}
    for one in plan.contenders:
        if one.label not in cells or metric not in cells[one.label]:
            continue
        cell = cells[one.label][metric]
        if part.startswith("sweep_"):
            _, equals, value = one.label.partition("=")
            if equals:
                series.setdefault("test", {})[_number(value)] = cell
                if chosen_by.get(one.label, ("",))[0] == metric:
                    series.setdefault("validation", {})[_number(value)] = chosen_by[one.label][1]
            else:
                levels[one.label] = cell
        elif one.label == one.model and any(
            other.model == one.model and other.corruption for other in plan.contenders
        ):
            series.setdefault(one.model, {})[0.0] = cell
        elif one.corruption:
            series.setdefault(one.model, {})[next(iter(one.corruption.values()))] = cell
        else:
            levels[one.label] = cell
    label = {
        "noise": "share of the items with wrong category labels",
        "missing": "share of the items that lose a modality (each modality by itself)",
    }.get(part, part[len("sweep_") :])
    measured = metric_title(metric) if "validation" in series else f"test {metric_title(metric)}"
    result_figures.curves(series, levels, plan.name, label, measured, folder / "curve.png")


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _baselines(text: str) -> list[str]:
    names = list(dict.fromkeys(_words(text)))
    for name in names:
        known_settings.check_model(name)
        setting_names.check_own_defaults(name, "give it to all models, as --name=value")
        if name == _MODEL:
            raise UsageError(
                f"--baselines={text} names {_MODEL}, which is in every table; take it out"
            )
    return names


def _tuned(path: str) -> dict[str, Any]:
    """The settings of ``--tuned``; warns of those that the model does not read.

    They are no reason to refuse: what cammsr-benchmark chose holds the settings of its whole file.
    """
    from recbole_cammsr.analysis import experiment_entries

    tuned = experiment_entries.settings(config_files.read(path), f"--tuned={path}")
    setting_names.check_names(tuned, f"--tuned={path}", _OWN_PLACE)
    unread = [repr(name) for name in tuned if not known_settings.reads(_MODEL, name)]
    if unread:
        print(
            f"warning: --tuned={path}: {_MODEL} does not read {', '.join(unread)}", file=sys.stderr
        )
    return tuned


def _sweeps(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Values by setting; those of one that is given several times together."""
    sweeps: dict[str, list[Any]] = {}
    for text in texts:
        try:
            name, values = value_lists.read_sweep(text)
        except ValueError as error:
            raise UsageError(str(error)) from error
        setting_names.check_names([name], "--sweep", _OWN_PLACE)
        setting_names.check_read([name], _MODEL, "--sweep")
        setting_names.check_comparable([name], "--sweep", f"give --{name}=<value> to all of them")
        sweeps.setdefault(name, []).extend(values)
    return sweeps


def _seeds(text: str) -> list[int]:
    words = _words(text)
    if not words or not all(re.fullmatch(r"\d+", word) for word in words):
        raise UsageError(f"--seeds takes whole numbers, such as 1,2,3, not {text!r}")
    seeds = [int(word) for word in words]
    if len(set(seeds)) < len(seeds):
        raise UsageError(f"--seeds must differ from each other, not {text}")
    from recbole_cammsr.analysis import experiment_entries

    return experiment_entries.seeds(seeds)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


if __name__ == "__main__":
    sys.exit(main())
