"""Milliseconds of picking rows by number, plainly and with `pick`, in shapes of a training step.

`python docs/measurements/picked_rows.py --threads 1`, named in docs/performance.md.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from recbole_cammsr.model.pick import pick

#: rows, what each holds, and how many are picked: once each in order, or items of histories
SHAPES = [
    ("modalities of the distinct items, 64 dimensions", (12_101, 2, 64), 9_000, False),
    ("the same, 256 dimensions", (12_101, 2, 256), 9_000, False),
    ("items of the histories, 64 dimensions", (9_000, 64), 25_600, True),
    ("the same, 256 dimensions", (9_000, 256), 25_600, True),
]
WAYS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "values[index]": lambda values, index: values[index],
    "pick": pick,
}


def seconds(
    way: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    values: torch.Tensor,
    index: torch.Tensor,
    slope: torch.Tensor,
) -> tuple[float, float]:
    """Of one lookup, and of its gradient."""
    values.grad = None
    start = time.perf_counter()
    picked = way(values, index)
    middle = time.perf_counter()
    picked.backward(slope)
    return middle - start, time.perf_counter() - middle


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=25, help="each way once in a round")
    options = parser.parse_args()
    if min(options.threads, options.rounds) < 1:
        parser.error(f"--threads={options.threads} --rounds={options.rounds}: both take 1 or more")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"| {options.threads} thread(s), forward + backward | {' | '.join(WAYS)} |")
    print("| --- | ---: | ---: |")
    for dtype in (torch.float32, torch.bfloat16):
        for name, shape, count, repeated in SHAPES:
            values = torch.randn(shape, dtype=dtype, requires_grad=True)
            every = torch.randperm(shape[0])[:count].sort().values
            index = torch.randint(shape[0], (count,)) if repeated else every
            slope = torch.randn(count, *shape[1:], dtype=dtype)
            rounds = [
                [seconds(way, values, index, slope) for way in WAYS.values()]
                for _ in range(options.rounds)
            ]
            cells = [
                " + ".join(f"{1e3 * statistics.median(part):.1f}" for part in zip(*of_way))
                for of_way in zip(*rounds)
            ]
            print(f"| {name}, {str(dtype)[6:]} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
