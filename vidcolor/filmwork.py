"""The shots of a film, each coloured or taken from a job: what a run colours, and what it need not colour again."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, count, islice

import numpy as np
import numpy.typing as npt

from vidcolor.color import Chroma
from vidcolor.coloring import Still, color_shot, keep_shot, shot_references
from vidcolor.dissolves import across_dissolves
from vidcolor.errors import PlanError
from vidcolor.exemplar import EncodedReference, ExemplarColorizer, ScaledReference, Views
from vidcolor.framing import stored_size
from vidcolor.jobs import Job, KeptShot, ShotKey, rounded
from vidcolor.marks import Mark
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.plan.segment import PLAN_ANEW
from vidcolor.propagation import EFFORTS, LANDMARKS
from vidcolor.readahead import read_ahead
from vidcolor.reports import Clock
from vidcolor.shotframes import ColoredFrame, ShotOutset, frames_that_may_wait, shrunk
from vidcolor.video import Frame, VideoInfo, VideoReader

Floats = npt.NDArray[np.float32]
Look = Callable[[Frame], None]

_COLORED_AHEAD = 5

# A run that is cut off loses so many frames of a long shot, 20 s of work at 480 lines; each mark takes 1.5 MB. The
# files of a shot that is read are all open.
_MARKS_APART = 600
_MOST_MARKS = 64


def color_film(
    reader: VideoReader,
    plan: ColorPlan,
    stills: dict[str, Still],
    networks: ExemplarColorizer,
    *,
    quality: str,
    clock: Clock,
    job: Job | None = None,
    look: Look | None = None,
) -> Generator[ColoredFrame, None, None]:
    """Colour a film shot by shot, some frames ahead of the one that is asked for.

    Nothing is carried across a cut, and colours dissolve where shots do.
    Colours are rounded as a job keeps them, with a job or without, so that a run that takes them from one is no other.
    The confidence of colours is not kept: of a shot taken from a job it is 1.

    Args:
        reader: The film.
        plan: Its shots.
        stills: By the keys that the plan knows them by.
        networks: Colour keyframes.
        quality: Effort of propagation.
        clock: Charged with `decode`, `shrink`, `glance`, `flow`, `tracks`, `networks`, `fuse`, `wait` and `keep`.
        job: Of which the run has begun: shots are taken from it and kept in it.
        look: Called with each frame when it is read, whether its colours are kept or not; what it raises ends the work.

    Raises:
        PlanError: The film goes on after the plan.
    """

    def colored() -> Generator[ColoredFrame, None, None]:
        frames, info = _looked_at(reader, look), reader.info
        for number, shot in enumerate(plan.shots):
            own = islice(frames, shot.stop - shot.start)
            keeping = None if job is None else (job, job.shots[number])
            yield from shot_colors(own, info, shot, stills, networks, quality=quality, clock=clock, keeping=keeping)
        if next(frames, None) is not None:
            raise PlanError(
                f"the film goes on after the plan's {plan.frames} frames",
                hint=PLAN_ANEW,
            )

    dissolved = across_dissolves(colored(), plan, most=frames_that_may_wait(reader.info))
    return read_ahead(dissolved, _COLORED_AHEAD, name="vidcolor-color")


def shot_colors(
    frames: Iterator[Frame],
    info: VideoInfo,
    shot: PlannedShot,
    stills: dict[str, Still],
    networks: ExemplarColorizer,
    *,
    quality: str,
    clock: Clock,
    keeping: tuple[Job, ShotKey] | None,
) -> Generator[ColoredFrame, None, None]:
    """Take one shot from a job, or colour and keep it, as in `color_film`.

    Args:
        frames: The shot's frames, with their numbers in the film.
        info: Their film.
        shot: The shot.
        stills: At least the shot's.
        networks: Colour keyframes.
        quality: Effort of propagation.
        clock: As for `color_film`.
        keeping: The job and the shot's key, or None.
    """
    effort = EFFORTS[quality]
    if shot.treatment == "keep":
        yield from keep_shot(frames, info, long_side=effort.long_side, clock=clock)
        return
    if shot.neutral:
        for each in keep_shot(frames, info, long_side=effort.long_side, clock=clock):
            yield replace(each, chroma=Chroma.neutral(each.luma))
        return
    passed = deque[tuple[int, Floats]](maxlen=LANDMARKS)
    first, going_on = shot.start, None
    bound = {planned.frame: planned.path for planned in shot.references if planned.frame is not None}
    if keeping is not None and (kept := keeping[0].find(keeping[1])) is not None:
        with closing(_restored(islice(frames, kept.frames), info, kept, effort.long_side, clock)) as restored:
            for each in restored:
                if each.frame.index in bound:
                    passed.append((each.frame.index, each.luma))
                yield each
        if kept.whole:
            return
        first += kept.frames
        going_on = Mark.from_bytes(kept.mark, frame=first)
    outset = ShotOutset(
        shot.start,
        shot.stop,
        {frame: stills[path].at(effort.long_side).painted for frame, path in bound.items()},
        emerging=(shot.dissolve or 0) // 2,
        going_on=going_on,
        passed=tuple(passed),
        kindred=[
            (stills[each.path].at(effort.long_side).painted, each.span)
            for each in shot.references
            if each.frame is None
        ],
    )
    colored = color_shot(
        frames,
        info,
        Views((side, networks.shot(*_references(shot, stills, side))) for side in effort.views),
        outset,
        effort=effort,
        clock=clock,
        marks_every=None if keeping is None else max(_MARKS_APART, -(-(shot.stop - shot.start) // _MOST_MARKS)),
    )
    size = stored_size(info, long_side=effort.long_side)
    # Both: an exception's traceback keeps `colored` alive, and its threads, which Python may not end with.
    with closing(colored), closing(_rounded(colored)) as items:
        yield from items if keeping is None else _keeping(items, *keeping, first, size, clock)


def keep_shots(
    reader: VideoReader,
    shots: Sequence[tuple[PlannedShot, ShotKey]],
    stills: dict[str, Still],
    networks: ExemplarColorizer,
    *,
    quality: str,
    job: Job,
    look: Look | None = None,
    progress: Callable[[int], None] | None = None,
) -> bool:
    """Colour neighbouring shots and keep them in a job, without a film being written.

    Args:
        reader: The film, or a segment of it that starts at the time of the first shot's first frame.
        shots: The shots, each with the key under which it is kept.
        stills: At least theirs.
        networks: Colour keyframes.
        quality: Effort of propagation.
        job: Keeps them.
        look: As for `color_film`; it sees the shots' frames.
        progress: Called with the frames done; with 0 for each before the first shot.

    Returns:
        False, and nothing is done, where the segment begins with another frame than was meant.

    Raises:
        VideoError: The film cannot be read, or the job cannot be written.
        ReferenceImageError: A still changed meanwhile.
    """
    first, tell = shots[0][0].start, progress or (lambda _: None)
    frames, done = iter(reader), count(1)
    if reader.start is not None:
        begin = next(frames)
        if reader.info.time(begin.pts) != reader.start:
            return False
        frames = (replace(frame, index=frame.index + first) for frame in chain([begin], frames))
    else:
        for _ in islice(frames, first):
            tell(0)
    for shot, key in shots:
        own = _looked_at(islice(frames, shot.stop - shot.start), look)
        colors = shot_colors(
            own, reader.info, shot, stills, networks, quality=quality, clock=Clock(), keeping=(job, key)
        )
        with closing(colors):
            for _ in colors:  # each is kept as it is coloured
                tell(next(done))
    return True


def _looked_at(frames: Iterable[Frame], look: Look | None) -> Iterator[Frame]:
    for frame in frames:
        if look is not None:
            look(frame)
        yield frame


def _references(
    shot: PlannedShot, stills: dict[str, Still], long_side: int
) -> tuple[list[EncodedReference | ScaledReference], list[range | None]]:
    """Return a shot's stills as references for a view of this size, and the frames in which each counts."""
    ready = [(stills[each.path].at(long_side), each.frame is not None) for each in shot.references]
    return shot_references(ready, long_side=long_side), [each.span for each in shot.references]


def _rounded(colored: Iterator[ColoredFrame]) -> Generator[ColoredFrame, None, None]:
    for item in colored:
        assert item.chroma is not None, "only shots that keep their own colours have none"
        yield replace(item, chroma=replace(item.chroma, ab=rounded(item.chroma.ab)))


def _keeping(
    colored: Iterator[ColoredFrame], job: Job, shot: ShotKey, first: int, size: tuple[int, int], clock: Clock
) -> Iterator[ColoredFrame]:
    width, height = size
    with job.keep(shot, first=first, width=width, height=height) as keep:
        for item in colored:
            assert item.chroma is not None, "only shots that keep their own colours have none"
            with clock("keep"):
                keep(item.chroma.ab, b"" if item.mark is None else item.mark.to_bytes())
            yield item


def _restored(
    frames: Iterator[Frame], info: VideoInfo, kept: KeptShot, long_side: int, clock: Clock
) -> Generator[ColoredFrame, None, None]:
    everywhere = np.ones((kept.height, kept.width), np.float32)
    lumas = shrunk(frames, info, clock, long_side=long_side)
    with closing(kept):
        for ab, (frame, luma) in zip(kept, lumas, strict=False):  # a film may end early
            yield ColoredFrame(frame, luma, Chroma(ab, everywhere))
