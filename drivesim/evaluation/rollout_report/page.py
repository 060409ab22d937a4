"""The page: what `drivesim report` writes."""

from __future__ import annotations

import shlex
from html import escape
from pathlib import Path

from drivesim.checksums import unwritable
from drivesim.config import write_atomic
from drivesim.engine.settings import QUALITIES, SamplingSettings
from drivesim.evaluation.html_page import html_page
from drivesim.evaluation.rollout_report.label_chart import COLOURS, label_chart
from drivesim.labels.finished_rollout import FinishedFuture, FinishedRollout
from drivesim.rollout.folder import PREVIEW, REPORT
from drivesim.rollout.inputs import TEXT


def write_rollout_report(folder: Path) -> Path:
    """Writes report.html into the folder of a finished rollout, anew if it is there: its path.

    Films are linked beside it, so that the folder may be moved. InputError if it is no rollout, not finished, or read-only.
    """
    rollout = FinishedRollout.open(folder)
    path = folder / REPORT
    text = html_page(rollout.scenario.name, _body(rollout))
    try:
        write_atomic(path, text)
    except PermissionError as error:
        raise unwritable(path, error) from error
    return path


def command(rollout: FinishedRollout) -> str:
    """The command that makes the rollout again, given in its folder."""
    job = rollout.manifest.job
    quality = [name for name in QUALITIES if SamplingSettings.preset(name) == job.sampling]
    words = ["drivesim", "rollout", TEXT, "--out", "again", "--seconds", f"{job.seconds:g}", "--fps", f"{job.fps:g}"]
    words += ["--futures", str(len(rollout.manifest.futures)), "--seed", str(job.seed), "--device", job.device]
    words += ["--quality", quality[0]] if quality else []
    words += ["--free"] if rollout.scenario.traffic == "free" else []
    return shlex.join(words)


def _body(rollout: FinishedRollout) -> str:
    manifest = rollout.manifest
    timeline = manifest.job.timeline
    futures = f"{len(rollout.futures)} future{'s' * (len(rollout.futures) != 1)}"
    facts = f"{futures} of {timeline.frames} frames, {float(timeline.fps):g} a second; seed {manifest.job.seed}"
    there = rollout.folder / PREVIEW
    preview = f'<figure><img src="{PREVIEW}" alt="the futures side by side"></figure>' if there.is_file() else ""
    key = "".join(f'<span style="background:{colour}">{words}</span>' for colour, words in COLOURS.values())
    chart_key = f'<p class="key">Labels over time: {key} pale: hidden</p>'
    films = "".join(_future(rollout, future) for future in rollout.futures)
    return f"<p>{escape(facts)}.</p>{preview}{chart_key}{films}{_scenario(rollout)}{_making(rollout)}"


def _future(rollout: FinishedRollout, future: FinishedFuture) -> str:
    """Film, labels and figures of a future."""
    record = rollout.manifest.futures[future.name]
    film = future.video.relative_to(rollout.folder).as_posix()
    video = f'<video controls loop muted preload="metadata" src="{escape(film)}"></video>'
    figures = {name.replace("_", " "): _number(value) for name, value in record.figures.items()}
    said = _table("Figures", figures) if figures else "<p>No detector looked at this film.</p>"
    unknown = future.frames - future.known_frames
    note = f"<p>Traffic was free: nobody knows who is there in {unknown} frames.</p>" if unknown else ""
    return f"<h2>{escape(future.name)}</h2>{video}{note}<div class=wide>{label_chart(future)}</div>{said}"


def _scenario(rollout: FinishedRollout) -> str:
    path = rollout.folder / TEXT
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else f"{TEXT} is missing\n"
    return f"<h2>Scenario</h2><pre>{escape(text)}</pre>"


def _making(rollout: FinishedRollout) -> str:
    """How to make it again, and what made it."""
    manifest = rollout.manifest
    notes = [] if rollout.scenario.photo is None else ["The scenario begins with a photo, which is found from where it was."]
    if "--quality" not in command(rollout):
        notes.append("The sampling settings are those of no --quality of this version; manifest.json has them.")
    said = "".join(f"<p>{note}</p>" for note in notes)
    facts = manifest.versions | {name: str(value) for name, value in manifest.machine.items()}
    facts |= {f"seconds, {phase}": f"{value:.1f}" for phase, value in manifest.seconds.items() if value}
    facts |= {f"peak memory, {name}": f"{value:.0f} MiB" for name, value in manifest.peak_memory_mib.items()}
    return (
        f"<h2>Make it again</h2><p>In this folder, with the same version and the same weights:</p>"
        f"<pre>{escape(command(rollout))}</pre>{said}"
        f'<div class="grid">{_table("Made by", facts)}{_table("sha256 of the weights", manifest.job.weights)}</div>'
    )


def _table(title: str, values: dict[str, str]) -> str:
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in values.items())
    return f'<section class="facts"><h3>{escape(title)}</h3><table>{rows}</table></section>'


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
