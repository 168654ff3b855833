"""VAE: encoder q(z|x), decoder p(x|z), standard normal p(z) (Kingma and Welling 2014).

With a discriminator it is a VAE-GAN (Larsen et al. 2016), whose ``perceptual_loss`` may come from
the discriminator instead of -log p(z).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from inpaint.priors import start as starts
from inpaint.priors.convnets import Downward, Upward, from_unit, halved, load, to_unit
from inpaint.priors.perceptual import perceptual_loss
from inpaint.priors.spatial import SpatialDownward, SpatialUpward

Encoder = Downward | SpatialDownward
Decoder = Upward | SpatialUpward
JUDGES = ("prior", "critic")


class VAE:
    """Decoder (N, latent) -> images and encoder image -> (mu, log sigma²), both frozen.

    ``judge`` says what ``perceptual_loss`` is: with ``prior`` it is -log p(z), with ``critic`` it
    comes from the discriminator that the decoder was trained against.
    """

    kind = "vae"
    start: starts.Start | None = None
    weights_of_judges: ClassVar[dict[str, float]] = {"prior": 4e-4, "critic": 3e-3}

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        critic: Downward | None = None,
        *,
        judge: str = "prior",
    ) -> None:
        if judge not in JUDGES or (judge == "critic" and critic is None):
            raise ValueError(
                f"judge is {judge!r}; expected 'prior', or 'critic' where there is one"
            )
        self.encoder = encoder.eval().requires_grad_(False)
        self.decoder = decoder.eval().requires_grad_(False)
        self.critic = critic.eval().requires_grad_(False) if critic else None
        self._encode, self._decode = encoder.fused(), decoder.fused()
        self._judge = critic.fused() if critic else None
        self.judge = judge
        self.latent, self.size = decoder.latent, decoder.size

    @property
    def search_defaults(self) -> dict[str, Any]:
        """Settings of ``search.search`` that suit this prior."""
        lam = self.weights_of_judges[self.judge]
        return {
            "restarts": 4,
            "steps": 20,
            "optimizer": "lbfgs",
            "lr": 0.1,
            "base": 0.05,
            "lam": lam,
        }

    def to(self, device: torch.device) -> VAE:
        """Move the weights to ``device``."""
        for network in (self._encode, self._decode, self._judge, self.start):
            if network is not None:
                network.to(device)
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
        """-log p(z) without its constant, sum of z²/2, or the critic's log(1 - D(x)): (n,)."""
        if self.judge == "critic" and self._judge is not None:
            return perceptual_loss(self._judge(from_unit(x))[:, 0])
        return z.square().sum(1) / 2

    def constrain_z(self, z: Tensor) -> Tensor:
        """Shorten z to its typical length, unless -log p(z) keeps it near the origin.

        A normal vector of d dimensions has a length near sqrt(d), and the critic was not trained
        on images of longer ones.
        """
        if self.judge == "prior":
            return z
        length = z.norm(dim=1, keepdim=True).clamp_min(1e-12)
        return z * (math.sqrt(self.latent) / length).clamp_max(1)

    def start_z(self, image: Tensor, mask: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """Encode, decode and put the known pixels back, repeatedly (Rezende et al. 2014, sec. 4.4).

        A few rounds let the hole's content agree with its surroundings before any gradient is
        taken. The first start is the mean of q(z|x). The last one is z = 0, the mode of p(z),
        which does not depend on the encoder. Those between are drawn from q(z|x). Where there
        is a start network, its guess fills the hole for the first round, so that fewer rounds
        are needed, and the starts between are its samples.
        """
        if self.start is not None:
            starts = self.constrain_z(self.start.draw(image, mask, n, generator))
            x = torch.where(mask, self.generate(starts[:1])[0], image)[None]
            starts[0] = self.constrain_z(self._agreed(x, mask, ROUNDS_AFTER_GUESS)[0])[0]
        else:
            known = ~mask
            colour = torch.where(known, image, 0).sum((1, 2)) / known.sum().clamp_min(1)
            x = torch.where(mask, colour[:, None, None], image)[None]
            mu, log_variance = self._agreed(x, mask, ROUNDS)
            noise = torch.randn((n, self.latent), generator=generator).to(mu)
            noise[0] = 0
            starts = mu + (log_variance / 2).exp() * noise
        starts[1:][-1:] = 0
        return starts

    def _agreed(self, x: Tensor, mask: Tensor, rounds: int) -> tuple[Tensor, Tensor]:
        """q(z|x), (1, D) each, after ``rounds`` of filling x (1, 3, S, S) from its own mean."""
        mu, log_variance = self.encode(x)
        for _ in range(rounds - 1):
            mu, log_variance = self.encode(torch.where(mask, self.generate(mu), x))
        return mu, log_variance

    def config(self) -> dict[str, Any]:
        """Sizes from which the networks are rebuilt."""
        found: dict[str, Any] = {"kind": self.kind, "size": self.size, "latent": self.latent}
        if isinstance(self.decoder, SpatialUpward):
            found["spatial"] = self.decoder.spatial
        for name, network in self._networks().items():
            found[name] = {"width": network.width, "cap": network.cap}
        if self.critic is not None:
            found["judge"] = self.judge
        return {**found, **starts.config(self.start)}

    def tensors(self) -> dict[str, Tensor]:
        """Weights in half precision: ``encoder.*``, ``decoder.*``, ``critic.*``, ``start.*``."""
        return halved(**self._networks(), **starts.networks(self.start))

    def _networks(self) -> dict[str, Encoder | Decoder]:
        critic = {} if self.critic is None else {"critic": self.critic}
        return {"encoder": self.encoder, "decoder": self.decoder, **critic}


ROUNDS, ROUNDS_AFTER_GUESS = 6, 2


def build(config: dict[str, Any]) -> tuple[Encoder, Decoder]:
    """Fresh encoder and decoder of the given sizes, spatial ones when ``config`` says so."""
    size, latent, spatial = config["size"], config["latent"], config.get("spatial")
    up, down = config["decoder"], config["encoder"]
    if spatial:
        return (
            SpatialDownward(size=size, outputs=2 * latent, spatial=spatial, **down),
            SpatialUpward(size=size, latent=latent, spatial=spatial, **up),
        )
    encoder = Downward(size=size, outputs=2 * latent, norm="batch", **down)
    return encoder, Upward(size=size, latent=latent, **up)


def from_config(config: dict[str, Any], tensors: dict[str, Tensor]) -> VAE:
    """Rebuild from what ``config`` and ``tensors`` gave."""
    encoder, decoder = build(config)
    load(encoder, tensors, "encoder.")
    load(decoder, tensors, "decoder.")
    critic = None
    if "critic" in config:
        critic = Downward(size=config["size"], outputs=1, **config["critic"])
        load(critic, tensors, "critic.")
    prior = VAE(encoder, decoder, critic, judge=config.get("judge", "prior"))
    prior.start = starts.from_config(config, tensors)
    return prior


def tiny(seed: int = 0) -> VAE:
    """An untrained VAE of 16 px for tests."""
    return _tiny(seed, latent=8)


def tiny_spatial(seed: int = 0) -> VAE:
    """An untrained VAE with a spatial code, whose critic judges, for tests."""
    return _tiny(seed, latent=32, spatial=4, critic=True)


def _tiny(seed: int, *, latent: int, spatial: int = 0, critic: bool = False) -> VAE:
    sizes = {"width": 4, "cap": 8}
    shape = {"size": 16, "latent": latent, "spatial": spatial, "encoder": sizes, "decoder": sizes}
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(seed)
        encoder, decoder = build(shape)
        judge = Downward(size=16, outputs=1, width=4) if critic else None
    for parameter in decoder.parameters():
        # Far from constant grey, so that gradients can be tested.
        parameter.data.mul_(3 if spatial else 5)
    return VAE(encoder, decoder, judge, judge="critic" if critic else "prior")
