"""Shots of a film found, and its stills given to them, by what the networks find similar."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.color import LONG_SIDE, working_size
from vidcolor.coloring import Still, load_stills
from vidcolor.exemplar import ExemplarColorizer, similarity
from vidcolor.plan import ColorPlan, make_plan
from vidcolor.plan.boundstills import BoundStills
from vidcolor.plan.painted import settle
from vidcolor.references import Reference
from vidcolor.video import VideoInfo, probe

Floats = NDArray[np.float32]
Progress = Callable[[str, int, int | None], None]


def plan_film(
    video: Path,
    stills: dict[str, Still],
    networks: ExemplarColorizer,
    *,
    start: Fraction | None = None,
    end: Fraction | None = None,
    stream: int | None = None,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda warning: None,
) -> ColorPlan:
    """Find the shots of a film and give each its stills, by what the networks find similar.

    Args:
        video: The film.
        stills: By their keys.
        networks: Compare frames and stills.
        start: Of the segment, in seconds.
        end: Of the segment, in seconds.
        stream: Number of the video stream; None takes the default one.
        progress: Called with stage, frames done and frames in all.
        warn: Called with each line that the user should look at, as by `make_plan`.
    """

    @lru_cache(maxsize=1)  # 2 MB each, and they are asked for one after another
    def seen_in(key: str) -> tuple[Tensor, Tensor]:
        """A still's keys at the working size and at twice that: a close-up finds itself in a wide still."""
        still = stills[key]
        twice = working_size(*still.reference.size, long_side=2 * LONG_SIDE)
        return still.encoded.bank.coarse[0], networks.coarse_keys(still.reference.luma(twice, matrix=still.info.matrix))

    def look(luma: Floats) -> Callable[[Reference], float]:
        size = working_size(*luma.shape[::-1])
        frame = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
        keys = networks.coarse_keys(frame, every=2)
        return lambda reference: max(similarity(keys, each) for each in seen_in(reference.key))

    return make_plan(
        video,
        [still.reference for still in stills.values()],
        start=start,
        end=end,
        stream=stream,
        similarity=look,
        progress=None if progress is None else lambda done, total: progress("plan", done, total),
        warn=warn,
    )


@dataclass(frozen=True, eq=False)
class PreparedFilm:
    """A film whose shots are known and whose stills are loaded, so that single frames of it can be coloured.

    Attributes:
        info: The film.
        plan: Its shots and the painted ones of their stills.
        stills: By their keys.
        notes: What was observed, one line each.
        warnings: What the user should look at, one line each.
    """

    info: VideoInfo
    plan: ColorPlan
    stills: dict[str, Still]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def bound_stills(self) -> BoundStills:
        """Return what compares stills with the frames that they are bound to."""
        return BoundStills(self.info, self.plan.shots, (still.reference for still in self.stills.values()))


def prepare_film(
    video: Path,
    networks: ExemplarColorizer,
    *,
    plan: ColorPlan | None = None,
    given: Sequence[str | Path | Reference] = (),
    assigned: bool = True,
    stream: int | None = None,
    progress: Progress | None = None,
) -> PreparedFilm:
    """Read the stills of a film, and find its shots unless a plan has them.

    Args:
        video: The film.
        networks: Encode the stills, and compare frames with them.
        plan: Shots and their stills, or None.
        given: Stills beside those of the plan, or their paths.
        assigned: Give the stills to the shots that are found.
        stream: Number of the video stream; None takes the default one.
        progress: Called with stage, frames done and frames in all while shots are looked for.

    Raises:
        VideoError: The film cannot be read.
        ReferenceImageError: A still cannot be used.
    """
    settled = settle(plan, given)
    warnings = [*settled.warnings]
    info = probe(video, stream=stream)
    stills = load_stills(settled.references, networks, info)
    shots = settled.plan or plan_film(
        video, stills if assigned else {}, networks, stream=stream, progress=progress, warn=warnings.append
    )
    notes = dict.fromkeys([*settled.notes, *(note for note in shots.notes if note not in warnings)])
    return PreparedFilm(info, shots, stills, tuple(notes), tuple(warnings))
