"""Growing: the training of a GAN goes on from a GAN of its own size, or of half of it.

What was learnt at 64 pixels need not be learnt again at 128. The levels that both GANs have keep
their weights, and the finest level (G's last and D's first) is new (after Karras et al. 2018,
"Progressive growing of GANs", but without fading in). The number of channels doubles at each
coarser level, so the larger network has half the ``width`` of the smaller.
"""

from __future__ import annotations

from pathlib import Path

from torch import nn

from inpaint.errors import WeightsError
from inpaint.priors.cgan import CGAN
from inpaint.priors.convnets import Downward, Upward
from inpaint.priors.dcgan import DCGAN
from inpaint.zoo import registry


def take_over(generator: Upward, critic: Downward, init: Path, names: tuple[str, ...]) -> None:
    """Copy what the GAN in ``init`` has learnt into two fresh networks, in place.

    Parameters
    ----------
    generator, critic : Upward, Downward
        Of the same size S as those in ``init``, or of twice that.
    init : Path
        Folder of a trained ``dcgan``, or of a ``cgan`` with the classes ``names``.
    names : tuple of str
        Classes of the training that begins; empty without classes.

    Raises
    ------
    WeightsError
        When ``init`` is no GAN, has other classes, or its layers do not fit.
    """
    old = registry.load_prior(str(init))
    if not isinstance(old, DCGAN):
        raise WeightsError(f"--init {init}: is a {old.kind}; expected a dcgan or a cgan")
    had = old.classes if isinstance(old, CGAN) else ()
    if had != names:
        shown = [" ".join(classes) or "none" for classes in (had, names)]
        raise WeightsError(f"--init {init}: has the classes {shown[0]}; here they are {shown[1]}")
    doublings = {old.size: 0, old.size * 2: 1}.get(generator.size)
    if doublings is None:
        raise WeightsError(
            f"--init {init}: draws {old.size} px; expected {generator.size} or half of it"
        )
    kept = len(old.generator.layers)
    pairs: list[tuple[nn.Module, nn.Module]] = [
        *zip(old.generator.layers, generator.layers[:kept], strict=True),
        *zip(old.generator.norms, generator.norms[:kept], strict=True),
        *zip(old.generator.added, generator.added, strict=False),
        *zip(old.critic.layers[doublings:], critic.layers[2 * doublings :], strict=True),
        *zip(old.critic.norms[doublings:], critic.norms[2 * doublings :], strict=True),
        (old.critic.head, critic.head),
    ]
    if old.critic.embed is not None and critic.embed is not None:
        pairs.append((old.critic.embed, critic.embed))
    if not doublings:
        pairs.append((old.generator.image, generator.image))
    try:
        if old.generator.codes != generator.codes:
            raise RuntimeError("other codes")
        for source, target in pairs:
            target.load_state_dict(source.state_dict())
    except RuntimeError as error:
        g, halves = old.generator, 1 + doublings
        raise WeightsError(
            f"--init {init}: its layers do not fit; give --latent {g.latent} "
            f"--codes {','.join(map(str, g.codes)) or '(none)'} --width {g.width // halves} "
            f"--critic-width {old.critic.width // halves}"
        ) from error
