// The traffic of a future in time: a bar below the frame that plays it, as frame and road view show it.

import { button, h, icon, refill } from "./dom.js";
import { changed, moment, play, state } from "./store.js";

export function trafficBar() {
  const toggle = button("play", "", "Play the traffic, without networks (Space)", () => flip(), { id: "play-traffic" });
  const scrub = h("input", { type: "range", min: 0, max: 1, step: 1, value: 0, "aria-label": "Time of the traffic", id: "moment",
    oninput: () => { stop(); show(Number(scrub.value)); } });
  const time = h("span", { class: "ds-time" }), note = h("span", { class: "ds-note" });
  const future = h("select", { "aria-label": "Future whose traffic is shown", id: "future", onchange: () => show(state.moment ?? 0) });
  const back = button("cancel", "Edit", "Back to the first frame, which can be edited (Escape)", () => leave(), { id: "leave-traffic", class: "small" });
  const element = h("div", { class: "ds-traffic-bar" }, toggle, scrub, time, future, note, back);
  let started = null, asked = null, wanted = null; // ms at which moment 0 was shown; what the server was asked last; future on show

  const key = () => JSON.stringify([state.session, state.view?.text, Number(future.value || 0)]);
  const last = () => (state.traffic ? state.traffic.frames.length - 1 : 0);

  async function show(index) {
    state.moment = index;
    changed();
    await fetched();
  }
  // What is shown is of the text as it is now; while it is typed, that of before stays.
  async function fetched() {
    if (asked === key() || !state.view?.sound) return;
    asked = key();
    await play(Number(future.value || 0));
  }
  function stop() {
    started = null;
    changed();
  }
  function leave() {
    started = state.moment = null;
    changed();
  }
  async function flip() {
    if (started !== null) return stop();
    const from = state.moment === null || state.moment >= last() ? 0 : state.moment;
    await show(from);
    if (!moment()) return;
    started = performance.now() - (1000 * from) / state.traffic.fps;
    requestAnimationFrame(tick);
  }
  function tick() {
    if (state.moment === null) started = null;
    if (started === null) return;
    const index = Math.floor(((performance.now() - started) / 1000) * state.traffic.fps);
    if (index >= last()) stop();
    const next = Math.min(index, last());
    if (next !== state.moment) {
      state.moment = next;
      changed();
    }
    requestAnimationFrame(tick);
  }
  const update = () => {
    const { view, traffic } = state, now = moment(), seconds = view?.form?.rollout?.seconds;
    element.hidden = state.shown !== null && state.jobs.some((job) => job.id === state.shown);
    if (element.hidden && state.moment !== null) return leave();
    const futures = Number(view?.form?.rollout?.futures) || 1;
    refill(future, [futures], () => Array.from({ length: Math.min(futures, 16) }, (_, i) => h("option", { value: i }, `future ${i}`)));
    if (wanted !== null && Number(future.value) !== wanted && wanted < futures) future.value = wanted;
    wanted = Number(future.value);
    toggle.disabled = scrub.disabled = future.disabled = !view?.sound;
    scrub.max = traffic ? last() : Math.max(1, Math.round((Number(seconds) || 8) * 7.5));
    if (document.activeElement !== scrub || started !== null) scrub.value = state.moment ?? 0;
    const at = now ? Math.min(state.moment, last()) / traffic.fps : 0, end = traffic && now ? last() / traffic.fps : Number(seconds) || 0;
    time.textContent = `${at.toFixed(1)} / ${end.toFixed(1)} s`;
    refill(toggle, started !== null, () => [icon(started !== null ? "pause" : "play")]);
    back.hidden = state.moment === null;
    const free = view?.form?.[""]?.traffic === "free";
    note.textContent = now ? (free ? "free: the networks make it up" : `ego ${(3.6 * now.ego[1]).toFixed(0)} km/h`) : "traffic";
    if (state.moment !== null) fetched();
  };
  return { element, update, keys: { toggle: flip, leave } };
}
