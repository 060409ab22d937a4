// The left column: the vehicles as numbers, and every other value of the scenario.

import { actionList } from "./actions.js";
import { button, h, number, refill } from "./dom.js";
import { numeric } from "./numeric.js";
import { act, changed, duplicate, put, remove, rounded, select, selectedVehicle, state, toggleLock, vehicles } from "./store.js";
import { AHEAD, FRAME_HEIGHT, FRAME_WIDTH, HEADING, LEFT, SPEED } from "./contract.js";

const UNITS = { height: "m", pitch: "°", field_of_view: "°", curvature: "1/m", seconds: "s", speed: "m/s" };
const SHORT = { time_of_day: "Time of day", field_of_view: "View angle", fps: "Frames / s", crowdedness: "Crowdedness" };

export function inspector() {
  const list = h("div", { class: "ds-list", role: "listbox", "aria-label": "Vehicles" });
  const details = h("div", { class: "ds-details" });
  const traffic = row(state.facts.fields.find((field) => field.key === "traffic"));
  const orders = actionList("ego", (actions) => act("set", { section: "ego", key: "actions", value: actions }));
  const groups = ["look", "road", "camera", "ego", "rollout", "guidance"].map((section) => group(section));
  const element = h("aside", { class: "ds-inspector", "aria-label": "Scenario" },
    h("section", {}, h("h2", {}, "Vehicles", h("span", { class: "ds-count" })), list, details, traffic.element),
    groups.map((one) => one.element));
  groups[3].element.append(orders.element);
  const update = () => {
    const locked = state.view?.form === null;
    element.classList.toggle("shut", locked);
    element.querySelector(".ds-count").textContent = crowd(state.view);
    refill(list, [vehicles(), state.selected, state.view?.vehicles === null], rows);
    fillDetails(details);
    for (const one of [traffic, ...groups]) one.update(locked);
    orders.update(state.view?.form?.ego?.actions ?? [], locked);
  };
  return { element, update };
}

function crowd(view) {
  if (!view?.crowd) return "";
  const { asked, counted } = view.crowd;
  return asked < counted ? `${counted} count, ${asked} asked` : `${counted} placed + ${asked - counted} free`;
}

function rows() {
  if (state.view?.vehicles === null) return [h("p", { class: "ds-empty" }, "Mend the vehicles in the YAML first.")];
  const items = vehicles().map((vehicle, i) => {
    const where = vehicle.box
      ? `px ${vehicle.box.map((v) => Math.round(v)).join(" ")}`
      : `${number(vehicle.ahead)} m, ${vehicle.left > 0.05 ? `${number(vehicle.left)} left` : vehicle.left < -0.05 ? `${number(-vehicle.left)} right` : "ahead"}`;
    const classes = `ds-row ${i === state.selected ? "chosen" : ""} ${vehicle.fault ? "wrong" : ""}`;
    return h("div", { class: classes, role: "option", "aria-selected": String(i === state.selected), title: vehicle.fault ?? "", onclick: () => select(i) },
      h("i", { class: "ds-swatch", style: `--kind:${state.facts.colours[vehicle.kind]}` }), h("b", {}, `${i + 1}`),
      h("span", {}, vehicle.kind), h("span", { class: "where" }, where),
      vehicle.locked && button("lock", "", "Unlock (L)", (event) => { event.stopPropagation(); toggleLock(i); }, { class: "bare" }));
  });
  return items.length ? items : [h("p", { class: "ds-empty" }, "None yet. Choose a kind above the frame, then click or drag.")];
}

// The numbers of the selected vehicle. The fields are made anew for another vehicle, else only filled in.
let orders = null; // the actions of the vehicle whose fields there are

function fillDetails(details) {
  const vehicle = selectedVehicle();
  const kind = vehicle ? (vehicle.box ? "box" : "placed") : "none";
  refill(details, [state.selected, kind, vehicle?.locked], () => (vehicle ? make(vehicle) : []));
  if (!vehicle) return;
  orders?.update(vehicle.actions ?? [], vehicle.locked);
  details.querySelector(".ds-fault").textContent = vehicle.fault ?? "";
  const values = vehicle.box ? { heading: vehicle.heading, kind: vehicle.kind } : vehicle;
  vehicle.box?.forEach((value, i) => { values[`edge${i}`] = value; });
  for (const input of details.querySelectorAll(".ds-fields [data-key]")) show(input, values[input.dataset.key]);
}

function show(input, value) {
  if (document.activeElement === input && input.dataset.dirty) return;
  const text = typeof value === "number" ? String(Number(value.toFixed(4))) : (value ?? "");
  if (input.value !== String(text)) input.value = text;
}

function make(vehicle) {
  const index = state.selected, locked = vehicle.locked;
  const change = (key, value) => {
    const now = rounded(state.view.vehicles[index]);
    if (key.startsWith("edge")) now.box[Number(key[4])] = value;
    else if (value === null || value === "") delete now[key];
    else now[key] = value;
    put(index, now);
  };
  const field = (key, label, step, unit, low, high, empty = null) =>
    h("label", {}, h("span", {}, label),
      numeric({ key, step, low, high, disabled: locked, label: `${label} of vehicle ${index + 1}`, commit: (value) => change(key, value), empty }), h("em", {}, unit));
  const kinds = h("label", {}, h("span", {}, "Kind"),
    h("select", { "data-key": "kind", disabled: locked, "aria-label": `Kind of vehicle ${index + 1}`, onchange: (event) => change("kind", event.target.value) },
      state.facts.kinds.map((kind) => h("option", { value: kind }, kind))));
  const paint = h("label", {}, h("span", {}, "Paint"),
    h("select", { "data-key": "paint", disabled: locked, "aria-label": `Paint of vehicle ${index + 1}`, onchange: (event) => change("paint", event.target.value) },
      h("option", { value: "" }, "drawn"), Object.keys(state.facts.paints).map((name) => h("option", { value: name }, name))));
  const name = h("label", {}, h("span", {}, "Name"),
    h("input", { type: "text", "data-key": "name", disabled: locked, maxlength: 64, spellcheck: "false", placeholder: "none", title: "What triggers call it",
      "aria-label": `Name of vehicle ${index + 1}`, onchange: (event) => change("name", event.target.value.trim()),
      onkeydown: (event) => { if (event.key === "Enter") event.target.blur(); } }));
  orders = vehicle.box ? null : actionList(index, (actions) => put(index, { ...rounded(state.view.vehicles[index]), actions }));
  const edges = ["Left", "Top", "Right", "Bottom"];
  const fields = vehicle.box
    ? [kinds, field("heading", "Heading", 5, "°", ...HEADING), ...edges.map((label, i) => field(`edge${i}`, label, 1, "px", 0, i % 2 ? FRAME_HEIGHT : FRAME_WIDTH))]
    : [kinds, field("heading", "Heading", 5, "°", ...HEADING), field("ahead", "Ahead", 0.5, "m", ...AHEAD), field("left", "Left", 0.1, "m", ...LEFT), paint,
        field("speed", "Speed", 1, "m/s", ...SPEED, "open"), name];
  const form = vehicle.box
    ? button("ground", "To metres", "Place it on the road where the box stands", () => act("form", { index, form: "placed" }), { disabled: locked })
    : button("box", "To pixels", "Keep its box as pixels, free of the road", () => act("form", { index, form: "box" }), { disabled: locked });
  return [
    h("div", { class: "ds-fields" }, fields),
    h("p", { class: "ds-fault" }),
    orders?.element ?? null,
    h("div", { class: "ds-buttons" },
      button(locked ? "lock" : "unlock", "", locked ? "Unlock (L)" : "Lock (L)", () => toggleLock(index), { class: locked ? "on" : "" }),
      button("copy", "", "Duplicate (Ctrl+D)", duplicate), form,
      button("trash", "", "Delete (Delete)", () => remove(index), { disabled: locked })),
  ];
}

function group(section) {
  const fields = state.facts.fields.filter((field) => field.section === section).map(row);
  const title = section[0].toUpperCase() + section.slice(1);
  const element = h("details", { class: "ds-group", open: section !== "guidance" || window.innerHeight > 900 }, h("summary", {}, h("h2", {}, title)), fields.map((field) => field.element));
  return { element, update: (locked) => fields.forEach((field) => field.update(locked)) };
}

function row(field) {
  const { section, key } = field, label = SHORT[key] ?? field.label, id = section ? `${section}-${key}` : key;
  const set = (value) => act("set", { section, key, value });
  const slide = (event) => {
    state.slider = { section, key, value: Number(event.target.value) };
    changed();
  };
  let inputs;
  if (field.choices.length && field.choices.length < 4)
    inputs = [h("span", { class: "ds-choice", role: "radiogroup", "aria-label": label }, field.choices.map((choice) =>
      h("button", { type: "button", role: "radio", "data-choice": String(choice), onclick: () => set(choice) }, String(choice))))];
  else if (field.choices.length)
    inputs = [h("select", { "data-select": key, "aria-label": label, onchange: (event) => set(event.target.value) },
      field.choices.map((choice) => h("option", { value: choice }, String(choice))))];
  else {
    const entry = numeric({ key, step: field.step ?? 1, low: field.minimum, high: field.maximum, label, commit: set });
    const slider = field.step !== null && h("input", {
      type: "range", min: field.minimum, max: field.maximum, step: field.step, "aria-label": `${label} slider`, tabindex: "-1",
      oninput: slide, onchange: (event) => set(Number(event.target.value)),
    });
    const dice = key === "seed" && button(null, "random", "Another seed", () => set(Math.floor(Math.random() * 2 ** 31)), { class: "small" });
    inputs = [slider || dice, entry, h("em", {}, UNITS[key] ?? "")];
  }
  const fault = h("p", { class: "ds-fault" });
  const element = h("div", { class: "ds-field", id, title: field.help }, h("span", { class: "label" }, label), inputs, fault);
  const update = (locked) => {
    const drag = state.slider?.section === section && state.slider.key === key;
    const value = drag ? state.slider.value : state.view?.form?.[section]?.[key];
    const words = state.view?.faults.filter(({ where }) => (section ? where[0] === section && where[1] === key : where[0] === key)).map((one) => one.message) ?? [];
    fault.textContent = words.join("; ");
    element.classList.toggle("wrong", words.length > 0);
    for (const choice of element.querySelectorAll("[data-choice]")) {
      choice.setAttribute("aria-checked", String(choice.dataset.choice === String(value)));
      choice.disabled = locked;
    }
    for (const input of element.querySelectorAll("input, select")) {
      input.disabled = locked;
      if (input.type === "range") { if (typeof value === "number" && document.activeElement !== input) input.value = value; }
      else show(input, value ?? "");
    }
  };
  return { element, update };
}
