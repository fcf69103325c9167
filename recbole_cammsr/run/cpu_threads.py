"""How many threads a process has and how they wait; decided before torch is loaded."""

from __future__ import annotations

from collections.abc import Mapping

_POLICY, _SPINS = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"


def wait_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Environment variables under which waiting threads spin for microseconds, then sleep.

    A training step has thousands of short parallel stretches. Threads that sleep between them, or
    spin as long as the runtimes' defaults say, cost a third of the step: the first on a quiet
    machine, the second, and far more, where another process has one of the cores
    (docs/performance.md). GNU's runtime takes the number of spins, others the policy.

    Args:
        environment: of the process; what it says already stays.

    Returns:
        What to add; empty where the user has decided.
    """
    if _POLICY in environment or _SPINS in environment:
        return {}
    return {_POLICY: "PASSIVE", _SPINS: "1000"}


def thread_settings(threads: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Environment variables of a worker process with so many threads.

    Args:
        threads: of the worker.
        environment: of this process, for :func:`wait_settings`.

    Returns:
        What to add to it.
    """
    count = str(threads)
    return {"OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count, **wait_settings(environment)}
