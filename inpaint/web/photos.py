"""Photos that pages have open: in memory, bounded, and forgotten in time.

A fill changes only its hole, so of each candidate only the hole's values are kept. What a page
shows is its photo with a stack of fills laid over it; undo and redo are the page's own matter.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inpaint.images import Picture
from inpaint.web.bodies import Pool
from inpaint.web.errors import Refused
from inpaint.web.line import Job

_GONE = 404
MOST_FILLS = 1000  # of a photo, and in a stack

# [(fill, candidate), ...], the first one at the bottom
Stack = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Fill:
    """One hole and the ways in which it was filled.

    Attributes
    ----------
    box : (x, y, w, h)
        Around the hole.
    mask : ndarray (h, w) of bool
        The hole within the box.
    values : list of ndarray (n, C)
        For each candidate the pixels of the hole, row by row, as the photo has them.
    """

    box: tuple[int, int, int, int]
    mask: np.ndarray
    values: list[np.ndarray]

    def values_in(self, picture: Picture) -> np.ndarray:
        """What lies in the hole of a picture, as ``values`` holds it."""
        values: np.ndarray = picture.pixels[self.inside][self.mask]
        return values

    @classmethod
    def of(cls, hole: np.ndarray) -> Fill:
        """A fill of a hole (H, W) of bool, without candidates so far."""
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        y, x = int(rows[0]), int(columns[0])
        h, w = int(rows[-1]) + 1 - y, int(columns[-1]) + 1 - x
        inside = slice(y, y + h), slice(x, x + w)
        mask = hole[inside].copy()
        return cls((x, y, w, h), mask, [])

    @property
    def inside(self) -> tuple[slice, slice]:
        """The box as an index."""
        x, y, w, h = self.box
        return slice(y, y + h), slice(x, x + w)

    @property
    def size(self) -> int:
        """Bytes held."""
        return self.mask.nbytes + sum(v.nbytes for v in self.values)


@dataclass
class Photo:
    """One photo, its fills, and what is being done to it."""

    picture: Picture
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    fills: dict[int, Fill] = field(default_factory=dict)
    job: Job | None = None
    seen: float = field(default_factory=time.monotonic)
    dropped: bool = False

    @property
    def size(self) -> int:
        """Bytes held."""
        return self.picture.pixels.nbytes + sum(fill.size for fill in self.fills.values())

    def with_stack(self, stack: Stack) -> Picture:
        """The photo with fills laid over it, in their order."""
        if not stack:
            return self.picture
        pixels = self.picture.pixels.copy()
        for number, candidate in stack:
            fill = self.fills[number]
            pixels[fill.inside][fill.mask] = fill.values[candidate]
        return replace(self.picture, pixels=pixels)

    def fill_of(self, number: int) -> Fill:
        """One of the fills; raises Refused for one that is not there."""
        if number not in self.fills:
            raise Refused(_GONE, f"there is no fill {number}")
        return self.fills[number]

    def stack_of(self, values: Any) -> list[tuple[int, int]]:
        """Check ``[[fill, candidate], ...]`` from a request; raises Refused."""
        good = isinstance(values, list) and len(values) <= MOST_FILLS
        stack = []
        for value in values if good else ():
            if not (
                isinstance(value, list) and len(value) == 2 and all(type(v) is int for v in value)
            ):
                good = False
                break
            number, candidate = value
            fill = self.fills.get(number)
            if fill is None or not 0 <= candidate < len(fill.values):
                raise Refused(_GONE, f"there is no fill {number} with a candidate {candidate}")
            stack.append((number, candidate))
        if not good:
            raise Refused(422, "stack is no list of [fill, candidate] pairs of numbers")
        return stack


class Photos:
    """All photos; methods belong to the event loop's thread."""

    def __init__(self, pool: Pool, *, idle: float, give_up: Callable[[Job], None]) -> None:
        self.pool, self.idle, self.give_up = pool, idle, give_up
        self.open: dict[str, Photo] = {}

    def add(self, picture: Picture) -> Photo:
        """Keep a photo; raises Refused when memory is full."""
        self.sweep()
        self.pool.take(picture.pixels.nbytes)
        photo = Photo(picture)
        self.open[photo.key] = photo
        return photo

    def get(self, key: str) -> Photo:
        """Return a photo and note that it is in use; raises Refused for one that is not there."""
        photo = self.open.get(key)
        if photo is None:
            raise Refused(_GONE, "this photo is no longer here; open it again")
        photo.seen = time.monotonic()
        return photo

    def keep(self, photo: Photo, fill: Fill, number: int | None = None) -> int:
        """Add a fill to a photo, under the next number unless one is given; its number."""
        if photo.dropped:
            raise Refused(_GONE, "this photo is no longer here; open it again")
        number = number or max(photo.fills, default=0) + 1
        if number > MOST_FILLS or number in photo.fills:
            raise Refused(409, f"a photo has at most {MOST_FILLS} fills, each with its own number")
        self.pool.take(fill.size)
        photo.fills[number] = fill
        return number

    def extend(self, photo: Photo, number: int | None, fill: Fill, values: np.ndarray) -> int:
        """Add a candidate to a fill, which the first one puts into the photo; its number.

        ``values`` (n, C) are those of the hole's pixels, as ``Fill.values_in`` gives them.
        """
        if number is None:
            fill.values.append(values)
            return self.keep(photo, fill)
        if photo.dropped:
            raise Refused(_GONE, "this photo is no longer here; open it again")
        self.pool.take(values.nbytes)
        fill.values.append(values)
        return number

    def drop(self, photo: Photo) -> None:
        """Forget a photo and all of its fills, and stop what is being done to it."""
        if photo.job is not None:
            self.give_up(photo.job)
        if not photo.dropped:
            photo.dropped = True
            self.open.pop(photo.key, None)
            self.pool.give(photo.size)

    def sweep(self) -> None:
        """Forget photos that nobody asked about for a while; one at work is in use."""
        now = time.monotonic()
        for photo in list(self.open.values()):
            if photo.job is None and now - photo.seen > self.idle:
                self.drop(photo)
