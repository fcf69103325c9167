"""Clock, memory and torch settings of a process that measures."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from recbole_cammsr.analysis.peak_memory import PeakMemory, resident_bytes
from recbole_cammsr.analysis.speed_contenders import Conditions
from recbole_cammsr.compat import amp_dtype


@dataclass(frozen=True)
class Stretch:
    """Some work and what it took.

    Attributes:
        seconds: wall clock.
        targets: training targets, or ranked rows, that the work covered.
        resident: bytes, peak of the resident set above the process's baseline.
        held: bytes of the same that were there before the work began.
        device_bytes: peak of device memory.
    """

    seconds: float
    targets: int
    resident: int
    held: int
    device_bytes: int


class Meter:
    """Measures a stretch of work: clock, resident set, device memory.

    Args:
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.baseline = resident_bytes()

    def now(self) -> float:
        """Seconds; on a GPU after everything that was asked of it is done."""
        if self.device.startswith("cuda"):
            import torch

            torch.cuda.synchronize()
        return time.perf_counter()

    def measure(self, work: Callable[[], int]) -> Stretch:
        """Do some work.

        Args:
            work: returns how many targets it covered.

        Returns:
            What it took.
        """
        held = resident_bytes() - self.baseline
        with PeakMemory(self.device) as peak:
            begin = self.now()
            targets = work()
            seconds = self.now() - begin
        return Stretch(seconds, targets, peak.resident - self.baseline, held, peak.device_bytes)


def prepare_torch(conditions: Conditions) -> None:
    """Threads, autocast dtype and quiet logs of this process.

    Args:
        conditions: of the benchmark.

    Raises:
        ValueError: the device is not there.
    """
    import torch

    torch.set_num_threads(conditions.threads)
    cuda = conditions.device.startswith("cuda")
    if cuda and not torch.cuda.is_available():
        raise ValueError("--device cuda: torch finds no CUDA device; use --device cpu.")
    if conditions.amp and cuda:
        # RecBole leaves the dtype to torch, whose default on CUDA is float16
        amp_dtype.set_cuda_dtype(torch.bfloat16)
    logging.getLogger().setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module="recbole")
