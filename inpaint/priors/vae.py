"""VAE: encoder q(z|x), decoder p(x|z), standard normal p(z) (Kingma and Welling 2014)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from inpaint.priors.convnets import Downward, Upward, from_unit, halved, load, to_unit


class VAE:
    """Decoder (N, latent) -> images, encoder image -> (mu, log sigma²), both frozen."""

    kind = "vae"
    search_defaults: ClassVar[dict[str, Any]] = {
        "restarts": 4,
        "steps": 60,
        "lr": 0.1,
        "base": 1.0,
        "lam": 4e-4,
    }

    def __init__(self, encoder: Downward, decoder: Upward) -> None:
        self.encoder = encoder.eval().requires_grad_(False)
        self.decoder = decoder.eval().requires_grad_(False)
        self._encode, self._decode = encoder.fused(), decoder.fused()
        self.latent, self.size = decoder.latent, decoder.size

    def to(self, device: torch.device) -> VAE:
        """Move the weights to ``device``."""
        self._encode.to(device)
        self._decode.to(device)
        return self

    def sample_z(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, latent) from p(z)."""
        z = torch.randn((n, self.latent), generator=generator)
        return z.to(next(self._decode.parameters()).device)

    def generate(self, z: Tensor) -> Tensor:
        """The mean of p(x|z), (n, 3, S, S) in [0, 1]."""
        return to_unit(self._decode(z))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """q(z|x) of images (n, 3, S, S) in [0, 1]: mu and log sigma², (n, latent) each."""
        mu, log_variance = self._encode(from_unit(x)).chunk(2, dim=1)
        return mu, log_variance

    def perceptual_loss(self, z: Tensor, x: Tensor) -> Tensor:
        """-log p(z) without its constant: sum of z²/2, (n,)."""
        return z.square().sum(1) / 2

    def constrain_z(self, z: Tensor) -> Tensor:
        """Nothing to do: ``perceptual_loss`` keeps z near the origin."""
        return z

    def start_z(self, image: Tensor, mask: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """Encode, decode, put the known pixels back, and again (Rezende et al. 2014, sec. 4.4).

        A few rounds let the hole's content agree with its surroundings before any gradient is
        taken. The first start is the mean of q(z|x), the last is the prior's own mode z = 0,
        which no encoder can lead astray, and those between are drawn from q(z|x).
        """
        known = ~mask
        colour = torch.where(known, image, 0).sum((1, 2)) / known.sum().clamp_min(1)
        x = torch.where(mask, colour[:, None, None], image)[None]
        for _ in range(ROUNDS):
            mu, log_variance = self.encode(x)
            x = torch.where(mask, self.generate(mu)[0], image)[None]
        noise = torch.randn((n, self.latent), generator=generator).to(mu)
        noise[0] = 0
        starts = mu + (log_variance / 2).exp() * noise
        starts[1:][-1:] = 0
        return starts

    def config(self) -> dict[str, Any]:
        """Sizes from which the networks are rebuilt."""
        return {
            "kind": self.kind,
            "size": self.size,
            "latent": self.latent,
            "encoder": {"width": self.encoder.width, "cap": self.encoder.cap},
            "decoder": {"width": self.decoder.width, "cap": self.decoder.cap},
        }

    def tensors(self) -> dict[str, Tensor]:
        """Weights in half precision, ``encoder.*`` and ``decoder.*``."""
        return halved(encoder=self.encoder, decoder=self.decoder)


ROUNDS = 6


def build(config: dict[str, Any]) -> tuple[Downward, Upward]:
    """Fresh encoder and decoder of the given sizes."""
    size, latent = config["size"], config["latent"]
    encoder = Downward(size=size, outputs=2 * latent, norm="batch", **config["encoder"])
    return encoder, Upward(size=size, latent=latent, **config["decoder"])


def from_config(config: dict[str, Any], tensors: dict[str, Tensor]) -> VAE:
    """Rebuild from what ``config`` and ``tensors`` gave."""
    encoder, decoder = build(config)
    load(encoder, tensors, "encoder.")
    load(decoder, tensors, "decoder.")
    return VAE(encoder, decoder)


def tiny(seed: int = 0) -> VAE:
    """An untrained VAE of 16 px for tests."""
    sizes = {"width": 4, "cap": 8}
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(seed)
        encoder, decoder = build({"size": 16, "latent": 8, "encoder": sizes, "decoder": sizes})
    for parameter in decoder.parameters():
        parameter.data.mul_(5)  # far from constant grey, so that gradients are worth testing
    return VAE(encoder, decoder)
