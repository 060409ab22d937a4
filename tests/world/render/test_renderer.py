"""Visibility, order and labels on scenes whose answer is known."""

import numpy as np

from drivesim.roadside.alignment import Alignment, locate
from drivesim.scene.boxes import project_cuboids
from drivesim.scene.camera import Camera
from drivesim.scene.classes import SceneClass
from drivesim.world.generator import moments, sample_world
from drivesim.world.ground.view import ground_view
from drivesim.world.render.geometry import assemble, footprint_of
from drivesim.world.render.painter_order import painter_order
from drivesim.world.render.raster import rasterize
from drivesim.world.render.renderer import render
from drivesim.world.roadside.solid_parts import box


def block(x: float, y: float, length: float = 4.0, width: float = 2.0, height: float = 1.5) -> tuple:
    mesh = box((x - length / 2, y - width / 2, 0), (x + length / 2, y + width / 2, height), "matte", (0.5, 0.5, 0.5))
    return mesh, footprint_of(mesh)


def test_nearer_object_hides_the_farther() -> None:
    camera = Camera(1.4, 0.0, 60.0)
    far, near = block(30, 0), block(12, 0, height=3.0)
    for parts, hidden in (((far, near), 0), ((near, far), 1)):
        scene = assemble([p[0] for p in parts], [SceneClass.BUILDING] * 2, [p[1] for p in parts], [])
        visibility = rasterize(scene, camera, 128, 256, range(2))
        first, last = visibility.runs[hidden]
        assert visibility.silhouette[hidden] > 0
        assert not ((visibility.ids >= first) & (visibility.ids <= last)).any()


def test_long_wall_stays_behind_the_car_beside_it() -> None:
    """By distance of the centres the wall would be drawn over the car."""
    car, wall = block(18, 4.0, 11.5, 2.6)[1], block(14, 8.0, 20, 0.4)[1]
    order = painter_order(np.stack([car, wall]))
    assert order.index(1) < order.index(0)


def test_box_is_the_projection_of_the_block() -> None:
    camera = Camera(1.5, -2.0, 70.0)
    mesh, footprint = block(15, 2)
    visibility = rasterize(assemble([mesh], [SceneClass.BUILDING], [footprint], []), camera, 256, 512, range(1))
    expected, _ = project_cuboids(camera, np.array([[15, 2, 0.75, 4, 2, 1.5, 0]]))
    assert np.allclose(visibility.bounds[0], expected[0], atol=1e-4)
    rows, columns = np.nonzero(visibility.ids)
    seen = np.array([columns.min() / 512, rows.min() / 256, (columns.max() + 1) / 512, (rows.max() + 1) / 256])
    assert np.abs(seen - expected[0]).max() < 2.5 / 256
    assert visibility.silhouette[0] == (visibility.ids > 0).sum()


def test_labels_agree_with_the_id_buffer() -> None:
    labelled = 0
    for seed in range(6):
        world = sample_world(seed, "day")
        moment, _ = next(iter(moments(world, 1, 1.0)))
        rendered = render(world.surroundings, moment, 128, 256, 2)
        for i, track in enumerate(rendered.boxes.track):
            first, last = rendered.visibility.runs[int(np.flatnonzero(moment.track == track)[0])]
            rows, columns = np.nonzero((rendered.visibility.ids >= first) & (rendered.visibility.ids <= last))
            x1, y1, x2, y2 = rendered.boxes.box[i] * [512, 256, 512, 256]
            assert columns.min() >= x1 - 2 and columns.max() <= x2 + 2 and rows.min() >= y1 - 2 and rows.max() <= y2 + 2
            if rendered.boxes.visible[i] == 1.0 and len(rows) > 200:
                assert abs(columns.min() - x1) < 3 and abs(columns.max() + 1 - x2) < 3
                assert abs(rows.min() - y1) < 3 and abs(rows.max() + 1 - y2) < 3
            labelled += 1
    assert labelled > 15


def test_vehicle_depth_is_that_of_its_cuboid() -> None:
    world = sample_world(0, "day", "highway")
    moment, _ = next(iter(moments(world, 1, 1.0)))
    rendered = render(world.surroundings, moment, 128, 256, 2)
    for i, (cuboid, visible) in enumerate(zip(rendered.boxes.cuboid, rendered.boxes.visible, strict=True)):
        x1, y1, x2, y2 = rendered.boxes.box[i]
        if visible > 0.95 and y2 - y1 > 0.1 and cuboid[0] > 6:
            middle = rendered.depth[int((y1 * 0.4 + y2 * 0.6) * 128), int((x1 + x2) / 2 * 256)]
            assert abs(middle - cuboid[0]) < 0.75 * cuboid[3]


def test_road_coordinates_invert() -> None:
    for curvature in (0.0, 0.004, -0.012):
        alignment = Alignment(5, "rural", curvature)
        pose = tuple(float(v) for v in alignment.to_world(30.0, 0.0))
        s, d = np.meshgrid([5.0, 20.0, 45.0], [-9.0, 0.0, 6.0], indexing="ij")
        x, y, _ = alignment.to_world(30.0 + s, d)
        c, n = np.cos(pose[2]), np.sin(pose[2])
        ego_x, ego_y = (x - pose[0]) * c + (y - pose[1]) * n, -(x - pose[0]) * n + (y - pose[1]) * c
        for i in range(3):
            for j in range(3):
                found = locate(
                    alignment,
                    30.0,
                    pose,
                    ego_x[i, j : j + 1].astype(np.float32),
                    ego_y[i, j : j + 1, None].astype(np.float32),
                    300.0,
                )
                assert abs(found[0][0, 0] - s[i, j]) < 0.15 and abs(found[1][0, 0] - d[i, j]) < 0.05


def test_ground_meets_the_camera_model() -> None:
    world = sample_world(1, "day", "highway", curvature=0.0)
    moment, _ = next(iter(moments(world, 1, 1.0)))
    top = int(np.ceil(moment.camera.horizon * 128)) + 4
    view, depth = ground_view(world.surroundings, moment, top, 128, 256)
    point = np.array([view.x[-10], view.y[-10, 40], 0.0])
    spot, far = moment.camera.project(point)
    assert np.allclose(spot * [256, 128], [40.5, 118.5], atol=0.05)
    assert abs(far - depth[-10]) < 0.02
