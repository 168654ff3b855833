"""Training of a VAE on the evidence lower bound (Kingma and Welling 2014).

    ELBO = E_q log p(x|z) - KL(q(z|x) || p(z))

p(x|z) is Gaussian with one variance for all pixels, always at its best value, the mean squared
error (sigma-VAE, Rybkin et al. 2021): the first term becomes -(D/2) log MSE, so that no weight
between the two terms has to be tuned.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from inpaint.priors.convnets import Downward, Upward, from_unit
from inpaint.priors.vae import VAE, build
from pretrain import data, sheets
from pretrain.ema import Average
from pretrain.options import VaeOptions
from pretrain.precision import autocast
from pretrain.run import Outcome, Plan, run


class Pair(nn.Module):
    """Encoder and decoder as one module, to be averaged and saved together."""

    def __init__(self, encoder: Downward, decoder: Upward) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder


def kl_divergence(mu: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mu, sigma²) || N(0, 1)), summed over dimensions: (N, D) -> (N,)."""
    return 0.5 * (mu.square() + log_variance.exp() - 1 - log_variance).sum(1)


def train(images: data.Images, options: VaeOptions, plan: Plan) -> tuple[VAE, Outcome]:
    """Train on ``images`` until ``plan`` says stop; returns the prior, ready to be saved."""
    o, device = options, torch.device("cpu")
    torch.set_flush_denormal(True)
    sizes = {
        "size": o.size,
        "latent": o.latent,
        "encoder": {"width": o.width, "cap": o.encoder_cap},
        "decoder": {"width": o.width, "cap": o.decoder_cap},
    }
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(o.seed)
        model = Pair(*build(sizes))
    nn.Module.to(model, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(model, o.ema)
    optimiser = torch.optim.Adam(model.parameters(), lr=o.lr, fused=True)

    def step(t: int) -> dict[str, Tensor]:
        # Cosine to a tenth: the bound keeps improving where a constant rate stalls.
        turn = torch.tensor(torch.pi * min(1.0, t / plan.steps)).cos().item()
        optimiser.param_groups[0]["lr"] = o.lr * (0.55 + 0.45 * turn)
        rng = torch.Generator().manual_seed(o.seed * 1_000_003 + t)
        x, _ = data.batch(images, o.size, o.batch, seed=o.seed, step=t, min_scale=o.min_scale)
        x = from_unit(x)
        with autocast(device):
            mu, log_variance = model.encoder(x).float().chunk(2, dim=1)
            z = mu + (log_variance / 2).exp() * torch.randn(mu.shape, generator=rng)
            y = model.decoder(z).float()
        mse = (y - x).square().mean()
        kl = kl_divergence(mu, log_variance).mean()
        pixels = x[0].numel()
        # A warm-up of the KL term keeps the latents from switching off before they are used.
        loss = pixels / 2 * mse.log() + min(1.0, (t + 1) / o.warmup) * kl
        optimiser.zero_grad()
        (loss / pixels).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update(model)
        # In [0, 1] units, so that the figure is the PSNR people know.
        return {"psnr": -10 * (mse.detach() / 4).log10(), "kl": kl.detach()}

    shown, _ = data.batch(images, o.size, 32, seed=o.seed, step=0)
    drawn = torch.randn((32, o.latent), generator=torch.Generator().manual_seed(o.seed + 1))

    def sheet(path: Path) -> None:
        prior = VAE(average.module.encoder, average.module.decoder)
        again = prior.generate(prior.encode(shown)[0])
        rows = [shown[:16], again[:16], prior.generate(drawn)]
        sheets.write(path, torch.cat(rows))

    outcome = run(
        step, {"model": model, "average": average, "optimiser": optimiser}, plan, sheet=sheet
    )
    return VAE(average.module.encoder, average.module.decoder), outcome
