"""Training of the finder of faces (``inpaint.faces.network``).

Each step draws pictures with a face, and several times as many without one, of which only those
are learnt from in which the network is most sure of a face ("bootstrapping", Sung and Poggio 1998;
"online hard example mining", Shrivastava et al. 2016). With p the network's probability at a cell,
and g = 2, it minimises over all cells, for each face,

    -(1 - p)^g log p   where a face is,      -p^g log(1 - p)   where none is

(focal loss: Lin et al. 2017), and the distance of the pose at the cells around the face.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from inpaint.faces.network import Finder
from pretrain import precision, sheets
from pretrain.checkpoint import Stateful
from pretrain.composed import Batch, Composer
from pretrain.ema import Average
from pretrain.log import append
from pretrain.options import FinderOptions
from pretrain.precision import autocast
from pretrain.run import Outcome, Plan, run_loop

WARMUP = 200  # steps over which the step size rises
GAMMA = 2.0
POSE = 1.0  # weight of the pose
HELD_OUT = 256  # pictures with a face, and twice as many without, to measure on
RARE = 0.01  # share of pictures without a face in which one may be seen when it is measured


def fresh(o: FinderOptions) -> Finder:
    """An untrained network as the options say."""
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(o.seed)
        return Finder(size=o.size, width=o.width)


def train(
    composer: Composer, options: FinderOptions, plan: Plan, *, held_out: Composer | None = None
) -> tuple[nn.Module, Outcome]:
    """Train on what ``composer`` draws until ``plan`` says stop; returns the averaged network.

    With every checkpoint the averaged network is measured on pictures of ``held_out``, see
    ``measured``, and the figures go to ``held_out.csv``.
    """
    o, device = options, plan.device
    precision.prepare(device)
    network = fresh(o)
    nn.Module.to(network, device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(network, o.ema)
    optimiser = torch.optim.Adam(network.parameters(), o.lr, (0.9, 0.99), fused=True)
    with_face = max(1, o.batch // 2)
    at = [0]

    def step(t: int) -> dict[str, Tensor]:
        at[0] = t + 1
        turn = torch.tensor(torch.pi * min(1.0, t / plan.steps)).cos().item()
        rise = min(1.0, (t + 1) / WARMUP)
        optimiser.param_groups[0]["lr"] = o.lr * rise * (0.51 + 0.49 * turn)
        x, wanted = on(composer.batch(with_face, step=t, face=True), device)
        without = o.batch - with_face
        others = on(composer.batch(without * o.mined, step=t, face=False), device)
        worst = hardest(network, others[0], without)
        x, wanted = (torch.cat([a, b[worst]]) for a, b in zip((x, wanted), others, strict=True))
        x = x.contiguous(memory_format=torch.channels_last)
        with autocast(device):
            answers = network(x)
        face, pose = losses(answers.float(), wanted)
        optimiser.zero_grad()
        (face + POSE * pose).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average.update(network)
        return {"face": face.detach(), "pose": pose.detach()}

    def sheet(path: Path) -> None:
        shown = held_out or composer
        x, _ = on(shown.batch(24, step=0, face=True), device)
        with torch.no_grad():
            sure = average.module(x)[:, :1].sigmoid()
        sure = nn.functional.interpolate(sure, x.shape[2:])
        sheets.write(path, torch.cat([x[:, :3], sure.expand(-1, 3, -1, -1)]), columns=12)
        if held_out:
            append(plan.out / "held_out.csv", {"step": at[0], **measured(average.module, held_out)})

    parts: dict[str, Stateful] = {"network": network, "average": average, "optimiser": optimiser}
    outcome = run_loop(step, parts, plan, sheet=sheet)
    return average.module.cpu(), outcome


def on(batch: Batch, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pictures (N, 4, S, S) and what is wanted (N, 6, S/4, S/4), on the device."""
    x, wanted = (torch.from_numpy(part).permute(0, 3, 1, 2) for part in (batch.x, batch.wanted))
    return x.to(device), wanted.to(device)


def hardest(network: nn.Module, x: Tensor, count: int) -> Tensor:
    """Numbers (count,) of the pictures x (N, 4, S, S) in which the network is surest of a face."""
    with torch.no_grad(), autocast(x.device):
        sure = network(x.contiguous(memory_format=torch.channels_last))[:, 0]
    return sure.float().flatten(1).amax(1).topk(count).indices


def losses(answers: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """The focal loss for each face, and the mean distance of the pose: two Tensors ().

    ``answers`` (N, 5, h, w) are the network's, ``wanted`` (N, 6, h, w) as in ``composed.Batch``.
    """
    here, counts = wanted[:, 0], wanted[:, 0] >= 0
    target = here.clamp_min(0)
    wrong = binary_cross_entropy_with_logits(answers[:, 0], target, reduction="none")
    missed = (target - answers[:, 0].sigmoid()).abs() ** GAMMA
    faces = target.sum().clamp_min(1)
    face = (missed * wrong)[counts].sum() / faces
    told = wanted[:, 5:]
    far = smooth_l1_loss(answers[:, 1:], wanted[:, 1:5], reduction="none") * told
    return face, far.sum() / (4 * told.sum()).clamp_min(1)


def measured(network: nn.Module, items: Composer) -> dict[str, float]:
    """Faces found by the threshold that ``RARE`` of the pictures without a face exceed.

    Also that threshold, as a logit, and the mean error of the pose of the faces that are found,
    in the network's units.
    """
    device = next(network.parameters()).device

    def answers(count: int, *, face: bool) -> tuple[Tensor, Tensor]:
        x, wanted = on(items.batch(count, step=0, face=face), device)
        with torch.no_grad():
            made: Tensor = network(x)
        return made, wanted

    made, _ = answers(2 * HELD_OUT, face=False)
    threshold = float(made[:, 0].flatten(1).amax(1).quantile(1 - RARE))
    made, wanted = answers(HELD_OUT, face=True)
    here = wanted[:, 0] == 1
    best = made[:, 0].masked_fill(~here, -torch.inf).flatten(1).amax(1)
    there = here.flatten(1).any(1)
    sure = here & (made[:, 0] > threshold)
    error = (made[:, 1:] - wanted[:, 1:5]).abs().mean(1)[sure]
    return {
        "found": float((best[there] > threshold).float().mean()),
        "threshold": threshold,
        "pose": float(error.mean()) if len(error) else float(np.nan),
    }
