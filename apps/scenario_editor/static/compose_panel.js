// First frames: one or several seeds of the same scene; a click keeps one, which writes its seed into the scenario.

import { button, h, refill, s } from "./dom.js";
import { act, state } from "./store.js";
import { FRAME_HEIGHT, FRAME_WIDTH } from "./contract.js";

export function composePanel() {
  const count = h("select", { "aria-label": "How many variants", id: "variants" }, [1, 2, 4, 6].map((n) => h("option", { value: n }, n === 1 ? "1 variant" : `${n} variants`)));
  const quality = h("select", { "aria-label": "Quality of the first frame", id: "compose-quality", onchange: (event) => act("remember", { quality: event.target.value }) },
    state.facts.qualities.map((name) => h("option", { value: name }, name)));
  const go = (more) => act("compose", { count: Number(count.value), quality: quality.value, more });
  const start = button(null, "Compose", "Compose first frames: the seed of the scenario and the next ones", () => go(false), { class: "primary", id: "compose" });
  const more = button(null, "More", "Compose further seeds of the same scene", () => go(true), { id: "more" });
  const stop = button("cancel", "Cancel", "Stop composing", () => act("compose_cancel"), { id: "compose-cancel" });
  const bar = h("div", { class: "ds-bar" }, h("i"), h("span"));
  const gallery = h("div", { class: "ds-gallery" });
  const element = h("div", { class: "ds-panel" }, h("div", { class: "ds-tools" }, count, quality, start, more, stop, bar), gallery);
  let restored = false;
  const update = () => {
    const { view, compose } = state, running = Boolean(compose?.running);
    start.hidden = more.hidden = running;
    stop.hidden = bar.hidden = !running;
    start.disabled = more.disabled = !view?.sound || Boolean(view.photo);
    more.hidden ||= !(compose?.variants.length);
    start.title = view?.photo ? "The photo is the first frame" : view?.sound ? "Compose first frames" : "Mend the faults first";
    bar.firstChild.style.width = `${100 * (compose?.share ?? 0)}%`;
    bar.lastChild.textContent = compose?.what ?? "";
    if (view && !restored) quality.value = view.quality; // from then on the page knows best
    restored ||= Boolean(view);
    const kept = [view?.frame?.id, state.boxes, compose?.variants, running, view?.photo];
    refill(gallery, kept, () => cards(compose?.variants ?? [], running));
  };
  return { element, update };
}

function cards(variants, running) {
  const sorted = [...variants].sort((a, b) => b.fresh - a.fresh || a.seed - b.seed);
  const items = sorted.map((variant) => {
    const kept = variant.fresh && !state.view.photo && state.view?.frame?.id === variant.id;
    const outlines = state.boxes && variant.boxes.map(({ box: [x1, y1, x2, y2], kind }) =>
      s("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1, style: `--kind:${state.facts.colours[kind]}` }));
    const keep = async () => {
      state.backdrop = "frame";
      await act("keep", { id: variant.id });
    };
    return h("button", { type: "button", class: `ds-card ${kept ? "kept" : ""} ${variant.fresh ? "" : "stale"}`, onclick: keep,
      title: variant.fresh ? `Keep it: the scenario gets seed ${variant.seed}` : "Of an earlier scene: the scenario has changed since" },
      h("span", { class: "ds-thumb" }, h("img", { src: variant.url, alt: `First frame with seed ${variant.seed}`, loading: "lazy", draggable: "false" }),
        outlines && s("svg", { viewBox: `0 0 ${FRAME_WIDTH} ${FRAME_HEIGHT}` }, outlines)),
      h("span", { class: "ds-caption" }, h("b", {}, `seed ${variant.seed}`), variant.quality, kept && h("em", {}, "first frame"), !variant.fresh && h("em", {}, "earlier scene")));
  });
  const away = () => button(null, "Remove the photo", "Compose the first frame instead", () => act("photo_remove"), { class: "small", id: "photo-remove" });
  if (state.view?.photo) items.unshift(h("p", { class: "ds-empty" }, "A photo is the first frame. ", away()));
  if (items.length) return items;
  return [h("p", { class: "ds-empty" }, running ? "The first frames appear here." : "Compose shows what the image model makes of the scene. Every variant is a seed; a click keeps it.")];
}

