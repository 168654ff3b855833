"""Recognises from the losses that a training has failed although it goes on, and gives advice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sign:
    """A column of the log that stays at or below ``limit`` for ``steps`` steps."""

    column: str
    limit: float
    steps: int
    text: str


SIGNS = (
    Sign(
        "spread", 0.05, 300,
        "the generator has collapsed: its images differ by less than 5 % of what real ones do; "
        "go back to an earlier run, or start anew with --loss r3 or a smaller --lr",
    ),
    Sign(
        "d", 0.01, 500,
        "the discriminator has won: its loss is below 0.01, so the generator learns nothing; "
        "use --loss r3, a smaller --critic-lr, or --generator-steps 2",
    ),
    Sign(
        "kl", 0.05, 500,
        "the latents have switched off: KL is below 0.05 nats, so every code decodes alike; "
        "use --free-bits 0.05 or a longer --warmup",
    ),
)  # fmt: skip


class Watch:
    """Collects the losses of each report; a sign is reported once each time that it appears."""

    def __init__(self, signs: tuple[Sign, ...] = SIGNS) -> None:
        self.signs = signs
        self._since: dict[Sign, int] = {}
        self._said: set[Sign] = set()

    def told(self, values: Mapping[str, float], step: int) -> list[str]:
        """Return the signs that appeared with this report, at ``step``; usually none."""
        new = []
        for sign in self.signs:
            if values.get(sign.column, sign.limit + 1) > sign.limit:
                self._since.pop(sign, None)
                self._said.discard(sign)
            elif step - self._since.setdefault(sign, step) >= sign.steps and sign not in self._said:
                self._said.add(sign)
                new.append(f"step {step}: {sign.text}")
        return new

    @property
    def standing(self) -> list[str]:
        """The signs that hold now."""
        return [sign.text for sign in self.signs if sign in self._said]
