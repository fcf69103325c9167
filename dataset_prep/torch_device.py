"""Where and how precisely a network runs, with a sentence where that is not to be had."""

from __future__ import annotations

from typing import Any

PRECISIONS = ("float32", "float16", "bfloat16")


def choose_device(device: str) -> str:
    """Choose the device to run on.

    Args:
        device: Torch device, or ``"auto"`` for the first accelerator there is, else the CPU.

    Returns:
        Torch device, e.g. ``"cpu"`` or ``"cuda"``.
    """
    if device != "auto":
        return device
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    # torch has had Intel's devices since 2.4 only
    return "xpu" if hasattr(torch, "xpu") and torch.xpu.is_available() else "cpu"


def to_device(module: Any, device: str, precision: str = "float32") -> Any:
    """Move a network to a device and put it into eval mode.

    Args:
        module: The torch module.
        device: Torch device, e.g. ``"cpu"`` or ``"cuda:0"``.
        precision: ``"float32"``, or ``"float16"`` or ``"bfloat16"`` for an accelerator.

    Returns:
        The module.

    Raises:
        ValueError: If the device is unknown or not available, or cannot run that precision.
    """
    import torch

    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
    if precision == "float16" and torch.device(_kind(device)).type == "cpu":
        raise ValueError("float16 is for accelerators: on the CPU use float32 or bfloat16")
    try:
        return module.to(device=device, dtype=getattr(torch, precision)).eval()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"device {device!r} cannot be used ({reason}): choose another, such as 'cpu'"
        ) from error


def _kind(device: str) -> str:
    """The device's type; ``"meta"`` for one that torch does not know, which ``to`` will refuse."""
    import torch

    try:
        return torch.device(device).type
    except RuntimeError:
        return "meta"
