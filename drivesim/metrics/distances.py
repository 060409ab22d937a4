"""How far sets of pictures or clips are from each other, by their features [n d]; and how varied they are."""

from __future__ import annotations

import numpy as np


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Of the normal distributions with the sets' means and covariances: |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^1/2).

    Biased upward for small sets (n not far above d); compare sets of equal size. ValueError for fewer than two rows.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError("a Frechet distance needs two rows of each set")
    means = a.mean(axis=0) - b.mean(axis=0)
    one, other = (np.atleast_2d(np.cov(x.astype(np.float64), rowvar=False)) for x in (a, b))
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ other @ root), 0, None)).sum()
    return float(means @ means + np.trace(one) + np.trace(other) - 2 * shared)


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared maximum mean discrepancy with the kernel (x y / d + 1)^3, unbiased (arXiv 1801.01401): about 0 for sets of one kind,
    below it by chance. ValueError for fewer than two rows."""
    if min(len(a), len(b)) < 2:
        raise ValueError("a kernel distance needs two rows of each set")
    a, b = a.astype(np.float64), b.astype(np.float64)

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)

    within = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (kernel(a, a), kernel(b, b)))
    return float(within - 2 * kernel(a, b).mean())


def diversity(features: np.ndarray) -> np.ndarray:
    """How different futures are at each moment: mean distance of pairs [f] of features [futures f d]; ValueError for one future."""
    count = len(features)
    if count < 2:
        raise ValueError("diversity needs two futures")
    pairs = [np.linalg.norm(features[i] - features[j], axis=-1) for i in range(count) for j in range(i)]
    return np.asarray(np.mean(pairs, axis=0))


def clip_features(maps: np.ndarray) -> np.ndarray:
    """What a clip shows and how it changes, float [2 d], of its frames' feature maps [f h w d]: their mean, and that of how much
    each place changes from frame to frame. A still has nothing of the latter, a shuffled clip too much."""
    change = np.abs(np.diff(maps, axis=0)).mean(axis=(0, 1, 2)) if len(maps) > 1 else np.zeros(maps.shape[-1])
    return np.concatenate([maps.mean(axis=(0, 1, 2)), change])
