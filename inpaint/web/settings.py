"""What a server allows: where from, how much, how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from inpaint.zoo import registry


@dataclass(frozen=True)
class Settings:
    """Limits and names, fixed when the server starts.

    Attributes
    ----------
    host : str
        The address that is listened on; decides which ``Host`` headers are answered.
    names : tuple of str
        Further host names to answer to.
    own_priors : mapping
        Folders of priors by the name that the page shows, beside the shipped ones.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    max_bytes : int
        Of a request's body.
    max_pixels : int
        Of a photo.
    memory : int
        Bytes that photos, their fills and bodies on their way may take together.
    waiting : int
        Fills in the queue behind the one at work.
    idle : float
        Seconds after which a photo that nobody asks about is forgotten.
    head : float
        Seconds that the head of a request may take to arrive.
    patience : float
        Seconds that a body, or a client that takes its answer, may pause before it is given up.
    """

    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    own_priors: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    max_bytes: int = 200 << 20
    max_pixels: int = 50_000_000
    memory: int = 2 << 30
    waiting: int = 8
    idle: float = 600.0
    head: float = 10.0
    patience: float = 30.0

    @property
    def priors(self) -> list[str]:
        """Names that a browser may ask for; never a path."""
        return [
            *self.own_priors,
            *(name for name in registry.priors() if name not in self.own_priors),
        ]

    def prior(self, name: str) -> str:
        """What ``pipeline.complete`` is given for one of ``priors``."""
        return self.own_priors.get(name, name)
