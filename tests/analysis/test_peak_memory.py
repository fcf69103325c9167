"""Peak memory sees what was allocated and let go again."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_cammsr.analysis import peak_memory
from recbole_cammsr.analysis.peak_memory import PeakMemory, resident_bytes

_SIZE = 96 * 1024**2


def _touch_and_let_go() -> None:
    np.ones(_SIZE, dtype=np.uint8).sum()


@pytest.mark.parametrize("kernel", [True, False])
def test_a_peak_that_is_over_is_still_reported(
    kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernel:  # as on a system without the kernel's mark: a thread samples
        monkeypatch.setattr(peak_memory, "_reset_high_water_mark", lambda: False)
    before = resident_bytes()
    with PeakMemory() as peak:
        _touch_and_let_go()
    assert peak.resident >= before + 0.8 * _SIZE
    assert peak.device_bytes == 0


def test_earlier_peaks_do_not_count() -> None:
    _touch_and_let_go()
    with PeakMemory() as peak:
        pass
    assert peak.resident < resident_bytes() + 0.5 * _SIZE
