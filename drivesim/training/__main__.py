"""`torchrun -m drivesim.training STAGE --run-folder DIR`: training with nothing but the packages that training itself needs."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import yaml

from drivesim.config import InputError, MachineError
from drivesim.training.job import export_run, run_training
from drivesim.training.presets import PRESET_NAMES
from drivesim.video_format import TRAINED_NAMES


def main() -> int:
    """Parses the command line and trains or exports; 2 for a user's mistake, 1 for what failed, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m drivesim.training", description=__doc__)
    parser.add_argument("stage", choices=[*TRAINED_NAMES, "export"])
    parser.add_argument("--run", "--run-folder", type=Path, required=True, help="run folder (torchrun chokes on --run)")
    parser.add_argument("--out", type=Path, help="checkpoint folder to write (export)")
    parser.add_argument("--preset", choices=PRESET_NAMES, default="cpu")
    parser.add_argument("--data", type=Path, action="append", default=[], help="store to learn from, may be repeated")
    parser.add_argument("--held-out", type=Path, action="append", default=[], help="store to be measured on")
    parser.add_argument("--data-folder", type=Path, default=Path("runs/data"), help="where stores are rendered")
    parser.add_argument("--checkpoints", type=Path, help="folder with the stages that this one rests on")
    parser.add_argument("--backbone", type=Path, help="Stable Diffusion folder to train in, for image-ldm and video-ldm")
    parser.add_argument("--init-from", type=Path, help="checkpoint folder to start from")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="replace a recipe field")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so long; run again to go on")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, help="rendering processes (default: one a core)")
    args = parser.parse_args()
    try:
        if args.stage == "export":
            export_run(args.run, args.out or args.run / "export", args.data, args.checkpoints, print, args.backbone)
        else:
            run_training(args.stage, args.run, args.preset, args.data, args.held_out, args.data_folder, args.checkpoints,
                         args.init_from, parse_overrides(args.set), args.minutes, args.device, args.workers,
                         print, args.backbone)  # fmt: skip
    except (InputError, MachineError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        return 130
    return 0


def parse_overrides(pairs: list[str]) -> dict[str, object]:
    """FIELD=VALUE pairs, the value in YAML; InputError for anything else."""
    overrides = {}
    for pair in pairs:
        field, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--set {pair}: write FIELD=VALUE, as in --set batch=32")
        try:
            overrides[field] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"--set {pair}: the value is no YAML; write it as in --set batch=32 or --set crop=[64,96]") from error
    return overrides


if __name__ == "__main__":
    sys.exit(main())
