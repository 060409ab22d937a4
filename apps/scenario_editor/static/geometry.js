// The formulas of drivesim.scene (geometry, and the projection of boxes) in the browser, for what follows the mouse.
// tests/scenario_editor/test_geometry.py compares it with the Python modules on random cases.
//
// Ego frame: x forward, y left, z up, metres. Pixels: of the finished frame. Headings in degrees.

import { FRAME_HEIGHT as HEIGHT, FRAME_WIDTH as WIDTH, LEFT } from "./contract.js";

const ASPECT = WIDTH / HEIGHT, NEAR = 0.3;
const radians = (degrees) => (degrees * Math.PI) / 180;
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
export const wrap = (degrees) => ((((degrees + 180) % 360) + 360) % 360) - 180;

const sinc = (x) => (x === 0 ? 1 : Math.sin(x) / x);

// Road coordinates (ahead along the lane, left of its centre) to the ego frame [x, y], and back.
export function toPlane(road, ahead, left) {
  const turn = ahead * road.curvature, chord = sinc(turn / 2);
  return [ahead * sinc(turn) - left * Math.sin(turn), ((ahead * turn) / 2) * chord * chord + left * Math.cos(turn)];
}

export function fromPlane(road, [x, y]) {
  const bend = road.curvature, inward = 1 - bend * y, turn = bend * x, slope = turn / inward;
  const left = (2 * y - bend * (x * x + y * y)) / (1 + Math.hypot(turn, inward));
  if (inward <= 0) return [Math.atan2(turn, inward) / bend, left]; // more than a quarter turn on
  return [(x / inward) * (Math.abs(slope) < 1e-3 ? 1 - (slope * slope) / 3 : Math.atan(slope) / slope), left];
}

// A point of the road beside a line that is tabulated in the ego frame, `{ start, step, points: [x, y, heading] }`.
export function besideLine({ start, step, points }, ahead, left) {
  const place = clamp((ahead - start) / step, 0, points.length - 1.001), i = Math.floor(place), share = place - i;
  const [x, y, heading] = points[i].map((value, k) => value + share * (points[i + 1][k] - value));
  return [x - Math.sin(heading) * left, y + Math.cos(heading) * left];
}

export const roadHeading = (road, ahead) => (ahead * road.curvature * 180) / Math.PI;

// The lane edges, metres left of the centre of the ego's lane, from the left to the right.
export function laneEdges(road) {
  const edges = [];
  for (let lane = 1; lane <= road.lanes + 1; lane++) edges.push((road.ego_lane - lane + 0.5) * road.lane_width);
  return edges;
}

const focal = (camera) => 0.5 / Math.tan(radians(camera.field_of_view) / 2);

export const horizon = (camera) => HEIGHT * (0.5 + focal(camera) * ASPECT * Math.tan(radians(camera.pitch)));

// Ego-frame point to right, down, forward of the camera.
export function view(camera, [x, y, z]) {
  const c = Math.cos(radians(camera.pitch)), s = Math.sin(radians(camera.pitch)), up = z - camera.height;
  return [-y, s * x - c * up, c * x + s * up];
}

export function pixel(camera, [right, down, forward]) {
  const f = focal(camera);
  return [WIDTH * (0.5 + (f * right) / forward), HEIGHT * (0.5 + (f * ASPECT * down) / forward)];
}

// Where the ray of a pixel meets the flat ground [x, y]; null from the horizon up.
export function ground(camera, [px, py]) {
  const f = focal(camera), right = (px / WIDTH - 0.5) / f, down = (py / HEIGHT - 0.5) / (f * ASPECT);
  const c = Math.cos(radians(camera.pitch)), s = Math.sin(radians(camera.pitch)), up = s - c * down;
  if (up >= 0) return null;
  const depth = camera.height / Math.max(-up, 1e-6);
  return [(c + s * down) * depth, -right * depth];
}

// The vehicle's place in the ego frame: centre, yaw (rad) and size.
export function pose(road, vehicle, sizes) {
  const [x, y] = toPlane(road, vehicle.ahead, vehicle.left);
  return { x, y, yaw: radians(vehicle.heading + roadHeading(road, vehicle.ahead)), size: sizes[vehicle.kind] };
}

export function footprint({ x, y, yaw, size: [length, width] }) {
  const c = Math.cos(yaw), s = Math.sin(yaw);
  return [[0.5, 0.5], [0.5, -0.5], [-0.5, -0.5], [-0.5, 0.5]].map(([a, b]) => [
    x + c * a * length - s * b * width, y + s * a * length + c * b * width,
  ]);
}

// Sutherland-Hodgman: the part of a convex polygon on which sign * (point[axis] - limit) >= 0.
export function clip(points, axis, limit, sign = 1) {
  const kept = [], inside = (point) => sign * (point[axis] - limit) >= 0;
  points.forEach((point, i) => {
    const next = points[(i + 1) % points.length];
    if (inside(point)) kept.push(point);
    if (inside(point) !== inside(next)) {
      const share = (limit - point[axis]) / (next[axis] - point[axis]);
      kept.push(point.map((value, k) => value + share * (next[k] - value)));
    }
  });
  return kept;
}

const FRAME_SIDES = [[0, 0, 1], [0, WIDTH, -1], [1, 0, 1], [1, HEIGHT, -1]];
const clipFrame = (points) => FRAME_SIDES.reduce((kept, side) => clip(kept, ...side), points);

// The faces of the vehicle's cuboid as pixel polygons, clipped to what lies in front of the camera; the last one is the front.
export function faces(camera, place) {
  const foot = footprint(place), [, , height] = place.size;
  const low = foot.map(([x, y]) => view(camera, [x, y, 0]));
  const high = foot.map(([x, y]) => view(camera, [x, y, height]));
  const sides = [1, 2, 3, 0].map((i) => [low[i], low[(i + 1) % 4], high[(i + 1) % 4], high[i]]);
  return [low, high, ...sides].map((face) => clip(face, 2, NEAR).map((point) => pixel(camera, point)));
}

function around(points) {
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

// [x1, y1, x2, y2] of the whole vehicle, not cut to the frame; null behind the camera.
export function bounds(camera, place) {
  const points = faces(camera, place).flat();
  return points.length ? around(points) : null;
}

// The pixel box of a vehicle in the frame; null out of view.
export function boxOf(scene, vehicle, sizes) {
  if (vehicle.box) return vehicle.box;
  const points = faces(scene.camera, pose(scene.road, vehicle, sizes)).flatMap(clipFrame);
  if (!points.length) return null;
  const box = around(points);
  return box[2] > box[0] && box[3] > box[1] ? box : null;
}

// Where a pixel box stands in the ego frame: its bottom edge touches the ground at the vehicle's near face.
export function standing(camera, vehicle, sizes) {
  const [x1, , x2, y2] = vehicle.box, spot = ground(camera, [(x1 + x2) / 2, y2]);
  if (!spot || Math.hypot(...spot) > 300) return null;
  const yaw = radians(vehicle.heading), size = sizes[vehicle.kind];
  const depth = (Math.abs(Math.cos(yaw)) * size[0] + Math.abs(Math.sin(yaw)) * size[1]) / 2, far = Math.hypot(...spot);
  return { x: spot[0] * (1 + depth / far), y: spot[1] * (1 + depth / far), yaw, size };
}

// A pixel box after its vehicle was moved over the ground from `place` to the plane point `spot`: it grows as it comes nearer.
export function carried(camera, box, place, spot) {
  const before = view(camera, [place.x, place.y, 0]), after = view(camera, [spot[0], spot[1], 0]);
  if (after[2] < 2 || before[2] < 0.5) return box;
  const scale = before[2] / after[2], from = pixel(camera, before), to = pixel(camera, after);
  return [0, 1, 2, 3].map((i) => to[i % 2] + scale * (box[i] - from[i % 2]));
}

// A placed vehicle moved in the picture by so many pixels: its point on the ground follows the mouse.
export function dragged(scene, vehicle, [dx, dy], sizes) {
  const { road, camera } = scene, [x, y] = toPlane(road, vehicle.ahead, vehicle.left);
  const seen = view(camera, [x, y, 0]);
  let anchor = [x, y];
  if (seen[2] < 2) {
    anchor = footprint(pose(road, vehicle, sizes)).reduce((a, b) => (b[0] > a[0] ? b : a));
    if (view(camera, [...anchor, 0])[2] < NEAR) return vehicle;
  }
  const from = pixel(camera, view(camera, [...anchor, 0]));
  const lowest = horizon(camera) + 2.5;
  const to = ground(camera, [from[0] + dx, Math.max(from[1] + dy, lowest)]);
  if (!to) return vehicle;
  const [a0, l0] = fromPlane(road, anchor), [a1, l1] = fromPlane(road, to);
  return { ...vehicle, ahead: clamp(vehicle.ahead + a1 - a0, -20, 150), left: clamp(vehicle.left + l1 - l0, ...LEFT) };
}

// The distance at which the vehicle's box is `height` px high; it stays in its column of the picture.
export function sized(scene, vehicle, height, sizes) {
  const { road, camera } = scene, from = toPlane(road, vehicle.ahead, vehicle.left), slope = from[1] / Math.max(from[0], 1);
  const at = (x) => {
    const [ahead, left] = fromPlane(road, [x, slope * x]);
    return { ...vehicle, ahead, left: clamp(left, ...LEFT) };
  };
  let near = 3, far = 150;
  for (let i = 0; i < 40; i++) {
    const middle = (near + far) / 2, box = bounds(camera, pose(road, at(middle), sizes));
    if (!box || box[3] - box[1] > height) near = middle;
    else far = middle;
  }
  return at((near + far) / 2);
}
