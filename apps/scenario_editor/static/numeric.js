// The one kind of entry that numbers are typed into.

import { h } from "./dom.js";
import { clamp } from "./geometry.js";
import { changed } from "./store.js";

// A number that is committed with Enter, on leaving, and by the arrow keys. With `empty`, the word for no number, it may be left out.
export function numeric({ key, step, low, high, disabled, label, commit, empty = null }) {
  const send = (input) => {
    delete input.dataset.dirty;
    const value = Number(input.value);
    if (empty !== null && input.value.trim() === "") return input.dataset.sent !== "" && commit(null);
    if (input.value.trim() === "" || !Number.isFinite(value)) return changed();
    if (input.value !== input.dataset.sent) commit(clamp(value, low, high));
  };
  return h("input", {
    type: "text", inputmode: "decimal", "data-key": key, disabled, "aria-label": label, spellcheck: "false", placeholder: empty,
    onfocus: (event) => { event.target.dataset.sent = event.target.value; event.target.select(); },
    oninput: (event) => { event.target.dataset.dirty = "1"; },
    onchange: (event) => { send(event.target); event.target.dataset.sent = event.target.value; },
    onkeydown: (event) => {
      const sign = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (event.key === "Escape") { delete event.target.dataset.dirty; changed(); event.target.blur(); }
      if (event.key === "Enter") { send(event.target); event.target.dataset.sent = event.target.value; }
      if (!sign) return;
      event.preventDefault();
      const digits = (String(step).split(".")[1] ?? "").length;
      event.target.value = String(clamp(Number((Number(event.target.value) + sign * step * (event.shiftKey ? 10 : 1)).toFixed(digits)), low, high));
      send(event.target);
      event.target.dataset.sent = event.target.value;
    },
  });
}
