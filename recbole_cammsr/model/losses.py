"""Cross-entropy over the whole catalogue without holding the whole matrix of logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from recbole_cammsr.model.autocast import autocast_dtype
from recbole_cammsr.model.pick import pick

# a CPU's tile of logits, targets by items: it stays in the cache, and both of its matrix products
# are large enough to run at full speed whatever the size of the catalogue (docs/performance.md)
_CPU_ROWS = 256
_CPU_COLUMNS = 2048


def catalogue_cross_entropy(
    users: torch.Tensor,
    items: torch.Tensor,
    targets: torch.Tensor,
    max_logits: int = 1 << 26,
) -> torch.Tensor:
    """Mean cross-entropy of ``users @ items.T`` against ``targets``; item 0 is no candidate.

    The softmax over the catalogue is the floor of a training step. Targets go through in chunks;
    each chunk's logits are turned into its gradient where they lie, so a chunk is written once and
    nothing of size targets x catalogue is kept for the backward pass. On a CPU a chunk is worked
    on in tiles of some thousand items.

    Args:
        users: ``(T, d)``.
        items: ``(n_items, d)``, row 0 padding.
        targets: ``(T,)`` item ids, none of them 0.
        max_logits: most logits held at a time; at least one target's are.

    Returns:
        Scalar, float32 (float64 for float64 input). Differentiable once.
    """
    candidates = items[1:]
    loss: torch.Tensor = _CatalogueCrossEntropy.apply(
        users, candidates, targets - 1, *tile_of(users, candidates, max_logits)
    )
    return loss


def tile_of(users: torch.Tensor, candidates: torch.Tensor, max_logits: int) -> tuple[int, int]:
    """How many rows of logits are held at a time, and how many columns are worked on at once.

    Args:
        users: ``(T, d)``.
        candidates: ``(n, d)``.
        max_logits: most logits held at a time.

    Returns:
        Rows, at least one, and columns.
    """
    rows = min(len(users), max_logits // max(len(candidates), 1))
    columns = len(candidates)
    if users.device.type == "cpu":
        rows, columns = min(rows, _CPU_ROWS), _CPU_COLUMNS
    return max(rows, 1), columns


def operands(
    users: torch.Tensor, candidates: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.dtype]:
    """What logits are multiplied of, and what they are summed up in.

    Args:
        users: ``(T, d)``.
        candidates: ``(n, d)``.

    Returns:
        Both in the type that autocast asks for, or the wider one of the two, and float32, or
        float64 for float64 users.
    """
    dtype = autocast_dtype(users.device.type) or torch.promote_types(users.dtype, candidates.dtype)
    precise = torch.float64 if users.dtype == torch.float64 else torch.float32
    return users.to(dtype), candidates.to(dtype), precise


def fill_with_exponentials(
    logits: torch.Tensor,
    users: torch.Tensor,
    candidates: torch.Tensor,
    columns: int,
    change: Callable[[torch.Tensor, slice], None] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Write exp(logit - largest logit of the tile) of every user and candidate, tile by tile.

    Args:
        logits: ``(R, n)``, overwritten.
        users: ``(R, d)``.
        candidates: ``(n, d)``.
        columns: candidates a tile.
        change: is given each tile of logits, to change it where it lies, and its columns.

    Returns:
        The largest logit of each tile and the logarithm of each tile's sum of exponentials of
        logits, both ``(R, tiles)``.
    """
    lowest = torch.finfo(logits.dtype).min
    tops, sums = [], []
    starts = range(0, len(candidates), columns)
    for start, tile, some in zip(starts, logits.split(columns, dim=1), candidates.split(columns)):
        if some.dtype == tile.dtype:  # no conversion after the product
            torch.mm(users, some.t(), out=tile)
        else:
            tile.copy_(users @ some.t())
        if change is not None:
            change(tile, slice(start, start + len(some)))
        # a tile without any candidate has -inf throughout, from which nothing can be taken
        tops.append(tile.amax(dim=1, keepdim=True).clamp_(min=lowest))
        sums.append(tile.sub_(tops[-1]).exp_().sum(dim=1, keepdim=True))
    top = torch.cat(tops, dim=1)
    return top, top + torch.cat(sums, dim=1).log_()


class _CatalogueCrossEntropy(torch.autograd.Function):
    """Computes the gradients during the forward pass, chunk by chunk."""

    @staticmethod
    def forward(
        ctx: Any,
        users: torch.Tensor,
        items: torch.Tensor,
        classes: torch.Tensor,
        rows: int,
        columns: int,
    ) -> torch.Tensor:
        count = len(classes)
        queries, candidates, precise = operands(users, items)
        total = torch.zeros((), dtype=precise, device=users.device)
        gradient = Gradient(queries, candidates, precise) if any(ctx.needs_input_grad) else None
        room = torch.empty((rows, len(items)), dtype=precise, device=users.device)
        with torch.autocast(users.device.type, enabled=False):
            for start in range(0, count, rows):
                chunk = slice(start, start + rows)
                block, label = queries[chunk], classes[chunk]
                logits = room[: len(label)]
                top, parts = fill_with_exponentials(logits, block, candidates, columns)
                normaliser = torch.logsumexp(parts, dim=1, keepdim=True)
                own = (block.to(precise) * pick(candidates, label).to(precise)).sum(dim=1)
                own = own.to(queries.dtype).to(
                    precise
                )  # as its tile has it: a loss is never below zero
                total += normaliser.sum() - own.sum()
                if gradient is not None:
                    scale = to_shares(logits, top, normaliser, columns)
                    logits.scatter_add_(1, label.unsqueeze(1), scale.new_full((len(label), 1), -1))
                    gradient.add(chunk, logits, columns)
        if gradient is not None:
            ctx.save_for_backward(gradient.queries.div_(count), gradient.candidates.div_(count))
            ctx.dtypes = users.dtype, items.dtype
        return total / count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        # rounded once they are scaled: in 16 bits small ones are lost before GradScaler's factor
        of_users, of_items = (
            (gradient * each).to(dtype) for each, dtype in zip(ctx.saved_tensors, ctx.dtypes)
        )
        return of_users, of_items, None, None, None


def to_shares(
    exponentials: torch.Tensor, top: torch.Tensor, normaliser: torch.Tensor, columns: int
) -> torch.Tensor:
    """Turn what :func:`fill_with_exponentials` wrote into shares of the softmax, where it lies.

    Args:
        exponentials: ``(R, n)``, overwritten.
        top: ``(R, tiles)``.
        normaliser: ``(R, 1)`` logarithm of the softmax's denominator.
        columns: candidates a tile.

    Returns:
        ``(R, tiles)`` what each tile was multiplied by.
    """
    scale = (top - normaliser).exp_()
    for tile, factor in zip(exponentials.split(columns, dim=1), scale.split(1, dim=1)):
        tile.mul_(factor)
    return scale


class Gradient:
    """Sums up the gradients of both operands; that of the candidates in full precision."""

    def __init__(
        self, queries: torch.Tensor, candidates: torch.Tensor, precise: torch.dtype
    ) -> None:
        self.operands = queries, candidates
        self.queries = torch.zeros_like(queries, dtype=precise)
        self.candidates = torch.zeros_like(candidates, dtype=precise)

    def add(self, chunk: slice, slopes: torch.Tensor, columns: int) -> None:
        """Take in the derivatives by a chunk's logits, ``columns`` of them at a time."""
        block = self.operands[0][chunk]
        of_block = self.queries[chunk]
        parts = (values.split(columns) for values in (self.operands[1], self.candidates))
        for slope, some, of_some in zip(slopes.split(columns, dim=1), *parts):
            if slope.dtype == block.dtype:
                of_block.addmm_(slope, some)
                of_some.addmm_(slope.t(), block)
            else:
                slope = slope.to(block.dtype)
                of_block += slope @ some
                of_some += slope.t() @ block
