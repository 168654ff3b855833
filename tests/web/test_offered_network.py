"""A network of somebody else on the page: offered by its file's name, and used like any prior."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tiny_networks
from starlette.testclient import TestClient
from web_site import coded, decoded, photo_pixels

HOLE = np.zeros((30, 40), bool)
HOLE[8:20, 10:25] = True


def test_it_is_offered_and_fills(client_of: Callable[..., TestClient], tmp_path: Path) -> None:
    path = tiny_networks.lama(tmp_path / "tiny.onnx")
    (tmp_path / "tiny.json").write_text('{"data": "made by a test"}')
    client = client_of(own_priors={"tiny.onnx": str(path)})
    offered = {prior["name"]: prior for prior in client.get("/api/about").json()["priors"]}
    assert offered["tiny.onnx"]["kind"] == "onnx"
    assert offered["tiny.onnx"]["about"] == "made by a test"
    before = photo_pixels()
    answer = client.post(
        "/api/fill",
        files={"image": ("a", coded(before)), "mask": ("m", coded(HOLE.view(np.uint8) * 255))},
        data={"prior": "tiny.onnx"},
    )
    assert answer.status_code == 200, answer.text
    after = decoded(answer.content)
    np.testing.assert_array_equal(after[~HOLE], before[~HOLE])
    assert (after[HOLE] != before[HOLE]).any()
