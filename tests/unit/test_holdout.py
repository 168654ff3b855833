"""Known pixels held back: how many, which, and that their error is theirs alone."""

from __future__ import annotations

import pytest
import torch

from inpaint.search.holdout import hidden_error, hold_back


def hole(count: int = 1, side: int = 64) -> torch.Tensor:
    mask = torch.zeros(count, side, side, dtype=torch.bool)
    mask[:, 16:48, 16:48] = True
    return mask


@pytest.mark.parametrize("share", [0.01, 0.03, 0.2])
def test_about_the_share_is_hidden_and_never_the_hole(share: float) -> None:
    mask = hole(60)
    hidden = hold_back(mask, share, seeds=range(60))
    assert not (hidden & mask).any()
    found = hidden.sum() / (~mask).sum()
    assert found == pytest.approx(share, rel=0.15)


def test_it_comes_in_squares() -> None:
    hidden = hold_back(torch.zeros(1, 64, 64, dtype=torch.bool), 0.03, seeds=[0])
    again = torch.nn.functional.max_pool2d(-hidden[:, None].float(), 3, 1, 1)  # erosion ...
    opened = torch.nn.functional.max_pool2d(-again, 3, 1, 1)[:, 0] > 0  # ... and dilation
    assert (opened == hidden)[:, 1:-1, 1:-1].all()


def test_each_image_follows_its_own_seed() -> None:
    mask = hole(3)
    together = hold_back(mask, 0.05, seeds=[7, 8, 7])
    assert torch.equal(together[1:2], hold_back(mask[:1], 0.05, seeds=[8]))
    assert torch.equal(together[0], together[2])
    assert not torch.equal(together[0], together[1])


def test_nothing_is_hidden_for_no_share_or_nothing_known() -> None:
    assert not hold_back(hole(), 0.0, seeds=[0]).any()
    assert not hold_back(torch.ones(1, 8, 8, dtype=torch.bool), 0.5, seeds=[0]).any()


def test_the_error_by_hand() -> None:
    x, y = torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), torch.nan)
    hidden = torch.zeros(2, 4, 4, dtype=torch.bool)
    hidden[0, 0, :2] = True
    y[0, :, 0, 0], y[0, :, 0, 1] = 1.0, 3.0
    error = hidden_error(x, y, hidden)
    assert error[0] == 5
    assert error[1].isnan()
