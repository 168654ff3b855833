"""``Picture``, which reading returns and writing takes: pixels, and how the file held them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inpaint.errors import ImageError
from inpaint.images.extras import Extras


@dataclass(frozen=True, eq=False)
class Picture:
    """One image as people see it: EXIF orientation applied, palette and CMYK resolved.

    Attributes
    ----------
    pixels : ndarray (H, W, C) of uint8 or uint16
        C = 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA, straight alpha); the full range of
        the type is black to white.
    format : str
        "PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF" or "HEIC": what the file was.
    icc : bytes or None
        Colour profile that belongs to ``pixels``; None means sRGB.
    exif : bytes or None
        EXIF block with its JPEG prefix, its orientation reset to 1 and its
        thumbnail removed, because a thumbnail would still show what was erased.
    dpi : (float, float) or None
        Horizontal and vertical resolution.
    qtables : tuple of tuples of 64 int, or None
        JPEG quantisation tables, kept so that saving again costs no more quality.
    subsampling : int or None
        JPEG chroma subsampling as Pillow counts it: 0 = 4:4:4, 1 = 4:2:2, 2 = 4:2:0.
    extras : Extras or None
        What else the file said that stays true: TIFF tags, PNG texts, XMP, comments, its palette.
    indices : ndarray (H, W) of uint8, or None
        For a palette image as it was read, the palette entry of each pixel. A label map
        holds its numbers here, and not in its colours. Whatever changes ``pixels`` drops them.
    lossless : bool
        Whether the file stored exactly these pixels; False for JPEG and lossy WebP.

    Raises
    ------
    ImageError
        If ``pixels`` has another shape or type, or no pixels.
    """

    pixels: np.ndarray
    format: str = "PNG"
    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    qtables: tuple[tuple[int, ...], ...] | None = None
    subsampling: int | None = None
    lossless: bool = True
    indices: np.ndarray | None = None
    extras: Extras | None = None

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (1, 2, 3, 4) or 0 in shape:
            raise ImageError(
                f"pixels have shape {shape}, expected (H, W, C) with C from 1 to 4; "
                "use images.from_array to make a picture from an array"
            )
        if dtype not in (np.uint8, np.uint16):
            raise ImageError(
                f"pixels have type {dtype}, expected uint8 or uint16; "
                "use images.from_array to make a picture from an array"
            )

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def peak(self) -> int:
        """The value of white: 255 or 65535."""
        return int(np.iinfo(self.pixels.dtype).max)

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.pixels.shape[2] in (2, 4)

    @property
    def alpha(self) -> np.ndarray | None:
        """The alpha channel (H, W) in the type of ``pixels``, 0 = transparent; or None."""
        return self.pixels[..., -1] if self.has_alpha else None

    @property
    def unseen(self) -> np.ndarray:
        """Where the colours are unknown, (H, W) of bool: where alpha is below its peak.

        The peak is the highest alpha that occurs. It is below white in a picture that is
        translucent all over, such as a watermark, where nothing was erased.

        The colour that a file stores for a transparent pixel is arbitrary, mostly black, and nobody
        sees it. That of a half-transparent pixel is often partly blackened or whitened, because a
        soft brush has erased it.
        """
        if self.alpha is None:
            return np.zeros(self.pixels.shape[:2], bool)
        unseen: np.ndarray = self.alpha < max(int(self.alpha.max()), 1)
        return unseen
