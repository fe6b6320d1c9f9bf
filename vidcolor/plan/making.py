"""Making a plan: one streaming decode finds shots, the frames that stills were painted on, and how well each fits."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidcolor.errors import PlanError
from vidcolor.framing import seen_size, upright_luma
from vidcolor.plan.boundstills import placed, reduced, shows_its_frame
from vidcolor.plan.entries import Looks, PlannedReference, PlannedShot
from vidcolor.plan.likeness import PLAUSIBLE, SAME_FRAME, Appearance, FrameFinder, Match
from vidcolor.plan.looks import ColorWatch
from vidcolor.plan.renewal import Cuts, Recutter
from vidcolor.plan.samples import Samples
from vidcolor.plan.schema import ColorPlan
from vidcolor.references import Reference, load_references, reading_notes
from vidcolor.shots import Shot, ShotDetector, small_luma
from vidcolor.video import Frame, VideoInfo, VideoReader
from vidcolor.video.numbering import frame_times

Floats = NDArray[np.float32]
Similarity = Callable[[Floats], Callable[[Reference], float]]
Progress = Callable[[int, int | None], None]

_MOMENT = 0.6
"""Share of the places alike in a still and a frame that agree on where it lies, from which both are of one moment.

In the validation clips 0.57 or more do where the still is of the very frame, 1.08 or 1.15 times as near, turned by 5
degrees or cropped; in the four that move most up to 0.5 where it is of four frames later."""
_NEARLY_ALL = 0.95
"""Share of a frame from which a still is not said to show a part of it."""


def make_plan(
    video: str | Path,
    references: Sequence[str | Path | Reference] = (),
    *,
    start: Fraction | None = None,
    end: Fraction | None = None,
    similarity: Similarity | None = None,
    cuts: Cuts | None = None,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda warning: None,
    stream: int | None = None,
) -> ColorPlan:
    """Find the shots of a film and give each its stills.

    A still that is a frame of the film, by its looks or by its name, is bound to that frame. A shot without such a
    still takes the one most similar to it, but for titles, and in a whole film every still is used at least where it
    fits best.

    Args:
        video: The film.
        references: The stills, or their paths, in the order of preference among equals.
        start: Seconds at which the segment starts; a number in a still's name counts from the film's first frame, and a
            still of a frame outside of the segment is bound to none of it.
        end: Seconds before which its last frame begins.
        similarity: Looks at the luma (h, w) in [0, 1], upright, of a shot's representative frame, and returns what
            scores how well a still fits it; None compares layout and distribution of greys. Only shots without a still
            of their own are scored, and all of them for stills that nothing else has a place for.
        cuts: Cuts that a person decided; all others are detected.
        progress: Called with the frames done and in all, or None where that is unknown.
        warn: Called with what the user should look at, one line each, once the film is read: damage, and those notes
            that tell which of two stills is obeyed.
        stream: Number of the video stream; None takes the default one.

    Raises:
        VideoError: The film cannot be read.
        ReferenceImageError: A still cannot be read, or one alone is given in place of several.
        PlanError: The segment has no frames, or a cut lies outside of it.
    """
    given = load_references(references)
    whole = start is None and end is None
    numbered = any(still.frame is not None for still in given)
    times = frame_times(video, stream=stream) if numbered and not whole else []
    offset = bisect_left(times, start) if start is not None else 0
    named = {i: still.frame - offset for i, still in enumerate(given) if still.frame is not None}
    with VideoReader(video, start=start, end=end, stream=stream) as reader:
        seen = _Viewing(reader.info, given, similarity or _by_appearance(reader.info.matrix), cuts or Cuts(), named)
        total = reader.info.frames if whole else None
        for frame in reader:
            seen.push(frame)
            if progress is not None:
                progress(seen.frames, total)
    seen.finish()
    if not seen.shots:
        raise PlanError(f"{video}: the segment has no frames", hint="choose another start or end")
    notes = reading_notes(given)
    elsewhere = partial(shows_its_frame, info=reader.info, times=times)
    bound = _bind(given, seen, named, offset, frames=len(times) or seen.frames, elsewhere=elsewhere, notes=notes)
    twice = _unbind_twins(given, bound, named, offset)
    for warning in (*reader.warnings, *twice):
        warn(warning)

    @cache
    def fit(shot: int, still: int) -> float:
        return seen.scorers[shot](given[still])

    stills = _assign(seen.shots, given, bound, fit, whole=whole)
    shots = [
        shot.model_copy(update={"looks": seen.looks(shot), "references": chosen})
        for shot, chosen in zip(seen.shots, stills, strict=True)
    ]
    return ColorPlan(
        video=str(video),
        frames=seen.frames,
        shots=shots,
        notes=list(dict.fromkeys([*notes, *twice])),
        detected=seen.detected,
        titles=[shot.start for shot in shots if shot.looks == "title"],
    )


class _Viewing:
    """What one pass over the film's frames shows, gathered as they go by.

    Args:
        info: The film.
        references: The stills.
        look: As `similarity` of `make_plan`.
        cuts: That a person decided.
        named: By number of the still, the frame that its name names.

    Attributes:
        frames: Seen so far.
        shots: That have ended, each with its representative frame.
        scorers: Of each shot, where there are stills.
        finder: Knows which frame each still looks like.
    """

    def __init__(
        self, info: VideoInfo, references: Sequence[Reference], look: Similarity, cuts: Cuts, named: dict[int, int]
    ) -> None:
        self._info, self._references, self._look = info, references, look
        self._detector, self._recutter, self._samples = ShotDetector(), Recutter(cuts), Samples()
        self._watch = ColorWatch(bit_depth=info.bit_depth)
        self.frames = 0
        self.shots: list[PlannedShot] = []
        self.scorers: list[Callable[[Reference], float]] = []
        lumas = [reduced(still, info.matrix) for still in references]
        width, height = seen_size(info)
        self.finder = FrameFinder(lumas, aspect=width / height, named=named)
        self._likeliest: dict[int, NDArray[np.uint8]] = {}

    @property
    def detected(self) -> list[int]:
        """First frames of the shots as they were found, before a person's cuts."""
        return self._recutter.detected

    def push(self, frame: Frame) -> None:
        """Look at the next frame."""
        small = small_luma(frame.luma, bit_depth=self._info.bit_depth)
        if self._references:
            self._find(frame, self._info.upright(small))
        self._samples.push(frame, self._info)
        self._watch.push(frame)
        self._add(self._recutter.push(self._detector.push(small)))
        self.frames = frame.index + 1

    def finish(self) -> None:
        """End the last shot.

        Raises:
            PlanError: A cut lies outside of the frames.
        """
        self._add(self._recutter.push(self._detector.finish(), end=True))
        self._watch.finish()

    def looks(self, shot: PlannedShot) -> Looks:
        """Return what the film itself shows in a shot: a title in colours is in colour."""
        chroma = self._watch.looks(Shot(shot.start, shot.stop))
        return shot.looks if shot.looks is not None and chroma != "color" else chroma

    def found(self, still: int) -> Match | None:
        """Return the frame that a still shows by its looks, if there is one."""
        best = self.finder.best[still]
        if best.score >= SAME_FRAME:
            return best
        if (luma := self._likeliest.get(still)) is None:
            return None
        return self._closely(still, best.frame, np.float32(1 / 255) * luma, least=_MOMENT)

    def _find(self, frame: Frame, small: NDArray[np.uint8]) -> None:
        doubtful = self.finder.push(frame.index, small)
        if not (doubtful.named or doubtful.likelier):
            return
        luma = upright_luma(frame, self._info)
        for still in doubtful.named:
            if (match := self._closely(still, frame.index, luma)) is not None:
                self.finder.named[still] = match
        self._likeliest.update(dict.fromkeys(doubtful.likelier, np.rint(luma * 255).astype(np.uint8)))

    def _closely(self, still: int, frame: int, luma: Floats, *, least: float = 0.0) -> Match | None:
        """Look for a frame in a still, or in a part of it, on which so much of what looks alike agrees at least."""
        placement = placed(luma, self._references[still], self._info.matrix)
        if placement is None or placement.agreement < least:
            return None
        return Match(PLAUSIBLE, frame, part=bool(placement.covered(luma.shape[::-1]).mean() < _NEARLY_ALL))

    def _add(self, finished: list[Shot]) -> None:
        for shot in finished:
            sample = self._samples.take(shot)
            if self._references:
                self.scorers.append(self._look(sample.luma))
            looks: Looks | None = "title" if sample.title else None
            planned = PlannedShot(
                start=shot.start, stop=shot.stop, dissolve=shot.dissolve, keyframe=sample.index, looks=looks
            )
            self.shots.append(planned)


def _by_appearance(matrix: str) -> Similarity:
    @cache  # every shot asks for every still
    def appearance(still: Reference) -> Appearance:
        return Appearance.of(reduced(still, matrix))

    def look(luma: Floats) -> Callable[[Reference], float]:
        frame = Appearance.of(luma)
        return lambda still: frame.likeness(appearance(still))

    return look


def _bind(
    references: Sequence[Reference],
    seen: _Viewing,
    named: dict[int, int],
    offset: int,
    *,
    frames: int,
    elsewhere: Callable[[Reference], bool],
    notes: list[str],
) -> dict[int, int]:
    """Return the frame of each still that was painted on one.

    Args:
        references: The stills.
        seen: What was seen of the film, or of a segment of it.
        named: By number of the still, the frame that its name names, counted as `seen` does.
        offset: The film's own number of the first frame seen.
        frames: Of the whole film.
        elsewhere: Tells whether a still shows the frame that it names, which was not among those seen.
        notes: What was observed is added to them.
    """
    bound: dict[int, int] = {}
    for i, still in enumerate(references):
        match, wanted = None, named.get(i)
        if wanted is not None and 0 <= wanted < seen.frames:
            # The name rules unless the pictures have nothing in common: camera files, too, end in _0042.
            # A score of exactly 0 means that one of them is blank: nothing speaks against the name.
            own = seen.finder.named[i]
            match = own if own.score >= PLAUSIBLE or own.score == 0.0 else seen.found(i)
            if match is None:
                notes.append(f"{still.name} does not look like frame {still.frame}: it is used for its colours only")
            elif match is not own:
                notes.append(f"{still.name} looks like frame {match.frame + offset}, not like frame {still.frame}")
        else:
            match = seen.found(i)
            if still.frame is not None and still.frame >= frames:
                notes.append(f"{still.name} names frame {still.frame}; the film has {frames}: its name is ignored")
            elif wanted is not None and match is not None and elsewhere(still):
                match = None  # in the whole film it is not of this frame either, however alike
        if match is not None:
            bound[i] = match.frame
            if match.part:
                notes.append(f"{still.name} shows a part of its frame: beside that, colours come by likeness")
    return bound


def _unbind_twins(
    references: Sequence[Reference], bound: dict[int, int], named: dict[int, int], offset: int
) -> list[str]:
    """Leave each frame the one still that its name binds to it, else the first given; say what became of the others."""
    remarks = []
    for frame in sorted(set(bound.values())):
        own, *others = sorted((i for i in bound if bound[i] == frame), key=lambda i: (named.get(i) != frame, i))
        for i in others:
            del bound[i]
            remarks.append(
                f"{references[own].name} and {references[i].name} are both of frame {frame + offset}: "
                f"{references[own].name} is obeyed there, the other is used for its colours only"
            )
    return remarks


def _assign(
    shots: Sequence[PlannedShot],
    references: Sequence[Reference],
    bound: dict[int, int],
    fit: Callable[[int, int], float],
    *,
    whole: bool,
) -> list[list[PlannedReference]]:
    """Return the stills of each shot."""
    chosen: list[dict[int, int | None]] = [{} for _ in shots]
    for i, frame in sorted(bound.items(), key=lambda item: item[1]):
        chosen[next(n for n, shot in enumerate(shots) if frame in shot)][i] = frame
    open_shots = [n for n, shot in enumerate(shots) if not chosen[n] and shot.looks != "title"]
    for i in range(len(references)):  # still by still: what networks see in one is not held while others are compared
        for n in open_shots:
            fit(n, i)
    for n in open_shots:
        if references:
            chosen[n][max(range(len(references)), key=partial(fit, n))] = None
    # In a whole film every still has its place. A segment's stills may belong to shots outside of it.
    for i in set(range(len(references))) - {each for stills in chosen for each in stills} if whole else ():
        best = max(open_shots or range(len(shots)), key=lambda n: fit(n, i))
        chosen[best][i] = None
    return [[PlannedReference(path=references[i].key, frame=frame) for i, frame in stills.items()] for stills in chosen]
