"""What a fill returns besides its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

from inpaint.images import Picture


@dataclass(frozen=True)
class Report:
    """What was done to one crop, in plain values ready for JSON.

    Attributes
    ----------
    box : tuple of int
        Top, left, bottom and right of the crop in the picture; bottom and right are excluded.
    prior : str
        The prior that was chosen or asked for.
    loss, contextual, perceptual : float or None
        Losses of the first fill; None where a classical method made it and nothing was searched.
    evidence : dict
        How the families compared; empty for a prior that was asked for.
    method : str
        What made the first fill: ``prior``, or the name of a classical method.
    hidden_errors : dict
        Mean squared error of each method on hidden known pixels; empty if none were compared.
    why : str
        The reason for ``method``, and what made the further candidates.
    stages : tuple of str
        The stages that changed the first fill, in their order. A stage that changed nothing is
        left out.
    face : dict or None
        Where a face was found that the hole touches, if the portraits' prior filled it: ``x``,
        ``y`` and ``side`` of the square around it in pixels of the picture, ``turn`` in degrees,
        and its ``score``.
    """

    box: tuple[int, int, int, int]
    prior: str
    loss: float | None
    contextual: float | None
    perceptual: float | None
    evidence: dict[str, float] = field(default_factory=dict)
    method: str = "prior"
    hidden_errors: dict[str, float] = field(default_factory=dict)
    why: str = ""
    stages: tuple[str, ...] = ()
    face: dict[str, float] | None = None


@dataclass(frozen=True)
class Result:
    """The fills of one picture, best first, and how they came about.

    Attributes
    ----------
    pictures : tuple of Picture
        One for each candidate.
    reports : tuple of Report
        One for each crop.
    seconds : float
        Time of the whole call.
    """

    pictures: tuple[Picture, ...]
    reports: tuple[Report, ...]
    seconds: float
