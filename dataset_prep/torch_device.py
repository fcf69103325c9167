"""Moving a network to a device, with a sentence where that device is not to be had."""

from __future__ import annotations

from typing import Any


def to_device(module: Any, device: str) -> Any:
    """Move a network to a device and put it into eval mode.

    Args:
        module: The torch module.
        device: Torch device, e.g. ``"cpu"`` or ``"cuda:0"``.

    Returns:
        The module.

    Raises:
        ValueError: If the device is unknown or not available.
    """
    try:
        return module.to(device).eval()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"device {device!r} cannot be used ({reason}): choose another, such as 'cpu'"
        ) from error
