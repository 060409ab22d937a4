// The keyboard. Where something is typed, keys belong to that field, but for saving.

import { clamp, wrap } from "./geometry.js";
import { act, changed, copy, duplicate, paste, put, remove, select, selectedVehicle, state, toggleLock, vehicles } from "./store.js";
import { AHEAD, FRAME_HEIGHT, FRAME_WIDTH, LEFT } from "./contract.js";

const ARROWS = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, 1], ArrowRight: [0, -1] };

export function listenToKeys(root, { save, films, traffic }) {
  document.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const entry = event.target.closest?.("input:not([type=range]):not([type=checkbox]), textarea, select");
    const taken = command ? commands(key, event, entry, save) : entry ? false : plain(key, event, films, traffic);
    if (taken) event.preventDefault();
  });
}

function commands(key, event, entry, save) {
  if (key === "s") return save(), true;
  const history = key === "z" ? (event.shiftKey ? "redo" : "undo") : key === "y" ? "redo" : null;
  if (history && (!entry || entry.id === "yaml")) return act(history), true; // the YAML text has the same history as all else
  if (entry || getSelection()?.toString()) return false;
  if (key === "c") return copy(), state.selected !== null;
  if (key === "v") return paste(), true;
  if (key === "d") return duplicate(), true;
  return false;
}

function plain(key, event, films, traffic) {
  if (key === "Escape") {
    if (state.tool !== null) state.tool = null;
    else if (state.moment !== null) return traffic.leave(), true;
    else if (state.shown) state.shown = null;
    else state.selected = null;
    return changed(), true;
  }
  if (state.shown) {
    if (key !== " " || event.target.closest("button")) return false;
    return films.toggle(), true;
  }
  if (key === " " && !event.target.closest?.("button, summary")) return traffic.toggle(), true;
  if (state.moment !== null) return false; // nothing is edited while the traffic is shown
  const drawing = event.target.closest?.(".ds-frame, .ds-road");
  if (key === "Tab" && drawing) return next(event.shiftKey ? -1 : 1);
  const kind = state.facts.kinds[Number(key) - 1];
  if (kind && !event.altKey) return (state.tool = kind), changed(), true;
  if (key === "v") return (state.tool = null), changed(), true;
  if (key === "b") return (state.boxes = !state.boxes), changed(), true;
  if (state.selected === null) return false;
  if (key === "Delete" || key === "Backspace") return remove(), true;
  if (key === "l") return toggleLock(), true;
  if (event.target.type === "range" || event.target.closest?.("[role=radiogroup]")) return false;
  if (key === "[" || key === "]") return nudge({ turn: (key === "[" ? 1 : -1) * (event.shiftKey ? 15 : 5) }), true;
  if (ARROWS[key]) return nudge({ step: ARROWS[key], far: event.shiftKey }), true;
  return false;
}

// Selects the next vehicle; after the last one the key goes its usual way, out of the drawing.
function next(step) {
  const count = vehicles().length, now = state.selected === null ? (step > 0 ? -1 : count) : state.selected;
  if (now + step < 0 || now + step >= count) return select(null), false;
  return select(now + step), true;
}

function nudge({ step = [0, 0], far = false, turn = 0 }) {
  const vehicle = selectedVehicle(), heading = wrap(vehicle.heading + turn);
  if (vehicle.box) {
    const size = far ? 10 : 1, [x1, y1, x2, y2] = vehicle.box;
    const dx = clamp(-step[1] * size, -x1, FRAME_WIDTH - x2), dy = clamp(-step[0] * size, -y1, FRAME_HEIGHT - y2);
    return put(state.selected, { ...vehicle, heading, box: [x1 + dx, y1 + dy, x2 + dx, y2 + dy] });
  }
  const ahead = vehicle.ahead + step[0] * (far ? 5 : 0.5), left = vehicle.left + step[1] * (far ? 1 : 0.1);
  return put(state.selected, { ...vehicle, heading, ahead: clamp(ahead, ...AHEAD), left: clamp(left, ...LEFT) });
}
