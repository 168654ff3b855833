"""Training of a VAE on the evidence lower bound (Kingma and Welling 2014), and of a VAE-GAN.

    ELBO = E_q log p(x|z) - KL(q(z|x) || p(z))

p(x|z) is Gaussian with one variance for all pixels, which is always set to its best value, the mean
squared error (sigma-VAE, Rybkin et al. 2021). The first term is then -(D/2) log MSE, and no weight
between the two terms has to be tuned. For images of D numbers the minimised sum is

    L = log(MSE)/2 + a LPIPS + KL/D

(``lpips`` = a), where ``free_bits`` = b replaces KL by sum_j max(b, KL_j) (Kingma et al. 2016,
eq. 15). With ``adversarial`` = c, a discriminator D with the hinge loss sees reconstructions and
images decoded from p(z) (Larsen et al. 2016). Its gradient on the images is scaled to c times the
length of the reconstruction's gradient, so that c means the same at any size and throughout the
training (Esser et al. 2021, eq. 7, balance the two likewise).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from inpaint.priors.convnets import Downward, from_unit, to_unit
from inpaint.priors.vae import VAE, Decoder, Encoder, build
from pretrain import data, parallel, precision, sheets, winograd
from pretrain.augment import augment
from pretrain.checkpoint import Stateful
from pretrain.ema import Average
from pretrain.feed import Feed
from pretrain.gan import plain
from pretrain.options import VaeOptions
from pretrain.precision import autocast
from pretrain.run import Outcome, Plan, run_loop


class Pair(nn.Module):
    """Encoder and decoder as one module, to be averaged and saved together."""

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder


def kl_divergence(mu: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mu, sigma²) || N(0, 1)) of each dimension: (N, D) -> (N, D)."""
    return 0.5 * (mu.square() + log_variance.exp() - 1 - log_variance)


def rate(kl: Tensor, free_bits: float) -> Tensor:
    """sum_j max(b, mean over the batch of KL_j), ``kl`` (N, D) -> () (Kingma et al. 2016, eq. 15).

    A dimension that uses less than b nats has no gradient, so the KL term cannot empty it.
    """
    return parallel.mean(kl.mean(0)).clamp_min(free_bits).sum()


class Critic:
    """The discriminator of a VAE-GAN and its optimiser; augments what it sees."""

    def __init__(self, options: VaeOptions, device: torch.device) -> None:
        o = options
        with torch.random.fork_rng():
            torch.default_generator.manual_seed(o.seed + 1)
            self.network = Downward(
                size=o.size, outputs=1, width=o.critic_width, cap=o.critic_cap, norm="spectral"
            )
        layout = torch.channels_last
        nn.Module.to(self.network, device, memory_format=layout)  # type: ignore[call-overload]
        self.lr, self.policy = o.critic_lr, o.policy
        parameters = self.network.parameters()
        self.optimiser = torch.optim.Adam(parameters, o.critic_lr, (0.5, 0.99), fused=True)

    def step(self, real: Tensor, fake: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """One step of D on images (n, 3, S, S) in [-1, 1]; its hinge loss, then the decoder's.

        D minimises mean relu(1 - D(real)) + mean relu(1 + D(fake)), the decoder -mean D(fake).
        """
        self.optimiser.param_groups[0]["lr"] = self.lr
        self.network.requires_grad_(True)
        real, fake = augment(real, self.policy, rng), augment(fake, self.policy, rng)
        logits = self._judge(torch.cat([real, fake.detach()]))
        loss = relu(1 - logits[: len(real)]).mean() + relu(1 + logits[len(real) :]).mean()
        self.optimiser.zero_grad()
        loss.backward()
        parallel.average_gradients(self.network.parameters())
        self.optimiser.step()
        self.network.requires_grad_(False)
        return loss.detach(), -self._judge(fake).mean()

    def _judge(self, x: Tensor) -> Tensor:
        with autocast(x.device):
            logits: Tensor = self.network(x)
        return logits.float()


def pulled(images: Tensor, loss: Tensor, game: Tensor, strength: float) -> Tensor:
    """Gradient of ``loss`` on ``images``, plus that of ``game`` at ``strength`` times its length.

    ``images`` is (N, 3, S, S), and both losses are functions of it; the graph behind them stays
    whole.
    """
    (ours,) = torch.autograd.grad(loss, images)
    (theirs,) = torch.autograd.grad(game, images)
    lengths = [parallel.mean(g.square().sum()).sqrt() for g in (ours, theirs)]
    return ours + theirs * (strength * lengths[0] / lengths[1].clamp_min(1e-12))


def distance(device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    """Mean LPIPS of two batches in [-1, 1], with gradients."""
    from inpaint.evaluate.lpips import load

    model = load(device=device)
    return lambda x, y: model.loss(to_unit(x), to_unit(y)).mean()


def train(images: data.Images, options: VaeOptions, plan: Plan) -> tuple[VAE, Outcome]:
    """Train on ``images`` until ``plan`` says stop; returns the prior, ready to be saved."""
    o, device, n = options, plan.device, parallel.share(options.batch)
    precision.prepare(device)
    sizes = {
        "size": o.size,
        "latent": o.latent,
        "spatial": o.spatial,
        "encoder": {"width": o.width, "cap": o.encoder_cap},
        "decoder": {"width": o.width, "cap": o.decoder_cap},
    }
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(o.seed)
        model = Pair(*build(sizes))
    nn.Module.to(model, device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if plan.compiled:
        model.encoder.compile()
        model.decoder.compile()
    average = Average(model, o.ema)
    optimiser = torch.optim.Adam(model.parameters(), lr=o.lr, fused=True)
    critic = Critic(o, device) if o.adversarial else None
    lpips = distance(device) if o.lpips else None
    # Half of what the discriminator sees is reconstructed, half decoded from p(z).
    half = n // 2 if critic else 0
    feed = Feed(images, o, device)

    def normal(rows: int, rng: torch.Generator) -> Tensor:
        drawn = parallel.mine(lambda m: torch.randn((m, o.latent), generator=rng), rows)
        return drawn.to(device, non_blocking=True)

    def step(t: int) -> dict[str, Tensor]:
        # The step size falls to a tenth; with a constant one the bound stops improving.
        turn = torch.tensor(torch.pi * min(1.0, t / plan.steps)).cos().item()
        optimiser.param_groups[0]["lr"] = o.lr * (0.55 + 0.45 * turn)
        # Without a warm-up of the KL term, latents would carry nothing before the decoder can use
        # them; that of the adversarial term lets the decoder learn to draw images first.
        warm = min(1.0, (t + 1) / o.warmup)
        rng = torch.Generator().manual_seed(o.seed * 1_000_003 + t)
        x = from_unit(feed(t)[0])
        with autocast(device):
            mu, log_variance = model.encoder(x).float().chunk(2, dim=1)
            z = mu + (log_variance / 2).exp() * normal(n, rng)
            z = torch.cat([z, normal(half, rng)])
            decoded = model.decoder(z).float()
        y = decoded[:n]
        mse = parallel.mean((y - x).square().mean())  # of all processes, before the logarithm
        kl = kl_divergence(mu, log_variance)
        # For images in [0, 1], which is how PSNR is usually given.
        seen = {"psnr": -10 * (mse.detach() / 4).log10(), "kl": kl.detach().sum(1).mean()}
        loss = mse.log() / 2
        if lpips:
            seen["lpips"] = lpips(y, x)
            loss = loss + o.lpips * seen["lpips"]
        cost = warm * rate(kl, o.free_bits) / x[0].numel()
        optimiser.zero_grad()
        if critic:
            # They alternate, so that several processes together see the batch of a single one.
            made = torch.stack([y[: 2 * half : 2], decoded[n:]], 1).flatten(0, 1)
            seen["d"], game = critic.step(x, made, rng)
            seen["g"] = game
            slope = pulled(decoded, loss, game, warm * o.adversarial)
            torch.autograd.backward([decoded, cost], [slope, None])
        else:
            (loss + cost).backward()
        parallel.average_gradients(model.parameters())
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update(model)
        return {name: value.detach() for name, value in seen.items()}

    seen_often = data.indices(len(images), 32, seed=o.seed, step=0)
    shown = data.views(images, seen_often, o.size, seed=o.seed, step=0)
    drawn = torch.randn((32, o.latent), generator=torch.Generator().manual_seed(o.seed + 1))
    shown, drawn = shown.to(device), drawn.to(device)

    def sheet(path: Path) -> None:
        prior = VAE(average.module.encoder, average.module.decoder)
        again = prior.generate(prior.encode(shown)[0])
        rows = [shown[:16], again[:16], prior.generate(drawn)]
        sheets.write(path, torch.cat(rows))

    parts: dict[str, Stateful] = {"model": model, "average": average, "optimiser": optimiser}
    if critic:
        parts |= {"critic": critic.network, "optimiser_d": critic.optimiser}
    trained = [model, critic.network] if critic else [model]
    with winograd.convolutions(*trained, wanted=not plan.compiled), parallel.shared_norms(*trained):
        outcome = run_loop(step, parts, plan, sheet=sheet)
    average.module.cpu()
    networks = average.module.encoder, average.module.decoder
    if critic:
        return VAE(*networks, plain(critic.network.cpu()), judge="critic"), outcome
    return VAE(*networks), outcome
