// What the ego or a vehicle is told to do: a line for each action, and the fields of the one that is open.

import { button, h, number, refill } from "./dom.js";
import { numeric } from "./numeric.js";
import { changed, state } from "./store.js";

const NEW = {
  speed: { action: "speed", target: 10, rate: 3 },
  stop: { action: "stop", rate: 4 },
  lane_change: { action: "lane_change", lane: 1, seconds: 3 },
  follow_waypoints: { action: "follow_waypoints", waypoints: [[20, 0], [40, 0]] },
};
const WORDS = { speed: "speed", stop: "stop", lane_change: "lane change", follow_waypoints: "waypoints" };
const TRIGGERS = { start: "at the start", time: "at a time", distance: "distance below", time_to_collision: "time to collision below" };
const triggerOf = (action) => Object.keys(action.when ?? {}).find((key) => key !== "to") ?? "start";

// `owner` is "ego" or the index of a vehicle; `commit` takes the new list.
export function actionList(owner, commit) {
  const list = h("div", { class: "ds-action-list" });
  const add = button(null, "+ action", "Add an action", () => {
    const actions = shown();
    state.action = { owner, index: actions.length };
    commit([...actions, NEW.speed]);
  }, { class: "small" });
  const element = h("div", { class: "ds-actions" }, h("div", { class: "head" }, h("span", {}, "Actions"), add), list);
  let shown = () => [];
  const update = (actions, disabled) => {
    const readable = Array.isArray(actions) && actions.every((one) => one && typeof one === "object" && one.action in NEW);
    shown = () => (readable ? actions : []);
    add.disabled = disabled || !readable;
    const open = state.action?.owner === owner ? state.action.index : null, held = document.activeElement;
    const field = list.contains(held) ? held.dataset.field : null;
    refill(list, [actions, open, disabled, names(owner)], () => {
      if (!readable) return [h("p", { class: "ds-empty" }, "Mend the actions in the YAML first.")];
      return actions.flatMap((action, i) => line(owner, actions, i, open === i, commit, disabled, action));
    });
    if (field) list.querySelector(`[data-field="${field}"]`)?.focus();
  };
  return { element, update };
}

function line(owner, actions, i, open, commit, disabled, action) {
  const put = (next) => commit(actions.map((one, k) => (k === i ? next : one)));
  const toggle = () => {
    state.action = open ? null : { owner, index: i };
    changed();
  };
  return [
    h("div", { class: `ds-action ${open ? "open" : ""}` },
      h("button", { type: "button", class: "said", "aria-expanded": String(open), title: said(action), onclick: toggle, "data-field": `line${i}` }, said(action)),
      button("trash", "", "Remove this action", () => commit(actions.filter((_, k) => k !== i)), { class: "bare", disabled })),
    open && h("div", { class: "ds-action-fields" }, fields(owner, action, put, disabled)),
  ].filter(Boolean);
}

function said(action) {
  const by = (n) => (n > 0 ? `${n} left` : `${-n} right`);
  const what = {
    speed: () => `speed ${number(action.target)} m/s`,
    stop: () => "stop",
    lane_change: () => (action.lane !== undefined ? `lane ${action.lane}` : `lane change ${by(action.by ?? 0)}`),
    follow_waypoints: () => `${action.waypoints?.length ?? 0} waypoints`,
  }[action.action]();
  const { when } = action, whom = when?.to ?? "ego";
  const start = {
    start: () => "at the start", time: () => `at ${number(when.time)} s`, distance: () => `${number(when.distance)} m from ${whom}`,
    time_to_collision: () => `TTC ${number(when.time_to_collision)} s to ${whom}`,
  }[triggerOf(action)]();
  return `${what}, ${start}`;
}

const names = (owner) => (state.view?.vehicles ?? []).filter((one, i) => one.name && i !== owner).map((one) => one.name);

function fields(owner, action, put, disabled) {
  const ranges = state.facts.actions, label = (words, ...inputs) => h("label", {}, h("span", {}, words), inputs);
  const choose = (field, words, options, value, onchoose) =>
    h("select", { "data-field": field, "aria-label": words, disabled, value: undefined, onchange: (event) => onchoose(event.target.value) },
      Object.entries(options).map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
  const entry = (key, words, value, step, set, [low, high] = [0, 600]) => {
    const input = numeric({ key: `action-${key}`, step, low, high, disabled, label: words, commit: set });
    input.value = value === undefined ? "" : String(Number(value.toFixed(4)));
    input.dataset.field = key;
    return input;
  };
  const simple = (key, words, step, unit, whole) =>
    label(words, entry(key, words, action[key], step, (v) => put({ ...action, [key]: whole ? Math.round(v) : v }), ranges[action.action][key]), h("em", {}, unit));
  // One of two ways to say it: the other one goes.
  const either = (words, keys, units, start, step) => {
    const key = action[keys[0]] !== undefined || action[keys[1]] === undefined ? keys[0] : keys[1], at = keys.indexOf(key);
    const { [keys[0]]: _, [keys[1]]: __, ...rest } = action;
    return label(words,
      choose("way", words, Object.fromEntries(keys.map((one, i) => [one, units[i]])), key, (next) => put({ ...rest, [next]: start[keys.indexOf(next)] })),
      entry(key, words, action[key], step[at], (v) => put({ ...rest, [key]: step[at] === 1 ? Math.round(v) : v }), ranges[action.action][key]));
  };
  const change = {
    speed: () => [simple("target", "Target", 1, "m/s"), action.dynamics !== "step" && either("Change", ["rate", "seconds"], ["m/s² of", "seconds"], [3, 2], [0.5, 0.5]),
      label("Dynamics", choose("dynamics", "Dynamics", { linear: "linear", sinusoidal: "sinusoidal", step: "step" }, action.dynamics ?? "linear", (dynamics) => {
        const { rate, seconds, ...rest } = action;
        put(dynamics === "step" ? { ...rest, dynamics } : { ...action, ...(rate ?? seconds ? {} : { rate: 3 }), dynamics });
      }))],
    stop: () => [either("Brakes", ["rate", "seconds"], ["m/s² of", "seconds"], [4, 2], [0.5, 0.5])],
    lane_change: () => [either("To", ["lane", "by"], ["lane", "lanes left"], [1, 1], [1, 1]), simple("seconds", "Takes", 0.5, "s")],
    follow_waypoints: () => [waypoints(action, put, disabled)],
  }[action.action]();
  const trigger = triggerOf(action), others = { ego: "the ego", ...Object.fromEntries(names(owner).map((name) => [name, name])) };
  if (owner === "ego") delete others.ego;
  const whom = action.when?.to ?? (owner === "ego" ? names(owner)[0] : "ego");
  const { when: _, ...unbound } = action;
  const start = (kind) => {
    if (kind === "start") return put(unbound);
    const value = { time: 1, distance: 20, time_to_collision: 3 }[kind];
    put({ ...unbound, when: { [kind]: value, ...(kind !== "time" && owner === "ego" && whom ? { to: whom } : {}) } });
  };
  return [
    label("Action", choose("action", "Action", WORDS, action.action, (kind) => put({ ...NEW[kind], ...(action.when ? { when: action.when } : {}) }))),
    ...change,
    label("Starts", choose("when", "What starts it", TRIGGERS, trigger, start)),
    trigger !== "start" && label(trigger === "distance" ? "Metres" : "Seconds",
      entry("threshold", "When", action.when[trigger], 0.5, (v) => put({ ...action, when: { ...action.when, [trigger]: v } }), ranges.when[trigger])),
    trigger !== "start" && trigger !== "time" && label("To", choose("to", "To whom it is measured", others, whom, (to) => put({ ...action, when: { ...action.when, to } }))),
  ];
}

// Points as "ahead left", one after the other with semicolons between.
function waypoints(action, put, disabled) {
  const text = action.waypoints.map((point) => point.join(" ")).join("; ");
  const send = (event) => {
    const points = event.target.value.split(";").map((part) => part.trim().split(/[\s,]+/).map(Number));
    if (points.every((point) => point.length === 2 && point.every(Number.isFinite))) put({ ...action, waypoints: points });
    else event.target.value = text;
  };
  return h("label", {}, h("span", {}, "Points"), h("input", { type: "text", value: text, disabled, "data-field": "waypoints", spellcheck: "false",
    title: "Metres ahead and left of each point, such as 20 0; 40 3.5", "aria-label": "Waypoints", onchange: send }));
}
