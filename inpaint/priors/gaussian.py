"""Probabilistic PCA, a prior whose fill has a closed form (Tipping and Bishop 1999).

    x = W z + mu + eps,   z ~ N(0, I),   eps ~ N(0, noise * I)

Given the known pixels x_k, the latent is Gaussian too, with

    M = noise * I + W_k^T W_k,   E[z | x_k] = M^-1 W_k^T (x_k - mu_k),   Cov = noise * M^-1

and the fill W_u E[z | x_k] + mu_u is the completion of a multivariate normal,
mu_u + C_uk C_kk^-1 (x_k - mu_k) with C = W W^T + noise * I, which is the most likely x_u. Where
less is unknown than known, W_k^T W_k is W^T W - W_u^T W_u, and W^T W is the same for all masks.

The model is fitted to the data and its mirror images. Its covariance therefore commutes with
mirroring, and each component is even or odd. So only the left half of each is stored, in 8 bits for
the leading components and in 4 bits for the others.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor

# Step of the best uniform quantiser with 16 levels of a standard normal (Max 1960, table II).
STEP_4BIT = 0.3352
CACHED_MASKS = 4
_STRIP = 256  # columns of M at a time: of a symmetric product only the lower half is needed


class Gaussian:
    """A Gaussian of images: mean and components, with exact conditioning on known pixels.

    >>> import torch
    >>> prior = tiny()
    >>> mask = torch.zeros(prior.size, prior.size, dtype=torch.bool)
    >>> mask[4:12, 4:12] = True
    >>> image = prior.generate(torch.ones(1, prior.latent))
    >>> fill = prior.generate(prior.means(image, mask).float())
    >>> bool((fill - image)[..., mask].abs().mean() < 0.05)
    True

    Parameters
    ----------
    size : int
        Side S.
    packed : dict of Tensor
        ``mean`` (3, S, S/2), ``scale`` (K,), ``odd`` (K,) uint8, ``codes8`` (K8, 3, S, S/2) int8
        and ``codes4`` (K - K8, 3 * S * S/4) uint8, as ``pack`` makes them.
    noise : float
        Variance of eps, for pixels in [0, 1]. A small one fits the known pixels more closely,
        which looks more natural. A large one relies more on the components, which raises PSNR.
    residual : float
        Mean variance that the components leave out, which is the maximum-likelihood noise of
        PPCA. The best ``noise`` for filling is larger.
    """

    kind = "gaussian"

    def __init__(
        self, size: int, packed: dict[str, Tensor], *, noise: float, residual: float
    ) -> None:
        for name, value in (("noise", noise), ("residual", residual)):
            if not (isinstance(value, int | float) and 0 < value < math.inf):
                raise ValueError(f"{name} is {value}; expected a positive variance such as 3e-3")
        self.size, self.packed, self.noise, self.residual = size, packed, noise, residual
        self.mean, self.W = unpack(size, packed)
        self.latent = int(self.W.shape[1])
        self._factors: OrderedDict[tuple[bytes, float], Tensor] = OrderedDict()
        self._whole: Tensor | None = None

    @property
    def search_defaults(self) -> dict[str, Any]:
        """No steps, because ``start_z`` is the optimum; the loss is the posterior's, scaled."""
        return {
            "restarts": 1,
            "steps": 0,
            "norm": "l2",
            "window": 1,
            "base": 1.0,
            "normalise": False,
            "lam": 2 * self.noise,
        }

    def to(self, device: torch.device) -> Gaussian:
        """Move the components to ``device``."""
        self.mean, self.W = self.mean.to(device), self.W.to(device)
        self._factors.clear()
        self._whole = None
        return self

    def sample_z(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, K) from the standard normal."""
        return torch.randn((n, self.latent), generator=generator).to(self.W.device)

    def generate(self, z: Tensor) -> Tensor:
        """Return W z + mu, (n, 3, S, S), clipped to [0, 1]; the gradient is that without the clip.

        A plain clip has no gradient where it acts, so that a search could not move away from it.
        """
        x = (self.mean + z @ self.W.T).unflatten(1, (3, self.size, self.size))
        return x + (x.clamp(0, 1) - x).detach()

    def perceptual_loss(self, z: Tensor, x: Tensor) -> Tensor:
        """-log p(z) without its constant: sum of z²/2, (n,)."""
        return z.square().sum(1) / 2

    def constrain_z(self, z: Tensor) -> Tensor:
        """Return z as it is, because ``perceptual_loss`` keeps it near the origin."""
        return z

    def start_z(self, image: Tensor, mask: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """The posterior mean first, then draws from the posterior, (n, K)."""
        mean, factor = self.posterior(image, mask)
        noise = torch.randn((n, self.latent), generator=generator).double().to(factor.device)
        noise[0] = 0
        spread = torch.linalg.solve_triangular(factor.T, noise.T, upper=True).T
        return (mean + math.sqrt(self.noise) * spread).float()

    def posterior(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """E[z | x_k] (K,) and the Cholesky factor (K, K) of M, in float64.

        image (3, S, S) in [0, 1], of which only the known pixels are read; mask (S, S).
        """
        return self.means(image[None], mask)[0], self._factor(mask, self.noise)

    def means(self, images: Tensor, mask: Tensor) -> Tensor:
        """E[z | x_k] (n, K), float64, of images (n, 3, S, S) that share one mask (S, S)."""
        factor = self._factor(mask, self.noise)
        residual = images.flatten(1) - self.mean
        # Zeros in the hole have the effect of removing the hole's rows from W, without a copy.
        residual = torch.where(mask.expand(3, -1, -1).flatten(), 0, residual)
        projected = (residual @ self.W).double()
        return torch.cholesky_solve(projected.T, factor).T

    def _factor(self, mask: Tensor, noise: float) -> Tensor:
        """Return the Cholesky factor of M, cached for a few masks, which images often share."""
        key = mask.cpu().numpy().tobytes(), noise
        if key in self._factors:
            self._factors.move_to_end(key)
            return self._factors[key]
        M = self._known_product(mask.expand(3, -1, -1).flatten()).double()
        M.diagonal().add_(noise)
        self._factors[key] = torch.linalg.cholesky(M)
        if len(self._factors) > CACHED_MASKS:
            self._factors.popitem(last=False)
        return self._factors[key]

    def _known_product(self, hole: Tensor) -> Tensor:
        """W_k^T W_k (K, K), its lower half alone, for the values outside ``hole`` (3 * S * S,)."""
        few = 2 * int(hole.sum()) < len(hole)
        if few:
            if self._whole is None:
                self._whole = self._product()
            product, W, sign = self._whole.clone(), self.W[hole], -1
        else:
            product, W, sign = self.W.new_zeros(self.latent, self.latent), self.W[~hole], 1
        for start in range(0, self.latent, _STRIP):
            stop = min(start + _STRIP, self.latent)
            product[start:stop, :stop].add_(W[:, start:stop].T @ W[:, :stop], alpha=sign)
        return product

    def _product(self) -> Tensor:
        """W^T W (K, K) from the left halves of the images: even times odd components is 0."""
        size, odd = self.size, self.packed["odd"].bool().to(self.W.device)
        left = self.W.unflatten(0, (3, size, size))[:, :, : size // 2].flatten(0, 2)
        product = left.new_zeros(self.latent, self.latent)
        for alike in (odd, ~odd):
            at = alike.nonzero()[:, 0]
            part = left[:, at]
            product[at[:, None], at] = 2 * (part.T @ part)
        return product

    def config(self) -> dict[str, Any]:
        """Everything but the tensors."""
        return {
            "kind": self.kind,
            "size": self.size,
            "latent": self.latent,
            "noise": self.noise,
            "residual": self.residual,
        }

    def tensors(self) -> dict[str, Tensor]:
        """The packed components."""
        return self.packed


def pack(mean: Tensor, components: Tensor, odd: Tensor, *, bits8: int) -> dict[str, Tensor]:
    """Quantise the left halves of a mirror-symmetric mean and its components.

    Parameters
    ----------
    mean : Tensor (3, S, S/2)
        In [0, 1].
    components : Tensor (K, 3, S, S/2)
        Columns of W, strongest first; their right halves are the mirror, negated where ``odd``.
    odd : Tensor (K,) of bool
        Which components change sign in the mirror.
    bits8 : int
        How many leading components get 8 bits; the others get 4.

    Returns
    -------
    dict of Tensor
        As ``Gaussian`` takes them; ``scale`` is the quantisation step of each component.
    """
    lead, rest = components[:bits8].flatten(1), components[bits8:].flatten(1)
    scale8 = lead.abs().amax(1) / 127
    scale4 = rest.square().mean(1).sqrt() * STEP_4BIT
    levels = (rest / scale4[:, None] - 0.5).round().clamp(-8, 7).to(torch.int16) + 8
    return {
        "mean": mean.float().contiguous(),
        "scale": torch.cat([scale8, scale4]).float(),
        "odd": odd.to(torch.uint8),
        "codes8": (lead / scale8[:, None]).round().to(torch.int8).reshape_as(components[:bits8]),
        "codes4": (levels[:, 0::2] | levels[:, 1::2] << 4).to(torch.uint8),
    }


def unpack(size: int, packed: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Mean (3 * S * S,) and W (3 * S * S, K), float32, from what ``pack`` made."""
    half = (3, size, size // 2)
    nibbles = packed["codes4"]
    levels = torch.stack([nibbles & 15, nibbles >> 4], dim=2).flatten(1)
    rows = torch.cat([packed["codes8"].flatten(1).float(), levels.float() - 7.5])
    left = (rows * packed["scale"][:, None]).unflatten(1, half)
    sign = 1 - 2 * packed["odd"].float()[:, None, None, None]
    W = torch.cat([left, sign * left.flip(3)], dim=3).flatten(1).T.contiguous()
    mean = torch.cat([packed["mean"], packed["mean"].flip(2)], dim=2)
    return mean.flatten(), W


def from_config(config: dict[str, Any], tensors: dict[str, Tensor]) -> Gaussian:
    """Rebuild from what ``config`` and ``tensors`` gave."""
    variances = {name: config[name] for name in ("noise", "residual")}
    return Gaussian(config["size"], tensors, **variances)


def tiny(seed: int = 0) -> Gaussian:
    """Twelve smooth random components at 16 px for tests."""
    size, count = 16, 12
    generator = torch.Generator().manual_seed(seed)
    rough = torch.randn((count, 3, 4, 2), generator=generator)
    smooth = torch.nn.functional.interpolate(rough, (size, size // 2), mode="bilinear")
    strength = 0.1 * 0.8 ** torch.arange(count)
    packed = pack(
        torch.full((3, size, size // 2), 0.5),
        smooth * strength[:, None, None, None],
        torch.arange(count) % 2 == 1,
        bits8=count // 2,
    )
    return Gaussian(size, packed, noise=1e-3, residual=1e-4)
