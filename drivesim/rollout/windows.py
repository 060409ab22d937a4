"""What is finished of a future that is still being made: its windows, in order, each with its sums.

    .state/0003.mp4                 the film of window 3; a short window may have none
    .state/0003.safetensors         its key frames
    .state/0003.carry.safetensors   where window 4 goes on; kept of the last two windows
    .state/0003.sha256              sums of these files, written last: the window is finished when it is there

A window counts if it and all before it are what their sums say. Whatever comes after is removed and made again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import safetensors.torch
from torch import Tensor

from drivesim.checksums import faults, file_hash, read_sums, write_safely, write_sums
from drivesim.config import InputError, MachineError
from drivesim.engine.stream import Carry, FinishedWindow

STATE = ".state"
CARRIES = 2  # of so many windows, so that one that is damaged costs one window


def finished_films(future: Path) -> list[Path]:
    """The finished films of a future's folder, in the order of their windows; another process may be making more."""
    return sorted((future / STATE).glob("[0-9]*.mp4"))  # a film has its name only when it is whole


class Windows:
    """The finished windows in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def resume(self, say: Callable[[str], None] = lambda _: None) -> Carry | None:
        """Where to go on: the carry of the last window up to which all is whole, None if there is none.

        Removes what comes after it. Tells what was damaged with `say`.
        """
        if not self.folder.is_dir():
            return None
        whole, fault = self.whole()
        while whole and not self._carry_is_whole(whole - 1):
            fault = fault or f"{self._carry(whole - 1)} is lost or damaged"
            whole -= 1
        if fault is not None:
            say(f"{fault}; going on after {whole} whole window{'s' * (whole != 1)}, what comes later is made again")
        self.keep(whole)
        return Carry.of(safetensors.torch.load_file(self._carry(whole - 1))) if whole else None

    def keep(self, count: int) -> None:
        """Removes all but the files of windows 0 to `count` - 1."""
        for file in self.folder.iterdir() if self.folder.is_dir() else ():
            number = file.name.split(".")[0]
            if not number.isdigit() or int(number) >= count or file.suffix == ".part":
                file.unlink()

    def whole(self) -> tuple[int, str | None]:
        """How many windows from the first on are whole, and what is wrong with the next, if it had been finished."""
        count = 0
        while self._sums(count).is_file():
            try:
                sums = read_sums(self._sums(count))
            except InputError:
                return count, f"{self._sums(count)} is damaged"
            kept = [name for name in sums if name != self._carry(count).name]
            for name, fault in faults(self.folder, sums, kept).items():
                return count, f"{self.folder / name} {fault}"
            if self._keys(count).name not in sums or (self.film_path(count).name not in sums and self.film_path(count).exists()):
                return count, f"{self._sums(count)} is damaged"
            count += 1
        lost = any(int(later.stem) > count for later in self.folder.glob("*.sha256"))
        return count, f"{self._sums(count)} is missing" if lost else None

    def _carry_is_whole(self, window: int) -> bool:
        name = self._carry(window).name
        sums = read_sums(self._sums(window))
        return name in sums and not faults(self.folder, sums, [name])

    def commit(self, window: FinishedWindow) -> None:
        """Makes a window, whose film is written, permanent."""
        index, film = window.index, self.film_path(window.index)
        sums = {film.name: file_hash(film)} if film.is_file() else {}
        contents = {self._keys(index): {"keys": window.keys.contiguous()}, self._carry(index): window.carry.tensors()}
        for file, tensors in contents.items():
            sums[file.name] = write_safely(file, safetensors.torch.save(tensors))
        write_sums(self._sums(index), sums)
        self._carry(index - CARRIES).unlink(missing_ok=True)

    def check(self, count: int) -> None:
        """MachineError unless windows 0 to `count` - 1 are whole."""
        whole, fault = self.whole()
        if whole < count:
            raise MachineError(
                f"{fault or f'{self._sums(whole)} is missing'}, which it was not when it was written; "
                "give the same command again: it makes anew what is lost"
            )

    def film_path(self, window: int) -> Path:
        """Where the film of a window stands."""
        return self.folder / f"{window:04d}.mp4"

    def films(self, count: int) -> list[Path]:
        """The films of windows 0 to `count` - 1 that have one."""
        return [film for window in range(count) if (film := self.film_path(window)).is_file()]

    def keys(self, window: int) -> Tensor:
        """The key frames [k c h w] that a window made."""
        return safetensors.torch.load_file(self._keys(window))["keys"]

    def _keys(self, window: int) -> Path:
        return self.folder / f"{window:04d}.safetensors"

    def _carry(self, window: int) -> Path:
        return self.folder / f"{window:04d}.carry.safetensors"

    def _sums(self, window: int) -> Path:
        return self.folder / f"{window:04d}.sha256"
