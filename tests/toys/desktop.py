"""A page of the editor in a real browser: what the browser tests and the screenshot of the README share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
FRAME, ROAD = ".ds-frame", ".ds-road"


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            yield running
        finally:
            running.close()


class Desktop:
    """A tab with the editor in it, and what one does there."""

    def __init__(self, context: Any, url: str) -> None:
        self.url, self.page, self.errors, self.outside = url, context.new_page(), [], []
        self.page.set_default_timeout(60_000)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        own = (url, "data:", "blob:")
        self.page.on("request", lambda request: None if request.url.startswith(own) else self.outside.append(request.url))
        self.page.goto(url)
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_selector(".ds-root[data-ready=yes]", state="attached")
        self.settle()

    def settle(self) -> None:
        """Until every change is answered and drawn."""
        self.page.wait_for_timeout(30)
        self.page.wait_for_selector(".ds-root[aria-busy=false]", state="attached")

    def drag(self, where: str, *points: tuple[float, float]) -> None:
        """From point to point: in the frame in its pixels, in the road view in pixels of the screen from its corner."""
        area = self.page.locator(where).bounding_box()
        scale = area["width"] / 1024 if where == FRAME else 1.0
        for i, (x, y) in enumerate(points):
            self.page.mouse.move(area["x"] + x * scale, area["y"] + y * scale)
            if i == 0:
                self.page.mouse.down()
        self.page.mouse.up()
        self.settle()

    def drag_car(self, number: int, right: float, down: float) -> None:
        """A vehicle of the road view by so many pixels of the screen."""
        box = self.page.locator(f".ds-car[data-index='{number - 1}'] .area").bounding_box()
        area = self.page.locator(ROAD).bounding_box()
        x, y = box["x"] + box["width"] / 2 - area["x"], box["y"] + box["height"] / 2 - area["y"]
        self.drag(ROAD, (x, y), (x + right / 2, y + down / 2), (x + right, y + down))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.settle()

    def click(self, selector: str) -> None:
        self.page.locator(selector).click()
        self.settle()

    def type_yaml(self, text: str) -> None:
        self.page.locator("#yaml").fill(text)
        self.page.wait_for_timeout(300)
        self.settle()

    def fill(self, selector: str, value: str) -> None:
        self.page.locator(selector).fill(value)
        self.page.locator(selector).press("Enter")
        self.settle()

    @property
    def text(self) -> str:
        return str(self.page.locator("#yaml").input_value())

    @property
    def status(self) -> str:
        return str(self.page.locator("#status").inner_text())

    def milliseconds(self, kind: str) -> list[int]:
        """How long each change of a kind took, from the mouse's release until it was answered."""
        script = "name => performance.getEntriesByName(name).map(entry => Math.round(entry.duration))"
        return list(self.page.evaluate(script, f"drivesim {kind}"))
