"""Muon: its update is the orthogonal factor of the momentum, and it descends where AdamW's learning rates fit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from drivesim.training.muon import NEWTON_SCHULZ, UPDATE_RMS, Muon, orthogonalised


def by_svd(matrix: Tensor, steps: int = 5) -> Tensor:
    """What the iteration does to the singular values, done to these in float64."""
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    values = values / values.norm()
    a, b, c = NEWTON_SCHULZ
    for _ in range(steps):
        values = a * values + b * values**3 + c * values**5
    return left @ values.diag() @ right


@pytest.mark.parametrize("shape", [(24, 40), (40, 24), (16, 16), (1, 30)])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e3])
def test_orthogonalisation_equals_the_singular_values_of_a_reference(shape: tuple[int, int], size: float) -> None:
    matrix = size * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    made = orthogonalised(matrix).double()
    assert (made - by_svd(matrix)).norm() < 0.05 * made.norm()  # bf16 has 8 bits, and five iterations double its rounding
    values = torch.linalg.svdvals(made)
    assert values.max() < 1.25 and values.median() > 0.6


def test_an_update_is_as_large_as_one_of_adamw_and_kernels_count_as_matrices() -> None:
    for shape in ((32, 48), (32, 16, 3, 3)):
        parameter = nn.Parameter(torch.zeros(shape))
        optimizer = Muon([parameter], learning_rate=0.01)
        parameter.grad = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        optimizer.step()
        flat = parameter.detach().flatten(1)
        assert flat.square().mean().sqrt() == pytest.approx(0.01 * UPDATE_RMS, rel=0.2)
        assert torch.linalg.svdvals(flat).min() > 0.4 * torch.linalg.svdvals(flat).max()


def test_weights_without_a_gradient_stay_and_decay_is_decoupled() -> None:
    moved, still = (nn.Parameter(torch.ones(4, 4)) for _ in range(2))
    optimizer = Muon([moved, still], learning_rate=0.1, weight_decay=0.5)
    moved.grad = torch.zeros(4, 4)
    optimizer.step()
    torch.testing.assert_close(moved.detach(), torch.full((4, 4), 0.95))
    assert torch.equal(still, torch.ones(4, 4))


def test_descends() -> None:
    generator = torch.Generator().manual_seed(0)
    truth, x = torch.randn(6, 10, generator=generator), torch.randn(200, 10, generator=generator)
    weight = nn.Parameter(torch.zeros(6, 10))
    optimizer = Muon([weight], learning_rate=0.2)
    losses = []
    for step in range(150):
        for group in optimizer.param_groups:
            group["lr"] = 0.2 * (1 - step / 150)
        optimizer.zero_grad()
        loss = (x @ (weight - truth).T).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 1e-3 * losses[0]
