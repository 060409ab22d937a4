import itertools
from fractions import Fraction
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivesim.config import InputError
from drivesim.engine.timeline import Portions, Timeline
from drivesim.video_format import CONTEXT, INTERPOLATION_FACTOR, WINDOW

timelines = st.builds(Timeline, frames=st.integers(2, 1500), level=st.integers(0, 2), context=st.integers(1, CONTEXT))


def test_the_rates_of_the_paper() -> None:
    assert [Timeline.of(8, fps).fps for fps in (1.875, 7.5, 30)] == [Fraction(15, 8), Fraction(15, 2), Fraction(30)]
    assert Timeline.of(4, 30).frames == 120
    assert Timeline.of(4, 30).windows == 1
    first, second = Timeline.of(60, 30).window(0), Timeline.of(60, 30).window(1)
    assert (first.context, len(first.added), len(first.frames)) == (1, 9, 145)
    assert (second.context, len(second.added), second.frames) == (2, 8, range(145, 273))


def test_with_the_last_key_frame_alone_windows_add_one_more() -> None:
    first, second = (Timeline.of(60, 30, context=1).window(index) for index in (0, 1))
    assert first == Timeline.of(60, 30).window(0)
    assert (second.context, second.keys, second.frames) == (1, range(9, 19), range(145, 289))


@pytest.mark.parametrize(
    ("seconds", "fps"),
    [(4, 24), (4, 0), (4, nan), (4, inf), (0, 30), (-1, 30), (0.03, 30), (nan, 30), (inf, 30), (1e9, 30)],
)
def test_what_cannot_be_made_is_refused(seconds: float, fps: float) -> None:
    with pytest.raises(InputError, match="fps" if seconds == 4 else "seconds"):
        Timeline.of(seconds, fps)


@given(timelines)
def test_every_frame_belongs_to_exactly_one_window(timeline: Timeline) -> None:
    windows = [timeline.window(i) for i in range(timeline.windows)]
    assert [f for w in windows for f in w.frames] == list(range(timeline.frames))
    assert all(len(w.frames) for w in windows)
    made = [k for w in windows for k in w.added]
    assert made == list(range(1, made[-1] + 1)) and made[-1] >= timeline.keys - 1
    for before, after in itertools.pairwise(windows):
        assert list(after.keys[: after.context]) == list(before.keys[-after.context :])


@given(st.builds(Timeline, frames=st.integers(2, 60_000), level=st.integers(0, 2), context=st.integers(1, CONTEXT)))
def test_context_is_always_made_before_and_no_key_frame_twice(timeline: Timeline) -> None:
    made = {0}
    for window in map(timeline.window, range(timeline.windows)):
        assert set(window.keys[: window.context]) <= made
        assert len(window.keys) == WINDOW and 1 <= window.context <= CONTEXT
        assert not made & set(window.added)
        made |= set(window.added)
    assert made >= set(range(timeline.keys)) and max(made) - timeline.keys < WINDOW - timeline.context


@given(timelines, st.integers(1, 20))
def test_links_make_every_needed_frame_once_and_never_miss_their_ends(timeline: Timeline, batch: int) -> None:
    made = {0}
    for index in range(timeline.windows):
        window = timeline.window(index)
        known = {key for key in window.keys if key >= window.added.start - 1}
        for level in range(1, timeline.level + 1):
            batches = list(timeline.links(window, level, batch))
            assert all({b.start, b.stop} <= known for b in batches)
            known = {f for b in batches for f in range(INTERPOLATION_FACTOR * b.start, INTERPOLATION_FACTOR * b.stop + 1)}
        new = {f for f in known if f in window.frames}
        assert new == set(window.frames)
        assert not new & made - {0}
        made |= new
    assert made == set(range(timeline.frames))


@given(timelines, st.integers(1, 300), st.integers(1, 20))
def test_a_longer_rollout_makes_the_same_batches(timeline: Timeline, more: int, batch: int) -> None:
    longer = Timeline(timeline.frames + more, timeline.level, timeline.context)
    for index in range(timeline.windows):
        short, long = timeline.window(index), longer.window(index)
        assert (short.keys, short.context, short.frames.start) == (long.keys, long.context, long.frames.start)
        for level in range(1, timeline.level + 1):
            a, b = list(timeline.links(short, level, batch)), list(longer.links(long, level, batch))
            assert a == b[: len(a)]


portions = st.integers(1, 400).flatmap(
    lambda frames: st.integers(1, 12).flatmap(
        lambda length: st.integers(0, length // 2).map(lambda overlap: Portions(frames, length, overlap))
    )
)


@given(portions)
@settings(max_examples=300)
def test_portions_finish_every_frame_once(p: Portions) -> None:
    assert [f for i in range(p.count) for f in p.finished(i)] == list(range(p.frames))
    assert all(len(p.finished(i)) for i in range(p.count))
    for i in range(p.count):
        assert set(p.finished(i)) <= set(p.portion(i))
        assert p.ready(i, p.frames)
        assert not p.ready(i, min(p.portion(i).stop, p.frames) - 1)
    assert not p.ready(p.count, p.frames)


def test_an_overlap_of_more_than_half_is_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        Portions(10, length=8, overlap=5)
