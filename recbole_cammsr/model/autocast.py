"""What autocast is in force, on every torch that is supported."""

from __future__ import annotations

import torch


def autocast_dtype(device_type: str) -> torch.dtype | None:
    """The dtype of matrix products under the autocast in force, None outside of one.

    Args:
        device_type: such as ``cpu``.
    """
    if hasattr(torch, "get_autocast_dtype"):  # torch >= 2.4
        enabled, dtype = (
            torch.is_autocast_enabled(device_type),
            torch.get_autocast_dtype(device_type),
        )
    elif device_type == "cpu":
        enabled, dtype = torch.is_autocast_cpu_enabled(), torch.get_autocast_cpu_dtype()
    else:
        enabled, dtype = torch.is_autocast_enabled(), torch.get_autocast_gpu_dtype()
    return dtype if enabled else None
