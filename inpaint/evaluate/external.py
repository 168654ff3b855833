"""Methods of other programs: PyPatchMatch, G'MIC, and files that any program made."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from inpaint import images
from inpaint.errors import ImageError, InpaintError
from inpaint.evaluate.method import Fill, Method, MethodError
from inpaint.evaluate.store import safe
from inpaint.images.walk import is_image

OPTIONS = {
    "patchmatch": {"patch_size": 3},
    "gmic": {"patch_size": 9, "scales": 0, "iterations": 10, "blend": 5},
}
"""Options of each program; the defaults are G'MIC's own and those of PyPatchMatch's examples."""

TIMEOUT = 3600


def make(name: str, label: str, options: Mapping[str, Any]) -> Method:
    """Return the method of an installed program, options over ``OPTIONS``.

    Raises
    ------
    InpaintError
        If it is not installed, with the line that installs it.
    """
    build = {"patchmatch": _patchmatch, "gmic": _gmic}[name]
    return Method(label, build({**OPTIONS[name], **options}))


def folder(label: str, path: str) -> Method:
    """Return the method that looks its results up in a folder, by name without suffix.

    With masks ``center`` and ``half`` the result for ``a/b.jpg`` is the one file
    ``DIR/center/a/b.*`` and ``DIR/half/a/b.*``; with a single mask ``DIR/a/b.*`` will do.

    Raises
    ------
    MethodError
        If there is no such folder.
    """
    root = Path(path).expanduser()
    if not path or not root.is_dir():
        raise MethodError(label, f"{path or 'nothing'} is no folder; write folder:DIR")

    def fill(erased: np.ndarray, mask: np.ndarray, seed: int, case: str) -> np.ndarray:
        found = _find(root, case)
        image = images.rgb8(images.read(found))
        if image.shape != erased.shape:
            h, w = erased.shape[:2]
            raise ImageError(
                f"{found} is {image.shape[1]}x{image.shape[0]}, the image is {w}x{h}; "
                "write results at the size of their inputs"
            )
        return image

    def check(names: list[str]) -> None:
        # A result made for one mask holds the true pixels in the hole of another mask.
        missing = [n for n in names if not any((root / m).is_dir() for m in (n, safe(n)))]
        if len(names) > 1 and missing:
            raise MethodError(
                label,
                f"has no subfolder {missing[0]!r}; with several masks write the results "
                f"for each into its own: {', '.join(str(root / n) for n in names)}",
            )

    return Method(label, fill, _listing(root), trusted=False, check_masks=check)


def _find(root: Path, case: str) -> Path:
    mask, _, name = case.partition("/")
    wanted = PurePosixPath(name)
    stems = {wanted.stem, wanted.name}  # programs that append a suffix: b.jpg -> b.jpg.png
    # Our own fills are kept under names that every file system takes.
    inner = [root / m / p for m in (mask, safe(mask)) for p in (wanted.parent, "")]
    tried = (*inner, root / wanted.parent, root)
    for place in dict.fromkeys(tried):
        if not place.is_dir():
            continue
        found = [
            p
            for p in sorted(place.iterdir())
            if is_image(p.name) and (p.stem in stems or p.name in stems)
        ]
        if len(found) > 1:
            names = ", ".join(p.name for p in found)
            raise ImageError(f"{place} has {names} for {name}; keep one of them")
        if found:
            return found[0]
    raise ImageError(f"{root} has no result for {name}; name it {wanted.stem}.png")


def _listing(root: Path) -> str:
    """Fingerprint of a folder: names, sizes and times, cheap for thousands of files."""
    digest = hashlib.sha256()
    for place, folders, files in os.walk(root):
        folders.sort()
        for file in sorted(files):
            stat = os.stat(os.path.join(place, file))
            digest.update(f"{place}/{file} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _patchmatch(options: Mapping[str, int]) -> Fill:
    if importlib.util.find_spec("patchmatch") is None:
        raise InpaintError(
            "method patchmatch needs PyPatchMatch, which is not installed; "
            "run: pip install pypatchmatch"
        )
    from patchmatch import patch_match

    if not getattr(patch_match, "patchmatch_available", True):
        raise InpaintError(
            "method patchmatch: PyPatchMatch is installed but its library does not load; "
            "run: pip install --force-reinstall pypatchmatch"
        )

    def fill(erased: np.ndarray, mask: np.ndarray, seed: int, case: str) -> np.ndarray:
        patch_match.set_random_seed(seed % 2**32)
        filled = patch_match.inpaint(
            erased, mask.astype(np.uint8), patch_size=options["patch_size"]
        )
        return np.where(mask[..., None], filled, erased)

    return fill


def _gmic(options: Mapping[str, int]) -> Fill:
    program = shutil.which("gmic")
    if program is None:
        raise InpaintError(
            "method gmic needs the gmic program, which is not on the PATH; "
            "run: apt-get install gmic (or see gmic.eu)"
        )
    settings = [options[k] for k in ("scales", "patch_size", "iterations", "blend")]

    def fill(erased: np.ndarray, mask: np.ndarray, seed: int, case: str) -> np.ndarray:
        with tempfile.TemporaryDirectory(prefix="inpaint-gmic-") as place:
            source, hole, out = (os.path.join(place, f"{n}.png") for n in "imo")
            cv2.imwrite(source, erased[..., ::-1])
            cv2.imwrite(hole, mask.astype(np.uint8) * 255)
            arguments = ",".join(map(str, ["[1]", *settings]))
            command = [program, "-v", "-1", "srand", str(seed % 2**31), source, hole]
            command += ["inpaint_matchpatch[0]", arguments, "output[0]", out]
            try:
                subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT)
                filled = images.rgb8(images.read(out))
            except (OSError, subprocess.SubprocessError) as error:
                said = getattr(error, "stderr", None) or str(error).encode()
                reason = said.decode(errors="replace").strip().splitlines() or ["no message"]
                raise InpaintError(f"gmic failed: {reason[-1]}") from error
        return np.where(mask[..., None], filled, erased)

    return fill
