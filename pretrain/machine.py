"""Names the machine of a training, for its config and the zoo's table."""

from __future__ import annotations

import torch

from pretrain import parallel


def describe(device: torch.device) -> str:
    """Return the device in words, such as "NVIDIA H100 80GB HBM3" or "2 x CPU, 1 thread"."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    elif device.type == "cpu":
        threads = torch.get_num_threads()
        name = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    else:
        name = device.type
    return name if parallel.world() == 1 else f"{parallel.world()} x {name}"
