"""Lets several processes train as one: they split the batch and share gradients and statistics.

``accelerate launch`` and ``torchrun`` set environment variables that tell which process this is
(RANK, WORLD_SIZE, LOCAL_RANK). With W processes a step computes what one process would compute on
the whole batch:

- each takes 1 / W of the images; random numbers are drawn for the whole batch and then split;
- batch norms take mean and variance over all processes;
- gradients are averaged, so every process makes the same update.

A loss that is not a mean over images must use ``mean`` for its terms. With one process, each
function here returns what it was given.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn

from inpaint import devices
from inpaint.errors import InpaintError


def start(device: str = "auto") -> torch.device:
    """Join the other processes, if there are any; return the device of this one.

    Raises UnknownNameError for an unknown device, InpaintError for one that is not there.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) < 2 or not dist.is_available():
        return devices.resolve(device)
    chosen = devices.resolve(device)
    if chosen.type == "cuda" and chosen.index is None:
        chosen = devices.resolve(f"cuda:{os.environ.get('LOCAL_RANK', 0)}")
        torch.cuda.set_device(chosen)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    return chosen


def finish() -> None:
    """Leave the other processes."""
    if world() > 1:
        dist.destroy_process_group()


def world() -> int:
    """Number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Number of this process; 0 writes and shows."""
    return dist.get_rank() if world() > 1 else 0


def share(batch: int) -> int:
    """Images of ``batch`` that this process takes; InpaintError if it cannot be split evenly."""
    if batch % world():
        raise InpaintError(
            f"--batch is {batch}; expected a multiple of {world()}, the number of processes"
        )
    return batch // world()


def mine(draw: Callable[[int], Tensor], n: int, dim: int = 0) -> Tensor:
    """Return this process's part of ``draw(n * world())``, cut along ``dim``.

    It may have any shape, N long along ``dim`` of the N * W that were drawn.
    """
    return draw(n * world()).narrow(dim, rank() * n, n)


def mean(value: Tensor) -> Tensor:
    """Mean of ``value`` over the processes, with gradients. Any shape."""
    if world() == 1:
        return value
    total: Tensor = _Sum.apply(value)  # type: ignore[no-untyped-call]
    return total / world()


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace each gradient by its mean over the processes, in one message.

    Parameters of any shape.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    if world() == 1 or not gradients:
        return
    flat = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(flat)
    flat /= world()
    parts = flat.split([g.numel() for g in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view(gradient.shape))


def anywhere(*flags: bool, device: torch.device) -> list[bool]:
    """Whether each flag is set in any process."""
    if world() == 1:
        return list(flags)
    votes = torch.tensor(flags, dtype=torch.float32, device=device)
    dist.all_reduce(votes)
    return [bool(v > 0) for v in votes.tolist()]


@contextmanager
def first_alone() -> Iterator[None]:
    """Process 0 goes through the block before the others."""
    if rank():
        dist.barrier()
    yield
    if world() > 1 and not rank():
        dist.barrier()


@contextmanager
def shared_norms(*modules: nn.Module) -> Iterator[None]:
    """Within, the batch norms of ``modules`` see the images of all processes.

    torch's SyncBatchNorm does the same, but on CUDA only.
    """
    found = [m for module in modules for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    changed = found if world() > 1 else []
    for norm in changed:
        norm.forward = _Shared(norm)  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        for norm in changed:
            del norm.forward


class _Shared:
    def __init__(self, norm: nn.BatchNorm2d) -> None:
        self.norm = norm

    def __call__(self, x: Tensor) -> Tensor:
        norm = self.norm
        if not norm.training:
            return nn.functional.batch_norm(
                x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
            )
        # Var = E (x - c)² - (E x - c)². With c near the mean, float32 does not lose it.
        c = norm.running_mean.detach() if norm.running_mean is not None else x.new_zeros(len(x[0]))
        away = x.float() - c[:, None, None]
        moments = torch.stack([away.mean((0, 2, 3)), away.square().mean((0, 2, 3))])
        first, second = mean(moments)
        variance = second - first.square()
        _note(norm, first.detach() + c, variance.detach(), world() * x.numel() // x.shape[1])
        scale = (variance + norm.eps).rsqrt()
        y = (away - first[:, None, None]) * scale[:, None, None]
        if norm.weight is not None:
            y = y * norm.weight[:, None, None] + norm.bias[:, None, None]
        return y.to(x.dtype)


@torch.no_grad()
def _note(norm: nn.BatchNorm2d, average: Tensor, variance: Tensor, count: int) -> None:
    """Move the running statistics as torch's batch norm does, with the unbiased variance."""
    if norm.running_mean is None or norm.running_var is None:
        return
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked += 1
    momentum = 0.1 if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(average, momentum)
    norm.running_var.lerp_(variance * count / max(1, count - 1), momentum)


class _Sum(torch.autograd.Function):
    """Sum over the processes, whose gradient is the same sum."""

    @staticmethod
    def forward(ctx: object, value: Tensor) -> Tensor:
        total = value.detach().clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        total: Tensor = _Sum.apply(gradients[0])  # type: ignore[no-untyped-call]
        return total
