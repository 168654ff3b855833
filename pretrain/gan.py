"""Training of a DCGAN: generator against discriminator.

The game is min_G max_D  E log D(x) + E log(1 - D(G(z))) (Goodfellow et al. 2014; Radford et al.
2016). Losses on the logits l:

- ``nonsaturating``: D minimises softplus(-l_real) + softplus(l_fake), G softplus(-l_fake);
- ``hinge``: D minimises relu(1 - l_real) + relu(1 + l_fake), G minimises -l_fake.

Batch norm in G as in the paper; spectral norm in D (Miyato et al. 2018) holds the balance and is
folded into the weights on export. The exported generator is the moving average.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus
from torch.nn.utils import parametrize

from inpaint.priors.convnets import Downward, Upward, from_unit, to_unit
from inpaint.priors.dcgan import DCGAN, draw_z
from pretrain import data, sheets
from pretrain.augment import augment
from pretrain.checkpoint import Stateful
from pretrain.ema import Average
from pretrain.options import GanOptions
from pretrain.precision import autocast
from pretrain.run import Outcome, Plan, run

Loss = tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]
LOSSES: dict[str, Loss] = {
    "nonsaturating": (
        lambda real, fake: (softplus(-real) + softplus(fake)).mean(),
        lambda fake: softplus(-fake).mean(),
    ),
    "hinge": (
        lambda real, fake: (relu(1 - real) + relu(1 + fake)).mean(),
        lambda fake: -fake.mean(),
    ),
}


def train(images: data.Images, options: GanOptions, plan: Plan) -> tuple[DCGAN, Outcome]:
    """Train on ``images`` until ``plan`` says stop; returns the prior, ready to be saved."""
    o, device = options, torch.device("cpu")
    torch.set_flush_denormal(True)
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(o.seed)
        generator = Upward(size=o.size, latent=o.latent, width=o.width)
        critic = Downward(size=o.size, outputs=1, width=o.critic_width, norm="spectral")
    for module in (generator, critic):
        nn.Module.to(module, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(generator, o.ema)
    betas = (0.5, 0.99)
    optimiser_g = torch.optim.Adam(generator.parameters(), o.lr, betas, fused=True)
    optimiser_d = torch.optim.Adam(critic.parameters(), o.critic_lr, betas, fused=True)
    loss_d, loss_g = LOSSES[o.loss]

    def step(t: int) -> dict[str, Tensor]:
        # Here and not once: a checkpoint brings back the step sizes that it was made with.
        optimiser_g.param_groups[0]["lr"], optimiser_d.param_groups[0]["lr"] = o.lr, o.critic_lr
        rng = torch.Generator().manual_seed(o.seed * 1_000_003 + t)
        real, _ = data.batch(images, o.size, o.batch, seed=o.seed, step=t, min_scale=o.min_scale)
        real = augment(from_unit(real), o.policy, rng)
        with autocast(device):
            fake = generator(draw_z(o.batch, o.latent, o.distribution, rng))
        # One G pass serves both players: D sees it detached, G's step reuses its graph.
        fake_seen = augment(fake.float(), o.policy, rng)
        optimiser_d.zero_grad()
        with autocast(device):
            # One batch through D: the spectral norm's power iteration then runs once.
            logits = critic(torch.cat([real, fake_seen.detach()])).float()
        d = loss_d(logits[: o.batch], logits[o.batch :])
        d.backward()
        optimiser_d.step()
        critic.requires_grad_(False)
        for again in range(o.generator_steps):
            if again:
                with autocast(device):
                    fake = generator(draw_z(o.batch, o.latent, o.distribution, rng))
                fake_seen = augment(fake.float(), o.policy, rng)
            with autocast(device):
                g = loss_g(critic(fake_seen).float())
            optimiser_g.zero_grad()
            g.backward()
            optimiser_g.step()
        critic.requires_grad_(True)
        average.update(generator)
        return {
            "d": d.detach(),
            "g": g.detach(),
            "real": logits[: o.batch].mean().detach(),
            "fake": logits[o.batch :].mean().detach(),
        }

    shown = draw_z(64, o.latent, o.distribution, torch.Generator().manual_seed(o.seed + 1))

    def sheet(path: Path) -> None:
        with torch.no_grad():
            sheets.write(path, to_unit(average.module(shown)))

    parts: dict[str, Stateful] = {
        "generator": generator,
        "critic": critic,
        "average": average,
        "optimiser_g": optimiser_g,
        "optimiser_d": optimiser_d,
    }
    outcome = run(step, parts, plan, sheet=sheet)
    return DCGAN(average.module, plain(critic), distribution=o.distribution), outcome


def plain(critic: Downward) -> Downward:
    """Fold the spectral norm into the weights, so that inference needs nothing but tensors."""
    critic.eval()
    for module in critic.modules():
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight")
    critic.requires_grad_(False)
    return critic
