"""The folder of a job. Any number of runs may use it at once, and any of them may be killed at any time.

    film.color.job/
        manifest.json                     what the latest run was made from, and its plan
        lock                              held by every run; names the outputs that the runs are writing
        shots/0000187.KEY.0000787.chroma  colours of the shot that starts at frame 187, from frame 787 on

What killed runs left under temporary names is removed by the next run that finds itself alone.
"""

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vidcolor.errors import VideoError, no_room
from vidcolor.jobs.kept import Keeper, KeptFrame, KeptShot, find_frame, stretch_path
from vidcolor.jobs.manifest import Manifest
from vidcolor.jobs.recipe import Recipe, ShotKey
from vidcolor.jobs.shotfile import SUFFIX, Stretch, opened
from vidcolor.partfile import is_part_name, remove

try:
    import fcntl
except ImportError:  # Windows: what killed runs left behind stays until --fresh
    fcntl = None  # type: ignore[assignment]

Floats = NDArray[np.float32]

FREE_SPACE = "free space and run the same command again: finished shots are kept"
NO_FOLDER = "choose an output in another folder (-o, batch: --output-dir), or keep no job (colorize --no-job)"
"""Hints where the folder cannot be written to."""

_log = logging.getLogger(__name__)


class Job:
    """A job's folder, held by one run. Use it in a `with` block.

    Args:
        folder: Made where it is missing.
        fresh: Forget what was kept, once the run begins.

    Attributes:
        folder: As given.
        shots: Of the run, in order, once it has begun.
        remarks: Lines for the user: what was not used again, and why.
        reused: Shots whose kept colours were found so far.
        colored: Shots that were coloured and kept so far.

    Raises:
        VideoError: The folder cannot be used.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.folder = folder
        self.shots: Sequence[ShotKey] = ()
        self.remarks: list[str] = []
        self.reused = self.colored = 0
        self._shots = _shots_in(folder)
        self._path = folder / "manifest.json"
        with self._told():
            self._shots.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(
                folder / "lock", os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o666
            )
        self._sweep()
        self._fresh = fresh
        self._before = Manifest.load(self._path)
        if self._before is None and self._path.exists():
            self.remarks.append(f"{self._path} is damaged or of another version: it is made anew")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder; where nothing was kept in it, it goes."""
        os.close(self._lock)
        with suppress(OSError):
            if not self._path.exists() and not any(self._shots.iterdir()):
                remove(self.folder / "lock")
                self._shots.rmdir()
                self.folder.rmdir()

    def plan(self, planned_from: str) -> Any:
        """Return the latest run's plan as plain values if it was made from the same, else None."""
        if self._fresh or self._before is None or self._before.planned_from != planned_from:
            return None
        return self._before.plan

    def begin(
        self, recipe: Recipe, shots: Sequence[ShotKey], *, plan: dict[str, Any], planned_from: str | None
    ) -> None:
        """Write down what this run is made from, and see what has changed since the one before.

        Args:
            recipe: Of the run.
            shots: Of the run, in order.
            plan: As plain values.
            planned_from: What stands for all that the plan was made from, or None for a plan that was given.
        """
        self.shots = tuple(shots)
        if self._fresh:
            for path in self._shots.glob(f"*{SUFFIX}"):
                remove(path)
        elif self._before is not None:
            self.remarks += self._before.changes(recipe, shots)
        if here := sum(self._file(shot, shot.start).exists() for shot in shots):
            _log.info("%d of %d shots are kept, whole or in part, in %s", here, len(shots), self.folder)
        for remark in self.remarks:
            _log.info("%s", remark)
        with self._told():
            self.folder.mkdir(parents=True, exist_ok=True)
            Manifest(recipe.to_dict(), tuple(shots), planned_from, plan).save(self._path)

    def names(self, output: Path) -> None:
        """Write down the temporary name of an output, for the next run to remove should this one be killed."""
        with self._told():
            os.write(self._lock, json.dumps(str(output.absolute())).encode() + b"\n")

    def find(self, shot: ShotKey) -> KeptShot | None:
        """Return what is kept of a shot, from its first frame on and checked, or None where there is nothing valid."""
        found: list[Stretch] = []
        frame = shot.start
        while frame < shot.stop and (stretch := self._stretch(shot, frame)) is not None:
            found.append(stretch)
            frame += stretch.frames
        if not found:
            return None
        kept = KeptShot(found)
        self.reused += kept.whole
        if not kept.whole:
            self.remarks.append(f"frames {shot.start} to {frame - 1} are taken from a run that was cut off")
        return kept

    def holds(self, shot: ShotKey) -> bool:
        """Tell whether the whole of a shot is kept, checked as by `find`."""
        if (kept := self.find(shot)) is not None:
            kept.close()
        return kept is not None and kept.whole

    def _stretch(self, shot: ShotKey, first: int) -> Stretch | None:
        path = self._file(shot, first)
        try:
            stretch = opened(path, shot, first)
        except OSError:
            return None
        if stretch is None:
            self.remarks.append(f"{path} is damaged: frames {first} to {shot.stop - 1} are coloured again")
        return stretch

    @contextmanager
    def keep(self, shot: ShotKey, *, first: int, width: int, height: int) -> Iterator[Callable[[Floats, bytes], None]]:
        """Give what takes a shot's rounded ab, frame by frame from `first` on, each with its mark or nothing.

        What was given before a mark is kept however the block ends, the rest if it ends after the shot's last frame.

        Raises:
            VideoError: It cannot be written.
        """
        keeper = Keeper(partial(self._file, shot), shot, first=first, width=width, height=height)

        def write(ab: Floats, mark: bytes) -> None:
            with self._told():
                keeper.write(ab, mark)

        try:
            with self._told():
                self._shots.mkdir(parents=True, exist_ok=True)
                keeper.begin()
            yield write
            with self._told():
                self.colored += keeper.finish()
        finally:
            keeper.discard()

    def size(self) -> tuple[int, int]:
        """Bytes that all kept shots take, and those of them that this run has no use for."""
        size = unused = 0
        own = {shot.name for shot in self.shots}
        for path in self._shots.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):  # another run forgets what it holds
                size += (taken := path.stat().st_size)
                unused += taken if path.name.removesuffix(SUFFIX).rpartition(".")[0] not in own else 0
        return size, unused

    def _file(self, shot: ShotKey, first: int) -> Path:
        return stretch_path(self._shots, shot, first)

    def _sweep(self) -> None:
        """Remove what killed runs left behind, unless another run is at work; then hold the lock with the others."""
        if fcntl is None:
            return
        with suppress(OSError):  # a file system without locks: nothing is swept
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                for path in self._left_behind():
                    remove(path)
                os.ftruncate(self._lock, 0)
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def _left_behind(self) -> Iterator[Path]:
        yield from (path for folder in (self.folder, self._shots) for path in folder.iterdir() if is_part_name(path))
        for line in (self.folder / "lock").read_bytes().splitlines():
            with suppress(ValueError):
                path = Path(str(json.loads(line)))
                if is_part_name(path):
                    yield path

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the file system refuses into an error that says what is kept."""
        try:
            yield
        except VideoError:
            raise
        except OSError as error:
            reason = no_room(error.errno)
            raise VideoError(
                f"{self.folder}: {reason or error.strerror or error}",
                hint=FREE_SPACE if reason else NO_FOLDER,
            ) from error


def kept_frame(folder: Path, shot: ShotKey, frame: int) -> KeptFrame | None:
    """Return where a job keeps the colours of one frame, or None; its folder is neither made nor held for that."""
    return find_frame(_shots_in(folder), shot, frame)


def keeps_shots(folder: Path) -> bool:
    """Tell whether a job's folder is there; no path, be it any text, raises."""
    return os.path.isdir(_shots_in(folder))  # noqa: PTH112 - Path.is_dir raises for names that are too long


def _shots_in(folder: Path) -> Path:
    return folder / "shots"
