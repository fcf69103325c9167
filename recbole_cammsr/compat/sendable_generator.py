"""A random generator that reaches a data loader's worker whatever way workers start."""

from __future__ import annotations

from typing import Any

import torch


class SendableGenerator(torch.Generator):
    """``torch.Generator`` whose pickle holds its state as bytes.

    Torch's own pickle holds it in a tensor that nothing else refers to. Sent to a worker, the
    tensor's memory is shared by its file, and is gone before the worker opens it.
    """

    def __reduce__(self) -> Any:
        return _rebuild, (str(self.device), self.get_state().numpy().tobytes())


def _rebuild(device: str, state: bytes) -> SendableGenerator:
    generator = SendableGenerator(device=device)
    generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
    return generator
