// Elements made from JavaScript, and the few icons of the page.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const ICONS = {
  undo: "M6 4 2.5 7.5 6 11M3 7.5h6.5a3.5 3.5 0 0 1 0 7H7",
  redo: "M10 4l3.5 3.5L10 11M13 7.5H6.5a3.5 3.5 0 0 0 0 7H9",
  save: "M3 2.5h8l2.5 2.5v8.5H3zM5.5 2.5v4h5v-4M5.5 13.5v-4h6v4",
  download: "M8 2.5v7M5 7l3 3 3-3M3 13.5h10",
  open: "M2 12.5V3.5h4l1.5 2H14v7z",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  unlock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 4.8-1",
  trash: "M3 4.5h10M6 4.5v-2h4v2M4.5 4.5l.7 9h5.6l.7-9",
  copy: "M5.5 5.5h8v8h-8zM3 10.5v-8h8",
  play: "M4.5 3v10l8-5z",
  pause: "M5 3v10M11 3v10",
  theme: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  cancel: "M4 4l8 8M12 4l-8 8",
  resume: "M3 8a5 5 0 1 1 1.6 3.6M3 12V8.5h3.5",
  pointer: "M4 2.5l8.5 6-4 .8-2 4z",
  photo: "M2.5 3.5h11v9h-11zM2.5 11l3.5-3.5 3 3 2-2 2.5 2.5M10.5 6a.6.6 0 1 0 .1 0",
  ground: "M2.5 12.5h11M4 9.5h8l-1-3.5H5zM5 9.5v3M11 9.5v3",
  box: "M3 4h10v8H3z",
};

export const icon = (name) =>
  s("svg", { viewBox: "0 0 16 16", class: "ds-icon", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));

// A button with an icon and, unless `words` is empty, a text; `title` is read out and shown on hovering.
export const button = (name, words, title, onclick, attributes = {}) =>
  h("button", { type: "button", title, "aria-label": title, onclick, ...attributes }, name && icon(name), words);

// New children, but only where something changed: `key` is compared with that of the last time.
export function refill(element, key, make) {
  const text = JSON.stringify(key);
  if (element.dataset.key === text) return;
  element.dataset.key = text;
  element.replaceChildren(...make().filter(Boolean));
}

export const number = (value, digits = 1) => (Number.isFinite(value) ? String(Number(value.toFixed(digits))) : "–");

export function clock(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds)), minutes = Math.floor(whole / 60), rest = String(whole % 60).padStart(2, "0");
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}
