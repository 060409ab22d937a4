"""Figures as tables for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivesim.evaluation.autoencoder import Fidelity
    from drivesim.evaluation.speed import Speed
    from drivesim.evaluation.world import WorldFigures
    from drivesim.metrics.intervals import Figures


def figures_table(figures: Figures) -> str:
    """Each figure with its interval, a line each."""
    lines = [f"{'figure':<36}{'value':>9}   95 % interval"]
    for name, (value, low, high) in figures.items():
        ends = f"   {low:.3f} to {high:.3f}" if low == low else ""
        lines.append(f"{name:<36}{value:>9.3f}{ends}")
    return "\n".join(lines)


def speed_table(speed: Speed, qualities: list[str]) -> str:
    """Seconds and operations of every phase, and of the video networks."""
    from drivesim.evaluation.speed import MOST_SECONDS, NO_PUBLIC_NETWORK, PARTS
    from drivesim.video_format import PHASES

    figures, lines = speed.figures(), []
    for quality in qualities:
        lines.append(f"{quality + ', a frame of 512x1024':<34}{'seconds':>9}   {'lowest to highest':<20}{'GFLOP':>9}")
        for phase in (*PHASES, ""):
            name = f"{quality}_{phase}".rstrip("_")
            (value, low, high), work = figures[f"seconds_{name}"], figures[f"gflop_{name}"].value
            words = {"compose": "compose, once a rollout", "": "all but compose"}.get(phase, phase)
            lines.append(f"{words:<34}{value:>9.4f}   {f'{low:.4f} to {high:.4f}':<20}{work:>9.2f}")
        if quality in MOST_SECONDS and speed.facts["device"] == "cpu":
            most = MOST_SECONDS[quality]
            verdict = "meets" if figures[f"seconds_{quality}"].value <= most else "MISSES"
            lines.append(f"({verdict} the bar of {most:g} s on 2 cores)")
        for name, words in (("ours", "video LDM, a clip of key frames"), ("public", "UNetMotionModel, the same")):
            if f"seconds_clip_{quality}_{name}" in figures:
                value, low, high = figures[f"seconds_clip_{quality}_{name}"]
                work = figures[f"gflop_clip_{quality}_{name}"].value
                lines.append(f"{words:<34}{value:>9.4f}   {f'{low:.4f} to {high:.4f}':<20}{work:>9.1f}")
        if (ratio := figures.get(f"seconds_clip_{quality}_ratio")) is not None:
            lines.append(f"{'ratio of their seconds':<34}{ratio[0]:>9.3f}   {ratio[1]:.3f} to {ratio[2]:.3f}")
    for part, words in PARTS.items():
        if (seconds := figures.get(f"seconds_{part}")) is not None:
            lines.append(f"{'of it: ' + words:<34}{seconds[0]:>9.4f}   {seconds[1]:.4f} to {seconds[2]:.4f}")
    sizes = [f"{speed.parameters[name] / 1e6:.2f} M of {name}" for name in speed.parameters]
    lines.append(f"parameters: {', '.join(sizes)}; {speed.facts['threads']} threads, {speed.facts['precision']}, load before "
                 f"{speed.facts['load_before']}, after {speed.facts['load_after']}")  # fmt: skip
    return "\n".join(lines if "public" in speed.parameters else [*lines, NO_PUBLIC_NETWORK])


def autoencoder_table(rows: dict[str, Fidelity]) -> str:
    """What the autoencoder keeps, by kind of frame; empty where it was not measured."""
    from drivesim.evaluation.autoencoder import LEAST_PSNR

    if not rows:
        return ""
    lines = [f"{'autoencoder':<28}{'frames':>7}{'PSNR dB':>9}{'worst 10 %':>12}{'SSIM':>8}"]
    lines += [
        f"{name:<28}{row.frames:>7}{row.psnr:>9.2f}{row.psnr_worst_tenth:>12.2f}{row.ssim:>8.4f}"
        for name, row in rows.items()
    ]
    return "\n".join([*lines, f"PSNR of all held-out frames {_verdict(rows['all'].psnr, LEAST_PSNR)}"])


def world_table(world: WorldFigures | None) -> str:
    """The detail and speed of the world; empty where they were not measured."""
    from drivesim.evaluation.world import LEAST_ENERGY, LEAST_SPEED

    if world is None:
        return ""
    lines = [f"{'world':<28}{'frames':>7}{'gradient energy':>17}"]
    lines += [f"{'day, noise-free':<28}{world.day_frames:>7}{world.gradient_energy:>17.1f}"]
    for name, real in world.real.items():
        lines.append(f"{'real ' + name:<28}{real.frames:>7}{real.gradient_energy:>17.1f}")
        lines.append(f"world / real {name}: {real.ratio:.2f} {_verdict(real.ratio, LEAST_ENERGY)}")
    for (height, width), least in LEAST_SPEED.items():
        rate = world.frames_per_second[f"{height}x{width}"]
        lines.append(f"{height}x{width}: {rate:.1f} frames/s of one core {_verdict(rate, least)}")
    return "\n".join([*lines, f"making a world and its first frame of 512x1024 takes {world.seconds_a_world:.2f} s"])


def _verdict(value: float, least: float) -> str:
    return f"({'meets' if value >= least else 'MISSES'} the bar of {least:g})"
