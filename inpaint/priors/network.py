"""A feed-forward network for inpainting as a prior: its latent is the picture that it draws.

Such a network is given a picture with a hole and draws what it believes, once. As a prior it has
nothing to search: a latent z is the drawn picture itself, ``generate`` returns it, and ``start_z``
runs the network. Further starts are what it draws when the picture is mirrored or turned. All that
follows a search, the blend and the paste of exact known pixels among it, is as for any prior.

The network computes on one thread of the processor, so that the same picture gives the same bytes
in any batch and in a forked child.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from inpaint.errors import InpaintError, SearchError, WeightsError
from inpaint.images.resize import fill_nearest
from inpaint.priors.signature import INTEGERS, Port, Signature, recognise
from inpaint.zoo import networks

log = logging.getLogger(__name__)
INSTALL = "pip install 'latent-inpaint[onnx]'"
# A picture can be mirrored and turned in so many ways, each of which is a start.
VIEWS = 8
# Mean square of the known values below which their brightness does not tell a range.
_DARK = (4 / 255) ** 2


class Session(Protocol):
    """What runs a graph: ``onnxruntime.InferenceSession``, or a stand-in of a test."""

    def run(self, outputs: list[str], feed: Mapping[str, np.ndarray]) -> list[Any]:
        """The outputs of these names for inputs (1, C, S, S) by name."""
        ...


class Network:
    """A network that fills a hole in one pass.

    Parameters
    ----------
    name : str
        The file, to name it.
    session : Session
        Runs the network.
    signature : Signature
        How to feed and to read it.
    """

    kind = "onnx"
    feed_forward = True

    def __init__(self, name: str, session: Session, signature: Signature) -> None:
        self.name, self.session, self.signature = name, session, signature
        self.size = signature.size
        self.latent = 3 * self.size**2
        self._device = torch.device("cpu")
        self._of_ramp: tuple[float, float] | None = None

    @property
    def search_defaults(self) -> dict[str, Any]:
        """One start, which is what the network draws, and no step."""
        return {"restarts": 1, "steps": 0}

    def to(self, device: torch.device) -> Network:
        """Return self; pictures come from ``device`` and go back there, the network stays."""
        if device.type != "cpu":
            log.warning("%s: runs on the processor, not on %s", self.name, device)
        self._device = device
        return self

    def sample_z(self, n: int, generator: torch.Generator) -> Tensor:
        """Refuse: a network of this kind draws nothing without a picture; raises SearchError."""
        raise SearchError(
            f"{self.name} is a network that fills holes, so there is nothing to sample from; "
            "use another prior"
        )

    def generate(self, z: Tensor) -> Tensor:
        """The pictures that the latents are, (n, 3, S, S) in [0, 1]."""
        return z.unflatten(1, (3, self.size, self.size)).clamp(0, 1)

    def perceptual_loss(self, z: Tensor, x: Tensor) -> Tensor:
        """Zeros (n,): the network does not tell how likely a picture is."""
        return z.sum(1) * 0

    def constrain_z(self, z: Tensor) -> Tensor:
        """Latents (n, D) as pictures, in [0, 1]."""
        return z.clamp(0, 1)

    def start_z(self, image: Tensor, mask: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """What the network draws, (n, D): for the picture, and as it is mirrored and turned.

        ``image`` is (3, S, S) in [0, 1], ``mask`` (S, S) bool; values in the hole are not read.
        Raises SearchError for more starts than there are views, WeightsError for a network that
        does not keep to its signature.
        """
        if n > VIEWS:
            raise SearchError(
                f"{self.name} is a network that fills a hole in one pass, and gives at most "
                f"{VIEWS - 1} candidates; ask for fewer"
            )
        x = np.where(mask.cpu().numpy(), np.float32(0), image.detach().cpu().numpy())
        hole = mask.cpu().numpy()
        if not hole.any():
            drawn = [x] * n
        else:
            drawn = [_turned_back(self._draw(*_turned(x, hole, k)), k) for k in range(n)]
        z = torch.from_numpy(np.stack(drawn)).flatten(1)
        return z.to(self._device)

    def _draw(self, x: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """One run: x (3, S, S) in [0, 1] and its hole (S, S) give a picture (3, S, S) in [0, 1]."""
        raw = self._run(x, hole)
        low, high = self.signature.output_range or self._range(x, raw, hole)
        values = (raw - low) / (high - low)
        if not -1 < values.mean() < 2:
            raise WeightsError(
                f"{self.name}: drew values of {raw.min():.3g} to {raw.max():.3g}, where black is "
                f'{low:g} and white {high:g}; name "output_range" in its JSON file'
            )
        return np.asarray(values.clip(0, 1), np.float32)

    def _run(self, x: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """What the network itself gives, (3, S, S) of float32."""
        s = self.signature
        low, high = s.image_range
        if s.image_type in INTEGERS.values():
            # A pipeline of bytes may blend what it draws with what it was given.
            x = fill_nearest(x.transpose(1, 2, 0), hole).transpose(2, 0, 1)
        image = x * np.float32(high - low) + np.float32(low)
        if s.image_type in INTEGERS.values():
            image = np.rint(image)
        mask = np.where(hole, s.mask_hole, s.mask_known)
        feed = {s.image: image[None].astype(s.image_type)}
        feed[s.mask] = mask[None, None].astype(s.mask_type)
        try:
            (raw,) = self.session.run([s.output], feed)
        except Exception as error:  # the network of somebody else: anything may happen
            reason = " ".join(str(error).split())
            if "allocat" in reason.lower():
                raise MemoryError(f"{self.name}: {reason[:200]}") from error
            raise WeightsError(
                f"{self.name}: cannot be run on {self.size}x{self.size} px ({reason[:200]}); "
                f'it may want another "size", or be damaged'
            ) from error
        array = np.asarray(raw)
        if array.shape != (1, *x.shape):
            raise WeightsError(
                f"{self.name}: drew an array {array.shape}; expected {(1, *x.shape)}; is it a "
                "network for inpainting?"
            )
        found = array[0].astype(np.float32)
        if wrong := np.count_nonzero(~np.isfinite(found)):
            raise WeightsError(
                f"{self.name}: drew {wrong} values that are not finite; the file may be damaged"
            )
        return found

    def _range(self, x: np.ndarray, raw: np.ndarray, hole: np.ndarray) -> tuple[float, float]:
        """[0, 1] or [0, 255]: how bright the network has drawn what is known.

        Asked of every picture, so that none depends on those before it; of a grey ramp where the
        picture is too dark to tell.
        """
        known = ~hole
        if not known.any() or np.square(x[:, known]).mean() < _DARK:
            if self._of_ramp is None:
                x, hole = _ramp(self.size)
                self._of_ramp = self._range(x, self._run(x, hole), hole)
            return self._of_ramp
        scale = float((x * raw)[:, known].sum() / np.square(x[:, known]).sum())
        between = 255**0.5
        if 1 / between < scale < between:
            return 0.0, 1.0
        if between <= scale < 255 * between:
            return 0.0, 255.0
        raise WeightsError(
            f"{self.name}: draws known pixels {scale:.3g} times as bright as they are, which is "
            'neither [0, 1] nor [0, 255]; name "output_range" or "mask_hole" in its JSON file'
        )


def load(path: Path, told: Mapping[str, Any], device: str) -> Network:
    """The network in the file at ``path``, ready to draw.

    ``told`` is what its JSON file says. Raises WeightsError for a file that is no network for
    inpainting, InpaintError where onnxruntime is not installed.
    """
    data = networks.read(path)
    try:
        import onnxruntime
    except ImportError:
        raise InpaintError(
            f"{path} is an ONNX network, which needs the extra 'onnx'; install it with: {INSTALL}"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # what goes wrong is raised
    try:
        # From bytes: what is hashed is what runs, and no second file is read.
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # every kind of error of a library that is written in C++
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"{path}: cannot be loaded as a network ({reason}); expected an ONNX file with its "
            "weights inside"
        ) from error
    signature = recognise(
        path,
        [_port(one) for one in session.get_inputs()],
        [_port(one) for one in session.get_outputs()],
        told,
    )
    return Network(path.name, session, signature).to(torch.device(device))


def _port(found: Any) -> Port:
    """An input or output of onnxruntime's, whose type reads ``tensor(float)``."""
    kind = found.type.removeprefix("tensor(").removesuffix(")")
    sides = (side if isinstance(side, int) and side > 0 else None for side in found.shape or ())
    return Port(found.name, kind, tuple(sides))


def _turned(x: np.ndarray, hole: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k-th view of a picture (3, S, S) and its hole (S, S): odd ones mirrored, then turned."""
    pair = []
    for array in (x, hole):
        mirrored = array[..., ::-1] if k % 2 else array
        pair.append(np.ascontiguousarray(np.rot90(mirrored, k // 2, axes=(-2, -1))))
    return pair[0], pair[1]


def _turned_back(x: np.ndarray, k: int) -> np.ndarray:
    """The inverse of `_turned` for a picture (3, S, S)."""
    back = np.rot90(x, -(k // 2), axes=(-2, -1))
    return np.ascontiguousarray(back[..., ::-1] if k % 2 else back)


def _ramp(size: int) -> tuple[np.ndarray, np.ndarray]:
    """A grey ramp (3, S, S) in [0.25, 0.75] and a hole (S, S) in its middle."""
    row = np.linspace(0.25, 0.75, size, dtype=np.float32)
    hole = np.zeros((size, size), bool)
    hole[size // 4 : -(size // 4), size // 4 : -(size // 4)] = True
    return np.broadcast_to(row, (3, size, size)).copy(), hole
