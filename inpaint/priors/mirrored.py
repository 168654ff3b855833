"""A matrix whose columns are images, each even or odd in the mirror, kept as its left half.

Half of the memory is read for a product with it, which is what such a product takes its time for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mirrored:
    """The matrix X (3 * S * S, K), of which only the rows of the left halves are kept.

    Attributes
    ----------
    size : int
        Side S, an even number.
    left : Tensor (3 * S * S/2, K)
        The rows of the left halves of the images, in the order channel, row, column.
    odd : Tensor (K,) of bool
        Which columns change sign in the mirror.
    """

    size: int
    left: Tensor
    odd: Tensor

    def to(self, device: torch.device) -> Mirrored:
        """Return this on ``device``."""
        return Mirrored(self.size, self.left.to(device), self.odd.to(device))

    def images(self, z: Tensor) -> Tensor:
        """Return X z as images (n, 3, S, S), for z (n, K)."""
        both = torch.cat([torch.where(self.odd, 0, z), torch.where(self.odd, z, 0)])
        halves = (both @ self.left.T).unflatten(1, (3, self.size, self.size // 2))
        even, odd = halves.chunk(2)
        return torch.cat([even + odd, (even - odd).flip(3)], 3)

    def products(self, images: Tensor) -> Tensor:
        """Return X^T x (n, K), for images x (n, 3, S, S)."""
        left, right = images.chunk(2, dim=3)
        right = right.flip(3)
        folded = torch.cat([left + right, left - right]).flatten(1)
        even, odd = (folded @ self.left).chunk(2)
        return torch.where(self.odd, odd, even)

    def rows(self, mask: Tensor) -> Tensor:
        """Return the rows (3 * m, K) of the m pixels where ``mask`` (S, S) is True.

        Those of the left half come first.
        """
        left, right = mask.chunk(2, dim=1)
        planes = self.left.unflatten(0, (3, -1))
        here = planes[:, left.flatten()].flatten(0, 1)
        there = planes[:, right.flip(1).flatten()].flatten(0, 1)
        return torch.cat([here, there * (1 - 2 * self.odd.to(there.dtype))])

    def whole(self) -> Tensor:
        """Return X (3 * S * S, K)."""
        left = self.left.T.unflatten(1, (3, self.size, self.size // 2))
        sign = 1 - 2 * self.odd.to(left.dtype)[:, None, None, None]
        return torch.cat([left, sign * left.flip(3)], dim=3).flatten(1).T.contiguous()

    def blocks(self) -> list[tuple[Tensor, Tensor]]:
        """Return the even and the odd columns: their numbers, and the left halves' rows of them.

        A product of an even and an odd column is 0.
        """
        found = []
        for alike in (self.odd, ~self.odd):
            at = alike.nonzero()[:, 0]
            found.append((at, self.left[:, at]))
        return found

    def gram(self) -> Tensor:
        """Return X^T X (K, K)."""
        product = self.left.new_zeros(len(self.odd), len(self.odd))
        for at, part in self.blocks():
            product[at[:, None], at] = 2 * (part.T @ part)
        return product

    def whitened(self, factor: Tensor) -> Mirrored:
        """Return X L^-T for a lower triangular L (K, K) that does not mix even and odd columns."""
        made = torch.empty_like(self.left)
        for at, part in self.blocks():
            own = factor[at[:, None], at]
            solved = torch.linalg.solve_triangular(own, part.T.to(own.dtype), upper=False)
            made[:, at] = solved.T.to(made.dtype)
        return Mirrored(self.size, made, self.odd)
