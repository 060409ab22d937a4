"""The layout's raster and flow beside what the renderer shows of the same moments of held-out worlds."""

from __future__ import annotations

import numpy as np

from drivesim.config import Say
from drivesim.dataset.progress_line import ProgressLine
from drivesim.evaluation.held_out import HELD_OUT_SEED
from drivesim.layout.flow import flow
from drivesim.layout.raster import layout_maps
from drivesim.layout.scene_at import SceneAt, Vehicles
from drivesim.metrics.layout_agreement import LayoutComparison, RenderedMaps, compare_frame
from drivesim.scene.geometry import Pose, pixel_centres
from drivesim.scene.vehicles import SIZE_TABLE
from drivesim.seeds import stream_seed
from drivesim.video_format import FRAME_RATES, NETWORK_HEIGHT, NETWORK_WIDTH
from drivesim.world.generator import SUPERSAMPLING, World, moments, sample_world
from drivesim.world.render.renderer import render
from drivesim.world.state import Moment

_SAME_DEPTH = 0.03  # by which a point may be off the depth that is seen at its place, and is still what is seen there
_NEAREST = 1.0  # m of depth; what is nearer in the other frame is not compared


def measure_layout(count: int, seed: int = HELD_OUT_SEED, say: Say | None = None) -> list[LayoutComparison]:
    """One frame of each of `count` held-out worlds, those of held_out_pairs; its flow leads to the key frame before."""
    line = ProgressLine("layout beside renders, world", 0, count, say)
    frames = []
    for k in range(count):
        frames.append(world_agreement(sample_world(stream_seed(seed, "clip", k))))
        line(k + 1)
    return frames


def world_agreement(world: World, fps: float = FRAME_RATES[0]) -> LayoutComparison:
    """The second of two frames of a world, at the networks' size."""
    (before, _), (now, _) = moments(world, 2, fps)
    scenes = [scene_of(world, moment) for moment in (now, before)]
    maps = [layout_maps(scene, NETWORK_HEIGHT, NETWORK_WIDTH) for scene in scenes]
    rendered = [rendered_maps(world, moment, NETWORK_HEIGHT, NETWORK_WIDTH) for moment in (now, before)]
    drawn = flow(scenes[0], maps[0], scenes[1], maps[1])
    right, down, visible = true_flow(now, rendered[0], before, rendered[1])
    error = np.where(visible & drawn.seen, np.hypot(drawn.right - right, drawn.down - down), np.nan)
    return compare_frame(maps[0], rendered[0], error)


def scene_of(world: World, moment: Moment) -> SceneAt:
    """The layout's scene of a moment of a world, all of its vehicles in it."""
    sizes = SIZE_TABLE[moment.kind]
    cuboid = np.concatenate([moment.place, sizes[:, 2:] / 2, sizes, moment.yaw[:, None]], axis=1)
    vehicles = Vehicles(moment.track, moment.kind, cuboid, moment.paint, moment.lamps)
    pose = Pose(*map(np.asarray, moment.pose))
    return SceneAt.beside(world.surroundings.roadside, moment.s, pose, moment.camera, vehicles)


def rendered_maps(world: World, moment: Moment, height: int, width: int) -> RenderedMaps:
    """Class, track and depth of every pixel [height width] of a moment, as the renderer has them."""
    rendered = render(world.surroundings, moment, height, width, SUPERSAMPLING, ids=True)
    assert rendered.ids is not None
    return RenderedMaps(rendered.ids.scene_class, rendered.ids.track, rendered.depth)


def true_flow(
    now: Moment, here: RenderedMaps, other: Moment, there: RenderedMaps
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far to the right and down (px) [h w] what each pixel of `here` shows is in `there`, and whether it is seen there.

    The renderer's point is followed by the world's own poses and vehicles, in float64; the sky is not compared.
    """
    height, width = here.depth.shape
    u, v = pixel_centres(height, width, here.depth)
    depth = np.where(np.isfinite(here.depth), here.depth, 1.0).astype(np.float64)
    x, y, z = (ray * depth for ray in now.camera.pinhole.rays(u, v))
    ego, ego_then = (Pose(*map(np.asarray, moment.pose)) for moment in (now, other))
    x_then, y_then = ego_then.inverse().to_outer(*ego.to_outer(x, y))
    known = np.isfinite(here.depth)
    for track in np.unique(here.track[here.track >= 0]):
        shown, there_too = here.track == track, track in other.track
        known &= ~shown | there_too
        if there_too:
            own = _vehicle_pose(now, track).inverse().to_outer(x[shown], y[shown])
            x_then[shown], y_then[shown] = _vehicle_pose(other, track).to_outer(*own)
    points = np.stack([x_then, y_then, z + now.camera.height], axis=-1)
    place, far = other.camera.project(points)
    column, row = place[..., 0] * width, place[..., 1] * height  # 0.5 is the first pixel's centre
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height) & (far > _NEAREST)
    at = np.clip(row, 0, height - 1).astype(np.int64), np.clip(column, 0, width - 1).astype(np.int64)
    same = (np.abs(there.depth[at] - far) < _SAME_DEPTH * far) & (there.track[at] == here.track)
    return column - u * width, row - v * height, known & inside & same


def _vehicle_pose(moment: Moment, track: int) -> Pose[np.ndarray]:
    """Where a vehicle is in the ego frame."""
    row = np.flatnonzero(moment.track == track)[0]
    return Pose(moment.place[row, 0], moment.place[row, 1], moment.yaw[row])
