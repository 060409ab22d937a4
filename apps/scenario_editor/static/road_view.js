// The road from above, in metres, ahead is up: vehicles are dragged along the lanes and turned.

import { AHEAD, LEFT } from "./contract.js";
import { h, refill, s } from "./dom.js";
import {
  besideLine, carried, clamp, footprint, fromPlane, laneEdges, pose, roadHeading, standing, toPlane, wrap,
} from "./geometry.js";
import { follow } from "./frame_view.js";
import { act, changed, moment, put, scene, select, state, vehicles } from "./store.js";

const BEHIND = 9, SNAP = 0.35, STRAIGHT = 4; // m shown behind the camera; m to a lane's centre; degrees to a right angle

export function roadView() {
  const layer = s("g"), drawing = s("svg", {
    class: "ds-road", tabindex: "0", role: "application",
    "aria-label": "The road from above. Tab selects, arrow keys move, [ and ] turn, Delete removes.",
    onpointerdown: (event) => begin(event, drawing, map),
    onwheel: (event) => {
      event.preventDefault();
      range = clamp(range * Math.exp(event.deltaY * 0.001), 30, 220);
      changed();
    },
  }, layer);
  let range = 90, size = [200, 600];
  const scale = () => size[1] / (range + BEHIND);
  // Ego-frame metres to pixels of the drawing, and back.
  const map = {
    to: ([x, y]) => [size[0] / 2 - y * scale(), size[1] - (x + BEHIND) * scale()],
    from: ([px, py]) => [(size[1] - py) / scale() - BEHIND, (size[0] / 2 - px) / scale()],
    scale,
  };
  new ResizeObserver(([entry]) => {
    size = [entry.contentRect.width, entry.contentRect.height];
    drawing.setAttribute("viewBox", `0 0 ${size[0]} ${size[1]}`);
    changed();
  }).observe(drawing);
  const update = () => {
    const drawn = scene(), now = moment();
    drawing.classList.toggle("placing", state.tool !== null);
    refill(layer, [drawn, vehicles(), state.selected, size, range, now], () =>
      drawn && size[0] ? [...roadway(drawn, map, size, range, now), ...(now ? movingCars(now, map) : cars(drawn, map))] : []);
  };
  return { element: h("div", { class: "ds-road-box" }, drawing), update };
}

const path = (map, list) => list.map((point) => map.to(point).map((v) => v.toFixed(1)).join(",")).join(" ");

function roadway({ road, camera }, map, size, range, now) {
  const place = (ahead, left) => (now ? besideLine(now.line, ahead, left) : toPlane(road, ahead, left));
  const reach = Math.min(range + 40, 1.4 / Math.max(Math.abs(road.curvature), 1e-6));
  const aheads = Array.from({ length: 60 }, (_, i) => -BEHIND + ((reach + BEHIND) * i) / 59);
  const line = (left, from = aheads) => from.map((ahead) => place(ahead, left));
  const edges = laneEdges(road), outer = [edges[0], edges.at(-1)], w = road.lane_width;
  const items = [
    s("polygon", { points: path(map, [...line(outer[0]), ...line(outer[1]).reverse()]), class: "asphalt" }),
    s("polygon", { points: path(map, [...line(w / 2), ...line(-w / 2).reverse()]), class: "own" }),
  ];
  const half = Math.tan(((camera.field_of_view / 2) * Math.PI) / 180);
  items.push(s("polygon", { points: path(map, [[0, 0], [range + 40, half * (range + 40)], [range + 40, -half * (range + 40)]]), class: "view" }));
  const step = range > 120 ? 20 : 10;
  for (let ahead = 0; ahead <= range; ahead += step) {
    const [, y] = map.to([ahead, 0]);
    items.push(s("line", { x1: 0, x2: size[0], y1: y, y2: y, class: "grid" }));
    items.push(s("text", { x: 5, y: y - 3, class: "metre" }, ahead ? `${ahead}` : "0 m"));
  }
  for (const left of outer) items.push(s("polyline", { points: path(map, line(left)), class: "mark" }));
  for (const left of edges.slice(1, -1))
    items.push(s("polyline", { points: path(map, line(left)), class: "mark", "stroke-dasharray": `${3 * map.scale()} ${6 * map.scale()}`,
      "stroke-dashoffset": now ? (now.ego[0] % 9) * map.scale() : null }));
  const [length, width] = [4.7, 1.82], x = -0.65; // EGO_CUBOID of drivesim.scenario.rules_of_placement
  const ego = [[x + length / 2, width / 2], [x + length / 2, -width / 2], [x - length / 2, -width / 2], [x - length / 2, width / 2]];
  items.push(s("polygon", { points: path(map, ego), class: "ego" }));
  const [ex, ey] = map.to([x, 0]);
  items.push(s("text", { x: ex, y: ey + 3, class: "ego-text" }, "ego"));
  return items;
}

const placeOf = (drawn, vehicle) =>
  vehicle.box ? standing(drawn.camera, vehicle, state.facts.sizes) : pose(drawn.road, vehicle, state.facts.sizes);

function cars(drawn, map) {
  const rows = vehicles().map((vehicle, i) => ({ vehicle, i, place: placeOf(drawn, vehicle) }));
  rows.sort((a, b) => (a.i === state.selected) - (b.i === state.selected));
  return rows.filter((row) => row.place).map(({ vehicle, i, place }) => {
    const chosen = i === state.selected, foot = footprint(place), [cx, cy] = map.to([place.x, place.y]);
    const parts = [
      s("polygon", { points: path(map, foot), class: "area" }),
      s("polygon", { points: path(map, noseOf(place)), class: "nose" }),
      s("text", { x: cx, y: cy + 3.5, class: "count" }, String(i + 1)),
    ];
    if (chosen && !vehicle.locked) {
      const [fx, fy] = map.to(along(place, place.size[0] / 2, 0));
      const [hx, hy] = map.to(along(place, place.size[0] / 2 + 22 / map.scale(), 0));
      parts.push(s("line", { x1: fx, y1: fy, x2: hx, y2: hy, class: "stem" }));
      parts.push(s("circle", { cx: hx, cy: hy, r: 5.5, class: "turn" }));
    }
    const marks = [chosen && "chosen", vehicle.box && "pixels", vehicle.fault && "wrong", vehicle.locked && "locked"];
    const style = `--kind:${state.facts.colours[vehicle.kind]}`;
    return s("g", { class: `ds-car ${marks.filter(Boolean).join(" ")}`, style, "data-index": i }, parts);
  });
}

// Everybody at a moment of the traffic.
function movingCars({ rows }, map) {
  return rows.map(([track, kind, braking, x, y, yaw]) => {
    const place = { x, y, yaw, size: state.facts.sizes[kind] }, [cx, cy] = map.to([x, y]), listed = track < vehicles().length;
    const marks = [listed ? "listed" : "drawn", braking && "braking", listed && track === state.selected && "chosen"].filter(Boolean);
    return s("g", { class: `ds-car moving ${marks.join(" ")}`, style: `--kind:${state.facts.colours[kind]}`, "data-track": track },
      s("polygon", { points: path(map, footprint(place)), class: "area" }),
      s("polygon", { points: path(map, noseOf(place)), class: "nose" }),
      listed && s("text", { x: cx, y: cy + 3.5, class: "count" }, String(track + 1)));
  });
}

const noseOf = (place) =>
  [[0.5, 0.5], [0.5, -0.5], [0.28, -0.42], [0.28, 0.42]].map(([a, b]) => along(place, a * place.size[0], b * place.size[1]));

function along({ x, y, yaw }, ahead, left) {
  return [x + Math.cos(yaw) * ahead - Math.sin(yaw) * left, y + Math.sin(yaw) * ahead + Math.cos(yaw) * left];
}

function begin(event, drawing, map) {
  if (event.button !== 0 || !scene() || !state.view.vehicles || moment()) return;
  const drawn = scene(), frame = drawing.getBoundingClientRect();
  const spot = (now) => map.from([now.clientX - frame.left, now.clientY - frame.top]);
  const start = spot(event), group = event.target.closest(".ds-car");
  drawing.focus();
  event.preventDefault();
  if (state.tool !== null) {
    const [ahead, left] = fromPlane(drawn.road, start);
    act("drop", { kind: state.tool, ahead, left: snapped(drawn.road, left, event.altKey) });
    if (!event.shiftKey) state.tool = null;
    return changed();
  }
  if (!group) return select(null);
  const index = Number(group.dataset.index), vehicle = state.view.vehicles[index], place = placeOf(drawn, vehicle);
  select(index);
  if (vehicle.locked) return;
  const turning = event.target.classList.contains("turn");
  let moved = false;
  const move = (now) => {
    const at = spot(now), by = [at[0] - start[0], at[1] - start[1]];
    moved ||= Math.hypot(...by) * map.scale() > 2;
    if (!moved) return;
    const change = turning ? turned(drawn, vehicle, place, at, now) : shifted(drawn, vehicle, place, by, now.altKey);
    state.live = { index, vehicle: { ...vehicle, ...change } };
    changed();
  };
  follow(event, drawing, move, (last, finished) => {
    const live = state.live;
    if (moved && finished && live) put(index, live.vehicle);
    else if (live) {
      state.live = null;
      changed();
    }
  });
}

function shifted(drawn, vehicle, place, by, free) {
  const spot = [place.x + by[0], place.y + by[1]];
  if (vehicle.box) return { box: carried(drawn.camera, vehicle.box, place, spot) };
  const [ahead, left] = fromPlane(drawn.road, spot);
  return { ahead: clamp(ahead, -20, AHEAD[1]), left: clamp(snapped(drawn.road, left, free), ...LEFT) };
}

// Alt lets go of the lanes' centres, and of the right angles.
function snapped(road, left, free) {
  const lane = Math.round(left / road.lane_width), centre = lane * road.lane_width;
  return !free && Math.abs(left - centre) < SNAP ? Math.round(centre * 100) / 100 : left;
}

function turned(drawn, vehicle, place, at, now) {
  const yaw = (Math.atan2(at[1] - place.y, at[0] - place.x) * 180) / Math.PI;
  let heading = wrap(vehicle.box ? yaw : yaw - roadHeading(drawn.road, vehicle.ahead));
  const square = Math.round(heading / 90) * 90;
  if (!now.altKey && Math.abs(heading - square) < STRAIGHT) heading = square === -180 ? 180 : square;
  if (now.shiftKey) heading = Math.round(heading / 15) * 15;
  return { heading };
}
