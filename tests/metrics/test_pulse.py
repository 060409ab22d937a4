from __future__ import annotations

import numpy as np
import pytest
from spoiled import blurred, drifting

from drivesim.metrics.pulse import pulse
from drivesim.scene.clip import Clip


def test_a_film_that_is_soft_between_key_frames_pulses(rendered: Clip) -> None:
    frames = rendered.frames
    soft = blurred(frames)
    soft[::4] = frames[::4]
    assert pulse(frames, 4) == pytest.approx(1, abs=0.1)
    assert pulse(soft, 4) < 0.6
    assert pulse(drifting(frames), 4) == pytest.approx(1, abs=0.15)
    assert np.isnan(pulse(frames, 1)) and np.isnan(pulse(frames[:3], 4))
