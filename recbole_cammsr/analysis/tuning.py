"""Trials of a tuning grid: every combination, or as many as the budget allows, drawn by a seed.

No search library: a trial here does not depend on the outcome of another one, so trials run in
any order and in parallel, a killed search goes on where it stopped, and every model gets exactly
the same number of them. Optuna's and hyperopt's samplers depend on the order in which trials
finish, and RecBole's own tuning keeps its state in memory.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any


def grid_size(grid: Mapping[str, Sequence[Any]]) -> int:
    """Number of combinations; 1 for an empty grid."""
    return math.prod(len(values) for values in grid.values())


def trials(grid: Mapping[str, Sequence[Any]], budget: int, seed: int) -> list[dict[str, Any]]:
    """The combinations that are tried.

    Args:
        grid: setting to values.
        budget: most combinations.
        seed: of the draw, where there are more combinations than the budget.

    Returns:
        Distinct combinations. The first one, the first value of everything, is always among them:
        write the default there, and tuning never chooses something worse on validation.
    """
    size = grid_size(grid)
    numbers = list(range(size)) if size <= budget else [0, *_draw(size, budget - 1, seed)]
    return [_combination(grid, number) for number in numbers]


def _draw(size: int, count: int, seed: int) -> list[int]:
    return sorted(random.Random(seed).sample(range(1, size), count))


def _combination(grid: Mapping[str, Sequence[Any]], number: int) -> dict[str, Any]:
    """The combination with this number; the last setting changes fastest."""
    chosen = {}
    for name in reversed(list(grid)):
        number, index = divmod(number, len(grid[name]))
        chosen[name] = grid[name][index]
    return {name: chosen[name] for name in grid}
