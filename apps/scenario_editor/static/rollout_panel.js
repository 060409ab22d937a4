// The queue of rollouts: what runs, how long it will take, and what is finished.

import { button, clock, h, refill } from "./dom.js";
import { act, changed, state } from "./store.js";

export function rolloutPanel() {
  const quality = h("select", { "aria-label": "Quality of the rollout", id: "rollout-quality", onchange: (event) => act("remember", { rollout_quality: event.target.value }) },
    state.facts.qualities.map((name) => h("option", { value: name }, name)));
  const start = button(null, "Roll out", "Put a rollout of this scenario into the queue", () => act("rollout", { quality: quality.value }), { class: "primary", id: "rollout" });
  const what = h("span", { class: "ds-what" });
  const list = h("div", { class: "ds-jobs" });
  const element = h("div", { class: "ds-panel" }, h("div", { class: "ds-tools" }, quality, start, what), list);
  let restored = false;
  const update = () => {
    const { view, jobs } = state, plan = view?.form?.rollout;
    start.disabled = !view?.sound;
    if (view && !restored) quality.value = view.rollout_quality; // from then on the page knows best
    restored ||= Boolean(view);
    what.textContent = plan ? `${plan.futures} × ${plan.seconds} s at ${plan.fps} fps, seed ${plan.seed}` : "";
    refill(list, [jobs, state.shown], () => (jobs.length ? jobs.map(card) : [h("p", { class: "ds-empty" }, "No rollouts yet. One runs at a time, in a process of its own; the page can be closed meanwhile.")]));
  };
  return { element, update };
}

const PHASES = {
  load: "loading the weights", compose: "first frame", predict: "key frames", interpolate: "frames between",
  decode: "decoding", upsample: "upscaling", write: "writing",
};
const WORDS = { queued: "waiting", running: "running", complete: "done", failed: "failed", cancelled: "cancelled" };

function card(job) {
  const verb = (name) => (event) => {
    event.stopPropagation();
    act("job", { id: job.id, verb: name });
  };
  const note = {
    queued: job.position ? `${job.position} before it` : "next",
    running: `${job.phase === "load" && job.share > 0 ? "working" : (PHASES[job.phase] ?? "starting")}${job.seconds_left === null ? "" : `, ${clock(job.seconds_left)} left`}`,
    complete: `${job.futures.length} × ${job.seconds} s`,
    failed: job.error,
    cancelled: "finished parts are kept",
  }[job.state];
  const watch = () => {
    state.shown = state.shown === job.id ? null : job.id;
    changed();
  };
  return h("div", { class: `ds-job ${job.state} ${state.shown === job.id ? "chosen" : ""}`, "data-job": job.id, onclick: watch, title: job.command },
    h("span", { class: "ds-state" }, WORDS[job.state]), h("b", {}, job.name), h("span", { class: "note" }, note),
    h("span", { class: "ds-buttons" },
      job.watchable && button("play", "", state.shown === job.id ? "Back to the scene" : "Watch the futures", (event) => { event.stopPropagation(); watch(); }, { class: "bare" }),
      job.can_resume && button("resume", "", "Go on", verb("resume"), { class: "bare" }),
      job.can_cancel && button("cancel", "", "Cancel", verb("cancel"), { class: "bare" }),
      job.can_remove && button("trash", "", "Remove it with its files", verb("remove"), { class: "bare" })),
    h("span", { class: "ds-bar thin" }, h("i", { style: `width:${100 * job.share}%` })));
}
