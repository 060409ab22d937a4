"""Embeddings of numbers, and the two ways to count cells."""

import torch

from drivesim.models.layers.embeddings import FrameEmbedding, cell_coordinates, fourier_features, sinusoidal


def test_embeddings() -> None:
    assert sinusoidal(torch.arange(5), 8).shape == (5, 8)
    torch.testing.assert_close(sinusoidal(torch.zeros(1), 4), torch.tensor([[1.0, 1.0, 0.0, 0.0]]))
    assert fourier_features(torch.rand(2, 7, 3), 4).shape == (2, 7, 27)
    embedding = FrameEmbedding(16)
    torch.testing.assert_close(embedding(10)[:4], embedding(4))


def test_cells_are_counted_by_their_centres_or_from_end_to_end() -> None:
    x, y = cell_coordinates(2, 4, "centres", torch.device("cpu"))
    assert x.tolist() == [[-0.75, -0.25, 0.25, 0.75]] * 2 and y.tolist() == [[-0.5] * 4, [0.5] * 4]
    x, y = cell_coordinates(2, 5, "ends", torch.device("cpu"), torch.float64)
    assert x.tolist() == [[-1, -0.5, 0, 0.5, 1]] * 2 and y.tolist() == [[-1] * 5, [1] * 5]
    assert x.dtype == torch.float64
