"""Recommending photographs for every shot of a film."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vidcolor.color import working_size
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.framing import show_grey, upright_luma
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot
from vidcolor.plan.entries import name_shots
from vidcolor.recommendation.index import Library
from vidcolor.recommendation.looks import LONG_SIDE, describe
from vidcolor.recommendation.ranking import WORTHWHILE, Candidate, Ranking
from vidcolor.references import load_reference
from vidcolor.sheets import Bytes, SheetRow, cell
from vidcolor.video import probe
from vidcolor.video.single_frames import read_frames

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Recommendation:
    """The photographs recommended for a shot.

    Attributes:
        start: First frame of the shot.
        stop: Frame after its last.
        frame: The frame that stands for it.
        candidates: The best first, none for a title; names are paths.
        picture: That frame as a cell of a contact sheet.
        open: The shot is to be coloured, and no painted still of its plan says how.
    """

    start: int
    stop: int
    frame: int
    candidates: tuple[Candidate, ...]
    picture: Bytes = field(repr=False, compare=False)
    open: bool = True

    @property
    def chosen(self) -> str | None:
        """The photograph that is to colour the shot: the best one, if it is worthwhile and the shot is open."""
        best = next(iter(self.candidates), None)
        return best.name if self.open and best is not None and best.score >= WORTHWHILE else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        shot = {"start": self.start, "stop": self.stop, "frame": self.frame}
        return {**shot, "candidates": [asdict(each) for each in self.candidates], "chosen": self.chosen}

    def row(self, number: int, photograph: Callable[[str], Bytes]) -> SheetRow:
        """The shot's row on a contact sheet: the frame beside the photographs, each as a cell, with their scores."""
        shown = "photographs with scores" if self.candidates else "a title, which stays neutral"
        caption = f"shot {number}, frames {self.start} to {self.stop - 1}: frame {self.frame}, {shown}"
        photographs = [photograph(each.name) for each in self.candidates]
        labels = [f"{each.score:.2f} {Path(each.name).name}" for each in self.candidates]
        return SheetRow(caption, (self.picture, *photographs), ("film", *labels))


def recommend(
    plan: ColorPlan,
    library: Library,
    networks: ExemplarColorizer,
    *,
    count: int,
    stream: int | None = None,
    progress: Progress | None = None,
) -> list[Recommendation]:
    """Rank the photographs of a library for each shot of a whole film.

    Args:
        plan: The film's shots, with painted stills alone, see `settle`.
        library: The photographs.
        networks: Those that described the library.
        count: Photographs per shot.
        stream: Number of the film's video stream; None takes the default one.
        progress: Called with the shots done and in all.

    Raises:
        VideoError: The film cannot be read.
    """
    info = probe(plan.video, stream=stream)
    ranking = Ranking({name: each.looks for name, each in library.photographs.items() if each.looks is not None})
    recommendations = []
    wanted = [shot.representative for shot in plan.shots]
    with closing(read_frames(info, wanted, of=plan.frames)) as frames:
        for shot, frame in zip(plan.shots, frames, strict=True):
            luma = upright_luma(frame, info)
            size = working_size(*luma.shape[::-1], long_side=LONG_SIDE)
            small = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
            best = [] if shot.neutral else ranking(describe(networks, small), count=count)
            candidates = tuple(Candidate(**{**vars(each), "name": str(library.folder / each.name)}) for each in best)
            picture = cell(show_grey(frame, info))
            recommendations.append(
                Recommendation(
                    shot.start,
                    shot.stop,
                    frame.index,
                    candidates,
                    picture,
                    open=shot.colored and not shot.references,
                )
            )
            if progress is not None:
                progress(len(recommendations), len(plan.shots))
    return recommendations


def sheet_rows(recommendations: list[Recommendation]) -> list[SheetRow]:
    """Return a row for each shot."""

    @cache  # a few photographs fit hundreds of shots
    def photograph(name: str) -> Bytes:
        return cell(load_reference(name).rgb)

    return [each.row(number, photograph) for number, each in enumerate(recommendations, start=1)]


def planned(plan: ColorPlan, recommendations: list[Recommendation]) -> tuple[ColorPlan, list[str]]:
    """Return the plan in which each chosen photograph colours its shot, bound to none of its frames, and what to know.

    It comes after the stills that the shot has, which are grey still; all else of the plan stays as it is.
    """
    pairs = list(zip(plan.shots, recommendations, strict=True))
    bare = [shot for shot, each in pairs if each.open and each.chosen is None]
    painted = [shot for shot, each in pairs if each.candidates and not each.open and shot.treatment == "color"]
    remarks = []
    if bare:
        remarks.append(f"no photograph scores {WORTHWHILE} for {name_shots(bare, plan.shots)}: automatic colours there")
    if painted:
        named = name_shots(painted, plan.shots)
        remarks.append(f"no photograph is chosen where there are painted stills already: {named}")
    return plan.with_shots(_with_photograph(shot, each.chosen) for shot, each in pairs), remarks


def _with_photograph(shot: PlannedShot, name: str | None) -> PlannedShot:
    more = [] if name is None else [PlannedReference(path=name)]
    return shot.model_copy(update={"references": [*shot.references, *more]})
