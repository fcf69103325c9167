"""Cross-entropy over the whole catalogue without holding the whole matrix of logits."""

from __future__ import annotations

from typing import Any

import torch

# logits held at a time: small enough to stay in a CPU's cache, large enough for its matrix product
_CPU_BLOCK = 1 << 19


def catalogue_cross_entropy(
    users: torch.Tensor,
    items: torch.Tensor,
    targets: torch.Tensor,
    max_logits: int = 1 << 26,
) -> torch.Tensor:
    """Mean cross-entropy of ``users @ items.T`` against ``targets``; item 0 is no candidate.

    The softmax over the catalogue is the floor of a training step. Targets go through in chunks;
    each chunk's logits are turned into its gradient where they lie, so a chunk is written once and
    nothing of size targets x catalogue is kept for the backward pass.

    Args:
        users: ``(T, d)``.
        items: ``(n_items, d)``, row 0 padding.
        targets: ``(T,)`` item ids, none of them 0.
        max_logits: most logits held at a time.

    Returns:
        Scalar, float32 (float64 for float64 input). Differentiable once.
    """
    candidates = items[1:]
    if users.device.type == "cpu":
        max_logits = min(max_logits, _CPU_BLOCK)
    chunk = max(1, max_logits // max(len(candidates), 1))
    loss: torch.Tensor = _CatalogueCrossEntropy.apply(users, candidates, targets - 1, chunk)
    return loss


def _autocast_dtype(device_type: str) -> torch.dtype | None:
    """The dtype of matrix products under the autocast in force, None outside of one."""
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


class _CatalogueCrossEntropy(torch.autograd.Function):
    """Computes the gradients during the forward pass, chunk by chunk."""

    @staticmethod
    def forward(
        ctx: Any, users: torch.Tensor, items: torch.Tensor, classes: torch.Tensor, chunk: int
    ) -> torch.Tensor:
        count = len(classes)
        dtype = _autocast_dtype(users.device.type) or torch.promote_types(users.dtype, items.dtype)
        operands = users.to(dtype), items.to(dtype)
        needs_gradient = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        precise = torch.float64 if users.dtype == torch.float64 else torch.float32
        total = torch.zeros((), dtype=precise, device=users.device)
        gradient_users = torch.zeros_like(operands[0]) if needs_gradient else None
        gradient_items = (
            torch.zeros(items.shape, dtype=precise, device=items.device) if needs_gradient else None
        )
        with torch.autocast(users.device.type, enabled=False):
            for start in range(0, count, chunk):
                block = operands[0][start : start + chunk]
                label = classes[start : start + chunk].unsqueeze(1)
                logits = (block @ operands[1].t()).to(precise)
                picked = logits.gather(1, label)
                normaliser = torch.logsumexp(logits, dim=1, keepdim=True)
                total += (normaliser - picked).sum()
                if gradient_users is None or gradient_items is None:
                    continue
                probability = logits.sub_(normaliser).exp_()
                minus_one = torch.full_like(picked, -1.0)
                probability.scatter_add_(1, label, minus_one)
                probability = probability.to(operands[0].dtype)
                torch.mm(probability, operands[1], out=gradient_users[start : start + chunk])
                if probability.dtype == precise:
                    gradient_items.addmm_(probability.t(), block)
                else:
                    gradient_items += probability.t() @ block
        if gradient_users is not None and gradient_items is not None:
            ctx.save_for_backward(
                gradient_users.to(users.dtype) / count, (gradient_items / count).to(items.dtype)
            )
        return total / count

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        gradient_users, gradient_items = ctx.saved_tensors
        return gradient * gradient_users, gradient * gradient_items, None, None
