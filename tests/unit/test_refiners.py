"""The refiners' networks, and how a stage applies them to a patch of any size."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inpaint.errors import WeightsError
from inpaint.priors.convnets import halved
from inpaint.stages import attention, completion, recurrent, refine
from inpaint.stages.attention import Attend, Attention
from inpaint.stages.completion import Completion
from inpaint.stages.patch import Patch
from inpaint.stages.recurrent import Recurrent, depth_map
from inpaint.zoo import registry, weights

SIDE = 64


def networks() -> list[torch.nn.Module]:
    torch.manual_seed(0)
    made: list[torch.nn.Module] = [
        Attention(size=SIDE, width=4),
        Attention(size=SIDE, width=4, attend=False),
        Recurrent(size=SIDE, width=4, cell="lstm"),
        Recurrent(size=SIDE, width=4, cell="rnn"),
        Completion(size=SIDE, width=8, largest=2 * SIDE),
    ]
    for network in made:
        torch.nn.init.normal_(network.out.weight, std=0.1)  # fresh ones change next to nothing
    return [network.eval().requires_grad_(False) for network in made]


def hole() -> torch.Tensor:
    mask = torch.zeros(2, SIDE, SIDE, dtype=torch.bool)
    mask[0, 16:48, 16:48] = True
    mask[1, :, 40:] = True
    return mask


@pytest.mark.parametrize("network", networks(), ids=lambda n: f"{n.kind}")
class TestNetworks:
    def test_changes_the_hole_and_nothing_else(self, network: torch.nn.Module) -> None:
        x, mask = torch.rand(2, 3, SIDE, SIDE), hole()
        y = network(x, mask, torch.ones(2))[-1]
        assert torch.equal(y.permute(0, 2, 3, 1)[~mask], x.permute(0, 2, 3, 1)[~mask])
        assert (y - x).permute(0, 2, 3, 1)[mask].abs().mean() > 1e-3

    def test_the_aim_matters(self, network: torch.nn.Module) -> None:
        x, mask = torch.rand(1, 3, SIDE, SIDE), hole()[:1]
        faithful, sharp = (network(x, mask, torch.full((1,), s))[-1] for s in (0.0, 1.0))
        assert (faithful - sharp).abs().max() > 1e-4

    def test_comes_back_from_its_config(self, network: torch.nn.Module, tmp_path) -> None:
        weights.save(tmp_path, network.config(), halved(refiner=network))
        again = refine.load(tmp_path)
        x, mask = torch.rand(1, 3, SIDE, SIDE), hole()[:1]
        before, after = (n(x, mask, torch.ones(1))[-1] for n in (network, again))
        assert (before - after).abs().max() < 5e-3  # half precision

    def test_each_image_alone_gives_the_same(self, network: torch.nn.Module) -> None:
        x, mask = torch.rand(2, 3, SIDE, SIDE), hole()
        both = network(x, mask, torch.ones(2))[-1]
        alone = network(x[1:], mask[1:], torch.ones(1))[-1]
        assert (both[1:] - alone).abs().max() < 1e-5


def test_depth_counts_steps_from_the_border() -> None:
    mask = torch.zeros(1, 1, 9, 9)
    mask[..., 2:7, 2:7] = 1
    expected = torch.zeros(9, 9)
    expected[2:7, 2:7], expected[3:6, 3:6], expected[4, 4] = 1, 2, 3
    assert torch.equal(depth_map(mask)[0, 0], expected)


def test_the_borders_of_the_image_are_no_edges() -> None:
    mask = torch.zeros(1, 1, 4, 6)
    mask[..., 3:] = 1
    assert torch.equal(depth_map(mask)[0, 0, 0], torch.tensor([0.0, 0, 0, 1, 2, 3]))


def test_later_passes_leave_the_rim_alone() -> None:
    torch.manual_seed(0)
    network = Recurrent(size=SIDE, width=4).eval()
    torch.nn.init.normal_(network.out.weight, std=0.1)
    x, mask = torch.rand(1, 3, SIDE, SIDE), hole()[:1]
    with torch.no_grad():
        first, second, third = network(x, mask, torch.ones(1), passes=3)
    deep = depth_map(mask[:, None].float())[0, 0] / 16
    for before, after, share in ((first, second, 1 / 3), (second, third, 2 / 3)):
        changed = (after - before).abs().amax(1)[0] > 0
        assert not changed[deep <= share].any()
        assert changed[deep > share].float().mean() > 0.9


def test_attention_takes_nothing_from_the_hole() -> None:
    torch.manual_seed(0)
    attend = Attend(8).eval().requires_grad_(False)
    known = torch.ones(1, 1, 6, 6)
    known[..., 1:4, 1:4] = 0
    x = torch.rand(1, 8, 6, 6)
    other = torch.where(known > 0, x, torch.rand(1, 8, 6, 6))
    other[..., 1, 1] = x[..., 1, 1]  # one cell of the hole asks the same in both
    a, b = attend(x, known), attend(other, known)
    assert (a - b)[..., 1, 1].abs().max() < 1e-3 * (a - x)[..., 1, 1].abs().max()
    assert torch.equal(a[..., 0, :], x[..., 0, :])  # a known cell keeps what it has


def test_unknown_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="cell is 'gru'"):
        Recurrent(size=SIDE, cell="gru")


def patch(height: int, width: int) -> Patch:
    rng = np.random.default_rng(0)
    image = rng.random((height, width, 3), dtype=np.float32)
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2, width // 4 : width // 2] = True
    return Patch(image, mask, image.copy(), image.copy())


@pytest.mark.parametrize("shape", [(64, 64), (40, 40), (200, 150), (30, 90)])
@pytest.mark.parametrize("kind", ["attention", "recurrent", "completion"])
def test_stage_on_any_size(monkeypatch, tmp_path, kind: str, shape: tuple[int, int]) -> None:
    network = next(n for n in networks() if n.kind == kind)
    weights.save(tmp_path, network.config(), halved(refiner=network))
    monkeypatch.setattr(registry, "refiner_folder", lambda *_: tmp_path)
    before = patch(*shape)
    stages = {"attention": attention, "recurrent": recurrent, "completion": completion}
    after = stages[kind].apply(before, family="any")  # type: ignore[attr-defined]
    assert np.array_equal(after.filled[~before.mask], before.image[~before.mask])
    assert np.abs(after.filled - before.filled)[before.mask].mean() > 1e-3
    assert after.filled.min() >= 0
    assert after.filled.max() <= 1


def test_a_pixel_of_the_network_is_hole_where_more_than_a_twentieth_of_it_is(monkeypatch) -> None:
    """Each pixel of the network stands for 10 x 10 pixels of the patch."""
    seen = []

    class Watching(torch.nn.Module):
        size = SIDE

        def forward(self, x, hole, sharpness):
            seen.append(hole[0])
            return [x]

    monkeypatch.setattr(registry, "refiner_folder", lambda *_: "any")
    monkeypatch.setattr(refine, "load", lambda *_: Watching())
    image = np.zeros((10 * SIDE, 10 * SIDE, 3), np.float32)
    mask = np.zeros(image.shape[:2], bool)
    for column, pixels in ((5, 1), (15, 4), (25, 6), (35, 10)):
        mask[50, 10 * column : 10 * column + pixels] = True
    refine.refine(Patch(image, mask, image, image), "attention", family="any", sharpness=1.0)
    assert seen[0].nonzero().tolist() == [[5, 25], [5, 35]]


@pytest.mark.parametrize(
    ("side", "seen"), [(30, 64), (64, 64), (65, 80), (100, 112), (128, 128), (300, 128)]
)
def test_a_network_sees_a_picture_at_its_own_size_where_it_was_trained_on_it(
    side: int, seen: int
) -> None:
    assert refine.side_of(Completion(size=64, width=8, largest=128), side) == seen
    assert refine.side_of(Completion(size=64, width=8), side) == 64
    assert refine.side_of(Attention(size=64, width=4), side) == 64


def test_mirror_images_are_refined_alike_for_psnr(monkeypatch, tmp_path) -> None:
    network = next(n for n in networks() if n.kind == "attention")
    weights.save(tmp_path, network.config(), halved(refiner=network))
    monkeypatch.setattr(registry, "refiner_folder", lambda *_: tmp_path)
    before = patch(64, 64)
    turned = Patch(
        *(a[:, ::-1].copy() for a in (before.image, before.mask, before.filled, before.guide))
    )

    def apart(sharpness: float) -> float:
        one, other = (
            attention.apply(p, family="any", sharpness=sharpness) for p in (before, turned)
        )
        return float(np.abs(one.filled - other.filled[:, ::-1]).max())

    assert apart(0.0) < 1e-5
    assert apart(1.0) > 1e-3


@pytest.mark.parametrize(("sharpness", "rows"), [(0.0, 2), (0.8, 2), (1.0, 1)])
def test_all_guesses_are_drawn_at_once(sharpness: float, rows: int) -> None:
    network = next(n for n in networks() if n.kind == "attention")
    seen: list[torch.Tensor] = []

    def drawn(x: torch.Tensor, hole: torch.Tensor, aim: torch.Tensor) -> list[torch.Tensor]:
        seen.append(aim)
        return network(x, hole, aim)

    x = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    hole = torch.zeros(1, 64, 64, dtype=torch.bool)
    hole[:, 20:50, 10:40] = True
    found = refine.between(drawn, x, hole, sharpness)  # type: ignore[arg-type]
    assert [len(aims) for aims in seen] == [rows]
    with torch.inference_mode():
        alone = {aim: network(x, hole, torch.tensor([aim]))[-1] for aim in (0.0, 1.0)}
        turned = network(x.flip(3), hole.flip(2), torch.zeros(1))[-1].flip(3)
    mixed = torch.lerp(alone[0.0], alone[1.0], sharpness)
    wanted = (alone[0.0] + turned) / 2 if sharpness == 0 else mixed
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


def test_without_weights_the_patch_stays() -> None:
    before = patch(64, 64)
    assert attention.apply(before, family="no such family") is before


def test_files_that_are_no_refiner(tmp_path) -> None:
    weights.save(tmp_path, {"kind": "attention", "size": 64}, {"x": torch.zeros(1)})
    with pytest.raises(WeightsError, match="is no refiner"):
        refine.load(tmp_path)
