import time

import pytest

from drivesim.engine.progress import PRIOR, SLOWEST_START, UNTIMED, Progress
from drivesim.video_format import PHASES, Phase


def test_time_is_booked_to_the_verb_that_took_it() -> None:
    seen = []
    progress = Progress({"predict": 4, "upsample": 2}, on_change=lambda p: seen.append(dict(p.units)))
    time.sleep(0.02)
    progress.lap("predict", 2)
    time.sleep(0.04)
    progress.lap("upsample")
    assert 0.02 <= progress.seconds["predict"] < 0.04 <= progress.seconds["upsample"]
    assert [d["predict"] for d in seen] == [2, 2] and seen[-1]["upsample"] == 1
    assert set(progress.seconds) == set(PHASES)


def test_what_remains_is_unknown_first_then_estimated_then_nothing() -> None:
    progress = Progress({"predict": 2, "upsample": 2})
    assert progress.remaining() is None
    time.sleep(0.01)
    progress.lap("predict")
    early = progress.remaining()
    assert early is not None and early > progress.seconds["predict"]
    time.sleep(0.01)
    progress.lap("predict")
    progress.lap("upsample", 2)
    assert progress.remaining() == 0


@pytest.mark.parametrize("machine", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("warming", [1, 4, 16])
def test_first_units_that_take_long_do_not_count_for_the_others(
    machine: float, warming: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is `machine` times as slow as PRIOR says, and takes `warming` times as long for the first of each phase."""
    clock = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: clock)
    totals: dict[Phase, int] = {"compose": 50, "predict": 200, "interpolate": 60, "decode": 240, "upsample": 80, "write": 4}
    progress, left, seen = Progress(totals), [], []
    for phase in PHASES:
        for unit in range(totals[phase]):
            clock += machine * PRIOR[phase] * (warming if unit == 0 else 1)
            progress.lap(phase)
            seen.append(clock)
            left.append(progress.remaining())
        clock += 1.0  # a picture on the way
        progress.lap(phase, 0)
    early = [(guess or 0) / (clock - now) for guess, now in zip(left[:250], seen, strict=False)]
    assert all(0.4 < ratio < 2.5 for ratio in early[1:]), early
    assert early[0] < 1.1 * min(warming, max(1.0, SLOWEST_START / machine))
    assert left[-1] == 0


def test_nobody_times_what_is_untimed() -> None:
    UNTIMED.start()
    UNTIMED.lap("predict", 3)
    assert not any(UNTIMED.units.values()) and not any(UNTIMED.seconds.values()) and UNTIMED.phase is None
