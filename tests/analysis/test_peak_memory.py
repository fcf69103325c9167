"""Peak memory sees what was allocated and let go again."""

from __future__ import annotations

import mmap
import time

import pytest

from recbole_cammsr.analysis import peak_memory
from recbole_cammsr.analysis.peak_memory import PeakMemory, resident_bytes

_SIZE = 96 * 1024**2
_SEVERAL_SAMPLES = 0.25  # seconds: the sampling thread looks every two milliseconds


def _touch_and_let_go(held_seconds: float = 0.0) -> None:
    """Make ``_SIZE`` bytes resident that were not, then give them back.

    Mapped by the kernel: what an allocator hands out may be memory that earlier tests have freed
    and that is still resident, and then nothing grows.
    """
    with mmap.mmap(-1, _SIZE) as fresh:
        fresh[:: mmap.PAGESIZE] = bytes(_SIZE // mmap.PAGESIZE)
        time.sleep(held_seconds)


@pytest.mark.parametrize("kernel", [True, False])
def test_a_peak_that_is_over_is_still_reported(
    kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kernel and not peak_memory._reset_high_water_mark():
        pytest.skip("this system keeps no mark that a process may reset")
    if not kernel:  # as on a system without the kernel's mark: a thread samples
        monkeypatch.setattr(peak_memory, "_reset_high_water_mark", lambda: False)
    before = resident_bytes()
    with PeakMemory() as peak:
        _touch_and_let_go(held_seconds=0.0 if kernel else _SEVERAL_SAMPLES)
    assert peak.resident >= before + 0.8 * _SIZE
    assert peak.device_bytes == 0


def test_earlier_peaks_do_not_count() -> None:
    _touch_and_let_go()
    with PeakMemory() as peak:
        pass
    assert peak.resident < resident_bytes() + 0.5 * _SIZE
