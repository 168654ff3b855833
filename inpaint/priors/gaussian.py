"""Probabilistic PCA, a prior whose fill has a closed form (Tipping and Bishop 1999).

    x = W z + mu + eps,   z ~ N(0, I),   eps ~ N(0, noise * I)

Given the known pixels x_k, the latent is Gaussian too, with

    M = noise * I + W_k^T W_k,   E[z | x_k] = M^-1 W_k^T (x_k - mu_k),   Cov = noise * M^-1

and the fill W_u E[z | x_k] + mu_u is the completion of a multivariate normal,
mu_u + C_uk C_kk^-1 (x_k - mu_k) with C = W W^T + noise * I, which is the most likely x_u. Where
less is unknown than known, what all masks share is factorised once,

    A = noise * I + W^T W = L L^T,   B = W L^-T,   M = L (I - B_u^T B_u) L^T,

and by the identity of Woodbury, with b = B_k^T (x_k - mu_k),

    L^T E[z | x_k] = b + B_u^T (I - B_u B_u^T)^-1 B_u b,

so that a small hole costs a factorisation of its own size. The eigenvalues of I - B_u B_u^T are
between 0 and 1, which makes float32 as exact as the weights (``tests/unit/test_gaussian_cost.py``).

The model is fitted to the data and its mirror images. Its covariance therefore commutes with
mirroring, and each component is even or odd. So only the left half of each is stored, in 8 bits for
the leading components and in 4 bits for the others.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inpaint.priors.mirrored import Mirrored

# Step of the best uniform quantiser with 16 levels of a standard normal (Max 1960, table II).
STEP_4BIT = 0.3352
CACHED_MASKS = 4
_STRIP = 128  # rows at a time: of a symmetric product only the lower half is needed


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
        self.mean, self._components = unpack(size, packed)
        self.latent = len(self._components.odd)
        self._conditions: OrderedDict[bytes, _Condition] = OrderedDict()
        self._shared: tuple[Mirrored, Tensor] | None = None

    @property
    def W(self) -> Tensor:  # noqa: N802, the equations' name
        """The components, (3 * S * S, K); made anew each time, because a fill needs halves only."""
        return self._components.whole()

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
        self.mean, self._components = self.mean.to(device), self._components.to(device)
        self._conditions.clear()
        self._shared = None
        return self

    def sample_z(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, K) from the standard normal."""
        return torch.randn((n, self.latent), generator=generator).to(self.mean.device)

    def generate(self, z: Tensor) -> Tensor:
        """Return W z + mu, (n, 3, S, S), clipped to [0, 1]; the gradient is that without the clip.

        A plain clip has no gradient where it acts, so that a search could not move away from it.
        """
        x = self.mean.unflatten(0, (3, self.size, self.size)) + self._components.images(z)
        return x + (x.clamp(0, 1) - x).detach()

    def perceptual_loss(self, z: Tensor, x: Tensor) -> Tensor:
        """-log p(z) without its constant: sum of z²/2, (n,)."""
        return z.square().sum(1) / 2

    def constrain_z(self, z: Tensor) -> Tensor:
        """Return z as it is, because ``perceptual_loss`` keeps it near the origin."""
        return z

    def start_z(self, image: Tensor, mask: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """The posterior mean first, then draws from the posterior, (n, K).

        image (3, S, S) in [0, 1], of which only the known pixels are read; mask (S, S).
        """
        mean = self.means(image[None], mask)
        if n == 1:
            return mean
        noise = torch.randn((n, self.latent), generator=generator).double().to(mean.device)
        noise[0] = 0
        factor = self._factor(mask)
        spread = torch.linalg.solve_triangular(factor.T, noise.T, upper=True).T
        return (mean + math.sqrt(self.noise) * spread).float()

    def means(self, images: Tensor, mask: Tensor) -> Tensor:
        """E[z | x_k] (n, K) of images (n, 3, S, S) that share one mask (S, S)."""
        residual = images - self.mean.unflatten(0, (3, self.size, self.size))
        # Zeros in the hole have the effect of removing the hole's rows from W, without a copy.
        return self._condition(mask)(torch.where(mask, 0, residual))

    def _condition(self, mask: Tensor) -> _Condition:
        """Return what all images of a mask share, cached for a few masks, which many share."""
        key = mask.cpu().numpy().tobytes()
        if key in self._conditions:
            self._conditions.move_to_end(key)
            return self._conditions[key]
        self._conditions[key] = self._conditioned(mask)
        if len(self._conditions) > CACHED_MASKS:
            self._conditions.popitem(last=False)
        return self._conditions[key]

    def _conditioned(self, mask: Tensor) -> _Condition:
        """Factorise what a mask needs: the hole's pixels, the components, or M itself."""
        if 2 * int(mask.sum()) >= mask.numel():
            return _Condition(self._components, self._factor(mask))
        if self._shared is None:
            A = self._components.gram().double()
            A.diagonal().add_(self.noise)
            L = torch.linalg.cholesky(A)
            self._shared = self._components.whitened(L), L.float().T.contiguous()
        B, shared = self._shared
        B_u = B.rows(mask)
        if len(B_u) <= self.latent:
            return _Condition(B, torch.linalg.cholesky(_rest(B_u)), shared, B_u)
        return _Condition(B, torch.linalg.cholesky(_rest(B_u.T.contiguous())), shared)

    def _factor(self, mask: Tensor) -> Tensor:
        """Return the Cholesky factor (K, K) of M, in float64."""
        W_k = self._components.rows(~mask)
        M = (W_k.T @ W_k).double()
        M.diagonal().add_(self.noise)
        return torch.linalg.cholesky(M)

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


@dataclass(frozen=True, eq=False)
class _Condition:
    """E[z | x_k] of the images of one mask, from their residuals, which are 0 in the hole.

    Attributes
    ----------
    basis : Mirrored
        W, or B where ``shared`` is given.
    factor : Tensor
        The Cholesky factor of M; with ``shared``, that of I - B_u^T B_u; with ``rows`` too, that
        of I - B_u B_u^T.
    shared : Tensor (K, K) or None
        L^T.
    rows : Tensor (3 * m, K) or None
        B_u of the m pixels of the hole.
    """

    basis: Mirrored
    factor: Tensor
    shared: Tensor | None = None
    rows: Tensor | None = None

    def __call__(self, residual: Tensor) -> Tensor:
        """(n, 3, S, S) -> (n, K), float32."""
        b = self.basis.products(residual).T
        if self.rows is None:
            y = torch.cholesky_solve(b.to(self.factor.dtype), self.factor)
        elif len(self.rows):
            y = b + self.rows.T @ torch.cholesky_solve(self.rows @ b, self.factor)
        else:
            y = b
        if self.shared is not None:
            y = torch.linalg.solve_triangular(self.shared, y, upper=True)
        return y.T.float()


def _rest(X: Tensor) -> Tensor:
    """I - X X^T (n, n), its lower half alone, for X (n, m)."""
    n = len(X)
    rest = torch.eye(n, dtype=X.dtype, device=X.device)
    for start in range(0, n, _STRIP):
        stop = min(start + _STRIP, n)
        rest[start:stop, :stop] -= X[start:stop] @ X[:stop].T
    return rest


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


def unpack(size: int, packed: dict[str, Tensor]) -> tuple[Tensor, Mirrored]:
    """Mean (3 * S * S,) and W (3 * S * S, K), float32, from what ``pack`` made."""
    nibbles = packed["codes4"]
    levels = torch.stack([nibbles & 15, nibbles >> 4], dim=2).flatten(1)
    rows = torch.cat([packed["codes8"].flatten(1).float(), levels.float() - 7.5])
    left = (rows * packed["scale"][:, None]).T.contiguous()
    mean = torch.cat([packed["mean"], packed["mean"].flip(2)], dim=2)
    return mean.flatten(), Mirrored(size, left, packed["odd"].bool())


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
