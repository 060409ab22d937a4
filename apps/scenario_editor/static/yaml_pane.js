// The scenario as the text that is saved: typed into, coloured, with the validator's words at their lines.

import { h, refill } from "./dom.js";
import { act, state } from "./store.js";

const PAUSE = 250; // ms without a key before the text is sent

export function yamlPane() {
  const lines = h("div", { class: "ds-lines", "aria-hidden": "true" });
  const coloured = h("pre", { class: "ds-coloured", "aria-hidden": "true" });
  const entry = h("textarea", { class: "ds-entry", spellcheck: "false", wrap: "off", "aria-label": "Scenario as YAML", id: "yaml" });
  const faults = h("ul", { class: "ds-faults", "aria-label": "Faults" });
  const element = h("section", { class: "ds-yaml" },
    h("h2", {}, "Scenario file", h("span", { class: "ds-verdict" })),
    h("div", { class: "ds-code" }, lines, h("div", { class: "ds-text" }, coloured, entry)), faults);
  let timer = null, waiting = false;

  const send = async () => {
    clearTimeout(timer);
    if (!waiting) return;
    waiting = false;
    await act("text", { text: entry.value });
  };
  entry.addEventListener("input", () => {
    waiting = true;
    clearTimeout(timer);
    timer = setTimeout(send, PAUSE);
    paint();
  });
  entry.addEventListener("blur", send);
  entry.addEventListener("scroll", () => {
    coloured.scrollTop = lines.scrollTop = entry.scrollTop;
    coloured.scrollLeft = entry.scrollLeft;
  });
  entry.addEventListener("keydown", (event) => {
    if (event.key !== "Tab" || event.shiftKey) return;
    event.preventDefault();
    document.execCommand("insertText", false, "  ");
  });

  function paint() {
    const text = entry.value.split("\n"), stale = waiting, wrong = new Map();
    for (const fault of state.view?.faults ?? []) wrong.set(fault.line, [...(wrong.get(fault.line) ?? []), fault.message]);
    refill(lines, [text.length, [...wrong.keys()], stale], () =>
      text.map((_, i) => h("div", { class: wrong.has(i + 1) && !stale ? "wrong" : "" }, String(i + 1))));
    refill(coloured, [text, [...wrong], stale], () => text.map((line, i) => {
      const words = stale ? undefined : wrong.get(i + 1);
      return h("div", { class: words ? "wrong" : "" }, tokens(line), "\u200b", words && h("span", { class: "lens" }, `  ${words.join("; ")}`));
    }));
    coloured.scrollTop = lines.scrollTop = entry.scrollTop;
  }

  function update() {
    const { view } = state;
    if (!view) return;
    const text = view.text.replace(/\r\n?/g, "\n"); // as a textarea has it; the server puts the line ends back
    if (!waiting && entry.value !== text) {
      const [start, end] = [entry.selectionStart, entry.selectionEnd];
      entry.value = text;
      if (document.activeElement === entry) entry.setSelectionRange(start, end);
    }
    const count = view.faults.length;
    element.querySelector(".ds-verdict").textContent = count ? `${count} fault${count > 1 ? "s" : ""}` : "valid";
    element.classList.toggle("wrong", count > 0);
    refill(faults, view.faults, () => view.faults.map((fault) =>
      h("li", {}, h("button", { type: "button", onclick: () => show(fault) }, h("b", {}, `line ${fault.line}`), fault.message))));
    paint();
  }

  function show({ line, column }) {
    const before = entry.value.split("\n").slice(0, line - 1).join("\n");
    const at = (line > 1 ? before.length + 1 : 0) + column - 1;
    entry.focus();
    entry.setSelectionRange(at, at);
    entry.scrollTop = Math.max(0, (line - 4) * 17);
  }
  return { element, update };
}

// A line of YAML in spans: key, comment, number, the rest.
function tokens(line) {
  const parts = line.split(/(#.*$|"[^"]*"|'[^']*'|[A-Za-z_][\w-]*(?=\s*:(?:\s|$))|-?\b\d+(?:\.\d+)?(?:e[-+]?\d+)?\b)/);
  return parts.map((part, i) => {
    if (i % 2 === 0) return part;
    const kind = part[0] === "#" ? "comment" : /^-?\d/.test(part) ? "number" : /^["']/.test(part) ? "string" : "key";
    return h("span", { class: kind }, part);
  });
}
