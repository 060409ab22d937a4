"""`python -m scenario_editor` (or apps.scenario_editor) is `drivesim edit`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it can be started as apps.scenario_editor, too
    from scenario_editor.app import launch

    launch(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
