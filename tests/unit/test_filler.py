"""What the filling of one crop makes of the restarts of its search."""

from __future__ import annotations

import math

import pytest
import torch

from inpaint.pipeline.filler import mixed
from inpaint.search import Found


def test_the_mean_of_the_restarts_weighs_a_smaller_loss_more() -> None:
    """Losses 1 and 2 have a spread of 1/2, so their weights are as exp(0) to exp(-2)."""
    x = torch.stack([torch.zeros(3, 2, 2), torch.ones(3, 2, 2)])[None]
    loss = torch.tensor([[1.0, 2.0]])
    mean, *restarts = mixed(Found(torch.zeros(1, 2, 4), x, loss, loss, 0 * loss), None)
    assert mean.flatten().tolist() == pytest.approx([math.exp(-2) / (1 + math.exp(-2))] * 12)
    assert torch.equal(torch.stack(restarts), x[0])
