// The bars: scenario, history and files on top; tools over the frame; what just happened at the bottom.

import { button, h, refill } from "./dom.js";
import { act, changed, state, upload } from "./store.js";

export function topBar() {
  const open = h("select", { "aria-label": "Open a scenario", id: "open", onchange: (event) => {
    const [kind, ...name] = event.target.value.split(":");
    event.target.value = "";
    if (kind === "file") picker.click();
    else act("load", { name: name.join(":"), example: kind === "example" });
  } });
  const picker = h("input", { type: "file", accept: ".yaml,.yml", hidden: true, id: "pick-scenario", onchange: () => { if (picker.files[0]) upload("scenario", picker.files[0]); picker.value = ""; } });
  const name = h("input", { type: "text", id: "name", "aria-label": "Name of the scenario", spellcheck: "false", maxlength: 64,
    onchange: () => act("set", { section: "", key: "name", value: name.value }), onkeydown: (event) => { if (event.key === "Enter") name.blur(); } });
  const file = h("span", { class: "ds-file" });
  const undo = button("undo", "", "Undo (Ctrl+Z)", () => act("undo"), { id: "undo" });
  const redo = button("redo", "", "Redo (Ctrl+Shift+Z)", () => act("redo"), { id: "redo" });
  const save = button("save", "Save", "Save (Ctrl+S)", () => store(), { id: "save" });
  const over = button(null, "Replace", "Replace the file that is there", () => store(true), { id: "replace", class: "warn", hidden: true });
  const download = button("download", "", "Download the YAML", () => {
    const link = h("a", { href: URL.createObjectURL(new Blob([state.view.text], { type: "text/yaml" })), download: `${state.view.name || "scenario"}.yaml` });
    link.click();
    URL.revokeObjectURL(link.href);
  }, { id: "download" });
  const theme = button("theme", "", "Light or dark", () => dark(!document.body.classList.contains("dark")));
  const element = h("header", { class: "ds-top" }, h("strong", {}, "drivesim"), open, picker, h("span", { class: "ds-sep" }),
    name, file, undo, redo, h("span", { class: "ds-gap" }), over, save, download, theme);

  async function store(replace = false) {
    const reply = await act("save", { name: state.view.name, replace });
    over.hidden = !reply?.exists;
  }
  const update = () => {
    const { view, facts } = state;
    if (!view) return;
    refill(open, [view.files], () => [
      h("option", { value: "", selected: true }, "Open…"),
      view.files.length && h("optgroup", { label: "In this folder" }, view.files.map((one) => h("option", { value: `name:${one}` }, one))),
      h("optgroup", { label: "Examples" }, facts.examples.map((one) => h("option", { value: `example:${one}` }, one))),
      h("option", { value: "file:" }, "From this computer…"),
    ]);
    if (document.activeElement !== name) name.value = view.name ?? "";
    name.disabled = view.form === null;
    name.classList.toggle("wrong", view.faults.some((fault) => fault.where[0] === "name"));
    file.textContent = view.dirty ? "not saved" : view.saved ? `saved as ${view.saved}.yaml` : "";
    file.classList.toggle("dirty", view.dirty);
    undo.disabled = !view.undo;
    redo.disabled = !view.redo;
    save.disabled = !view.sound;
    if (!view.dirty) over.hidden = true;
  };
  return { element, update, store };
}

export function dark(on) {
  document.body.classList.toggle("dark", on);
  try {
    localStorage.setItem("drivesim-theme", on ? "dark" : "light");
  } catch {
    // storage is switched off
  }
}

export function restoreTheme() {
  let kept = null;
  try {
    kept = localStorage.getItem("drivesim-theme");
  } catch {
    // storage is switched off
  }
  document.body.classList.toggle("dark", kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
}

// Over the frame: the kinds (which are the legend too), and what stands behind the boxes.
export function stageBar() {
  const choose = (tool) => () => {
    state.tool = state.tool === tool ? null : tool;
    state.shown = state.moment = null;
    changed();
  };
  const pointer = button("pointer", "", "Select and move (V)", () => { state.tool = null; changed(); }, { class: "tool" });
  const kinds = state.facts.kinds.map((kind, i) =>
    h("button", { type: "button", class: "tool", "data-kind": kind, title: `New ${kind} (${i + 1}): click where it stands, or draw its box; Shift keeps the tool`, onclick: choose(kind) },
      h("i", { class: "ds-swatch", style: `--kind:${state.facts.colours[kind]}` }), kind));
  const picker = h("input", { type: "file", accept: ".png,.jpg,.jpeg,.webp", hidden: true, id: "pick-photo", onchange: () => { if (picker.files[0]) upload("photo", picker.files[0]); picker.value = ""; } });
  const behind = (backdrop, words, title) => h("button", { type: "button", role: "radio", "data-backdrop": backdrop, title, onclick: () => { state.backdrop = backdrop; changed(); } }, words);
  const backdrop = h("span", { class: "ds-choice", role: "radiogroup", "aria-label": "Behind the boxes" },
    behind("sketch", "sketch", "The geometry of the road"), behind("frame", "first frame", "The composed frame or the photo"));
  const boxes = h("button", { type: "button", class: "tool", "aria-pressed": "true", title: "Show the asked boxes (B)", id: "show-boxes", onclick: () => { state.boxes = !state.boxes; changed(); } }, "boxes");
  const photo = button("photo", "", "A photo instead of a composed first frame", () => picker.click());
  const note = h("span", { class: "ds-note" });
  const element = h("div", { class: "ds-stage-bar" }, pointer, kinds, h("span", { class: "ds-gap" }), note, boxes, backdrop, photo, picker);
  const update = () => {
    const { view } = state;
    pointer.classList.toggle("on", state.tool === null);
    for (const item of kinds) item.classList.toggle("on", item.dataset.kind === state.tool);
    boxes.classList.toggle("on", state.boxes);
    boxes.setAttribute("aria-pressed", String(state.boxes));
    const picture = view?.photo || view?.frame;
    for (const item of backdrop.children) {
      item.disabled = item.dataset.backdrop === "frame" && !picture;
      item.setAttribute("aria-checked", String((item.dataset.backdrop === "frame") === (state.backdrop === "frame" && Boolean(picture))));
    }
    note.textContent = !picture || state.backdrop === "sketch" ? "" : view.photo ? "photo" : view.frame.fresh ? `seed ${view.frame.seed}, ${view.frame.quality}` : "of an earlier scene";
    note.classList.toggle("stale", Boolean(view?.frame && !view.frame.fresh && !view.photo));
  };
  return { element, update };
}

export function statusBar() {
  const message = h("span", { class: "ds-message", role: "status", "aria-live": "polite", id: "status" });
  const hint = h("span", { class: "ds-hint" });
  const element = h("footer", { class: "ds-status" }, message, h("span", { class: "ds-gap" }), hint);
  const update = () => {
    message.textContent = state.message?.text ?? "";
    message.className = `ds-message ${state.message?.level ?? ""}`;
    hint.textContent = !state.online ? "no connection" : state.shown ? "Space play · Esc back to the scene"
      : state.tool ? `click to place the ${state.tool} at true size · drag to draw its box · Esc stops`
      : state.selected !== null ? "arrows move · [ ] turn · Alt+drag free pixel box · L lock · Ctrl+D duplicate · Delete"
      : "1–6 new vehicle · Tab selects · Ctrl+Z undo · B boxes";
  };
  return { element, update };
}
