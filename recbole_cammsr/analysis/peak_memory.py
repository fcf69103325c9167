"""Peak memory of a stretch of a program: of the process, and of a CUDA device."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_SAMPLE_SECONDS = 0.002


def resident_bytes() -> int:
    """Resident set size of this process now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


class PeakMemory:
    """Context manager: the highest resident set size, and device memory, while it was open.

    On Linux the kernel's own high-water mark is reset and read, so no peak is missed. Elsewhere a
    thread samples every two milliseconds, which can miss a short one.

    Args:
        device: ``cpu`` or ``cuda``.

    Attributes:
        resident: bytes, absolute (not above any baseline).
        device_bytes: bytes that torch's allocator held at most on the device; 0 on the CPU.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.resident = 0
        self.device_bytes = 0
        self._cuda = device.startswith("cuda")
        self._kernel = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> PeakMemory:
        if self._cuda:
            import torch

            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        self.resident = resident_bytes()
        self._kernel = _reset_high_water_mark()
        if not self._kernel:
            self._thread = threading.Thread(target=self._sample, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
        self.resident = max(self.resident, _high_water_mark() if self._kernel else resident_bytes())
        if self._cuda:
            import torch

            torch.cuda.synchronize()
            self.device_bytes = int(torch.cuda.max_memory_allocated())

    def _sample(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            self.resident = max(self.resident, resident_bytes())


def _reset_high_water_mark() -> bool:
    """Whether the kernel keeps a mark that could be reset."""
    try:
        _CLEAR_REFS.write_text("5")
        return _high_water_mark() > 0
    except OSError:
        return False


def _high_water_mark() -> int:
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
