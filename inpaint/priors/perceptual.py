"""The perceptual loss of priors with a discriminator (Yeh et al. 2017, equation 5)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus


def perceptual_loss(logits: Tensor) -> Tensor:
    """L_prior = log(1 - D(G(z))) on D's logits (Yeh et al. 2017, eq. 5); (N,) -> (N,).

    It is small where the discriminator takes the image for a real one. log(1 - sigmoid(l)) is
    computed as -softplus(l), which stays finite.
    """
    return -softplus(logits)
