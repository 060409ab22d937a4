"""Vehicle meshes: true to size, planar and convex, right lamps on the right ends, details on top of their hosts."""

import cv2
import numpy as np
import pytest

from drivesim.scene.camera import Camera
from drivesim.scene.vehicles import KINDS, SIZES, Kind
from drivesim.traffic.paint import body_generator, paint_of, srgb
from drivesim.world.render.mesh import MATERIALS, Mesh
from drivesim.world.vehicles.bodies import vehicle_mesh

SEEDS = range(12)


def normals(mesh: Mesh) -> np.ndarray:
    v = mesh.vertices.astype(np.float64)
    normal = np.cross(v, np.roll(v, -1, axis=1)).sum(axis=1)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def painted(mesh: Mesh, camera: Camera, height: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Id image (0 nothing, 1 + polygon), indices of facing polygons, and the pixels each would cover alone [n]."""
    eye = np.array([0, 0, camera.height])
    facing = ((eye - mesh.vertices[:, 0]) * normals(mesh)).sum(axis=1) > 0
    reach = np.linalg.norm(mesh.vertices - eye, axis=2).max(axis=1)
    ids, alone = np.zeros((height, 2 * height), np.int32), np.zeros(len(mesh), int)
    for i in np.argsort(-reach, kind="stable"):
        if not facing[i]:
            continue
        points, _ = camera.project(mesh.vertices[i])
        corners = np.round(points * [2 * height, height] * 16).astype(np.int32)
        single = np.zeros_like(ids)
        cv2.fillConvexPoly(single, corners, 1, shift=4)
        alone[i] = int(single.sum())
        cv2.fillConvexPoly(ids, corners, int(i) + 1, shift=4)
    return ids, np.flatnonzero(facing), alone


def names(mesh: Mesh, index: np.ndarray) -> set[str]:
    return {MATERIALS[m] for m in mesh.material[index]}


@pytest.mark.parametrize("kind", KINDS)
def test_mesh_has_the_size_of_its_kind(kind: Kind) -> None:
    for seed in SEEDS:
        mesh = vehicle_mesh(kind, np.random.default_rng(seed))
        low, high = mesh.vertices.min(axis=(0, 1)), mesh.vertices.max(axis=(0, 1))
        length, width, height = SIZES[kind]
        np.testing.assert_allclose(low, [-length / 2, -width / 2, 0], atol=0.03)
        np.testing.assert_allclose(high, [length / 2, width / 2, height], atol=0.03)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("detail", ["near", "far"])
def test_polygons_are_planar_and_convex(kind: Kind, detail: str) -> None:
    for seed in SEEDS:
        mesh = vehicle_mesh(kind, np.random.default_rng(seed), detail)
        v, normal = mesh.vertices.astype(np.float64), normals(mesh)
        off = ((v - v[:, :1]) * normal[:, None]).sum(axis=2)
        assert np.abs(off).max() < 0.01
        edge = np.roll(v, -1, axis=1) - v
        for i in range(len(mesh)):
            turn = np.cross(edge[i][:, None], v[i][None] - v[i][:, None]) @ normal[i]
            assert turn.min() > -2e-3  # every vertex lies left of every edge


def test_the_same_generator_state_gives_the_same_vehicle() -> None:
    for kind in KINDS:
        one, two = (vehicle_mesh(kind, np.random.default_rng(5)) for _ in range(2))
        np.testing.assert_array_equal(one.vertices, two.vertices)
        np.testing.assert_array_equal(one.albedo, two.albedo)
        far = vehicle_mesh(kind, np.random.default_rng(5), "far")
        assert len(far) < 0.9 * len(one)
        whole = {row.tobytes() for row in one.vertices}
        assert all(row.tobytes() in whole for row in far.vertices)


@pytest.mark.parametrize("kind", KINDS)
def test_lamps_are_on_their_ends(kind: Kind) -> None:
    camera = Camera(1.4, 0.0, 40.0)
    for seed in SEEDS:
        mesh = vehicle_mesh(kind, np.random.default_rng(seed))
        for yaw, present, absent in ((0.0, {"tail_lamp", "brake_lamp", "plate", "indicator"}, "headlamp"),
                                     (np.pi, {"headlamp", "plate", "indicator", "glass"}, "tail_lamp")):  # fmt: skip
            there = mesh.moved(22.0, 0.0, 0.0, yaw)
            ids, _, _ = painted(there, camera)
            seen = names(there, np.unique(ids)[1:] - 1)
            assert present <= seen and absent not in seen
        lamps = np.flatnonzero(mesh.material == MATERIALS.index("indicator"))
        side = np.sign(mesh.vertices[lamps].mean(axis=1)[:, 1])
        assert (side > 0).any() and (side < 0).any()


@pytest.mark.parametrize("kind", KINDS)
def test_details_are_not_hidden_by_what_they_lie_on(kind: Kind) -> None:
    for seed in range(4):
        mesh = vehicle_mesh(kind, np.random.default_rng(seed))
        for yaw in (0.0, 0.35, -0.35, 2.8, np.pi):
            there = mesh.moved(15.0, 0.0, 0.0, yaw)
            ids, facing, alone = painted(there, Camera(1.4, 0.0, 45.0))
            for i in facing:
                if MATERIALS[there.material[i]] in ("tail_lamp", "brake_lamp", "headlamp", "plate") and alone[i] > 60:
                    assert (ids == i + 1).sum() > 0.5 * alone[i], (seed, yaw, i, MATERIALS[there.material[i]])


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_the_mesh_wears_the_paint(kind: int) -> None:
    for variant in range(12):
        mesh = vehicle_mesh(KINDS[kind], body_generator(kind, variant))
        painted = mesh.albedo[mesh.material == MATERIALS.index("paint")]
        colours, counts = np.unique(painted, axis=0, return_counts=True)
        shown = np.array([srgb(tuple(colour)) for colour in colours])
        assert np.abs(shown - paint_of(kind, variant)).max(axis=1).min() < 1e-5
        if KINDS[kind] in ("sedan", "hatchback", "suv", "van"):
            assert np.abs(shown[counts.argmax()] - paint_of(kind, variant)).max() < 1e-5
