"""Reading a film: frames in presentation order, decoded ahead in a thread of their own."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import ReferenceType, ref

from av import VideoFrame

from vidcolor.errors import VideoError
from vidcolor.readahead import read_ahead
from vidcolor.video.decode import Damage, Decoded, decode_film
from vidcolor.video.formats import pixel_layout, read_planes
from vidcolor.video.info import Frame, VideoInfo
from vidcolor.video.source import color_tags, probe
from vidcolor.video.timeline import rising

_AHEAD = 6
_TRUNCATED_SECONDS = Fraction(1, 2)


class VideoReader:
    """A film, or a segment of it, as frames. It can be iterated again; each time decodes anew.

    Args:
        path: The film.
        start: Seconds of the first frame that may be read; None for the film's first.
        end: Seconds before which the last frame must begin; None for the film's last. The range is half-open.
        stream: Number of the video stream; None takes the default one.
        threads: Of the decoder; None takes as many as there are cores.

    Attributes:
        info: The film.
        warnings: One line per kind of damage met. Complete only when the iteration has ended.

    Raises:
        VideoError: The film cannot be read, or its pictures change size or format on the way.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        start: Fraction | None = None,
        end: Fraction | None = None,
        stream: int | None = None,
        threads: int | None = None,
    ) -> None:
        if start is not None and end is not None and end <= start:
            raise VideoError(
                f"the segment ends at {_seconds(end)}, not after its start at {_seconds(start)}",
                hint="let it end later",
            )
        self._file = _FileState(Path(path))
        self.info: VideoInfo = probe(path, stream=stream)
        self._chosen = stream is not None
        self.start = start
        self.end = end
        self._threads = threads
        self.warnings: list[str] = self._remarks()
        # Held weakly: its thread holds the reader, and an iteration that nobody closes ends with its last use.
        self._running: ReferenceType[Generator[Frame, None, None]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop a decode in progress."""
        running = None if self._running is None else self._running()
        if running is not None:
            running.close()
        self._running = None

    def __iter__(self) -> Iterator[Frame]:
        self.close()
        self.warnings = self._remarks()
        running = read_ahead(self._frames(), _AHEAD, name="vidcolor-decode")
        self._running = ref(running)
        return running

    def _frames(self) -> Iterator[Frame]:
        info = self.info
        layout = pixel_layout(info.pixel_format)
        step = max(1, round(1 / (info.average_rate or 25) / info.time_base))
        last: int | None = None
        faults = _Faults(info)
        damage = Damage()
        self._file.refuse_another()
        for decoded in decode_film(info.path, info.stream, self.start, threads=self._threads):
            damage = decoded.damage
            picture = decoded.picture
            known = picture.pts
            pts = rising(known, last, step)
            faults.repaired += pts != known
            last = pts
            time = pts * info.time_base
            if self.end is not None and time >= self.end:
                break
            if self.start is not None and time < self.start:
                continue
            self._check_same(decoded, time)
            self._file.refuse_another_length()
            luma, chroma, was_converted = read_planes(picture, layout)
            is_corrupt = picture.is_corrupt or known in damage.corrupt_pts
            index = faults.frames
            faults.look_at(picture, time, is_corrupt=is_corrupt, was_converted=was_converted)
            yield Frame(index, pts, luma, chroma, is_corrupt, picture)
        else:
            self._warn_if_truncated(damage, (last or 0) + step)
        if faults.frames == 0:
            raise VideoError(
                f"{info.path}: no frame from {_seconds(self.start or Fraction(0))} to {_seconds(self.end)}",
                hint=f"the film lasts from {_seconds(info.start or Fraction(0))} to {_seconds(info.end)}",
            )
        self.warnings += [*faults.warnings(damage), *self._file.warnings()]

    def _remarks(self) -> list[str]:
        info = self.info
        others = [each for each in info.streams if each.kind == "video" and not each.cover]
        remarks = []
        if others and not self._chosen:
            remarks.append(f"several video streams: took #{info.stream}, not {', '.join(map(str, others))}")
        if info.alpha:
            remarks.append("the alpha channel is not kept")
        if info.duration is None and "matroska" in info.container:
            remarks.append("the container gives no duration: its recording may have been cut off")
        return remarks

    def _check_same(self, decoded: Decoded, time: Fraction) -> None:
        info = self.info
        picture = decoded.picture
        found = f"{picture.width}x{picture.height} {picture.format.name} pixel aspect {decoded.sar}"
        known = f"{info.width}x{info.height} {info.pixel_format} pixel aspect {info.coded_sar}"
        if found != known:
            raise VideoError(
                f"{info.path}: at {_seconds(time)} the picture changes from {known} to {found}",
                hint=f"--end {float(time):.3f} colours what lies before; cut the rest off into a film of its own",
            )

    def _warn_if_truncated(self, damage: Damage, end_pts: int) -> None:
        info = self.info
        reached = max(end_pts * info.time_base, damage.end)
        if info.end is not None and reached < info.end - _TRUNCATED_SECONDS:
            self.warnings.append(
                f"the film breaks off at {_seconds(reached)}; its container claims {_seconds(info.duration)}"
            )


class _FileState:
    """How long a film's file is and when it was written, as it was opened: pictures, sound and plan are of one film.

    Inode numbers are not compared: some network file systems give a file another one at any time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened = self._now()

    def refuse_another(self) -> None:
        """Refuse a file that was written to or replaced since it was opened; it is about to be opened once more.

        Raises:
            VideoError: It was.
        """
        if self._now() not in (self._opened, None):
            raise VideoError(
                f"{self._path} was changed or replaced after it was opened",
                hint="run the same command again once nothing writes to it",
            )

    def refuse_another_length(self) -> None:
        """Refuse a file that grows or shrinks while it is read.

        Raises:
            VideoError: It does.
        """
        now = self._now()
        if now is not None and self._opened is not None and now[0] != self._opened[0]:
            self.refuse_another()

    def warnings(self) -> Iterator[str]:
        """Yield a line where the file was written to while it was read, such as by an editor of tags."""
        if self._now() not in (self._opened, None):
            yield "the film was written to while it was read: what was read may be neither the old nor the new one"

    def _now(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except (OSError, ValueError):  # gone, which its open files outlive; what was never there is told at opening
            return None
        return status.st_size, status.st_mtime_ns


class _Faults:
    """What the warnings at the end of one decode count.

    Attributes:
        frames: Looked at so far.
        repaired: Pictures whose time did not rise, before the segment, too.
    """

    def __init__(self, info: VideoInfo) -> None:
        self._info = info
        self.frames = self.repaired = 0
        self._corrupt = self._converted = 0
        self._first_corrupt = Fraction(0)
        self._changes: dict[str, tuple[int, Fraction]] = {}

    def look_at(self, picture: VideoFrame, time: Fraction, *, is_corrupt: bool, was_converted: bool) -> None:
        """Count a frame, what is wrong with it, and how it differs from the first one, after which all are written."""
        self.frames += 1
        self._converted += was_converted
        if is_corrupt:  # what else it says of itself may be damage
            self._first_corrupt = self._first_corrupt if self._corrupt else time
            self._corrupt += 1
            return
        for change in self._changes_in(picture):
            count, first = self._changes.get(change, (0, time))
            self._changes[change] = count + 1, first

    def warnings(self, damage: Damage) -> Iterator[str]:
        """Yield a line for each kind of fault."""
        if self._corrupt:
            first_corrupt = _seconds(self._first_corrupt)
            yield f"{self._corrupt} of {self.frames} frames are marked as corrupt, the first at {first_corrupt}"
        for change, (count, first) in self._changes.items():
            yield (
                f"{count} of {self.frames} frames {change}, the first at {_seconds(first)}: all are coloured and "
                "written as the film begins"
            )
        if damage.misses_streams:
            yield "sound, texts or data that begin in mid-film are left out: the film does not announce them"
        if damage.errors:
            yield f"{damage.errors} damaged packets could not be decoded"
        if self.repaired:
            yield f"{self.repaired} frames without a rising time stamp got one soon after the last"
        if self._converted:
            yield (
                f"{self._converted} frames are stored as colour RGB and were converted to Y'CbCr bt709: luma is not "
                "exact"
            )

    def _changes_in(self, picture: VideoFrame) -> Iterator[str]:
        tags = color_tags(picture)
        if tags != self._info.tags:
            now, first = asdict(tags), asdict(self._info.tags)
            others = (f"{name} {now[name]} instead of {first[name]}" for name in now if now[name] != first[name])
            yield f"have other colour tags ({', '.join(others)}, see ISO/IEC 23091)"
        if picture.interlaced_frame and not self._info.interlaced:
            yield "are interlaced"


def _seconds(time: Fraction | None) -> str:
    return "its end" if time is None else f"{float(time):.3f} s"
