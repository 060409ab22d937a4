// What the page knows, and the one way in which it asks the server for a change.
//
// The server keeps the truth: the YAML text of this browser's session. `state.view` is how it last described it;
// `state.live` is what the mouse is just doing, before the server has heard of it.

import { AHEAD, FRAME_WIDTH } from "./contract.js";

export const state = {
  facts: null, // fields, kinds, examples: never change
  session: null,
  view: null,
  selected: null, // index of a vehicle
  tool: null, // kind of the vehicle that a click will place
  live: null, // { index, vehicle } while a vehicle is dragged
  slider: null, // { section, key, value } while a slider is dragged
  backdrop: "frame", // or "sketch"
  boxes: true,
  compose: null, // { running, share, what, variants }
  jobs: [],
  shown: null, // id of the job whose futures are on the stage
  tab: "compose",
  action: null, // { owner: "ego" or index of a vehicle, index } of the action whose fields are open
  traffic: null, // { base, future, fps, frames, ego, lines, line } as the server last played it
  moment: null, // which of its frames is shown; null: the scenario itself, which can be edited
  message: null, // { level, text }
  online: true,
  pending: 0, // requests that are not answered yet
};

const listeners = [];
let server = null, scheduled = false, chain = Promise.resolve(), clipboard = null;

export const listen = (listener) => listeners.push(listener);

export function changed() {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    for (const listener of listeners) listener(state);
  });
}

export function connect(call, facts) {
  server = call;
  state.facts = facts;
  try {
    state.session = localStorage.getItem("drivesim-session");
  } catch {
    state.session = null; // storage is switched off: the session ends with the page
  }
}

export function say(text, level = "info") {
  state.message = text ? { text, level } : null;
  changed();
}

function adopt(reply) {
  const known = state.session;
  if (reply.session && reply.session !== state.session) {
    state.session = reply.session;
    try {
      localStorage.setItem("drivesim-session", reply.session);
    } catch {
      // as above
    }
  }
  const older = reply.view && state.view && reply.session === known && reply.view.base < state.view.base;
  if (reply.view && !older) {
    // Road and camera that cannot be read stay on the screen as they were last.
    state.view = { ...reply.view, road: reply.view.road ?? state.view?.road, camera: reply.view.camera ?? state.view?.camera, look: reply.view.look ?? state.view?.look };
    const count = state.view.vehicles?.length ?? 0;
    if (state.selected !== null && state.selected >= count) state.selected = count ? count - 1 : null;
  }
  if (reply.select !== undefined) state.selected = reply.select;
  if (reply.compose) {
    if (reply.compose.error && reply.compose.error !== state.compose?.error) state.message = { level: "error", text: reply.compose.error };
    state.compose = reply.compose;
  }
  if (reply.jobs) state.jobs = reply.jobs;
  if (reply.message) state.message = reply.message;
  state.online = true;
}

async function ask(type, args) {
  try {
    return await server({ type, session: state.session, base: state.view?.base ?? null, ...args });
  } catch {
    state.online = false;
    say("The server does not answer; the last change may not be kept. Is `drivesim edit` still running?", "error");
    return null;
  }
}

// Asks the server to do something; requests are answered one after the other, each on top of the one before.
export function act(type, args = {}) {
  const asked = performance.now(), { live, slider } = state;
  state.pending++;
  changed();
  const next = chain.then(async () => {
    state.message = null;
    const reply = await ask(type, args);
    if (state.live === live) state.live = null;
    if (state.slider === slider) state.slider = null;
    if (reply) adopt(reply);
    state.pending--;
    changed();
    performance.measure(`drivesim ${type}`, { start: asked, end: performance.now() });
    return reply;
  });
  chain = next;
  return next;
}

// The traffic of a future, of the text as it is now.
export async function play(future) {
  const reply = await ask("traffic", { future });
  if (reply?.traffic) state.traffic = reply.traffic;
  else if (reply) {
    state.moment = null;
    adopt(reply);
  }
  changed();
}

// The frame of the traffic that is on the screen; null where the scenario itself is.
export function moment() {
  const { traffic, moment: index } = state;
  if (index === null || !traffic) return null;
  const at = Math.min(index, traffic.frames.length - 1);
  return { rows: traffic.frames[at], ego: traffic.ego[at], line: { ...traffic.line, points: traffic.lines[at] } };
}

// How far composing and rolling out are; asked beside the edits, which it neither waits for nor holds up.
export async function poll() {
  const reply = await ask("poll", {});
  if (!reply) return;
  adopt(reply);
  changed();
}

export async function upload(kind, file) {
  const limit = state.facts.limits[kind];
  if (file.size > limit.bytes) return say(`${file.name} has ${Math.ceil(file.size / 2 ** 20)} MB; ${limit.words}`, "error");
  say(`sending ${file.name}`);
  let reply;
  try {
    const headers = { "X-Drivesim-Session": state.session ?? "" };
    reply = await (await fetch(`upload/${kind}`, { method: "POST", headers, body: file })).json();
  } catch {
    return say(`${file.name} could not be sent; is \`drivesim edit\` still running?`, "error");
  }
  adopt(reply);
  changed();
}

// The scene as it is on the screen: with what the mouse is doing to it.
export function scene() {
  const { view, slider } = state;
  if (!view?.road) return null;
  const { road, camera, look } = view, drawn = { road, camera, look };
  if (slider && drawn[slider.section]) drawn[slider.section] = { ...drawn[slider.section], [slider.key]: slider.value };
  return drawn;
}

export function vehicles() {
  const rows = state.view?.vehicles ?? [];
  return state.live ? rows.map((row, i) => (i === state.live.index ? { ...row, ...state.live.vehicle } : row)) : rows;
}

export const selectedVehicle = () => (state.selected === null ? null : (vehicles()[state.selected] ?? null));

export function select(index) {
  state.selected = index;
  changed();
}

// As the scenario is to have it: what the mouse has made of a vehicle's place, and all else as it is.
export const rounded = ({ locked, fault, ...vehicle }) =>
  vehicle.box
    ? { ...vehicle, box: vehicle.box.map(Math.round), heading: Math.round(vehicle.heading) }
    : { ...vehicle, ahead: Math.round(vehicle.ahead * 10) / 10, left: Math.round(vehicle.left * 10) / 10, heading: Math.round(vehicle.heading) };

// The vehicle `index` is now `vehicle`; what is locked stays.
export function put(index, vehicle) {
  if (state.view.vehicles[index].locked) return say("This vehicle is locked; press L to unlock it.", "warn");
  state.live = { index, vehicle };
  changed();
  return act("put", { index, vehicle: rounded(vehicle) });
}

export function copy() {
  const vehicle = selectedVehicle();
  if (vehicle) {
    clipboard = rounded(vehicle);
    say(`copied the ${vehicle.kind}`);
  }
}

// A copy of a vehicle, a little aside, so that both can be seen.
export function paste(original = clipboard) {
  if (!original) return;
  const { name, ...vehicle } = original; // a name is one vehicle's
  const aside = vehicle.box
    ? { ...vehicle, box: vehicle.box.map((edge, i) => edge + (i % 2 ? 0 : vehicle.box[2] + 24 <= FRAME_WIDTH ? 24 : -24)) }
    : { ...vehicle, ahead: Math.min(AHEAD[1], vehicle.ahead + state.facts.sizes[vehicle.kind][0] + 4) };
  act("add", { vehicle: aside });
}

export const duplicate = () => selectedVehicle() && paste(rounded(selectedVehicle()));

export function remove(index = state.selected) {
  if (index === null) return;
  if (state.view.vehicles[index].locked) say("This vehicle is locked; press L to unlock it.", "warn");
  else act("remove", { index });
}

export function toggleLock(index = state.selected) {
  if (index !== null) act("lock", { index, locked: !state.view.vehicles[index].locked });
}
