"""The discriminator that trains a completion network: patches at two scales (Isola et al. 2017).

D sees the picture and the mask and judges patches of about 40 and 80 pixels of a 128-pixel
picture. Only patches that touch the hole count: all others are the photo itself (Suvorov et al.
2022, "mask-aware" loss). With l the logits and w the share of hole below each,

    D minimises  mean_w relu(1 - l(x)) + mean_w relu(1 + l(y)),   G minimises  -mean_w l(y)

(hinge loss and spectral norm: Miyato et al. 2018). D also minimises gamma/2 |grad_x sum l(x)|² of
true pictures (R1: Mescheder et al. 2018), which is computed only every ``EVERY``-th step and then
multiplied by ``EVERY``. G also brings D's features of its picture near those of the true one
(feature matching: Wang et al. 2018).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, leaky_relu, max_pool2d, relu
from torch.nn.utils.parametrizations import spectral_norm

from pretrain.checkpoint import Stateful
from pretrain.precision import autocast

EVERY = 16  # steps from one R1 penalty to the next


class Patches(nn.Module):
    """Maps picture and mask (N, 4, S, S) to logits at S/8 and S/16, and to features on the way."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        widths = (4, width, 2 * width, 4 * width, 4 * width)
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1)) for a, b in pairwise(widths)
        )
        self.heads = nn.ModuleList(
            spectral_norm(nn.Conv2d(c, 1, 3, padding=1)) for c in widths[-2:]
        )

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Logits above 0 for real, two maps (N, 1, h, w); features of all four layers."""
        features = []
        for layer in self.layers:
            x = leaky_relu(layer(x), 0.2)
            features.append(x)
        pairs = zip(self.heads, features[-2:], strict=True)
        return [head(f) for head, f in pairs], features


class Opponent:
    """The discriminator with its optimiser.

    Parameters
    ----------
    lr : float
        Step size of Adam.
    gamma : float
        Weight of R1; 0 for none.
    seed : int
        Seed of the initial weights.
    device : torch.device
    """

    def __init__(self, *, lr: float, gamma: float, seed: int, device: torch.device) -> None:
        with torch.random.fork_rng():
            torch.default_generator.manual_seed(seed)
            self.network = Patches()
        nn.Module.to(self.network, device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.gamma, self.device = gamma, device
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr, (0.5, 0.99), fused=True)

    def parts(self) -> dict[str, Stateful]:
        """The parts that a checkpoint keeps."""
        return {"critic": self.network, "optimiser_d": self.optimiser}

    def step(
        self, fake: Tensor, real: Tensor, hole: Tensor, *, t: int
    ) -> tuple[Tensor, list[Tensor]]:
        """Train D at step ``t``; return its hinge loss, and its features of the true pictures.

        fake, real (N, 3, S, S) in [0, 1]; hole (N, 1, S, S), 1 = hole.
        """
        self.optimiser.zero_grad()
        with autocast(self.device):
            both = torch.cat([_seen(real, hole), _seen(fake.detach(), hole)])
            logits, features = self.network(both)
        loss = torch.zeros((), device=self.device)
        for one in logits:
            on_real, on_fake = one.float().chunk(2)
            share = weights(hole, on_real)
            loss = loss + (share * (relu(1 - on_real) + relu(1 + on_fake))).sum()
        total = loss
        if self.gamma and t % EVERY == 0:
            total = loss + EVERY * self._r1(real, hole)
        total.backward()
        self.optimiser.step()
        return loss.detach(), [f[: len(real)].detach() for f in features]

    def verdict(self, fake: Tensor, wanted: list[Tensor], hole: Tensor) -> tuple[Tensor, Tensor]:
        """Return G's loss and its distance to the features ``wanted``, with gradients for ``fake``.

        fake (N, 3, S, S) in [0, 1]; hole (N, 1, S, S), 1 = hole. ``wanted`` are the features of
        the true pictures from the step of D just before. Returns two numbers.
        """
        self.network.requires_grad_(False)
        with autocast(self.device):
            logits, features = self.network(_seen(fake, hole))
        self.network.requires_grad_(True)
        loss = -sum(((weights(hole, one) * one.float()).sum() for one in logits), torch.zeros(()))
        apart = [
            (a.float() - b.float()).abs().mean() for a, b in zip(features, wanted, strict=True)
        ]
        return loss, torch.stack(apart).mean()

    def _r1(self, real: Tensor, hole: Tensor) -> Tensor:
        """gamma/2 |grad_x sum l(x)|², in float32: bfloat16 has no second derivatives to trust."""
        x = real.detach().clone().requires_grad_()
        logits, _ = self.network(_seen(x, hole))
        total = torch.stack([one.mean((1, 2, 3)).sum() for one in logits]).sum()
        (gradient,) = torch.autograd.grad(total, x, create_graph=True)
        return self.gamma / 2 * gradient.square().sum((1, 2, 3)).mean()


def weights(hole: Tensor, logits: Tensor) -> Tensor:
    """Return the weight of each logit, 0 where its patch holds no hole; the weights sum to 1.

    hole (N, 1, S, S), logits (N, 1, h, w); the weights have the shape of the logits.
    """
    height, width = logits.shape[2:]
    share = max_pool2d(adaptive_avg_pool2d(hole, (height, width)), 3, 1, 1)
    touched = (share > 0).float()
    return touched / touched.sum().clamp_min(1)


def _seen(picture: Tensor, hole: Tensor) -> Tensor:
    return torch.cat([picture * 2 - 1, hole], 1)
