"""The dtype of ``enable_amp`` on a GPU: bfloat16 for models that ask for it.

``Trainer._train_epoch`` (``recbole/trainer/trainer.py``) opens ``torch.autocast`` without a dtype,
which is bfloat16 on a CPU and float16 on CUDA, whose smallest number is 6e-8: smaller gradients are
lost there unless `enable_scaler` scales them. A model with ``amp_dtype`` gets that dtype where the
GPU computes in it, so that `enable_amp` means the same on every device; with `enable_scaler`, on
older GPUs and for any other model everything stays RecBole's. What either gives:
docs/performance.md, "On a GPU".

On a CPU that has no instructions for bfloat16 the switch costs time instead of saving it, which
nothing would show; there a warning says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from logging import getLogger
from types import ModuleType
from typing import Any

from recbole_cammsr.compat.import_hooks import when_imported

#: the first compute capability whose matrix units know bfloat16 (Ampere)
_BFLOAT16_CAPABILITY = (8, 0)


def install() -> None:
    """Attach the hook; a second call has no effect."""
    when_imported("recbole.trainer.trainer", _choose_dtype)
    when_imported("recbole.trainer.trainer", _warn_where_slower)


@contextmanager
def cuda_autocast(dtype: Any) -> Iterator[None]:
    """Let ``torch.autocast`` on CUDA use ``dtype`` unless it is told another.

    Args:
        dtype: a ``torch.dtype``.
    """
    before = _cuda_dtype()
    set_cuda_dtype(dtype)
    try:
        yield
    finally:
        set_cuda_dtype(before)


def _cuda_dtype() -> Any:
    import torch

    if hasattr(torch, "get_autocast_dtype"):  # torch >= 2.4
        return torch.get_autocast_dtype("cuda")
    return torch.get_autocast_gpu_dtype()


def set_cuda_dtype(dtype: Any) -> None:
    """What ``torch.autocast`` on CUDA uses from here on where it is told no other.

    Args:
        dtype: a ``torch.dtype``.
    """
    import torch

    if hasattr(torch, "set_autocast_dtype"):  # torch >= 2.4
        torch.set_autocast_dtype("cuda", dtype)
    else:
        torch.set_autocast_gpu_dtype(dtype)


def _applies(trainer: Any) -> bool:
    import torch

    return bool(
        trainer.enable_amp
        and not trainer.enable_scaler
        and trainer.device.type == "cuda"
        and getattr(trainer.model, "amp_dtype", None) is not None
        and torch.cuda.get_device_capability(trainer.device) >= _BFLOAT16_CAPABILITY
    )


def _choose_dtype(module: ModuleType) -> None:
    trainer_class = module.Trainer
    stock = trainer_class._train_epoch

    @wraps(stock)
    def train_epoch(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not _applies(self):
            return stock(self, *args, **kwargs)
        with cuda_autocast(self.model.amp_dtype):
            return stock(self, *args, **kwargs)

    trainer_class._train_epoch = train_epoch


def lacks_bfloat16(capabilities: Mapping[str, Any]) -> bool:
    """Whether a CPU would have to emulate bfloat16.

    Args:
        capabilities: of ``torch.cpu.get_capabilities``, one key an instruction set.

    Returns:
        True where none of those for bfloat16 is there; False as well where none is named, for then
        nothing is known.
    """
    named = [has for name, has in capabilities.items() if name.endswith("bf16")]
    return bool(named) and not any(named)


def _warn_where_slower(module: ModuleType) -> None:
    trainer_class = module.Trainer
    stock = trainer_class.fit

    @wraps(stock)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.enable_amp and self.device.type == "cpu" and lacks_bfloat16(_cpu_capabilities()):
            getLogger().warning(
                "`enable_amp` is True, but this processor has no instructions for bfloat16 "
                "(lscpu would name avx512_bf16 or amx_bf16), so training takes longer than in "
                "float32; set `enable_amp: False`."
            )
        return stock(self, *args, **kwargs)

    trainer_class.fit = fit


def _cpu_capabilities() -> Mapping[str, Any]:
    import torch

    ask = getattr(torch.cpu, "get_capabilities", None)  # older versions of torch do not say
    return ask() if ask else {}
