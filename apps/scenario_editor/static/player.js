// The futures of one rollout side by side, all at the same moment; while it runs, what is finished of them.

import { button, clock, h, icon, refill } from "./dom.js";
import { changed, state } from "./store.js";

const APART = 0.08; // s between two films before they are put together again

export function player() {
  const wall = h("div", { class: "ds-wall" });
  const toggle = button("play", "", "Play or pause (Space)", () => (playing() ? pause() : play()), { class: "ds-play", id: "play" });
  const scrub = h("input", { type: "range", min: 0, max: 1, step: 0.001, value: 0, "aria-label": "Time", class: "ds-scrub",
    oninput: (event) => seek(Number(event.target.value) * length()) });
  const time = h("span", { class: "ds-time" });
  const loop = h("input", { type: "checkbox", checked: true, id: "loop" });
  const close = button("cancel", "Back to the scene", "Back to the scene (Escape)", () => { state.shown = null; changed(); });
  const title = h("b");
  const element = h("div", { class: "ds-player", hidden: true }, wall,
    h("div", { class: "ds-controls" }, toggle, scrub, time, h("label", {}, loop, " loop"), title, close));
  const films = () => [...wall.querySelectorAll("video")];
  const length = () => Math.max(0, ...films().map((film) => film.duration || 0));
  const now = () => Math.max(0, ...films().map((film) => film.currentTime));
  const playing = () => films().some((film) => !film.paused && !film.ended);
  let wanted = false;

  function seek(moment) {
    for (const film of films()) film.currentTime = Math.min(moment, film.duration || 0);
  }
  function play() {
    if (now() >= length() - 0.02) seek(0);
    wanted = true;
    for (const film of films()) film.play().catch(() => {});
  }
  function pause() {
    wanted = false;
    for (const film of films()) film.pause();
  }
  // Once a drawn frame: the bar, films that drift, and the end, at which all begin anew together.
  function tick() {
    if (element.hidden) return;
    const moment = now(), total = length();
    if (document.activeElement !== scrub || playing()) scrub.value = total ? moment / total : 0;
    time.textContent = `${moment.toFixed(1)} / ${total.toFixed(1)} s`;
    refill(toggle, playing(), () => [icon(playing() ? "pause" : "play")]);
    if (playing()) for (const film of films()) if (!film.ended && moment - film.currentTime > APART && moment < film.duration) film.currentTime = moment;
    if (wanted && total && !playing() && films().every((film) => film.ended || film.currentTime >= film.duration - 0.02)) {
      if (loop.checked) play();
      else wanted = false;
    }
    requestAnimationFrame(tick);
  }

  function update() {
    const job = state.jobs.find((one) => one.id === state.shown), hidden = !job;
    if (element.hidden !== hidden) {
      element.hidden = hidden;
      if (hidden) pause();
      else requestAnimationFrame(tick);
    }
    if (!job) return refill(wall, null, () => []);
    title.textContent = `${job.name}, seed ${job.seed}`;
    wall.style.setProperty("--across", job.futures.length > 4 ? 3 : job.futures.length > 1 ? 2 : 1);
    const moment = now(), was = wanted;
    refill(wall, [job.id, job.first_frame, job.futures.map((one) => [one.film, one.state])], () => {
      setTimeout(() => { seek(moment); if (was) play(); }, 60);
      return job.futures.map((future) => cell(job, future));
    });
    for (const [i, note] of [...wall.querySelectorAll(".ds-caption span")].entries()) note.textContent = progress(job, job.futures[i]);
  }
  const keys = { toggle: () => (playing() ? pause() : play()) };
  return { element, update, keys };
}

function progress(job, future) {
  if (future.state === "complete") return `${future.frames} frames`;
  if (future.state === "running") return `${future.windows} of ${future.of} windows${job.seconds_left === null ? "" : `, ${clock(job.seconds_left)} left`}`;
  return job.state === "running" || job.state === "queued" ? "waiting" : "not made";
}

function cell(job, future) {
  const picture = future.film
    ? h("video", { src: future.film, playsinline: true, preload: "auto", tabindex: "-1" })
    : job.first_frame ? h("img", { src: job.first_frame, alt: "first frame" }) : h("div", { class: "ds-blank" }, "the first frame comes first");
  if (future.film) picture.muted = true;
  return h("figure", { class: future.state }, picture, h("figcaption", { class: "ds-caption" }, h("b", {}, future.name), h("span")));
}
