"""`python -m drivesim` is `drivesim`, with the same arguments."""

from __future__ import annotations

from drivesim.cli.main import main

main()
