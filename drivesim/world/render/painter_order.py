"""Painter's order: which objects are drawn first so that nearer ones cover farther ones."""

from __future__ import annotations

import numpy as np


def painter_order(corners: np.ndarray) -> list[int]:
    """Far to near order of convex footprints [n 4 2] around a camera at the origin; exact where they are disjoint."""
    centre = corners.mean(axis=1)
    turn = np.arctan2(corners[..., 1], np.maximum(corners[..., 0], 1e-3))
    low, high = turn.min(axis=1), turn.max(axis=1)
    reach = np.hypot(corners[..., 0], corners[..., 1])
    near, far = reach.min(axis=1) * 0.999, reach.max(axis=1)
    distance = np.hypot(centre[:, 0], centre[:, 1])
    meets = (low[:, None] < high[None]) & (low[None] < high[:, None])
    behind = meets & (distance[:, None] > distance[None])  # behind[j, i]: j must be drawn before i
    unclear = meets & (near[:, None] < far[None]) & (near[None] < far[:, None])
    a, b = np.nonzero(np.triu(unclear, 1))
    if len(a):
        front = _in_front(corners[a], corners[b])
        known = front != 0
        a, b, front = a[known], b[known], front[known]
        behind[a, b], behind[b, a] = front < 0, front > 0
    before = np.ascontiguousarray(behind.T)
    odd = (before & (distance[None] <= distance[:, None])).any(axis=1)  # needs something nearer to be drawn first
    done, out = np.zeros(len(corners), bool), []
    for start in np.argsort(-distance, kind="stable").tolist():
        if not odd[start]:
            if not done[start]:
                done[start] = True
                out.append(start)
            continue
        stack = [start]
        while stack:
            i = stack[-1]
            first = [j for j in np.flatnonzero(before[i] & ~done).tolist() if j not in stack]
            if done[i] or not first:
                stack.pop()
                if not done[i]:
                    done[i] = True
                    out.append(i)
            else:
                stack.append(max(first, key=lambda j: distance[j]))
    return out


def _in_front(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """For pairs of footprints [m 4 2]: 1 where a line parts them with the camera (origin) on a's side, -1 on b's, else 0."""
    out = np.zeros(len(a), np.int64)
    best = np.full(len(a), -0.08)
    for sign, one, other in ((1, a, b), (-1, b, a)):
        edge = np.roll(one, -1, axis=1) - one
        outward = np.stack([edge[..., 1], -edge[..., 0]], axis=-1)
        outward /= np.maximum(np.linalg.norm(outward, axis=-1, keepdims=True), 1e-9)
        offset = (outward * one).sum(axis=-1)
        gap = (np.einsum("mek,mck->mec", outward, other) - offset[..., None]).min(axis=2)
        pick = gap.argmax(axis=1)
        rows = np.arange(len(a))
        better = gap[rows, pick] > best
        best = np.where(better, gap[rows, pick], best)
        out = np.where(better, np.where(offset[rows, pick] >= 0, sign, -sign), out)
    return out
