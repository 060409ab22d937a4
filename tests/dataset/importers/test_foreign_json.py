"""JSON of other programs: the first fault is named, further fields are passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivesim.config import InputError
from drivesim.dataset.importers.foreign_json import Row, read_foreign


class Number(Row):
    value: int


def test_rows_are_read_and_faults_named(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('[{"value": 3, "colour": "red"}]')
    assert [row.value for row in read_foreign(file, list[Number])] == [3]
    file.write_text('[{"value": 3}, {"value": "x"}, {}]')
    with pytest.raises(InputError, match=r"a\.json: 1\.value: .* \(and 1 more\); correct the file"):
        read_foreign(file, list[Number])
    file.write_bytes(b"\xff")
    with pytest.raises(InputError, match="not valid JSON"):
        read_foreign(file, list[Number])
    with pytest.raises(InputError, match="cannot be read"):
        read_foreign(tmp_path / "b.json", list[Number])
