"""Runs a search over settings with Hyperopt, through RecBole's HyperTuning, or with Ray Tune."""

from __future__ import annotations

import math
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from recbole_cammsr.cli.search_space import Parameter
from recbole_cammsr.compat.hyperopt import require_hyperopt
from recbole_cammsr.run.errors import RunError, describe

#: trials without improvement before a search that is not exhaustive stops
_EARLY_STOP = 10
_RAY_SAYS_WHY = "Ray's messages name the reason"


@dataclass(frozen=True)
class Search:
    """What to tune and where results go.

    ``base`` holds settings that every trial shares; ``debug`` shows tracebacks of failed trials.
    """

    parameters: list[Parameter]
    params_file: str
    config_files: list[str]
    base: dict[str, Any]
    output_file: str
    display_file: str | None
    debug: bool = False


@dataclass(frozen=True)
class Best:
    """The best trial by validation score, of ``trials`` that did not fail.

    ``plot`` draws them into the search's ``display_file``; None where it has none.
    """

    parameters: dict[str, Any]
    valid: dict[str, float]
    test: dict[str, float]
    trials: int
    failed: int
    plot: Callable[[], None] | None = None


def with_hyperopt(search: Search, algo: str, max_evals: int, early_stop: int | None) -> Best:
    """Search with RecBole's HyperTuning.

    Args:
        search: what to tune.
        algo: ``exhaustive``, ``random`` or ``bayes``.
        max_evals: most trials; an exhaustive search tries all.
        early_stop: trials without improvement before stopping; None for 10, or for never where
            all are tried.

    Raises:
        RunError: every trial failed.
    """
    require_hyperopt()
    from hyperopt import STATUS_FAIL
    from hyperopt.exceptions import AllTrialsFailed
    from recbole.quick_start import objective_function
    from recbole.trainer import HyperTuning

    outcomes: dict[str, Mapping[str, Any] | str] = {}
    failures: list[str] = []

    class Kept(HyperTuning):
        """One whose trials are in the file as soon as they are made, whatever ends the search."""

        def trial(self, params: dict[str, Any]) -> Any:
            """Try a combination, and write it with all earlier ones; a failed one is passed by."""
            values = self.params2str(params)
            try:
                result = super().trial(params)
                outcomes[values] = self.params2result[values]
            except Exception as error:  # whatever it is, the next trial has other values
                if search.debug:
                    traceback.print_exc()
                failures.append(describe(error))
                outcomes[values] = failures[-1]
                print(f"warning: the trial {values} failed: {failures[-1]}", file=sys.stderr)
                del self.params_list[len(self.score_list) :]  # the plot wants a score for each
                # Hyperopt's early stop compares losses of failed trials too, and of inf makes NaN
                result = {"status": STATUS_FAIL, "loss": sys.float_info.max}
            _write_trials(outcomes, search.output_file)
            return result

    def objective(config_dict: dict[str, Any], config_files: list[str] | None) -> Any:
        return objective_function({**search.base, **config_dict}, config_files)

    if algo == "exhaustive":
        max_evals = math.prod(len(parameter.values) for parameter in search.parameters)
    tuning = Kept(
        objective,
        space=_hyperopt_space(search.parameters),
        algo=algo,
        early_stop=early_stop or (max_evals if algo == "exhaustive" else _EARLY_STOP),
        max_evals=max_evals,
        fixed_config_file_list=search.config_files or None,
    )
    tuning.max_evals = max_evals  # RecBole sets it aside for an exhaustive search
    try:
        tuning.run()
    except AllTrialsFailed:
        raise RunError(
            f"every trial failed ({len(failures)} of them), the first with: {failures[0]}"
        ) from None
    # known to run(), it would be drawn there, where its failure hides the best trial
    tuning.display_file = search.display_file
    tried = len(tuning.score_list) + len(failures)
    if algo == "exhaustive" and tried < max_evals:
        print(
            f"warning: stopped by --early_stop after {tried} of {max_evals} combinations",
            file=sys.stderr,
        )
    result = tuning.params2result[tuning.params2str(tuning.best_params)]
    return Best(
        parameters=dict(tuning.best_params),
        valid=dict(result["best_valid_result"]),
        test=dict(result["test_result"]),
        trials=len(tuning.score_list),
        failed=len(failures),
        plot=tuning.plot_hyper if search.display_file is not None else None,
    )


def with_ray(search: Search, samples: int) -> Best:
    """Search with Ray Tune: random samples, as many at a time as the machine has room for.

    Args:
        search: what to tune.
        samples: number of trials.

    Raises:
        RunError: every trial failed.
    """
    import ray
    import torch
    from ray import tune

    folder = os.getcwd()
    package_parent = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    search_path = [package_parent, os.environ.get("PYTHONPATH", "")]
    environment = {"PYTHONPATH": os.pathsep.join(part for part in search_path if part)}
    ray.init(runtime_env={"env_vars": environment}, include_dashboard=False)
    try:
        analysis = tune.run(
            tune.with_parameters(ray_trial, argv=list(sys.argv), folder=folder, search=search),
            config=_ray_space(search.parameters),
            num_samples=samples,
            resources_per_trial={"cpu": 1, "gpu": 1 if torch.cuda.is_available() else 0},
            raise_on_failed_trial=False,
            verbose=1,
        )
        finished = [trial for trial in analysis.trials if "valid_score" in trial.last_result]
        if not finished:
            raise RunError(f"every trial failed; {_RAY_SAYS_WHY}")
        sign = 1 if finished[0].last_result["valid_score_bigger"] else -1
        best = max(finished, key=lambda trial: sign * trial.last_result["valid_score"])
        outcomes = {
            str(trial.config): trial.last_result if trial in finished else _RAY_SAYS_WHY
            for trial in analysis.trials
        }
        _write_trials(outcomes, search.output_file)
        return Best(
            parameters=dict(best.config),
            valid=dict(best.last_result["best_valid_result"]),
            test=dict(best.last_result["test_result"]),
            trials=len(finished),
            failed=len(analysis.trials) - len(finished),
        )
    finally:
        ray.shutdown()


def ray_trial(
    config: dict[str, Any], argv: list[str], folder: str, search: Search
) -> dict[str, Any]:
    """One trial in a Ray worker, which is a fresh interpreter with arguments of its own.

    Args:
        config: the values to try.
        argv: the command's arguments, for RecBole's ``Config``.
        folder: the command's folder: data and checkpoints are given relative to it.
        search: the whole search.

    Returns:
        What Ray keeps of the trial.
    """
    sys.argv[:] = argv
    os.chdir(folder)
    from recbole.quick_start import objective_function

    result = objective_function({**search.base, **config}, search.config_files or None)
    return {
        "valid_score": result["best_valid_score"],
        "valid_score_bigger": result["valid_score_bigger"],
        "best_valid_result": dict(result["best_valid_result"]),
        "test_result": dict(result["test_result"]),
    }


def _hyperopt_space(parameters: list[Parameter]) -> dict[str, Any]:
    from hyperopt import hp
    from hyperopt.pyll import scope

    space = {}
    for parameter in parameters:
        if parameter.kind == "choice":
            drawn = hp.choice(parameter.name, [_as_one(value) for value in parameter.values])
        else:
            drawn = getattr(hp, parameter.kind)(parameter.name, *parameter.values)
        space[parameter.name] = scope.int(drawn) if _is_whole(parameter) else drawn
    return space


def _is_whole(parameter: Parameter) -> bool:
    """Whether a range has whole numbers only, which both tools would draw as floats."""
    return parameter.kind == "quniform" and all(isinstance(n, int) for n in parameter.values)


def _as_one(value: Any) -> Any:
    """A value that hyperopt hands over as it is: a list it would take for a space of its own."""
    return repr(value) if isinstance(value, (list, tuple, dict)) else value  # Config reads it back


def _ray_space(parameters: list[Parameter]) -> dict[str, Any]:
    from ray import tune

    space = {}
    for parameter in parameters:
        values = list(parameter.values)
        if parameter.kind == "choice":
            space[parameter.name] = tune.choice(values)
        elif parameter.kind == "loguniform":  # the file gives exponents, Ray takes the ends
            space[parameter.name] = tune.loguniform(*(math.exp(value) for value in values))
        elif _is_whole(parameter):
            space[parameter.name] = tune.qrandint(*values)
        else:
            space[parameter.name] = getattr(tune, parameter.kind)(*values)
    return space


def _write_trials(outcomes: Mapping[str, Mapping[str, Any] | str], path: str) -> None:
    """Write, in the form of RecBole's own file, a trial's values and its results or failure."""
    from recbole.utils import dict2str

    unfinished = f"{path}.part"
    with open(unfinished, "w", encoding="utf-8") as file:
        for values, outcome in outcomes.items():
            if isinstance(outcome, str):
                file.write(f"{values}\nfailed: {outcome}\n\n")
                continue
            file.write(
                f"{values}\nValid result:\n{dict2str(outcome['best_valid_result'])}\n"
                f"Test result:\n{dict2str(outcome['test_result'])}\n\n"
            )
    os.replace(unfinished, path)
