// Puts the page together. Called by the Gradio component (app.py) with its element and the server's one function.

import { composePanel } from "./compose_panel.js";
import { button, h } from "./dom.js";
import { frameView } from "./frame_view.js";
import { inspector } from "./inspector.js";
import { listenToKeys } from "./keys.js";
import { player } from "./player.js";
import { roadView } from "./road_view.js";
import { rolloutPanel } from "./rollout_panel.js";
import { act, changed, connect, listen, poll, state } from "./store.js";
import { trafficBar } from "./traffic_bar.js";
import { restoreTheme, stageBar, statusBar, topBar } from "./top_bar.js";
import { yamlPane } from "./yaml_pane.js";

const BUSY = 700, IDLE = 4000; // ms between two questions how far things are

export async function start(root, call, facts) {
  restoreTheme();
  connect(call, facts);
  const top = topBar(), bar = stageBar(), frame = frameView(), traffic = trafficBar(), films = player(), road = roadView(), form = inspector();
  const yaml = yamlPane(), compose = composePanel(), rollout = rolloutPanel(), status = statusBar(), tabs = tabBar({ compose, rollout });
  const stage = h("main", { class: "ds-stage" }, bar.element, frame.element, traffic.element, films.element);
  const dock = h("div", { class: "ds-dock" }, tabs.element, yaml.element);
  root.replaceChildren(h("div", { class: "ds-app" }, top.element, form.element, stage, dock, road.element, status.element));
  const parts = [top, bar, frame, traffic, films, road, form, yaml, tabs, compose, rollout, status];
  listen(() => {
    frame.element.hidden = state.shown !== null && state.jobs.some((job) => job.id === state.shown);
    for (const part of parts) part.update();
    root.setAttribute("aria-busy", String(state.pending > 0));
  });
  listenToKeys(root, { save: top.store, films: films.keys, traffic: traffic.keys });
  await act("open");
  await openNamed();
  performance.mark("drivesim ready");
  root.dataset.ready = "yes";
  const ask = async () => {
    if (!document.hidden) await poll();
    const busy = state.compose?.running || state.jobs.some((job) => job.state === "running" || job.state === "queued");
    setTimeout(ask, busy ? BUSY : IDLE);
  };
  ask();
  // A composition or a job that was just begun is asked about at once.
  let begun = false;
  listen(() => {
    const running = Boolean(state.compose?.running);
    if (running && !begun) setTimeout(poll, 250);
    begun = running;
  });
}

// `drivesim edit SCENARIO` asks for it in the address: it takes the place of what this browser edited last, as a step of undo.
async function openNamed() {
  const asked = new URLSearchParams(location.search), example = asked.has("example");
  const name = asked.get(example ? "example" : "open");
  if (name === null || !state.view) return;
  history.replaceState(null, "", location.pathname);
  if (state.view.saved !== name || !state.view.dirty) await act("load", { name, example });
}

function tabBar(panels) {
  const names = { compose: "First frame", rollout: "Rollouts" };
  const heads = Object.entries(names).map(([tab, words]) =>
    button(null, words, words, () => { state.tab = tab; changed(); }, { role: "tab", "data-tab": tab, id: `tab-${tab}` }));
  const element = h("section", { class: "ds-tabs" }, h("div", { role: "tablist" }, heads), panels.compose.element, panels.rollout.element);
  const update = () => {
    const active = state.jobs.filter((job) => job.state === "running" || job.state === "queued").length;
    for (const head of heads) {
      head.setAttribute("aria-selected", String(head.dataset.tab === state.tab));
      if (head.dataset.tab === "rollout") head.textContent = active ? `${names.rollout} (${active})` : names.rollout;
    }
    for (const [tab, panel] of Object.entries(panels)) panel.element.hidden = tab !== state.tab;
  };
  return { element, update };
}
