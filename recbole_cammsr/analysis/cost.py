"""What a run costs: parameters, floating-point operations, seconds, memory."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import torch

#: whose memory :func:`peak_memory` measures
PROCESS, DEVICE = "process", "device"


class EpochClock:
    """Times the epochs of a trainer and notes its validation scores.

    Args:
        trainer: RecBole's; its epoch functions are wrapped.
    """

    def __init__(self, trainer: Any) -> None:
        self.training_seconds: list[float] = []
        self.scores: list[tuple[int, float]] = []
        self._validated_after: list[float] = []
        self._start = time.perf_counter()
        if hasattr(trainer, "_train_epoch"):
            stock = trainer._train_epoch

            def train_epoch(*args: Any, **keywords: Any) -> Any:
                begin = time.perf_counter()
                losses = stock(*args, **keywords)
                self.training_seconds.append(time.perf_counter() - begin)
                return losses

            trainer._train_epoch = train_epoch

    def validated(self, epoch: int, score: float) -> None:
        """The trainer's callback after a validation; epochs from 0."""
        self.scores.append((epoch, float(score)))
        self._validated_after.append(self.seconds())

    def seconds(self) -> float:
        """Seconds since this clock was made, with those of earlier attempts."""
        return time.perf_counter() - self._start

    def so_far(self) -> dict[str, list[Any]]:
        """What :meth:`go_on` takes in another process; lists of numbers."""
        return {
            "training_seconds": list(self.training_seconds),
            "scores": [list(score) for score in self.scores],
            "validated_after": list(self._validated_after),
            "seconds": [self.seconds()],
        }

    def go_on(self, earlier: Mapping[str, Sequence[Any]]) -> None:
        """Count on from where an earlier clock stood.

        Args:
            earlier: what its :meth:`so_far` gave.
        """
        self.training_seconds[:] = earlier["training_seconds"]
        self.scores[:] = [(int(epoch), float(score)) for epoch, score in earlier["scores"]]
        self._validated_after[:] = earlier["validated_after"]
        self._start = time.perf_counter() - earlier["seconds"][0]

    def best(self, bigger_is_better: bool) -> tuple[int | None, float | None]:
        """Epoch (from 1) and seconds of the best validation; the last of equals, as RecBole keeps.

        Args:
            bigger_is_better: direction of the score.
        """
        if not self.scores:
            return None, None
        sign = 1.0 if bigger_is_better else -1.0
        index = max(range(len(self.scores)), key=lambda i: (sign * self.scores[i][1], i))
        return self.scores[index][0] + 1, self._validated_after[index]


def parameters(model: torch.nn.Module) -> int:
    """Number of trained values."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def flops(
    model: Any, train_batch: Any, eval_rows: Any, ranked_rows: int
) -> tuple[float | None, float | None]:
    """Floating-point operations of scoring and of training, counted while they happen.

    Matrix products, attention among them, are counted with two operations per multiply-add;
    elementwise work, and the distances of MISSRec's clustering, are not. Modules that torch runs in
    one fused step without a formula (a GRU on some devices) are left out, so figures of such models
    are too small.

    Args:
        model: in any mode; it is left in eval mode.
        train_batch: a batch of the training loader.
        eval_rows: rows of an evaluation batch, on the model's device.
        ranked_rows: rows of a whole evaluation, which share what is made once for all of them.

    Returns:
        Of one user: a full ranking, and the share in what the model keeps from batch to batch (its
        item table). Of the whole training batch: forward and backward. None where torch has nothing
        to count.
    """
    if not any(True for _ in model.parameters()):
        return None, None
    model.eval()
    scoring = None
    # a model without full ranking is scored by RecBole pair by pair
    with torch.no_grad(), suppress(NotImplementedError):
        first, later = (_count(lambda: model.full_sort_predict(eval_rows)) for _ in range(2))
        # what a later batch does without was kept: an evaluation pays for it once, however many
        # batches it has
        scoring = later / max(len(eval_rows), 1) + (first - later) / max(ranked_rows, 1)
    model.train()
    try:
        training = _count(lambda: _backward(model.calculate_loss(train_batch)))
    finally:
        model.zero_grad(set_to_none=True)
        model.eval()
    return scoring or None, training or None


def _backward(losses: Any) -> None:
    parts = losses if isinstance(losses, tuple) else (losses,)
    torch.stack([part.reshape(()) for part in parts]).sum().backward()


@contextmanager
def _plain_transformers() -> Iterator[None]:
    """torch's own Transformer layers take one fused step in evaluation, which has no formula."""
    settings = getattr(torch.backends, "mha", None)  # torch >= 2.3
    if settings is None:
        yield
        return
    before = settings.get_fastpath_enabled()
    settings.set_fastpath_enabled(False)
    try:
        yield
    finally:
        settings.set_fastpath_enabled(before)


def _accumulated(into: Any, first: Any, second: Any, **_: Any) -> int:
    """Operations of a matrix product that is added to what stands there, from three shapes."""
    return int(2 * first[0] * first[1] * second[1])


#: torch counts ``addmm`` and has no formula for ``addmm_``, with which the loss over the catalogue
#: sums up its gradients: two thirds of its operations
_IN_PLACE = {torch.ops.aten.addmm_: _accumulated}


def _count(work: Any) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    with ExitStack() as stack:
        with suppress(ImportError):  # torch before 2.3
            from torch.nn.attention import SDPBackend, sdpa_kernel

            # fused attention on a CPU has no formula; its plain form is matrix products
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(_plain_transformers())
        counter = stack.enter_context(FlopCounterMode(display=False, custom_mapping=_IN_PLACE))
        work()
    return float(counter.get_total_flops())


def memory_owner(device: torch.device) -> str:
    """Whose memory :func:`peak_memory` measures: :data:`DEVICE` or :data:`PROCESS`."""
    return DEVICE if device.type == "cuda" else PROCESS


def peak_memory(device: torch.device) -> float | None:
    """Most bytes in use so far: of the accelerator where one is used, else of this process."""
    if memory_owner(device) == DEVICE:
        return float(torch.cuda.max_memory_allocated(device))
    try:
        # of this program alone: getrusage would start from the peak of the parent process
        with open("/proc/self/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return float(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
        import sys
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit
