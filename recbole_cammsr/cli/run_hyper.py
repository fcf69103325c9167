"""The command ``run_hyper``: tune the settings of one model."""

from __future__ import annotations

import argparse
import importlib.metadata
import math
import os
import sys
from collections.abc import Sequence
from typing import Any

from recbole_cammsr.cli import (
    arguments,
    help_text,
    hyper_tools,
    output_files,
    search_space,
    tables,
)
from recbole_cammsr.cli.request import Request
from recbole_cammsr.run.command import EXIT_OK, Parser, guarded
from recbole_cammsr.run.errors import RunError, UsageError

PROGRAM = "run_hyper"
_EXAMPLES = """\
params file, a line each (ends of a loguniform are exponents of e: -8,-4 tries 0.00034 to 0.018):
  learning_rate loguniform -8,-4
  hidden_size choice [64,128]
  hidden_dropout_prob uniform 0.1,0.6

examples:
  run_hyper --model=CAMMSR --dataset=ml-100k --params_file=params.txt --algo=bayes --max_evals=20
  run_hyper --config_files=a.yaml --params_file=params.txt --output_file=tuned.result"""


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
        "Tune settings of a model: train it with values from a params file, keep what validates "
        "best.\nModel and data set come from the options or from the config files.",
        "\n\n".join([help_text.SETTINGS, _EXAMPLES]),
    )
    arguments.add_model_options(parser)
    parser.add_argument(
        "--params_file", metavar="FILE", help="what to tune: lines of 'name type values' (required)"
    )
    parser.add_argument(
        "--output_file",
        default="hyper_example.result",
        metavar="FILE",
        help="results of every trial (default: hyper_example.result); an earlier one is renamed",
    )
    parser.add_argument(
        "--display_file", metavar="FILE", help="HTML plot of the trials (Hyperopt only)"
    )
    parser.add_argument(
        "--tool", default="Hyperopt", metavar="NAME", help="Hyperopt (default) or Ray"
    )
    parser.add_argument(
        "--algo",
        default="exhaustive",
        choices=["exhaustive", "random", "bayes"],
        help="how Hyperopt searches (default: exhaustive, for 'choice' lines only)",
    )
    parser.add_argument(
        "--max_evals",
        type=int,
        default=None,
        metavar="N",
        help="most trials (default: 100 with Hyperopt, 5 with Ray; exhaustive tries all)",
    )
    parser.add_argument(
        "--early_stop",
        type=int,
        default=None,
        metavar="N",
        help="Hyperopt stops after N trials without improvement (default: 10; exhaustive: never)",
    )
    return parser


def _run(argv: Sequence[str]) -> int:
    options, settings = arguments.read(_parser(), argv)
    for name in ("max_evals", "early_stop"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} must be at least 1, not {value}")
    request = Request(options, settings)
    model, dataset = _model_and_dataset(request)
    parameters = _parameters(options, request, model)
    _check_evaluations(options, parameters)
    _check_outputs(options)
    _check_installed(options)

    whole = request.with_whole_evaluation(dataset)
    arguments.hand_to_recbole(whole, model=model, dataset=dataset)
    search = hyper_tools.Search(
        parameters=parameters,
        params_file=os.path.abspath(options.params_file),
        config_files=[os.path.abspath(path) for path in request.config_files],
        base=request.protocol_settings(model, dataset),
        output_file=options.output_file,
        display_file=options.display_file,
        debug=options.debug,
    )
    earlier = output_files.move_aside(options.output_file)
    if earlier is not None:
        print(f"note: earlier results are now in {earlier}", file=sys.stderr)
    if options.tool == "Ray":
        best = hyper_tools.with_ray(search, options.max_evals or 5)
    else:
        best = hyper_tools.with_hyperopt(
            search, options.algo, options.max_evals or 100, options.early_stop
        )
    rows: list[list[str]] = [[name, _short(value)] for name, value in best.parameters.items()]
    rows += [[f"best valid {name}", _short(value)] for name, value in best.valid.items()]
    rows += [[f"test {name}", _short(value)] for name, value in best.test.items()]
    others = f" ({best.failed} more failed)" if best.failed else ""
    title = f"{model} on {dataset}: best of {best.trials} trials{others}"
    tables.show("\n".join([title, *tables.table(["", "value"], rows)]))
    print(f"all trials  {options.output_file}", flush=True)
    if best.plot is not None:
        best.plot()
    return EXIT_OK


def _check_evaluations(
    options: argparse.Namespace, parameters: Sequence[search_space.Parameter]
) -> None:
    """Refuse a limit that an exhaustive search would go beyond: it may be many times as long."""
    if options.tool != "Hyperopt" or options.algo != "exhaustive" or options.max_evals is None:
        return
    combinations = math.prod(len(parameter.values) for parameter in parameters)
    if options.max_evals < combinations:
        raise UsageError(
            f"--max_evals={options.max_evals} does not limit --algo=exhaustive (the default), "
            f"which tries all {combinations} combinations; add --algo=random or --algo=bayes, or "
            "leave --max_evals out"
        )


def _model_and_dataset(request: Request) -> tuple[str, str]:
    model, dataset = request.named("model", None), request.named("dataset", None)
    if model is None or dataset is None:
        missing = "--model" if model is None else "--dataset"
        raise UsageError(f"{missing} is needed, as an option or in a config file")
    request.check_models([model])
    return model, dataset


def _parameters(
    options: argparse.Namespace, request: Request, model: str
) -> list[search_space.Parameter]:
    if options.params_file is None:
        raise UsageError("--params_file is needed: what to tune, lines of 'name type values'")
    if options.tool not in {"Hyperopt", "Ray"}:
        raise UsageError(f"--tool must be Hyperopt or Ray, not {options.tool!r}")
    parameters = search_space.read(options.params_file)
    search_space.check(parameters, options.params_file, model)
    fixed = arguments.keys(request.settings)
    for parameter in parameters:
        if parameter.name in fixed:
            raise UsageError(
                f"--{parameter.name} on the command line would override every value that "
                f"{options.params_file} tries for it; give it in one place only"
            )
        tries_all = options.tool == "Hyperopt" and options.algo == "exhaustive"
        if tries_all and parameter.kind != "choice":
            raise UsageError(
                f"{parameter.name} is tuned over a range ({parameter.kind}), which an "
                "exhaustive search cannot try in full; add --algo=random or --algo=bayes"
            )
    return parameters


def _check_outputs(options: argparse.Namespace) -> None:
    output_files.check_writable(options.output_file, "--output_file")
    if options.display_file is None:
        return
    if options.tool == "Ray":
        raise UsageError("--display_file is for Hyperopt only; leave it out with --tool=Ray")
    output_files.check_writable(options.display_file, "--display_file")


def _check_installed(options: argparse.Namespace) -> None:
    # distributions rather than modules: a stand-in for ray may be importable
    needed = {
        "Hyperopt": {"hyperopt": "recbole-cammsr[tune]"},
        "Ray": {"ray": "ray[tune]", "pyarrow": "ray[tune]"},
    }[options.tool]
    if options.display_file is not None:
        needed["plotly"] = "plotly"
    for package, how in needed.items():
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            raise RunError(f"{package} is not installed: run `pip install '{how}'`") from None


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
