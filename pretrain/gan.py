"""Training of GANs, plain or class-conditional: generator against discriminator.

The game is min_G max_D  E log D(x) + E log(1 - D(G(z))) (Goodfellow et al. 2014; Radford et al.
2016). Losses on the logits l:

- ``nonsaturating``: D minimises softplus(-l_real) + softplus(l_fake), G softplus(-l_fake);
- ``hinge``: D minimises relu(1 - l_real) + relu(1 + l_fake), G minimises -l_fake;
- ``r3``: pairs, D minimises softplus(l_fake - l_real), G softplus(l_real - l_fake), with both
  gradient penalties (Huang et al. 2024, R3GAN; the pairing is Jolicoeur-Martineau's, 2018).

The penalties are gamma / 2 * E |grad_x D(x)|², R1 over real and R2 over generated images as D
sees them (Mescheder et al. 2018). Differentiating twice takes long, so they may be computed in
every n-th step only, and are then multiplied by n (Karras et al. 2020).

G has batch norms as in the paper. D has spectral norms (Miyato et al. 2018), or none with r3; they
are folded into its weights on export. The exported generator is the moving average.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus
from torch.nn.utils import parametrize

from inpaint.errors import InpaintError
from inpaint.priors.cgan import CGAN
from inpaint.priors.convnets import Downward, Norm, Upward, from_unit, to_unit
from inpaint.priors.dcgan import DCGAN, draw_z
from pretrain import data, grow, parallel, precision, sheets, winograd
from pretrain.augment import augment
from pretrain.checkpoint import Stateful
from pretrain.ema import Average
from pretrain.feed import Feed
from pretrain.options import GanOptions, counts
from pretrain.precision import autocast
from pretrain.run import Outcome, Plan, run_loop

Pair = Callable[[Tensor, Tensor], Tensor]
# (D's, G's) loss of the logits (real, fake), each (N,) or (N, 1).
LOSSES: dict[str, tuple[Pair, Pair]] = {
    "nonsaturating": (
        lambda real, fake: (softplus(-real) + softplus(fake)).mean(),
        lambda real, fake: softplus(-fake).mean(),
    ),
    "hinge": (
        lambda real, fake: (relu(1 - real) + relu(1 + fake)).mean(),
        lambda real, fake: -fake.mean(),
    ),
    "r3": (
        lambda real, fake: softplus(fake - real).mean(),
        lambda real, fake: softplus(real - fake).mean(),
    ),
}


def train(
    images: data.Images, options: GanOptions, plan: Plan, *, init: Path | None = None
) -> tuple[DCGAN, Outcome]:
    """Train on ``images`` until ``plan`` says stop; returns the prior, ready to be saved.

    ``init`` is a trained GAN to start from, of the same size or of half of it (``pretrain.grow``).
    Raises InpaintError when classes are asked for and the images have none, WeightsError when
    ``init`` does not fit the options.
    """
    o, device, n = options, plan.device, parallel.share(options.batch)
    names: tuple[str, ...] = ()
    if o.classes:
        images, names = labelled(images, o.unlabelled)
    dropped = len(names)
    precision.prepare(device)
    generator, critic = networks(o, len(names) + 1 if names else 0)
    if init:
        grow.take_over(generator, critic, init, names)
    for module in (generator, critic):
        nn.Module.to(module, device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # A penalty differentiates D twice, which torch.compile cannot.
        if plan.compiled and (module is generator or not _penalised(o)):
            module.compile()
    average = Average(generator, o.ema)
    betas = (o.beta1, o.beta2)
    optimiser_g = torch.optim.Adam(generator.parameters(), o.lr, betas, fused=True)
    optimiser_d = torch.optim.Adam(critic.parameters(), o.critic_lr, betas, fused=True)
    loss_d, loss_g = LOSSES[o.loss]
    penalised = _penalised(o)
    penalty = torch.zeros((), device=device)

    feed = Feed(images, o, device)

    def draw(n: int, rng: torch.Generator) -> Tensor:
        return draw_z(n, generator.dimensions, o.distribution, rng).to(device)

    def drawn(rng: torch.Generator) -> Tensor:
        return parallel.mine(lambda all_of_them: draw(all_of_them, rng), n)

    def step(t: int) -> dict[str, Tensor]:
        nonlocal penalty
        # Set at each step, because a checkpoint restores the step sizes with which it was made.
        optimiser_g.param_groups[0]["lr"], optimiser_d.param_groups[0]["lr"] = o.lr, o.critic_lr
        rng = torch.Generator().manual_seed(o.seed * 1_000_003 + t)
        real, given = feed(t)
        real = from_unit(real)
        varied = apart(real)
        real = augment(real, o.policy, rng)
        label = None
        if o.classes:
            # Real and generated images of a step share their labels: r3 compares them in pairs.
            hidden = parallel.mine(lambda m: torch.rand(m, generator=rng), n) < o.drop_labels
            label = torch.where(hidden.to(device), dropped, given)
        with autocast(device):
            fake = generator(drawn(rng), label)
        # One pass of G serves both: D sees its images detached, and G's step reuses its graph.
        fake_seen = augment(fake.float(), o.policy, rng)
        optimiser_d.zero_grad()
        # One batch through D, so that the power iteration of the spectral norm runs once.
        seen = torch.cat([real, fake_seen.detach()])
        now = penalised is not None and t % o.penalty_every == 0
        seen.requires_grad_(now)
        with nullcontext() if now else autocast(device):
            logits = judge(critic, seen, label).float()
        d = loss_d(logits[:n], logits[n:])
        if now:
            norms = squared_gradients(logits, seen)[: len(seen) if penalised == "r1+r2" else n]
            penalty = o.gamma / 2 * norms.sum() / n
        (d + o.penalty_every * penalty if now else d).backward()
        parallel.average_gradients(critic.parameters())
        optimiser_d.step()
        critic.requires_grad_(False)
        for again in range(o.generator_steps):
            if again:
                with autocast(device):
                    fake = generator(drawn(rng), label)
                fake_seen = augment(fake.float(), o.policy, rng)
            with autocast(device):
                judged = critic(fake_seen, label).float()
                # Only r3's G looks at real images too.
                beside = critic(real, label).float() if o.loss == "r3" else logits[:n].detach()
            g = loss_g(beside, judged)
            optimiser_g.zero_grad()
            g.backward()
            parallel.average_gradients(generator.parameters())
            optimiser_g.step()
        critic.requires_grad_(True)
        average.update(generator)
        penalty = penalty.detach()
        return {
            "d": d.detach(),
            "g": g.detach(),
            "real": logits[:n].mean().detach(),
            "fake": logits[n:].mean().detach(),
            "spread": apart(fake.detach().float()) / varied,
            **({} if penalised is None else {"penalty": penalty}),
        }

    shown = draw(64, torch.Generator().manual_seed(o.seed + 1))
    # Each row of the sheet shows one class; the last row shows "any".
    rows = (torch.arange(64, device=device) // 8) % (dropped + 1) if o.classes else None

    def sheet(path: Path) -> None:
        with torch.no_grad():
            sheets.write(path, to_unit(average.module(shown, rows)))

    parts: dict[str, Stateful] = {
        "generator": generator,
        "critic": critic,
        "average": average,
        "optimiser_g": optimiser_g,
        "optimiser_d": optimiser_d,
    }
    trained = generator, critic
    with winograd.convolutions(*trained, wanted=not plan.compiled), parallel.shared_norms(*trained):
        outcome = run_loop(step, parts, plan, sheet=sheet)
    made, judging = average.module.cpu(), plain(critic.cpu())
    if names:
        return CGAN(made, judging, distribution=o.distribution, classes=names), outcome
    return DCGAN(made, judging, distribution=o.distribution), outcome


def networks(o: GanOptions, classes: int) -> tuple[Upward, Downward]:
    """Fresh generator and discriminator; the same seed gives the same weights."""
    norm: Norm = "none" if o.loss == "r3" else "spectral"
    if o.critic_norm != "auto":
        norm = o.critic_norm  # type: ignore[assignment]
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(o.seed)
        generator = Upward(
            size=o.size,
            latent=o.latent,
            width=o.width,
            codes=counts(o.codes) or (),
            classes=classes,
        )
        critic = Downward(size=o.size, outputs=1, width=o.critic_width, norm=norm, classes=classes)
        if norm == "none":
            # Without a norm, DCGAN's small weights would weaken the signal from layer to layer.
            for module in critic.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, 0.2)
    return generator, critic


def labelled(images: data.Images, unlabelled: str) -> tuple[data.Images, tuple[str, ...]]:
    """Return the class names, and the images with labels into them; ``len(names)`` = no label.

    Images in a folder ``unlabelled`` or in none have no label. Raises InpaintError when there is
    no class.
    """
    names = tuple(name for name in images.classes if name not in (unlabelled, "."))
    if not names:
        raise InpaintError(
            "--classes: no image lies in a folder that names its class; "
            "sort the images into folders, or train without --classes"
        )
    numbers = [names.index(c) if c in names else len(names) for c in images.classes]
    labels = torch.tensor(numbers).numpy()[images.labels]
    return dataclasses.replace(images, labels=labels), names


def apart(images: Tensor) -> Tensor:
    """Return the standard deviation between a few of the images (N, 3, S, S); at least 1e-6."""
    return images[:16].std(0, correction=0).mean().clamp_min(1e-6)


def judge(critic: Downward, seen: Tensor, label: Tensor | None) -> Tensor:
    """D's logits (2 N, 1) of N real and N generated images ``seen``, labels (N,) for both.

    A batch norm must not see both at once, because it would give both the same statistics.
    """
    if any(isinstance(module, nn.BatchNorm2d) for module in critic.modules()):
        return torch.cat([critic(half, label) for half in seen.chunk(2)])
    return critic(seen, None if label is None else label.repeat(2))


def squared_gradients(logits: Tensor, x: Tensor) -> Tensor:
    """|grad_x D(x)|² of each image, (N,), differentiable in D's weights."""
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.square().sum((1, 2, 3))


def _penalised(o: GanOptions) -> str | None:
    """Return at which images the gradient is penalised: ``r1``, ``r1+r2``, or None."""
    chosen = o.penalty
    if chosen == "auto":
        chosen = "r1+r2" if o.loss == "r3" else "none"
    return None if chosen == "none" or o.gamma == 0 else chosen


def plain(critic: Downward) -> Downward:
    """Fold D's norms into the weights, so that inference needs nothing but tensors."""
    critic.eval()
    for module in critic.modules():
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight")
    return critic.fused()
