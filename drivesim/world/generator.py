"""Random driving worlds and the clips seen in them. A world and a time give one geometry, at any frame rate and resolution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from drivesim.roadside.cross_section import CrossSection
from drivesim.roadside.roadside import Roadside
from drivesim.roadside.style import Style
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.clip import Clip, ClipLabels, EgoMotion, EgoPose, RoadsideKey, TimeOfDay, crowdedness_of
from drivesim.scene.road import MAX_CURVATURE, Road, Setting
from drivesim.traffic.paint import paints
from drivesim.traffic.sampling import sample_traffic
from drivesim.traffic.simulation import STEP, Snapshot, advance, continued, snapshots
from drivesim.traffic.state import Traffic
from drivesim.traffic.vehicle_lamps import lamps
from drivesim.video_format import NETWORK_HEIGHT, NETWORK_WIDTH
from drivesim.world.ground.surface import sample_surface
from drivesim.world.light.lighting import sample_lighting
from drivesim.world.light.sky import sample_backdrop
from drivesim.world.render.renderer import render
from drivesim.world.render.sensor import develop
from drivesim.world.roadside.scenery import Scenery
from drivesim.world.state import Moment, Surroundings
from drivesim.world.vehicles.fleet import fleet

WORLD_VERSION = 1
SUPERSAMPLING = 2  # samples a pixel and axis, of polygons and vegetation
_SETTINGS: dict[Setting, float] = {"highway": 0.35, "city": 0.25, "residential": 0.2, "rural": 0.2}
_LANES: dict[Setting, tuple[float, ...]] = {  # odds of 1 to 5 lanes
    "highway": (0.0, 0.3, 0.35, 0.25, 0.1),
    "city": (0.35, 0.4, 0.2, 0.05, 0.0),
    "residential": (0.95, 0.05, 0.0, 0.0, 0.0),
    "rural": (0.85, 0.15, 0.0, 0.0, 0.0),
}
_FULLNESS: dict[Setting, tuple[float, float]] = {
    "highway": (0.05, 1.0),
    "city": (0.05, 0.8),
    "residential": (0.0, 0.45),
    "rural": (0.0, 0.5),
}


@dataclass
class World:
    """A world at a moment. `surroundings` is what stands still, `traffic` what moves; `time` (s) runs from 0 at the first frame.

    Rendering never changes a world: it advances a copy.
    """

    seed: int
    time_of_day: TimeOfDay
    road: Road
    camera: Camera
    surroundings: Surroundings
    traffic: Traffic
    time: float = 0.0
    source: str = ""

    def continued(self, seed: int) -> World:
        """The same state, from which ego and traffic decide anew with `seed`; this world is not changed."""
        return replace(self, traffic=continued(self.traffic, seed), source=f"{self.source}, continued {seed}")

    def after(self, seconds: float) -> World:
        """This world `seconds` later, advanced in steps of STEP; this world is not changed."""
        traffic = self.traffic.copy()
        steps = round(seconds / STEP)
        for _ in range(steps):
            advance(traffic, STEP)
        return replace(self, traffic=traffic, time=self.time + steps * STEP)


def sample_world(
    seed: int,
    time_of_day: TimeOfDay | None = None,
    setting: Setting | None = None,
    lanes: int | None = None,
    ego_lane: int | None = None,
    curvature: float | None = None,
    camera: Camera | None = None,
) -> World:
    """A random world; what is given is kept, the rest is drawn from `seed` (the same draws whatever is given)."""
    rng = np.random.default_rng([seed, 1])
    drawn_time: TimeOfDay = "night" if rng.random() < 0.4 else "day"
    drawn_setting = list(_SETTINGS)[int(rng.choice(4, p=list(_SETTINGS.values())))]
    time_of_day, setting = time_of_day or drawn_time, setting or drawn_setting
    drawn_lanes = 1 + int(rng.choice(5, p=_LANES[setting]))
    lanes = lanes or drawn_lanes
    drawn_lane = 1 + int(rng.random() * lanes)
    drawn_camera = Camera(
        float(rng.uniform(1.2, 2.2)) if rng.random() < 0.5 else float(rng.uniform(1.2, 1.6)),
        float(np.clip(rng.normal(0, 1.6), -4, 4)),
        float(rng.uniform(50, 80)),
    )
    typical = {"highway": 0.0009, "city": 0.001, "residential": 0.004, "rural": 0.0035}[setting]
    wide = rng.random() < 0.08
    drawn_bend = float(
        np.clip(rng.normal(0, typical * (4.0 if wide else 1.0)) * (rng.random() < 0.7), -MAX_CURVATURE, MAX_CURVATURE)
    )
    road = Road(setting, lanes, min(ego_lane or drawn_lane, lanes), drawn_bend if curvature is None else curvature)
    lighting = sample_lighting(np.random.default_rng([seed, 3]), time_of_day == "night", setting)
    lamp_posts = Style.of(seed).has_lamp_posts(setting, lighting.night, lighting.street_lamps > 0)
    roadside = Roadside.of(seed, road, lamp_posts)
    surface = sample_surface(roadside.section, setting, lighting, np.random.default_rng([seed, 4]))
    backdrop = sample_backdrop(np.random.default_rng([seed, 5]), setting, lighting)
    surroundings = Surroundings(roadside, lighting, surface, backdrop, Scenery(roadside, lighting))
    traffic = _sample_traffic(road, roadside.section, np.random.default_rng([seed, 6]))
    source = f"world {WORLD_VERSION}, seed {seed}"
    return World(seed, time_of_day, road, camera or drawn_camera, surroundings, traffic, source=source)


def _sample_traffic(road: Road, section: CrossSection, rng: np.random.Generator) -> Traffic:
    low, high = _FULLNESS[road.setting]
    offsets = tuple(
        d
        for d, wide in (
            (section.edge_right + 1.15, section.parking_right),
            (section.edge_left - 1.15, section.parking_left),
        )
        if wide
    )
    visible = section.near < 30
    return sample_traffic(
        road,
        rng,
        float(rng.uniform(low, high)),
        section.oncoming_lanes if visible else 0,
        section.near + section.lane_width / 2,
        bool(offsets),
        offsets,
    )


def generate_clip(
    seed: int,
    frames: int,
    fps: float,
    height: int = NETWORK_HEIGHT,
    width: int = NETWORK_WIDTH,
    time_of_day: TimeOfDay | None = None,
    setting: Setting | None = None,
    noise: bool = True,
    depth: bool = False,
) -> Clip:
    """A random world of `seed` seen for frames / fps seconds."""
    return render_clip(sample_world(seed, time_of_day, setting), frames, fps, height, width, noise, depth)


def render_clip(
    world: World, frames: int, fps: float, height: int, width: int, noise: bool = True, depth: bool = False
) -> Clip:
    """`frames` pictures of a world from its present time on; `depth` adds depth maps (m, inf is sky)."""
    pictures, depths, labels = np.empty((frames, height, width, 3), np.uint8), [], []
    motion, poses = [], []
    for k, (moment, ego) in enumerate(moments(world, frames, fps)):
        rendered = render(world.surroundings, moment, height, width, SUPERSAMPLING)
        seeds = (world.seed, round(moment.time * 3000), 9) if noise else None
        pictures[k] = develop(rendered.radiance, world.surroundings.lighting, seeds)
        labels.append(rendered.boxes)
        motion.append(ego)
        poses.append((*moment.pose, moment.camera.height, moment.camera.pitch))
        if depth:
            depths.append(rendered.depth.astype(np.float16))
    known = _labels(world, fps, tuple(labels), np.array(motion), np.array(poses))
    return Clip(pictures, known, np.stack(depths) if depth else None)


def _labels(world: World, fps: float, boxes: tuple[Boxes, ...], motion: np.ndarray, poses: np.ndarray) -> ClipLabels:
    """All that is known of f frames; `motion` [f 4] and `poses` [f 5] are the fields of EgoMotion and EgoPose."""
    ego = EgoMotion(*motion.reshape(-1, 4).T.astype(np.float32))
    return ClipLabels(
        fps=fps,
        time_of_day=world.time_of_day,
        road=replace(world.road, curvature=float(ego.curvature[0])),
        camera=world.camera,
        boxes=boxes,
        crowdedness=crowdedness_of(boxes),
        ego=ego,
        source=world.source,
        pose=EgoPose(*poses.reshape(-1, 5).T),
        roadside=RoadsideKey(world.seed, world.road.curvature, world.surroundings.roadside.lamp_posts),
    )


def moments(world: World, frames: int, fps: float) -> Iterator[tuple[Moment, tuple[float, ...]]]:
    """The world at the time of each frame, and the ego's motion then, in the order of EgoMotion."""
    for k, snapshot in enumerate(snapshots(world.traffic, frames, fps)):
        yield _moment(world, snapshot, world.time + k / fps)


def _moment(world: World, now: Snapshot, time: float) -> tuple[Moment, tuple[float, ...]]:
    s, d, speed, heading = now.s, now.d, now.speed, now.heading
    alignment = world.surroundings.roadside.alignment
    x, y, along = (float(v) for v in alignment.to_world(s[0], d[0]))
    curvature = float(alignment.at(np.array([s[0]]))[0])
    sway = 0.004 * np.sin(0.31 * time + world.seed % 7) * min(speed[0] / 8.0, 1.0)
    pose = (x, y, along + heading[0] + sway)
    camera = _bounced(world, time, float(speed[0]), float(now.accel[0]))
    present = np.flatnonzero((s[1:] - s[0] > -40) & (s[1:] - s[0] < 330)) + 1
    vx, vy, road_heading = alignment.to_world(s[present], d[present])
    c, n = np.cos(pose[2]), np.sin(pose[2])
    dx, dy = vx - pose[0], vy - pose[1]
    place = np.stack([dx * c + dy * n, -dx * n + dy * c], axis=1)
    yaw = road_heading + heading[present] - pose[2]
    reach = place[:, 0] * np.float64(0.5 / camera.focal)
    on = (np.abs(place[:, 1]) < np.maximum(reach, 0) + 14) & (place[:, 0] > -14)
    present, place, yaw = present[on], place[on], yaw[on]
    track, kind, parked, night = (
        now.track[present],
        now.kind[present],
        now.parked[present],
        world.time_of_day == "night",
    )
    lit = lamps(track, now.braking[present], now.indicator[present], parked, night, time)
    vehicles = fleet(world.seed, track, kind, place, yaw, night & ~parked, lit)
    moment = Moment(
        time,
        pose,
        float(s[0]),
        camera,
        vehicles,
        track,
        kind,
        s[present],
        d[present],
        heading[present],
        yaw,
        place,
        now.braking[present],
        parked,
        paints(world.seed, kind, track),
        lit.bits,
    )
    return moment, (float(speed[0]), float(speed[0]) * curvature, curvature, float(s[0]))


def _bounced(world: World, time: float, speed: float, accel: float) -> Camera:
    """The camera with the body's pitch under braking and the road's bumps."""
    phase, strength = (world.seed % 1000) * 0.7, min(speed / 15.0, 1.2)
    bumps = np.sin(9.1 * time + phase) + 0.7 * np.sin(5.3 * time + 2 * phase) + 0.5 * np.sin(14.7 * time + 3 * phase)
    nod = 0.05 * strength * bumps - 0.12 * float(np.clip(accel, -4, 3)) * -1.0
    height = world.camera.height + 0.006 * strength * np.sin(6.7 * time + phase)
    return Camera(height, world.camera.pitch + float(nod), world.camera.field_of_view)
