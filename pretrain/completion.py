"""Training of a completion network (``inpaint.stages.completion``), self-supervised.

One network learns two aims, and its input ``sharpness`` says which one counts. With its picture y,
the true picture x, the hole H and the discriminator D of ``pretrain.critic``, it minimises

- at 0, fidelity:   log MSE_H(y, x), whose gradient is that of the PSNR of the hole;
- at 1, sharpness:  w log MSE_H(y, x) + v LPIPS(y, x) + u FM_D(y, x) - a D(y)

where LPIPS is that of Zhang et al. 2018, and FM the distance of D's features (Wang et al. 2018).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from inpaint.evaluate import lpips
from inpaint.stages.completion import Completion
from pretrain import data, precision, sheets
from pretrain.checkpoint import Stateful
from pretrain.critic import Opponent
from pretrain.ema import Average
from pretrain.guided import Guided
from pretrain.log import append
from pretrain.options import CompletionOptions
from pretrain.precision import autocast
from pretrain.refiner import DECIBELS, adopt, log_mse
from pretrain.run import Outcome, Plan, run_loop

WARMUP = 200  # steps over which the step size rises
SHOWN = 8  # pictures on the sheet of samples


def fresh(o: CompletionOptions, init: Path | None = None, *, fine: bool = False) -> Completion:
    """An untrained network as the options say, or with the weights of the folder ``init``.

    ``fine`` says that it will see the larger views of ``--fine`` as well.

    Raises WeightsError when ``init`` has another width or kind.
    """
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(o.seed)
        largest = max(o.size, o.fine_size) if fine else o.size
        network = Completion(size=o.size, width=o.width, largest=largest)
    adopt(network, init, f"is no completion network of --width {o.width}; give its width")
    return network


def train(
    items: Guided,
    options: CompletionOptions,
    plan: Plan,
    *,
    fine: Guided | None = None,
    held_out: Guided | None = None,
    init: Path | None = None,
) -> tuple[nn.Module, Outcome]:
    """Train on ``items`` until ``plan`` says stop; returns the averaged network.

    A share of the steps sees ``fine`` instead, views of larger pictures. If those views are larger
    too, a batch has fewer of them, so that it has as many pixels. With each checkpoint the averaged
    network is measured on ``held_out``: its hole PSNR at sharpness 0 and its LPIPS at sharpness 1
    are appended to ``held_out.csv``. ``init`` is a network to go on from. Raises WeightsError when
    that has other sizes.
    """
    o, device = options, plan.device
    precision.prepare(device)
    network = fresh(o, init, fine=fine is not None)
    nn.Module.to(network, device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(network, o.ema)
    optimiser = torch.optim.Adam(network.parameters(), o.lr, (0.9, 0.99), fused=True)
    opponent = Opponent(lr=o.critic_lr, gamma=o.gamma, seed=o.seed, device=device)
    judge = lpips.load(device=device)
    at = [0]  # the step, for the report on held-out pictures

    def chosen(t: int) -> tuple[Guided, int]:
        """Return the items that step ``t`` draws from, and how many it draws."""
        if fine and np.random.default_rng([o.seed, 5, t]).random() < o.fine_share:
            pixels = (fine.views.size / items.views.size) ** 2
            return fine, max(2, round(o.batch / pixels))
        return items, o.batch

    def step(t: int) -> dict[str, Tensor]:
        at[0] = t + 1
        turn = torch.tensor(torch.pi * min(1.0, t / plan.steps)).cos().item()
        rise = min(1.0, (t + 1) / WARMUP)
        optimiser.param_groups[0]["lr"] = o.lr * rise * (0.525 + 0.475 * turn)
        group, count = chosen(t)
        numbers = data.indices(len(group), count, seed=o.seed, step=t)
        x, filled, mask = (part.to(device) for part in group.batch(numbers))
        faithful = min(count - 1, max(1, round(count * (1 - o.sharp_share))))
        sharp = slice(faithful, None)
        sharpness = (torch.arange(count, device=device) >= faithful).float()
        weight = torch.where(sharpness > 0, o.fidelity, 1.0)
        with autocast(device):
            y = network(filled, mask, sharpness)[-1]
        y = y.float()
        last = log_mse(y, x, mask)
        loss = (weight * last).mean()
        fake, real, hole = y[sharp].clamp(0, 1), x[sharp], mask[sharp, None].float()
        share = len(fake) / count
        with autocast(device):
            seen = judge.loss(fake, real).float()
        d, wanted = opponent.step(fake, real, hole, t=t)
        g, apart = opponent.verdict(fake, wanted, hole)
        loss = loss + share * (o.lpips * seen.mean() + o.adversarial * g + o.features * apart)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average.update(network)
        start = log_mse(filled, x, mask)[:faithful]
        return {
            "gain": DECIBELS * (last[:faithful] - start).mean().detach(),
            "psnr": DECIBELS * last[:faithful].mean().detach(),
            "lpips": seen.mean().detach(),
            "features": apart.detach(),
            "g": g.detach(),
            "d": d,
        }

    def sheet(path: Path) -> None:
        shown = held_out or items
        numbers = np.linspace(0, len(shown) - 1, SHOWN).astype(int)
        x, filled, mask = (part.to(device) for part in shown.batch(numbers))
        rows = [drawn(average.module, filled, mask, aim) for aim in (0.0, 1.0)]
        erased = torch.where(mask[:, None], 0.5, x)
        together = torch.stack([erased, filled, *rows, x], 1).flatten(0, 1)
        sheets.write(path, together.clamp(0, 1), columns=10)
        if held_out:
            figures = measured(average.module, held_out, judge, device)
            append(plan.out / "held_out.csv", {"step": at[0], **figures})

    parts: dict[str, Stateful] = {"network": network, "average": average, "optimiser": optimiser}
    outcome = run_loop(step, parts | opponent.parts(), plan, sheet=sheet)
    return average.module.cpu(), outcome


def drawn(network: nn.Module, filled: Tensor, mask: Tensor, sharpness: float) -> Tensor:
    """Return the completed pictures (N, 3, S, S) in [0, 1] at one sharpness, without gradients."""
    aim = torch.full((len(filled),), sharpness, device=filled.device)
    with torch.no_grad(), autocast(filled.device):
        made: Tensor = network(filled, mask, aim)[-1].float().clamp(0, 1)
    return made


def measured(
    network: nn.Module, items: Guided, judge: lpips.Lpips, device: torch.device
) -> dict[str, float]:
    """Return the mean hole PSNR at sharpness 0, the mean LPIPS at 1, and both of the guide."""
    found: dict[str, list[Tensor]] = {"psnr": [], "lpips": [], "guide": [], "guide_lpips": []}
    for start in range(0, len(items), 16):
        numbers = np.arange(start, min(start + 16, len(items)))
        x, filled, mask = (part.to(device) for part in items.batch(numbers))
        found["psnr"].append(DECIBELS * log_mse(drawn(network, filled, mask, 0.0), x, mask))
        found["guide"].append(DECIBELS * log_mse(filled, x, mask))
        with torch.no_grad(), autocast(device):
            found["lpips"].append(judge.loss(drawn(network, filled, mask, 1.0), x).float())
            found["guide_lpips"].append(judge.loss(filled, x).float())
    return {name: float(torch.cat(values).mean()) for name, values in found.items()}
