"""Run by a Python that has nuscenes-devkit: loads an export and prints as JSON what the kit makes of it."""

from __future__ import annotations

import json
import sys

import numpy as np
from nuscenes.nuscenes import NuScenes  # type: ignore[import-not-found]
from nuscenes.utils.geometry_utils import view_points  # type: ignore[import-not-found]


def main(folder: str) -> None:
    data = NuScenes(version="v1.0-drivesim", dataroot=folder, verbose=False)
    data.list_scenes()
    frames = []
    for scene in data.scene:
        place = scene["first_sample_token"]
        while place:
            sample = data.get("sample", place)
            camera = sample["data"]["CAM_FRONT"]
            path, boxes, intrinsic = data.get_sample_data(camera)
            seen = []
            for box in boxes:
                corners = view_points(box.corners(), intrinsic, normalize=True)[:2]
                seen.append({
                    "name": box.name,
                    "centre": box.center.tolist(),
                    "velocity": data.box_velocity(box.token).tolist(),
                    "corners": np.concatenate([corners.min(axis=1), corners.max(axis=1)]).tolist(),
                })
            frames.append({"scene": scene["name"], "time": sample["timestamp"], "picture": path, "boxes": seen})
            place = sample["next"]
    data.render_sample_data(data.sample[0]["data"]["CAM_FRONT"], out_path=f"{folder}/../drawn.png", verbose=False)
    print("RESULT" + json.dumps(frames))


if __name__ == "__main__":
    main(sys.argv[1])
