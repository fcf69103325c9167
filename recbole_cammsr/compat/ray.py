"""ray: ``recbole/quick_start/quick_start.py`` imports ``ray.tune`` for one line of tuning.

``from ray import tune`` fails without ray (RecBole's pin, <= 2.6.3, has no wheel for Python 3.12)
and with ray 2.6.3 on numpy 2 (``np.bool8``) or without ``pkg_resources`` (setuptools 82), so that
nothing of RecBole can be started. The one use is ``tune.report(**metrics)`` in
``objective_function``, which today's ray wants as ``tune.report(metrics)``.
A trial in a Ray worker meets the same breaks, in a process that has imported RecBole alone. What
``objective_function`` returns, Ray takes for the trial's last result, and ends the whole search
where it lacks the metric that a scheduler was given: RecBole reports the test metrics one by one,
but returns them in a dict of their own.

RecBole gets a ``tune`` that imports ray when something of it is used. That is so with a ray that
works, too: to try would cost seconds, and a ray that fails leaves half its modules behind.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import around_import, rebind, when_imported
from recbole_cammsr.compat.stand_in import stand_in

_QUICK_START = "recbole.quick_start.quick_start"

#: where ``quick_start`` keeps its own objective once ours stands in its place
_STOCK_OBJECTIVE = "_stock_objective_function"

#: what quick_start imports besides ray: loaded first, so that nobody else meets the stand-in
_NEIGHBOURS = ("torch.distributed", "recbole.config", "recbole.data.transform", "recbole.utils")


def install() -> None:
    """Attach the shim to ``recbole.quick_start.quick_start``."""
    around_import(_QUICK_START, _tune_when_used)
    when_imported(_QUICK_START, _report_when_asked)


def import_tune() -> ModuleType:
    """Import ``ray.tune``.

    Returns:
        The module.

    Raises:
        ImportError: ray is absent, or does not import on this stack.
    """
    try:
        importlib.import_module("ray")
        return importlib.import_module("ray.tune")
    except ModuleNotFoundError as error:
        if error.name == "ray":
            raise ImportError('tuning with Ray needs ray: pip install "ray[tune]"') from error
        raise _unusable(error) from error
    except (ImportError, AttributeError) as error:
        raise _unusable(error) from error


def _unusable(error: Exception) -> ImportError:
    return ImportError(
        f"the installed ray cannot be imported ({error}): "
        'pip install --upgrade "ray[tune]", or tune with hyperopt'
    )


class LazyTune(ModuleType):
    """``ray.tune``, imported on first use; results are reported the way the installed ray wants."""

    def __init__(self) -> None:
        super().__init__("ray.tune")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what inspection asks of every module is no use of ray
            raise AttributeError(name)
        return getattr(import_tune(), name)

    def report(self, **metrics: Any) -> None:
        """Report to the Ray trial that runs in this process, if one does.

        Args:
            **metrics: what RecBole's ``objective_function`` measured.
        """
        if sys.modules.get("ray") is None:  # a Ray worker has ray loaded; this is some other caller
            return
        tune = import_tune()
        if _takes_keywords(tune.report):
            tune.report(**metrics)
        else:
            tune.report(metrics)


def objective_function(
    config_dict: dict[str, Any] | None = None,
    config_file_list: list[str] | None = None,
    saved: bool = True,
) -> dict[str, Any]:
    """RecBole's ``objective_function``, which trials in processes that Ray starts can use as well.

    Ray's workers are fresh interpreters that find a function by its module's name. RecBole's name
    would bring RecBole alone; this one brings this package first.

    Args:
        config_dict: settings of the trial.
        config_file_list: paths of YAML files.
        saved: whether to save the model.

    Returns:
        Model name, best validation score and results, and test results; where ray is loaded also
        each test metric by its own name, as reported.
    """
    quick_start = importlib.import_module(_QUICK_START)
    result: dict[str, Any] = vars(quick_start)[_STOCK_OBJECTIVE](
        config_dict=config_dict, config_file_list=config_file_list, saved=saved
    )
    if sys.modules.get("ray") is None:
        return result
    return {**result["test_result"], **result}


def _takes_keywords(report: Any) -> bool:
    parameters = inspect.signature(report).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


@contextmanager
def _tune_when_used() -> Iterator[None]:
    """Answer ``from ray import tune`` with a LazyTune while quick_start is imported."""
    if sys.modules.get("ray.tune") is not None:
        yield
        return
    for name in _NEIGHBOURS:
        importlib.import_module(name)
    # a ray that is loaded may still lack what its tune needs, so it steps aside, too
    with stand_in("ray", tune=LazyTune()):
        yield


def _report_when_asked(module: ModuleType) -> None:
    if not isinstance(module.tune, LazyTune):
        module.tune = LazyTune()  # type: ignore[attr-defined]
    stock = module.objective_function
    setattr(module, _STOCK_OBJECTIVE, stock)
    rebind("objective_function", stock, objective_function)
