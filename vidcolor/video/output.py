"""Output films: their names, the memory that they take, and how they appear whole or not at all."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from weakref import finalize

from vidcolor.errors import VideoError
from vidcolor.partfile import part_name, remove
from vidcolor.video.encoders import ENCODERS
from vidcolor.video.info import VideoInfo
from vidcolor.video.source import memory_needed
from vidcolor.video.stream_plan import plan_streams

CONTAINERS = {".mkv": "matroska", ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov"}
"""Output suffixes and FFmpeg's names of their containers: those that keep time stamps and most kinds of streams."""
MAY_REPLACE = "choose another name, or allow overwriting (-y)"
"""Hint where an output exists."""
_LARGE = 8192 * 4320

_log = logging.getLogger(__name__)


def container_of(path: Path) -> str:
    """Return FFmpeg's name of the container that an output path asks for.

    Raises:
        VideoError: Its suffix is not one of CONTAINERS.
    """
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        raise VideoError(
            f"{path}: an output film ends in {', '.join(CONTAINERS)}, not {path.suffix or 'nothing'}",
            hint=f"try {path.with_suffix('.mkv') if path.name else 'film.color.mkv'}",
        )
    return container


def default_output(source: VideoInfo, *, codec: str = "x264") -> Path:
    """Return `film.color.mkv` (or .mp4, .mov) beside the film.

    The source's own container is kept where it loses no stream that Matroska would keep, and takes the codec.

    Args:
        source: The film.
        codec: The encoder that will be used.
    """
    suffix = ".mkv"
    own = source.path.suffix.lower()
    if "mp4" in source.container.split(","):
        own = own if own in CONTAINERS else ".mp4"
        container = CONTAINERS[own]
        takes_codec = codec in ENCODERS and container in ENCODERS[codec].containers
        if takes_codec and plan_streams(source, container).loss <= plan_streams(source, "matroska").loss:
            suffix = own
    return source.path.with_name(f"{source.path.stem}.color{suffix}")


def check_writable(path: Path, *, source: Path | None, overwrite: bool) -> None:
    """Refuse an output that cannot or must not be written.

    Raises:
        VideoError: With the reason.
    """
    try:
        if source is not None and path.exists() and path.samefile(source):
            raise VideoError(
                f"{path} is the film itself", hint="give the output another name; a film is never replaced"
            )
        if path.is_dir():
            raise VideoError(f"{path} is a folder", hint="name a file in it")
        if path.is_symlink() and not path.exists():
            raise VideoError(f"{path} is a link to nothing", hint="remove the link or choose another name")
        if path.exists() and not overwrite:
            raise VideoError(f"{path} exists already", hint=MAY_REPLACE)
        if not path.absolute().parent.is_dir():
            raise VideoError(f"{path.absolute().parent} is not a folder", hint="make the folder first")
    except ValueError as error:
        raise VideoError(f"{path!r} is not a path: {error}", hint="choose another name") from error
    if not os.access(path.absolute().parent, os.W_OK):
        raise VideoError(f"{path.absolute().parent} cannot be written to", hint="choose another folder")


def announce_memory(film: VideoInfo) -> None:
    """Say before the work how much memory a very large picture takes, and whether the machine has it."""
    needed = memory_needed(film.width * film.height, film.bit_depth)
    try:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # Windows does not say it so
        there = needed
    words = f"a {film.width}x{film.height} film takes about {needed / 1e9:.1f} GB of memory"
    if needed > there:
        _log.warning("%s; this machine has %.1f GB: scale it down if the run is killed", words, there / 1e9)
    elif film.width * film.height >= _LARGE:
        _log.info("%s", words)


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    except OSError as error:
        # Some file systems know no fsync: hours of work are not thrown away for that.
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise
    finally:
        os.close(file)


class PartFile:
    """A file under a temporary `.part` name in the folder of its final name.

    Args:
        path: The final name.
        overwrite: It may replace a file of that name.
        part: The temporary name, None for a new one.

    Attributes:
        path: The temporary name.
    """

    def __init__(self, path: Path, *, overwrite: bool, part: Path | None = None) -> None:
        self._final = path
        self._overwrite = overwrite
        self.path = part or part_name(path)
        # Ctrl-C may come before any `with` block holds the file: it is then removed when the program ends.
        finalize(self, remove, self.path)
        try:
            self.path.touch(exist_ok=False)
        except OSError as error:
            raise VideoError(f"{path}: {error.strerror}", hint="choose another folder") from error

    def publish(self) -> None:
        """Flush the file to the disk and give it its final name.

        Raises:
            VideoError: The disk is full, or the name was taken meanwhile.
        """
        try:
            if self._final.exists() and not self._overwrite:
                raise VideoError(f"{self._final} was made by another process", hint="choose another name")
            _flush(self.path)
            self.path.replace(self._final)
        except OSError as error:
            self.discard()
            if isinstance(error, VideoError):
                raise
            raise VideoError(f"{self._final}: {error.strerror}", hint="check the disk and its free space") from error

    def discard(self) -> None:
        """Remove the temporary file."""
        remove(self.path)
