"""The same command gives the same bytes: again, and with another number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from inpaint.zoo import registry

INPAINT = Path(sys.executable).with_name("inpaint")

# Every shipped prior, and a hole large enough for the multigrid solver, one line for each; the
# pictures have 16 bits, which show more than 8.
SCRIPT = """
import hashlib, sys
import numpy as np
import inpaint
from inpaint.zoo import registry

rng = np.random.default_rng(0)
for name, side in [*((p, 64) for p in registry.priors()), ("auto", 200)]:
    image = rng.integers(0, 65536, (side, side, 3), dtype=np.uint16)
    mask = np.zeros((side, side), bool)
    mask[side // 4 : -side // 4, side // 4 : -side // 4] = True
    steps = {} if "gaussian" in name else {"steps": 5}
    filled = inpaint.fill(image, mask, prior=name, device="cpu", search=steps)
    print(name, side, hashlib.sha256(filled.tobytes()).hexdigest())
"""


def fills_with(threads: int) -> list[str]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.splitlines()


def test_the_number_of_threads_does_not_change_the_bytes() -> None:
    one, two = fills_with(1), fills_with(2)
    assert len(one) == len(registry.priors()) + 1
    assert one == two


def test_the_same_command_twice_gives_the_same_bytes(
    tmp_path: Path, tiny_folders: dict[str, str]
) -> None:
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / "a.png"), rng.integers(0, 256, (90, 70, 3), dtype=np.uint8))
    mask = np.zeros((90, 70), np.uint8)
    mask[:30, :20] = mask[50:80, 40:] = 255
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    for name in ("one", "two"):
        command = [INPAINT, "fill", "a.png", "--mask", "m.png", "--prior", tiny_folders["vae"]]
        command += ["--out", f"{name}.png", "--candidates", "2", "--trace", f"trace-{name}"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    for path in sorted(tmp_path.glob("one*.png")) + sorted(tmp_path.glob("trace-one/*")):
        twin = Path(str(path).replace("one", "two"))
        assert path.read_bytes() == twin.read_bytes(), path.name
