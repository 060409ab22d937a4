"""`python -m scenario_editor` (or apps.scenario_editor, in the clone) is `drivesim edit`, with the same arguments."""

import runpy
import sys

if __name__ == "__main__":
    sys.argv[1:1] = ["edit"]
    runpy.run_module("drivesim.cli.main", run_name="__main__")
