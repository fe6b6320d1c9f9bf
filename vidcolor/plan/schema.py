"""The plan as a file: JSON, checked key by key."""

import json
import os
import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from vidcolor.errors import PlanError
from vidcolor.partfile import written_whole

_MOST_FRAMES = 1 << 40
_NO_UTF8 = re.compile("[\ud800-\udfff]")
"""Bytes of a file name that are no UTF-8, as Python and JSON write them."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlannedReference(_Entry):
    """A still used in a shot.

    Args:
        path: The still; in a saved plan relative to the plan's folder.
        frame: The frame that the still was painted on, or None.
    """

    path: str
    frame: int | None = Field(default=None, ge=0)

    @field_validator("path")
    @classmethod
    def _normal(cls, path: str) -> str:
        # No min_length: with it pydantic refuses names that are not UTF-8.
        if not path:
            raise ValueError("the path is empty; expected a still")
        return str(Path(path))


class PlannedShot(_Entry):
    """Frames [start, stop) and their stills, the most fitting first; no stills means automatic colours."""

    start: int = Field(ge=0)
    stop: int = Field(ge=1)
    references: list[PlannedReference] = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.stop <= self.start:
            raise ValueError(f"stop is {self.stop}; a shot [start, stop) from {self.start} stops later")
        for reference in self.references:
            if reference.frame is not None and not self.start <= reference.frame < self.stop:
                raise ValueError(
                    f"{reference.path} is bound to frame {reference.frame}; allowed in this shot: "
                    f"{self.start} to {self.stop - 1}, or null"
                )
        owners: dict[int, str] = {}
        for reference in self.references:
            if reference.frame is not None and owners.setdefault(reference.frame, reference.path) != reference.path:
                raise ValueError(
                    f"{owners[reference.frame]} and {reference.path} are both bound to frame {reference.frame}; "
                    "one of them may be, the other takes null"
                )
        return self


class ColorPlan(_Entry):
    """The shots of a film, or of a segment of it, and the stills that colour them.

    Frame numbers count from the first frame of the segment. The shots cover every frame once.

    Args:
        version: Of this schema.
        video: The film.
        frames: Frames in all.
        shots: In order.
        notes: What was observed while the plan was made, one line each.
    """

    version: Literal[1] = 1
    video: str
    frames: int = Field(ge=1, le=_MOST_FRAMES)
    shots: list[PlannedShot] = Field(min_length=1)
    notes: list[str] = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        reached = 0
        for number, shot in enumerate(self.shots):
            if shot.start != reached:
                raise ValueError(f"shots.{number}.start is {shot.start}; the shot before it stops at {reached}")
            reached = shot.stop
        if reached != self.frames:
            raise ValueError(f"the last shot stops at {reached}; frames is {self.frames}")
        return self

    def stills(self) -> list[Path]:
        """Return every still once, in the order of first use."""
        return list(dict.fromkeys(Path(each.path) for shot in self.shots for each in shot.references))

    def save(self, path: str | Path) -> None:
        """Write the plan as JSON, whole or not at all; stills are named relative to its folder.

        Raises:
            PlanError: The file cannot be written.
        """
        path = Path(path)
        shots = [shot.model_copy(update={"references": _moved(shot, _relative_to(path.parent))}) for shot in self.shots]
        values = self.model_copy(update={"shots": shots}).model_dump()
        text = json.dumps(values, indent=2, ensure_ascii=False)
        text = _NO_UTF8.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        try:
            with written_whole(path) as part:
                part.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise PlanError(f"{path}: {error.strerror or error}", hint="choose a folder that can be written") from error

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a plan; relative stills are looked for beside it.

        Raises:
            PlanError: The file is missing or does not fit the schema; the message names the key and what is allowed.
        """
        path = Path(path)
        try:
            plan = cls.model_validate(json.loads(path.read_text(encoding="utf-8-sig")))
        except OSError as error:
            raise PlanError(f"{path}: {error.strerror or error}", hint="check the path of the plan") from error
        except ValidationError as error:
            raise PlanError(
                f"{path}: {_explain(error.errors()[0])}", hint="correct the key, or make the plan anew"
            ) from error
        except (ValueError, RecursionError) as error:
            raise PlanError(f"{path}: not JSON ({error})", hint="make a plan with `vidcolor scenes -o`") from error
        folder = path.parent
        shots = [
            shot.model_copy(update={"references": _moved(shot, lambda still: str(folder / still))})
            for shot in plan.shots
        ]
        return plan.model_copy(update={"shots": shots})


def _moved(shot: PlannedShot, move: Any) -> list[PlannedReference]:
    return [PlannedReference(path=move(each.path), frame=each.frame) for each in shot.references]


def _relative_to(folder: Path) -> Any:
    def relative(still: str) -> str:
        try:
            return os.path.relpath(still, folder)
        except ValueError:  # another drive
            return str(Path(still).absolute())

    return relative


def _explain(error: Any) -> str:
    keys = [str(key) for key in error["loc"]]
    where = ".".join(keys) or "plan"
    if error["type"] == "extra_forbidden":
        inside = PlannedReference if "references" in keys else PlannedShot if "shots" in keys else ColorPlan
        return f"unknown key {where}; allowed: {', '.join(inside.model_fields)}"
    if error["type"] == "missing":
        return f"key {where} is missing"
    if error["type"] == "value_error":
        return f"{where}: {error['ctx']['error']}"
    return f"key {where} is {error['input']!r}: {error['msg'][:1].lower()}{error['msg'][1:]}"
