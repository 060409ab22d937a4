// The first frame: a picture or a sketch of the road, and the vehicles' boxes on it, which can be drawn, moved and sized.

import { h, refill, s } from "./dom.js";
import {
  besideLine, bounds, boxOf, clamp, dragged, faces, horizon, laneEdges, pixel, pose, roadHeading, sized, toPlane, view, wrap,
} from "./geometry.js";
import { act, changed, moment, put, scene, select, state, upload, vehicles } from "./store.js";
import { FRAME_HEIGHT as HEIGHT, FRAME_WIDTH as WIDTH } from "./contract.js";

const MIN_SIDE = 8, CLICK = 5; // px
const points = (list) => list.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");

export function frameView() {
  const backdrop = s("g"), shapes = s("g"), rubber = s("rect", { class: "ds-rubber", visibility: "hidden" });
  const drawing = s(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "ds-frame", tabindex: "0", role: "application",
      "aria-label": "First frame with the vehicles. Tab selects, arrow keys move, Delete removes.",
      onpointerdown: (event) => begin(event, drawing, rubber),
    },
    backdrop, shapes, rubber,
  );
  const hint = h("div", { class: "ds-drop" }, "Drop a photo here: it becomes the first frame");
  const element = h("div", { class: "ds-frame-box" }, drawing, hint);
  for (const type of ["dragenter", "dragover"]) element.addEventListener(type, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    element.classList.add("over");
  });
  element.addEventListener("dragleave", (event) => {
    if (!element.contains(event.relatedTarget)) element.classList.remove("over");
  });
  element.addEventListener("drop", () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) upload("photo", event.dataTransfer.files[0]);
  });
  const update = () => {
    const drawn = scene(), now = moment();
    drawing.classList.toggle("placing", state.tool !== null);
    const url = state.backdrop === "frame" && !now ? (state.view?.photo ?? state.view?.frame?.url ?? null) : null;
    drawing.classList.toggle("pictured", url !== null);
    refill(backdrop, [url, url ? null : drawn, now?.ego], () => (url ? [photo(url)] : drawn ? sketch(drawn, now) : []));
    refill(shapes, [drawn, vehicles(), state.selected, state.boxes, now?.rows], () => (!drawn ? [] : now ? movingBoxes(now) : boxes(drawn)));
  };
  return { element, update };
}

const photo = (url) =>
  s("image", { href: url, width: WIDTH, height: HEIGHT, preserveAspectRatio: "xMidYMid slice", style: "image-rendering:auto" });

// The road as this camera sees it: no forecast of the networks, only the geometry that they are given.
function sketch({ road, camera, look }, now) {
  const place = (ahead, left) => (now ? besideLine(now.line, ahead, left) : toPlane(road, ahead, left));
  const level = clamp(horizon(camera), 0, HEIGHT), far = Math.min(300, 1.3 / Math.max(Math.abs(road.curvature), 1e-6));
  const aheads = Array.from({ length: 48 }, (_, i) => 1.2 * (far / 1.2) ** (i / 47));
  const line = (left, from = 0, to = far) =>
    aheads.filter((ahead) => ahead >= from && ahead <= to)
      .map((ahead) => view(camera, [...place(ahead, left), 0]))
      .filter((point) => point[2] > 0.3)
      .map((point) => pixel(camera, point));
  const edges = laneEdges(road), outer = [edges[0], edges.at(-1)], w = road.lane_width;
  const band = (left, right) => points([...line(left), ...line(right).reverse()]);
  const marks = [];
  for (const edge of edges.slice(1, -1)) for (let start = 3 - ((now?.ego[0] ?? 0) % 9); start < 110; start += 9) {
    if (start < 1.5) continue;
    const dash = [[start, 0.07], [start + 3, 0.07], [start + 3, -0.07], [start, -0.07]].map(([ahead, aside]) =>
      pixel(camera, view(camera, [...place(ahead, edge + aside), 0])));
    marks.push(s("polygon", { points: points(dash), class: "mark" }));
  }
  for (const ahead of now ? [] : [10, 20, 40, 80]) {
    const [from, to] = outer.map((left) => pixel(camera, view(camera, [...toPlane(road, ahead, left), 0])));
    marks.push(s("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1], class: "metre" }));
    if (to[1] > 8) marks.push(s("text", { x: clamp(to[0] + 6, 4, WIDTH - 40), y: to[1] + 4, class: "metre" }, `${ahead} m`));
  }
  const edgeLines = outer.map((left) => s("polygon", { points: band(left + 0.08, left - 0.08), class: "mark" }));
  return [
    s("g", { class: `ds-sketch ${look.time_of_day === "night" ? "night" : "day"}` },
      s("rect", { width: WIDTH, height: level, class: "sky" }),
      s("rect", { y: level, width: WIDTH, height: HEIGHT - level, class: "land" }),
      s("polygon", { points: band(...outer), class: "asphalt" }),
      s("polygon", { points: band(w / 2, -w / 2), class: "own" }),
      edgeLines, marks),
  ];
}

function boxes(drawn) {
  const { facts, selected } = state, rows = vehicles();
  const shown = rows
    .map((vehicle, i) => ({ vehicle, i, box: boxOf(drawn, vehicle, facts.sizes) }))
    .filter((item) => item.box && (state.boxes || item.i === selected));
  const depth = ({ vehicle, box }) => (vehicle.box ? 1000 - box[3] : vehicle.ahead);
  shown.sort((a, b) => (a.i === selected) - (b.i === selected) || depth(b) - depth(a));
  return shown.map((item) => shape(drawn, item, facts));
}

// Everybody at a moment of the traffic, far to near; who is listed keeps the number.
function movingBoxes({ rows }) {
  return rows.filter((row) => row[6]).map(([track, kind, braking, , , , [x1, y1, x2, y2]]) => {
    const listed = track < vehicles().length, words = listed ? `${track + 1} ${kind}` : kind, width = 8 + 7.3 * words.length;
    const tagged = x2 - x1 > 28, top = y1 >= 17 ? y1 - 17 : y1, left = clamp(x1, 0, WIDTH - width);
    const marks = [listed ? "listed" : "drawn", braking && "braking", listed && track === state.selected && "chosen"].filter(Boolean);
    return s("g", { class: `ds-moving ${marks.join(" ")}`, style: `--kind:${state.facts.colours[kind]}`, "data-track": track },
      s("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1, class: "area" }),
      tagged && s("rect", { x: left, y: top, width, height: 16, class: "tag" }),
      tagged && s("text", { x: left + 4, y: top + 12, class: "tag-text" }, words));
  });
}

function shape(drawn, { vehicle, i, box }, facts) {
  const [x1, y1, x2, y2] = box, chosen = i === state.selected, colour = facts.colours[vehicle.kind];
  const parts = [s("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1, class: "area" })];
  if (!vehicle.box && y2 - y1 > 14) {
    const sides = faces(drawn.camera, pose(drawn.road, vehicle, facts.sizes)).filter((face) => face.length > 2);
    parts.push(...sides.map((face) => s("polygon", { points: points(face), class: "edge" })));
  }
  const words = `${i + 1} ${vehicle.kind}${vehicle.box ? "" : ` ${vehicle.ahead.toFixed(0)} m`}${vehicle.locked ? " · locked" : ""}`;
  const width = 8 + 6.9 * words.length, left = clamp(x1, 0, WIDTH - width), top = y1 >= 17 ? y1 - 17 : y1;
  if (chosen || x2 - x1 > 28) {
    const small = !chosen && x2 - x1 < width, text = small ? String(i + 1) : words, wide = small ? 8 + 6.9 * text.length : width;
    parts.push(
      s("rect", { x: left, y: top, width: wide, height: 16, class: "tag" }),
      s("text", { x: left + 4, y: top + 12, class: "tag-text" }, text),
    );
  }
  if (chosen && !vehicle.locked) {
    const [mx, my] = [(x1 + x2) / 2, (y1 + y2) / 2];
    const spots = vehicle.box
      ? [[x1, y1, "nw"], [mx, y1, "n"], [x2, y1, "ne"], [x2, my, "e"], [x2, y2, "se"], [mx, y2, "s"], [x1, y2, "sw"], [x1, my, "w"]]
      : [[x1, y1, "nw"], [x2, y1, "ne"], [x2, y2, "se"], [x1, y2, "sw"]];
    parts.push(...spots.map(([x, y, side]) =>
      s("rect", { x: x - 4.5, y: y - 4.5, width: 9, height: 9, class: `handle ${side}`, "data-side": side })));
  }
  const marks = [chosen && "chosen", vehicle.box && "pixels", vehicle.fault && "wrong", vehicle.locked && "locked"];
  return s("g", { class: `ds-vehicle ${marks.filter(Boolean).join(" ")}`, style: `--kind:${colour}`, "data-index": i }, parts);
}

function spotOf(event, drawing) {
  const frame = drawing.getBoundingClientRect();
  return [((event.clientX - frame.left) / frame.width) * WIDTH, ((event.clientY - frame.top) / frame.height) * HEIGHT];
}

// Follows the pointer until it is released.
export function follow(event, element, move, end) {
  element.setPointerCapture(event.pointerId);
  const stop = (finished) => (last) => {
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", cancel);
    end(last, finished);
  };
  const up = stop(true), cancel = stop(false);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", cancel);
}

function begin(event, drawing, rubber) {
  if (event.button !== 0 || !scene() || !state.view.vehicles || moment()) return;
  const start = spotOf(event, drawing), group = event.target.closest(".ds-vehicle");
  drawing.focus();
  event.preventDefault();
  if (state.tool !== null) return draw(event, drawing, rubber, start);
  if (!group) return select(null);
  const index = Number(group.dataset.index), vehicle = state.view.vehicles[index], side = event.target.dataset.side;
  select(index);
  if (vehicle.locked) return;
  const drawn = scene(), { sizes } = state.facts, box = boxOf(drawn, vehicle, sizes);
  let moved = false;
  const move = (now) => {
    const [x, y] = spotOf(now, drawing), by = [x - start[0], y - start[1]];
    moved ||= Math.hypot(...by) > 2;
    if (!moved) return;
    state.live = { index, vehicle: changedVehicle(drawn, vehicle, box, by, side, now.altKey, sizes) };
    changed();
  };
  follow(event, drawing, move, (last, finished) => {
    const live = state.live;
    if (moved && finished && live) put(index, { ...vehicle, ...live.vehicle });
    else if (live) {
      state.live = null;
      changed();
    }
  });
}

// Metres stay metres: moved on the ground, or nearer and farther by its corners. With Alt, or if it is one, a free pixel box.
function changedVehicle(drawn, vehicle, box, by, side, alt, sizes) {
  if (vehicle.box || alt) return { box: side ? stretched(box, by, side) : shifted(box, by), heading: seen(drawn, vehicle) };
  if (!side) return dragged(drawn, vehicle, by, sizes);
  const whole = bounds(drawn.camera, pose(drawn.road, vehicle, sizes));
  const grown = side.includes("n") ? -by[1] : by[1];
  return sized(drawn, vehicle, Math.max(6, whole[3] - whole[1] + grown), sizes);
}

const seen = (drawn, vehicle) =>
  vehicle.box ? vehicle.heading : wrap(vehicle.heading + roadHeading(drawn.road, vehicle.ahead));

function shifted([x1, y1, x2, y2], [dx, dy]) {
  const x = clamp(dx, -x1, WIDTH - x2), y = clamp(dy, -y1, HEIGHT - y2);
  return [x1 + x, y1 + y, x2 + x, y2 + y];
}

function stretched([x1, y1, x2, y2], [dx, dy], side) {
  if (side.includes("w")) x1 = clamp(x1 + dx, 0, x2 - MIN_SIDE);
  if (side.includes("e")) x2 = clamp(x2 + dx, x1 + MIN_SIDE, WIDTH);
  if (side.includes("n")) y1 = clamp(y1 + dy, 0, y2 - MIN_SIDE);
  if (side.includes("s")) y2 = clamp(y2 + dy, y1 + MIN_SIDE, HEIGHT);
  return [x1, y1, x2, y2];
}

// With a kind chosen: a click drops a vehicle of true size there, a drag draws its box.
function draw(event, drawing, rubber, start) {
  const kind = state.tool;
  let box = null;
  const move = (now) => {
    const [x, y] = spotOf(now, drawing);
    box = [Math.min(x, start[0]), Math.min(y, start[1]), Math.max(x, start[0]), Math.max(y, start[1])]
      .map((edge, i) => clamp(edge, 0, i % 2 ? HEIGHT : WIDTH));
    rubber.setAttribute("visibility", "visible");
    rubber.style.setProperty("--kind", state.facts.colours[kind]);
    [["x", box[0]], ["y", box[1]], ["width", box[2] - box[0]], ["height", box[3] - box[1]]]
      .forEach(([name, value]) => rubber.setAttribute(name, value));
  };
  follow(event, drawing, move, (last, finished) => {
    rubber.setAttribute("visibility", "hidden");
    if (!finished) return;
    if (!event.shiftKey) state.tool = null;
    if (box && Math.max(box[2] - box[0], box[3] - box[1]) > CLICK) act("draw", { kind, box: box.map(Math.round) });
    else act("drop", { kind, at: start.map(Math.round) });
    changed();
  });
}

