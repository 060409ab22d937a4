"""Takes docs/editor.jpg anew: the editor with the shipped weights, a cut-in at its third second, and first frames.

    python tests/scenario_editor/screenshot.py [OUT] [--dark]        (some minutes on two cores)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "tests" / "toys", ROOT / "apps", ROOT):
    sys.path.insert(0, str(folder))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from desktop import Desktop, browser  # noqa: E402
from scenario_editor.app import editor, served  # noqa: E402
from scenario_editor.first_frames.composer import Composer  # noqa: E402
from scenario_editor.jobs.queue import Queue  # noqa: E402

WIDTH, HEIGHT = 1440, 900


def main(out: Path, dark: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        state = Path(scratch)
        handler = editor(ROOT / "scenarios" / "cut_in.yaml", Composer(), Queue(state / "jobs"), state)
        with served(handler) as url, browser() as running:
            context = running.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark" if dark else "light")
            desktop = Desktop(context, url)
            page = desktop.page
            page.locator("#variants").select_option("2")
            desktop.click("#compose")
            page.wait_for_function("document.querySelectorAll('.ds-card').length === 2", timeout=1_200_000)
            page.wait_for_selector("#compose:not([hidden])")
            page.locator(".ds-row").first.click()
            desktop.click(".ds-action .said >> nth=0")
            page.locator("#moment").evaluate("slider => { slider.value = 18; slider.dispatchEvent(new Event('input')); }")
            page.wait_for_selector(".ds-moving", state="attached")
            page.mouse.move(5, HEIGHT - 5)
            page.wait_for_timeout(800)
            shown = page.screenshot()
    picture = cv2.imdecode(np.frombuffer(shown, np.uint8), cv2.IMREAD_COLOR)
    cv2.imwrite(str(out), picture, [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"wrote {out}, {out.stat().st_size // 1024} KB")


if __name__ == "__main__":
    names = [name for name in sys.argv[1:] if not name.startswith("--")]
    main(Path(names[0]) if names else ROOT / "docs" / "editor.jpg", "--dark" in sys.argv)
