"""One geometry for scene, networks, layout and editor: pinhole cameras above a flat road that bends evenly.

Ego frame: x forward, y left, z up (m), origin on the road below the camera. Camera frame: right, down, forward (m).
Frame coordinates: u to the right, v down, fractions of the frame (0 to 1), so that one camera serves every resolution
of the same aspect. Road coordinates: metres ahead along the road and metres left of the lane that the ego is in.

Values are numpy arrays or torch tensors, all of one kind, that broadcast against each other; the formulas are the same
for both. The editor's page has its copy in geometry.js, which a test compares with this one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH

if TYPE_CHECKING:
    from torch import Tensor

Array = TypeVar("Array", "np.ndarray", "Tensor")

ASPECT = FRAME_WIDTH / FRAME_HEIGHT  # width over height of every frame
_LEAST_SLOPE = 1e-6  # of a ray that meets the ground: what is lower than the horizon by less is as far away as there
LEAST_FORWARD = 0.05  # of a ray's length; what is nearer to the other camera's plane, or behind it, is not seen there


def _library(value: Any) -> Any:
    """numpy or torch, whichever `value` is of; what is used of them has the same name and meaning in both.

    torch is imported here, not above: a scenario is checked without it.
    """
    if isinstance(value, np.ndarray | np.generic | float | int):
        return np
    import torch

    return torch


def lens(pitch: Any, field_of_view: Any, functions: Any) -> tuple[Any, Any, Any]:
    """Focal length (frame widths), cosine and sine of the pitch, from degrees; `functions` is math, numpy or torch."""
    tilt = pitch * (math.pi / 180)
    focal = 0.5 / functions.tan(field_of_view * (math.pi / 180) / 2)
    return focal, functions.cos(tilt), functions.sin(tilt)


def pixel_centres(height: int, width: int, like: Array) -> tuple[Array, Array]:
    """Frame coordinates of the centres of pixels or cells: u [w] and v [h 1], of the library and on the device of `like`."""
    library = _library(like)
    place = {} if library is np else {"device": like.device}
    u, v = ((library.arange(count, **place) + 0.5) / count for count in (width, height))
    return u, v[:, None]


@dataclass(frozen=True, eq=False)
class Pinhole(Generic[Array]):
    """Cameras: `height` above the road (m), `focal` length (frame widths), `cos` and `sin` of the pitch (positive looks up)."""

    height: Array
    focal: Array
    cos: Array
    sin: Array

    def offsets(self, u: Array, v: Array) -> tuple[Array, Array]:
        """Right and down of rays one unit ahead of the camera along its axis."""
        return (u - 0.5) / self.focal, (v - 0.5) / (self.focal * ASPECT)

    def rays(self, u: Array, v: Array) -> tuple[Array, Array, Array]:
        """Directions x, y, z in the ego frame, of unit length along the camera's axis."""
        right, down = self.offsets(u, v)
        return self.cos + self.sin * down, -right, self.sin - self.cos * down

    def turned(self, x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
        """Ego-frame directions, or points as seen from the camera, to right, down and forward of it."""
        return -y, self.sin * x - self.cos * z, self.cos * x + self.sin * z

    def project(self, right: Array, down: Array, forward: Array) -> tuple[Array, Array]:
        """Camera coordinates, forward > 0, to frame coordinates u, v."""
        return self.focal * right / forward + 0.5, self.focal * down / forward * ASPECT + 0.5

    def ground(self, u: Array, v: Array) -> tuple[Array, Array, Array]:
        """x, y (m) of the road that is seen there, and its depth along the camera's axis (m).

        From the horizon up the depth is infinite, and x and y are 0.
        """
        library = _library(u)
        x, y, z = self.rays(u, v)
        depth = library.where(z < 0, self.height / library.clip(-z, _LEAST_SLOPE, None), math.inf)
        reached = library.where(depth < math.inf, depth, 0.0)
        return x * reached, y * reached, depth


@dataclass(frozen=True, eq=False)
class Pose(Generic[Array]):
    """A frame on the plane within an outer one: `x`, `y` (m) of its origin, and its heading `yaw` (rad, positive left)."""

    x: Array
    y: Array
    yaw: Array

    def to_outer(self, x: Array, y: Array, weight: Array | float = 1.0) -> tuple[Array, Array]:
        """Points in this frame, times `weight`, to the outer frame, times `weight`: with 0 they are directions."""
        library = _library(self.yaw)
        cos, sin = library.cos(self.yaw), library.sin(self.yaw)
        return cos * x - sin * y + self.x * weight, sin * x + cos * y + self.y * weight

    def inverse(self) -> Pose[Array]:
        """The outer frame within this one."""
        library = _library(self.yaw)
        cos, sin = library.cos(self.yaw), library.sin(self.yaw)
        return Pose(-cos * self.x - sin * self.y, sin * self.x - cos * self.y, -self.yaw)

    def __matmul__(self, inner: Pose[Array]) -> Pose[Array]:
        """A frame that is `inner` within this one, within the outer one."""
        return Pose(*self.to_outer(inner.x, inner.y), self.yaw + inner.yaw)


def arc(distance: Array, curvature: Array) -> Pose[Array]:
    """Where and how one stands after `distance` (m) along a road of `curvature` (1/m, positive left); exact, straight too."""
    library = _library(distance)
    turn = distance * curvature
    chord = library.sinc(turn / (2 * math.pi))
    return Pose(distance * library.sinc(turn / math.pi), distance * turn / 2 * (chord * chord), turn)


def road_to_plane(ahead: Array, left: Array, curvature: Array) -> tuple[Array, Array]:
    """Road coordinates (m) to ego-frame x, y (m)."""
    library = _library(ahead)
    pose = arc(ahead, curvature)
    return pose.x - left * library.sin(pose.yaw), pose.y + left * library.cos(pose.yaw)


def plane_to_road(x: Array, y: Array, curvature: Array) -> tuple[Array, Array]:
    """Ego-frame x, y (m) to road coordinates (m): the inverse of `road_to_plane` within half a turn."""
    library = _library(x)
    inward, turn = 1 - curvature * y, curvature * x
    behind = inward <= 0  # more than a quarter turn on, beyond the centre of the bend
    near = library.where(behind, 1.0, inward)
    slope = turn / near
    gentle = library.abs(slope) < 1e-3
    steep = library.where(gentle, 1.0, slope)
    stretch = library.where(gentle, 1 - slope * slope / 3, library.arctan(steep) / steep)
    far = library.arctan2(turn, inward) / library.where(behind, curvature, 1.0)
    left = (2 * y - curvature * (x * x + y * y)) / (1 + library.hypot(turn, inward))
    return library.where(behind, far, x / near * stretch), left


def static_motion(now: Pose[Array], then: Pose[Array]) -> Pose[Array]:
    """Motion of what stands: the ego frame now within the ego frame of another moment, of egos at `now` and `then` in the world."""
    return then.inverse() @ now


def actor_motion(now: Pose[Array], then: Pose[Array]) -> Pose[Array]:
    """Motion of what is fixed to an actor: the ego frame now, carried along by the actor, within the ego frame then.

    The actor is at `now` in the ego frame now, and at `then` in that of the other moment.
    """
    return then @ now.inverse()


def reproject(
    camera: Pinhole[Array], u: Array, v: Array, nearness: Array, motion: Pose[Array], other: Pinhole[Array]
) -> tuple[Array, Array, Array]:
    """Where `other`, the camera of another moment, has what is here at u, v: right, down and forward of it, times `nearness`.

    `nearness` is 1 / depth along the axis of `camera` (1/m), 0 for the sky, which turns with the ego and comes no nearer.
    `motion` is that of `static_motion` or `actor_motion`.
    """
    x, y, z = camera.rays(u, v)
    x, y = motion.to_outer(x, y, nearness)
    return other.turned(x, y, z + (camera.height - other.height) * nearness)


def image_motion(
    camera: Pinhole[Array], u: Array, v: Array, nearness: Array, motion: Pose[Array]
) -> tuple[Array, Array]:
    """How far to the right and down in another picture (fractions of the frame) that is seen which is here at u, v.

    Both pictures are of one camera; the rest is as of `reproject`. It leads out of the picture where the point is behind the
    other camera.
    """
    right_now, down_now = camera.offsets(u, v)
    right, down, forward = reproject(camera, u, v, nearness, motion, camera)
    forward = _library(forward).clip(forward, LEAST_FORWARD, None)
    return (right / forward - right_now) * camera.focal, (down / forward - down_now) * (camera.focal * ASPECT)
