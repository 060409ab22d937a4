from drivesim.api.layouts import layout_frames as layout_frames
from drivesim.api.layouts import write_layout as write_layout
from drivesim.api.rollouts import compose as compose
from drivesim.api.rollouts import generate_frames as generate_frames
from drivesim.api.rollouts import open_rollout as open_rollout
from drivesim.api.rollouts import roll_out as roll_out
from drivesim.api.scenarios import build_scenario as build_scenario
from drivesim.api.scenarios import load_scenario as load_scenario
from drivesim.config import InputError as InputError
from drivesim.config import MachineError as MachineError
from drivesim.labels.export import write_export as write_export
from drivesim.labels.finished_rollout import FinishedFuture as FinishedFuture
from drivesim.labels.finished_rollout import FinishedRollout as FinishedRollout
from drivesim.labels.generated_frames import MappedFrame as MappedFrame
from drivesim.labels.labelled_frame import LabelledFrame as LabelledFrame
from drivesim.scenario.scenario import Scenario as Scenario

__version__: str
