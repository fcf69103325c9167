"""Reads and checks RecBole's params file: what to tune, one a line as ``name type values``."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recbole_cammsr.analysis import setting_names
from recbole_cammsr.run import known_settings, setting_text
from recbole_cammsr.run.errors import UsageError

_OWN_PLACE = "one model is tuned on one data set, named with --model and --dataset"
_RANGES = {"uniform": 2, "quniform": 3, "loguniform": 2}
#: what decides for whom, among what and by which figure trials are compared
_SHARED = (*setting_names.COMPARED_BY, "data_path", "valid_metric", "valid_metric_bigger")
#: never above 1 by intention: an exponent of 0 or more is a value, given where exponents belong
_BELOW_ONE = ("learning_rate", "weight_decay")
#: of e, about where a float ends
_LARGEST_EXPONENT = 700


@dataclass(frozen=True)
class Parameter:
    """One setting to tune: its ``kind`` and the choices, or the ends of the range (and a step).

    Ends and step of a ``quniform`` are integers where all three are whole: so are its values then.
    """

    name: str
    kind: str
    values: tuple[Any, ...]


def read(path: str) -> list[Parameter]:
    """The parameters in a file.

    Args:
        path: the params file; empty lines and lines that start with ``#`` are left out.

    Returns:
        The parameters in the file's order.

    Raises:
        UsageError: the file is missing, empty, or a line cannot be understood.
    """
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except OSError as error:
        raise UsageError(f"params file {path} cannot be read: {error.strerror}") from error
    parameters = [
        _parameter(line, f"{path} line {number}")
        for number, line in enumerate(lines, start=1)
        if line and not line.startswith("#")
    ]
    if not parameters:
        raise UsageError(f"params file {path} names nothing to tune")
    return parameters


def check(parameters: Sequence[Parameter], path: str, model: str) -> None:
    """Refuse what would be tuned without an effect, or fails in a trial.

    Args:
        parameters: of the file.
        path: of the params file.
        model: that is tuned.

    Raises:
        UsageError: a setting that stands twice, that nobody or not this model reads, that trials
            must share, or a value that it cannot have.
    """
    where = f"params file {path}"
    names = [parameter.name for parameter in parameters]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{where}: {name!r} stands twice; put its values into one line")
    # tuning the seed is of no use, but it has an effect
    settings = [name for name in names if name != "seed"]
    setting_names.check_names(settings, where, _OWN_PLACE)
    setting_names.check_read(settings, model, where)
    for name in settings:
        if name in _SHARED:
            raise UsageError(
                f"{where} tunes {name!r}, which decides what is ranked for whom or which metric "
                "chooses: trials must share it; give it as an option or in a config file"
            )
    for parameter in parameters:
        _check_exponents(parameter, where)
        for value in _tried(parameter):
            expected = known_settings.expected_instead(parameter.name, value)
            if expected is not None:
                raise UsageError(
                    f"{where}: {parameter.name!r} would be {value!r}; it must be {expected}"
                )


def _check_exponents(parameter: Parameter, where: str) -> None:
    if parameter.kind != "loguniform" or parameter.name not in _BELOW_ONE:
        return
    low, high = parameter.values
    if low < 0:
        return
    fix = "write negative ones"
    if low > 0:  # of 0 there is no logarithm
        fix = f"for {low:g} to {high:g} write {math.log(low):.1f},{math.log(high):.1f}"
    raise UsageError(
        f"{where}: the ends of 'loguniform' are exponents of e, so {parameter.name!r} would be "
        f"{math.exp(low):.5g} to {math.exp(high):.5g}; {fix}"
    )


def _tried(parameter: Parameter) -> list[Any]:
    """Values that trials can have, as RecBole reads them; of a range its ends."""
    if parameter.kind == "loguniform":
        return [math.exp(exponent) for exponent in parameter.values]
    values = parameter.values if parameter.kind == "choice" else parameter.values[:2]
    return [
        setting_text.value(value) if isinstance(value, str) else value
        for value in values
        if not (isinstance(value, str) and setting_text.is_arithmetic(value))
    ]


def _parameter(line: str, place: str) -> Parameter:
    name, kind, text = (*line.split(None, 2), "", "")[:3]
    values: tuple[Any, ...] = ()
    if kind == "choice":
        values = _choices(text)
    elif kind in _RANGES:
        values = _numbers(text)
        if kind == "quniform" and all(number.is_integer() for number in values):
            values = tuple(int(number) for number in values)  # of 32 to 64 by 32, not 64.0
        if len(values) != _RANGES[kind]:
            values = ()
    if not values:
        raise UsageError(
            f"{place} is not understood: {line!r}; write 'name choice [a,b]', "
            "'name uniform low,high', 'name quniform low,high,step' or 'name loguniform low,high' "
            "(exponents of e: -8,-4 tries 0.00034 to 0.018)"
        )
    if kind in _RANGES:
        _check_range(kind, values, f"{place}, {line!r}")
    return Parameter(name, kind, values)


def _check_range(kind: str, values: tuple[Any, ...], place: str) -> None:
    low, high, *step = values
    if not all(math.isfinite(number) for number in values):
        raise UsageError(f"{place}: ends and step of a range must be finite numbers")
    if low >= high:
        raise UsageError(f"{place}: the first end must be below the second, not {low:g},{high:g}")
    if step and step[0] <= 0:
        raise UsageError(f"{place}: the step must be above 0, not {step[0]:g}")
    if kind == "loguniform" and high > _LARGEST_EXPONENT:
        raise UsageError(f"{place}: the ends are exponents of e, of which {high:g} is too large")


def _choices(text: str) -> tuple[Any, ...]:
    try:
        values = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return ()
    return tuple(values) if isinstance(values, (list, tuple)) else ()


def _numbers(text: str) -> tuple[Any, ...]:
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        return ()
