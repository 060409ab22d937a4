from __future__ import annotations

from scenario_editor.page.form import ACTION_RANGES, FIELDS

from drivesim.scenario.file import SECTIONS


def test_every_value_of_every_section_has_a_field() -> None:
    keys = [(name, key) for name, model in SECTIONS.items() for key in model.model_fields]
    keys.remove(("ego", "actions"))  # which is no single value
    assert [(f.section, f.key) for f in FIELDS] == [("", "traffic"), *keys]


def test_numbers_of_actions_have_the_bounds_of_the_schema() -> None:
    assert ACTION_RANGES["speed"] == {"target": (0, 45), "seconds": (0, 600), "rate": (0, 12)}
    assert ACTION_RANGES["lane_change"]["by"] == (-5, 5) and ACTION_RANGES["when"]["distance"] == (0, 300)


def test_fields_have_the_bounds_of_the_schema_and_steps_that_a_slider_can_have() -> None:
    fields = {f.key: f for f in FIELDS}
    assert fields["fps"].choices == (1.875, 7.5, 30.0) and fields["time_of_day"].choices == ("day", "night")
    lanes, pitch, seed = fields["lanes"], fields["pitch"], fields["seed"]
    assert (lanes.minimum, lanes.maximum, lanes.step, lanes.whole) == (1, 5, 1, True)
    assert (pitch.minimum, pitch.maximum) == (-4, 4) and 0.05 <= (pitch.step or 0) <= 0.5
    assert seed.step is None and seed.maximum == 2**32 - 1
    assert fields["field_of_view"].label == "Field of view"
