"""JSON files of other programs: what is used of them is checked, the rest is passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import pydantic

from drivesim.config import InputError


class Row(pydantic.BaseModel):
    """Base of what is read of an entry; further fields are passed over."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")


T = TypeVar("T")


def read_foreign(file: Path, form: type[T]) -> T:
    """What a file holds, as `form`; InputError names the first entry and field that is not as it should be."""
    try:
        return pydantic.TypeAdapter(form).validate_python(json.loads(file.read_text(encoding="utf-8")))
    except pydantic.ValidationError as error:
        first, count = error.errors()[0], error.error_count()
        more = f" (and {count - 1} more)" if count > 1 else ""
        raise InputError(f"{file}: {'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}{more}; correct the file") from error
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not valid JSON ({error}); restore it or export it anew") from error
