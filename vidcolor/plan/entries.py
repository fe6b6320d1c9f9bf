"""The entries of a plan: shots and the stills used in them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from vidcolor.grading import MOST_HUE, MOST_SATURATION, MOST_TEMPERATURE, Grading
from vidcolor.shots import MOST_DISSOLVE

Looks = Literal["grey", "tinted", "color", "title"]
Treatment = Literal["color", "keep"]


class MisplacedError(ValueError):
    """A value that does not fit the values beside it.

    Args:
        message: What is given, and what is allowed.
        keys: The way to it from the entry that is checked.
    """

    def __init__(self, message: str, *keys: str | int) -> None:
        super().__init__(message)
        self.keys = keys


class Entry(BaseModel):
    """Frozen, without keys or numbers that nobody knows."""

    # A field's description is what a message gives as its allowed values.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PlannedReference(Entry):
    """A still used in a shot.

    Args:
        path: The still; in a saved plan relative to the plan's folder.
        frame: The frame that the still was painted on, or None.
        frames: The frames [start, stop) of the shot that the still colours, or None for all of them.
    """

    path: str
    frame: int | None = Field(default=None, ge=0, description="a frame of the shot, or null")
    frames: tuple[int, int] | None = Field(default=None, description="[start, stop) within the shot, or null")

    @field_validator("path")
    @classmethod
    def _normal(cls, path: str) -> str:
        # No min_length: with it pydantic refuses names that are not UTF-8.
        if not path:
            raise ValueError("the path is empty; expected a still")
        return str(Path(path))

    @property
    def span(self) -> range | None:
        """The frames that the still colours, or None for all of the shot."""
        return None if self.frames is None else range(*self.frames)


class PlannedShot(Entry):
    """Frames [start, stop) and their stills, the most fitting first; no stills means automatic colours.

    Args:
        start: Its first frame.
        stop: The frame after its last. A file may leave it out: then the shot lasts to the next one.
        dissolve: Frames over which the shot before dissolves into it, half of them its own; None where nobody looked.
        keyframe: The frame worth painting, or None where nobody looked for it.
        looks: What the film itself shows there: grey, one tint, colours, or a title; None where nobody looked.
        treatment: `color`, or `keep` to leave the film's own chroma as it is.
        saturation: Factor of all chroma.
        hue: Turn of hue in degrees.
        temperature: Mired by which the light is warmer.
        borrow: Frames of other shots, whose stills are used here, too, after the shot's own.
        references: Its own stills.
    """

    start: int = Field(ge=0, description="a frame number, counted from 0")
    stop: int = Field(ge=1, description="the number of the frame after the shot's last")
    dissolve: int | None = Field(
        default=None, ge=0, le=MOST_DISSOLVE, description=f"0 to {MOST_DISSOLVE} frames, or null"
    )
    keyframe: int | None = Field(default=None, ge=0, description="a frame of the shot, or null")
    looks: Looks | None = Field(default=None, description='"grey", "tinted", "color", "title" or null')
    treatment: Treatment = Field(default="color", description='"color" or "keep"')
    saturation: float = Field(default=1.0, ge=0, le=MOST_SATURATION, description=f"0 to {MOST_SATURATION:g}")
    hue: float = Field(default=0.0, ge=-MOST_HUE, le=MOST_HUE, description=f"{-MOST_HUE:g} to {MOST_HUE:g} degrees")
    temperature: float = Field(
        default=0.0,
        ge=-MOST_TEMPERATURE,
        le=MOST_TEMPERATURE,
        description=f"{-MOST_TEMPERATURE:g} (cooler) to {MOST_TEMPERATURE:g} (warmer) mired",
    )
    borrow: list[int] = Field(default=[], description="frames of other shots, such as [137]")
    references: list[PlannedReference] = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.stop <= self.start:
            raise MisplacedError(
                f"stop is {self.stop}; a shot [start, stop) from {self.start} stops later",
                "stop",
            )
        allowed = f"allowed in this shot: {self.start} to {self.stop - 1}, or null"
        owners: dict[int, str] = {}
        if self.keyframe is not None and self.keyframe not in self:
            raise MisplacedError(f"keyframe is {self.keyframe}; {allowed}", "keyframe")
        for number, reference in enumerate(self.references):
            place = ("references", number)
            if reference.frame is not None and reference.frame not in self:
                raise MisplacedError(
                    f"{reference.path} is bound to frame {reference.frame}; {allowed}", *place, "frame"
                )
            if reference.frame is not None and owners.setdefault(reference.frame, reference.path) != reference.path:
                raise MisplacedError(
                    f"{owners[reference.frame]} and {reference.path} are both bound to frame {reference.frame}; one "
                    "of them may be, the other takes null",
                    *place,
                    "frame",
                )
            if reference.frames is None:
                continue
            first, stop = reference.frames
            if not self.start <= first < stop <= self.stop:
                raise MisplacedError(
                    f"{reference.path} is bound to frames [{first}, {stop}); allowed in this shot: a part of "
                    f"[{self.start}, {self.stop}), or null",
                    *place,
                    "frames",
                )
            if reference.frame is not None and not first <= reference.frame < stop:
                raise MisplacedError(
                    f"{reference.path} was painted on frame {reference.frame}; its frames [{first}, {stop}) must "
                    "hold that one",
                    *place,
                    "frames",
                )
        return self

    def __contains__(self, frame: int) -> bool:
        return self.start <= frame < self.stop

    @property
    def representative(self) -> int:
        """The frame that stands for the shot: the one worth painting, its middle where nobody looked for it."""
        return (self.start + self.stop) // 2 if self.keyframe is None else self.keyframe

    @property
    def neutral(self) -> bool:
        """Whether it is given no colours: a title without a still."""
        return self.looks == "title" and self.treatment == "color" and not self.references

    @property
    def colored(self) -> bool:
        """Whether its colours are worked out: it neither keeps those of the film nor is neutral."""
        return self.treatment == "color" and not self.neutral

    @property
    def grading(self) -> Grading:
        """What is done to the colours of the shot."""
        return Grading(self.saturation, self.hue, self.temperature)


def place_of(still: str | Path) -> Path:
    """Return where a still lies, whichever links and `..` lead to its folder; one that is a link keeps its own name."""
    return Path(os.path.realpath(Path(still).parent), Path(still).name)


def name_shots(some: Sequence[PlannedShot], shots: Sequence[PlannedShot]) -> str:
    """Name some of a plan's shots by their numbers from 1, as `vidcolor scenes` lists them: `shots 2, 5 to 7`."""
    if len(some) == len(shots):
        return "the whole film"
    starts = {shot.start for shot in some}
    numbers = [number for number, shot in enumerate(shots, start=1) if shot.start in starts]
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [str(run[0]) if len(run) == 1 else f"{run[0]} {'and' if len(run) == 2 else 'to'} {run[-1]}" for run in runs]
    return f"shot{'s' if len(numbers) > 1 else ''} {', '.join(words)}"
