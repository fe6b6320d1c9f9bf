"""One shot of a film: its frames in, its frames with colours out; and the stills made ready for it."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidcolor.color import LONG_SIDE, Chroma, rgb_to_ab, rgb_to_luma, working_size
from vidcolor.exemplar import EncodedReference, ExemplarColorizer, ScaledReference, Views
from vidcolor.exposure import exposed
from vidcolor.framing import as_stored, seen_size, shrink
from vidcolor.marking import MarkingColorizer
from vidcolor.propagation import Effort, PaintedStill, propagate
from vidcolor.references import Reference, load_references
from vidcolor.reports import Clock
from vidcolor.shotframes import ColoredFrame, ShotFrames, ShotOutset, shrunk
from vidcolor.video import Frame, VideoInfo

Floats = NDArray[np.float32]

_COPIES_KEPT = 36
"""Of stills at the working size, and of stills at others: of six stills there are no more. All copies of one take 12
(2.35:1) to 21 MB (4:3), with `best` 9 MB more."""


@dataclass(frozen=True, eq=False)
class Still:
    """A reference for one film: to match against, and as the colours of a frame that it was painted on.

    Both are made where they are asked for: a reel may have a still for each of its thousand shots.

    Attributes:
        reference: The still.
        encode: Encodes it with a long side of about so many pixels.
        info: The film.
        long_side: Of the working size.
    """

    reference: Reference
    encode: Callable[[int], EncodedReference]
    info: VideoInfo
    long_side: int = LONG_SIDE

    @property
    def encoded(self) -> EncodedReference:
        """It at the working size."""
        return self.encode(self.long_side)

    @property
    def painted(self) -> PaintedStill:
        """It as the colours of a frame, upright."""
        return PaintedStill(
            self.reference.size,
            lambda size: shrink(self.reference.rgb, size),
            self.info.matrix,
            seen_size(self.info),
        )

    def at(self, long_side: int) -> "Still":
        """The same still at another working size."""
        return replace(self, long_side=long_side)


class StillEncoder:
    """Makes stills ready for one film.

    Shots one after another, and frames that a person looks at, ask for the same encoded copies, so that the latest of
    those are kept, of all stills together.

    Args:
        networks: Encode them.
        info: The film that they are for.
    """

    def __init__(self, networks: ExemplarColorizer, info: VideoInfo) -> None:
        self._info = info

        def encoded(reference: Reference, long_side: int) -> EncodedReference:
            return encode(reference, networks, info.matrix, long_side)

        self._of_another_size = lru_cache(maxsize=_COPIES_KEPT)(encoded)
        self._usual = lru_cache(maxsize=_COPIES_KEPT)(encoded)  # apart: many others would crowd them out

    def still(self, reference: Reference) -> Still:
        """Return a reference as a still of the film."""
        return Still(reference, partial(self._copy, reference), self._info)

    def _copy(self, reference: Reference, long_side: int) -> EncodedReference:
        return (self._usual if long_side == LONG_SIDE else self._of_another_size)(reference, long_side)


def load_stills(
    references: Iterable[str | Path | Reference], networks: ExemplarColorizer, info: VideoInfo
) -> dict[str, Still]:
    """Load every still.

    Args:
        references: Stills or their paths.
        networks: Encode them.
        info: The film that they are for.

    Returns:
        The stills by key, as plans write it.

    Raises:
        ReferenceImageError: A still cannot be used.
    """
    encoder = StillEncoder(networks, info)
    return {reference.key: encoder.still(reference) for reference in load_references(references)}


def encode(reference: Reference, networks: ExemplarColorizer, matrix: str, long_side: int) -> EncodedReference:
    """Encode a still at one scale, for a film of this matrix."""
    rgb = shrink(reference.rgb, working_size(*reference.size, long_side=long_side))
    return networks.encode_reference(rgb_to_luma(rgb, matrix), rgb_to_ab(rgb))


def shot_references(
    stills: Sequence[tuple[Still, bool]], *, long_side: int = LONG_SIDE
) -> list[EncodedReference | ScaledReference]:
    """Return the stills of one shot as references.

    A still of one of the shot's own frames shows things as large as the shot does; any other may show them at any size.

    Args:
        stills: Ready for `long_side`, each with whether it was painted on a frame of the shot.
        long_side: Of the working size.
    """
    others = sum(not own for _, own in stills)
    return [
        still.encoded if own else ScaledReference(still.encoded, still.encode, long_side=long_side, among=others)
        for still, own in stills
    ]


def color_shot(
    frames: Iterator[Frame],
    info: VideoInfo,
    views: Views,
    outset: ShotOutset,
    *,
    effort: Effort,
    clock: Clock,
    marks_every: int | None = None,
) -> Generator[ColoredFrame, None, None]:
    """Colour the frames of one shot, in order; close it where it may be left early.

    Where colours begin, with the shot's first still or the first frame to show it well, is for `ShotFrames` to say; a
    later still reaches back to the keyframe before it. Where the light fades, colours fade with it.

    Args:
        frames: The shot's frames; from that of the mark on where there is one to go on from.
        info: Their film.
        views: Holding the shot's references.
        outset: What is known of the shot.
        effort: Of propagation.
        clock: Charged with `decode`, `shrink`, `glance`, `flow`, `tracks`, `networks`, `fuse` and `wait`.
        marks_every: Mark keyframes at least so many frames apart; None for no marks.
    """
    shown = ShotFrames(frames, info, views, outset, effort=effort, clock=clock)
    for frame, luma in shown.leader():
        yield ColoredFrame(frame, luma, Chroma.neutral(luma))
    colorizer = MarkingColorizer(
        views,
        shown.see,
        shown.exposures,
        clock=clock,
        begin=shown.first + shown.begin,
        marks_every=marks_every,
        going_on=outset.going_on,
    )
    colors = propagate(
        shown.working(),
        colorizer.keyframe,
        between=colorizer.between,
        effort=effort,
        begin=shown.begin,
        landmarks=shown.landmarks(),
        kindred=shown.kindred(),
        clock=clock,
    )
    with closing(colors):
        for number in count(shown.first):
            with clock("fuse"):
                chroma = next(colors, None)
            if chroma is None:
                return
            frame, luma, dip = shown.take(number)
            yield ColoredFrame(frame, luma, as_stored(exposed(chroma, dip), info), colorizer.marks.pop(number, None))


def keep_shot(frames: Iterator[Frame], info: VideoInfo, *, long_side: int, clock: Clock) -> Iterator[ColoredFrame]:
    """Pass on the frames of a shot that keeps the colours, or the grey, that it has.

    Args:
        frames: The shot's frames.
        info: Their film.
        long_side: Of the working size.
        clock: Charged with `decode` and `shrink`.
    """
    for frame, luma in shrunk(frames, info, clock, long_side=long_side):
        yield ColoredFrame(frame, luma, None)
