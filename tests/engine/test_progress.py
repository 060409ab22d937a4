import time

from drivesim.engine.progress import UNTIMED, Progress
from drivesim.video_format import PHASES


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


def test_nobody_times_what_is_untimed() -> None:
    UNTIMED.start()
    UNTIMED.lap("predict", 3)
    assert not any(UNTIMED.units.values()) and not any(UNTIMED.seconds.values()) and UNTIMED.phase is None
