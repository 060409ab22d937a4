"""Painter's order: what stands farther away is painted first."""

from __future__ import annotations

import numpy as np

_OVERLAP = 0.08  # m by which footprints may overlap and still count as apart


def painter_order(footprints: np.ndarray) -> np.ndarray:
    """Far to near order, int64 [n], of convex counter-clockwise footprints [2 4 n] around a camera at the origin.

    By the distance of the middles, but where a line parts two footprints that meet in a direction, whatever lies on the
    camera's side of it comes later (exact for disjoint footprints that do not cover each other in a ring).
    """
    middle = footprints.mean(axis=1)
    order = np.argsort(-np.hypot(middle[0], middle[1]), kind="stable")
    far_first = footprints.take(order, axis=2).astype(np.float32)
    turn = np.arctan2(far_first[1], np.maximum(far_first[0], 1e-3))
    reach = np.hypot(far_first[0], far_first[1])
    low, high = turn.min(axis=0), turn.max(axis=0)
    near, far = reach.min(axis=0) * 0.999, reach.max(axis=0)
    rows = np.arange(len(order), dtype=np.int32)
    meets = rows[:, None] < rows
    meets &= low[:, None] < high
    meets &= low < high[:, None]
    pair = np.flatnonzero(meets & (near[:, None] < far))
    a = pair // max(len(order), 1)
    b = pair - a * len(order)
    swapped = _in_front(far_first, a, b) > 0  # the others' farther middle is farther altogether
    if not swapped.any():
        return order
    a, b = a[swapped], b[swapped]
    meets[a, b], meets[b, a] = False, True
    return order[_repaired(meets, set(a.tolist()))]


def _in_front(footprints: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """For pairs a, b [m]: 1 where a line parts them with the camera on a's side, -1 on b's, 0 where none does."""
    edge = np.roll(footprints, -1, axis=1) - footprints
    outward = np.stack([edge[1], -edge[0]]) / np.maximum(np.hypot(edge[0], edge[1]), 1e-9)
    offset = (outward * footprints).sum(axis=0)
    best, out = np.full(len(a), -_OVERLAP, np.float32), np.zeros(len(a), np.int64)
    rows = np.arange(len(a))
    for sign, one, other in ((1, a, b), (-1, b, a)):
        (u, v), (x, y), line = outward.take(one, axis=2), footprints.take(other, axis=2), offset.take(one, axis=1)
        gap = (u[:, None] * x + v[:, None] * y).min(axis=1) - line  # [edge pair]
        pick = gap.argmax(axis=0)
        widest = gap[pick, rows]
        better = widest > best
        best = np.where(better, widest, best)
        out = np.where(better, np.where(line[pick, rows] >= 0, sign, -sign), out)
    return out


def _repaired(before: np.ndarray, odd: set[int]) -> list[int]:
    """0 to n - 1 reordered as `before` bool [n n] asks (the row before the column); what forms a ring stays as it is.

    `odd` are those that need a larger number before them.
    """
    done: list[bool] = [False] * len(before)
    out: list[int] = []
    needs: dict[int, list[int]] = {}
    for start in range(len(before)):
        if done[start]:
            continue
        stack = [start] if start in odd else []
        while stack:
            i = stack[-1]
            if not done[i]:
                if i not in needs:
                    needs[i] = np.flatnonzero(before[:, i]).tolist()
                missing = next((j for j in needs[i] if not done[j] and j not in stack), None)
                if missing is not None:
                    stack.append(missing)
                    continue
            stack.pop()
            if not done[i]:
                done[i] = True
                out.append(i)
        if not done[start]:
            done[start] = True
            out.append(start)
    return out
