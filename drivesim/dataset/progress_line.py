"""How far a long job is, said in a line now and then."""

from __future__ import annotations

import time

from drivesim.config import Say


class ProgressLine:
    """Says how far a job is and how long it will take, every few seconds and at the end."""

    def __init__(self, name: str, done: int, total: int, say: Say | None, every: float = 10.0) -> None:
        """`done` of `total` units are done already; at least `every` seconds lie between two lines."""
        self.name, self.total, self.say, self.every = name, total, say, every
        self.first, self.began = done, time.monotonic()
        self.last = self.began  # when a line was said last

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if self.say is None or (done < self.total and now - self.last < self.every):
            return
        self.last = now
        left = (now - self.began) / (done - self.first) * (self.total - done)
        rest = f"about {left / 60:.0f} min left" if left >= 90 else f"about {left:.0f} s left"
        self.say(f"{self.name} {done} of {self.total}, {rest if left else f'{now - self.began:.0f} s'}")
