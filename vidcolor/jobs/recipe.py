"""What the colours of a shot are made from, and the key that stands for all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

import cv2

from vidcolor import __version__
from vidcolor.jobs.identity import digest


@dataclass(frozen=True)
class ShotKey:
    """Frames [start, stop) of a run, and what stands for everything that their colours depend on."""

    start: int
    stop: int
    key: str

    @property
    def name(self) -> str:
        """The start of its file's name. Shots are told apart by frames: their numbers change when one is split."""
        return f"{self.start:07d}.{self.key}"


@dataclass(frozen=True)
class Recipe:
    """What the colours of all shots of a run depend on, each as a text to compare.

    Left out is what comes after the kept colours (grading, codec, output), and the number of torch's threads: with one
    and with several ab differs by up to 8e-5 (measured), which rounding to eighths seldom lets through.

    Args:
        film: Identity of the film.
        stream: Number of its video stream.
        start: Seconds at which the run starts, from where frames are counted.
        quality: Effort of propagation.
        weights: Checksum of the weights.
        temperature: Of the automatic colours, given or what the weights say.
        device: Kind of device that the networks run on.
        program: Versions of vidcolor, of its way of colouring and of the libraries that compute.
    """

    film: str
    stream: str
    start: str
    quality: str
    weights: str
    temperature: str
    device: str
    program: str

    def shot(
        self,
        start: int,
        stop: int,
        stills: Sequence[tuple[str, int | None, tuple[int, int] | None]],
        *,
        dissolve: int = 0,
    ) -> ShotKey:
        """Return the key of a shot.

        Args:
            start: Its first frame.
            stop: The frame after its last.
            stills: The identity of each of its stills, the frame that it is bound to and the frames that it colours, in
                order.
            dissolve: Frames over which the shot before dissolves into it.
        """
        made_from = [asdict(self), start, stop, dissolve, [list(still) for still in stills]]
        return ShotKey(start, stop, digest(made_from)[:20])

    def to_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        return asdict(self)

    def changed_since(self, earlier: Mapping[str, str]) -> list[str]:
        """Return in words what differs from the recipe of an earlier run, as `to_dict` gave it."""
        return [_WORDS[name] for name, value in asdict(self).items() if earlier.get(name) != value]


def program(*, revision: int) -> str:
    """Return the versions of what computes colours, with the revision of the way of colouring."""
    return f"vidcolor {__version__}, colouring {revision}, torch {version('torch')}, OpenCV {cv2.__version__}"


_WORDS = {
    "film": "the film",
    "stream": "the video stream",
    "start": "the start of the segment",
    "quality": "the quality",
    "weights": "the weights",
    "temperature": "the temperature of automatic colours",
    "device": "the device",
    "program": "the version of vidcolor or of a library",
}
