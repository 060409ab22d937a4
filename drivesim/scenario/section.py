"""The base of a scenario's sections."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from drivesim.config import Config

Real = Annotated[float, Field(allow_inf_nan=False)]


class Section(Config):
    """Base of the sections: values are taken as they stand, so that "3" or true is no whole number."""

    model_config = ConfigDict(strict=True)
