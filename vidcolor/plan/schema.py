"""The plan as a file: JSON, checked key by key; messages name the line."""

import json
import os
import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from vidcolor.errors import PlanError, unwritten
from vidcolor.grading import MOST_SATURATION, Grading
from vidcolor.partfile import written_whole
from vidcolor.places import real_place
from vidcolor.plan.dissolves import Dissolve
from vidcolor.plan.entries import Entry, MisplacedError, PlannedReference, PlannedShot, place_of
from vidcolor.plan.positions import DuplicateKeyError, Keys, dotted, find_lines, line_of
from vidcolor.references import names_no_file

_MOST_FRAMES = 1 << 40
_MOST_SHOWN = 80
"""Letters of a wrong value that a message shows: it may be the whole file."""
_NO_UTF8 = re.compile("[\ud800-\udfff]")
"""Bytes of a file name that are no UTF-8, as Python and JSON write them."""


class ColorPlan(Entry):
    """The shots of a film, or of a segment of it, and the stills that colour them.

    Frame numbers count from the first frame of the segment. The shots cover every frame once.

    Args:
        version: Of this schema.
        video: The film.
        frames: Frames in all.
        shots: In order.
        notes: What was observed while the plan was made, one line each.
        detected: First frames of the shots that were found, or None where that is unknown. Shots that begin elsewhere
            were cut by a person, and those that are missing were joined by one.
        titles: First frames of the shots that looked like titles, or None where titles were not looked for.
    """

    version: Literal[1] = 1
    video: str
    frames: int = Field(ge=1, le=_MOST_FRAMES)
    shots: list[PlannedShot] = Field(min_length=1)
    notes: list[str] = Field(default=[])
    detected: list[int] | None = None
    titles: list[int] | None = None

    @model_validator(mode="before")
    @classmethod
    def _stop_at_the_next(cls, values: Any) -> Any:
        """Let shots that do not say where they stop last to the next one, and the last to the end."""
        if not isinstance(values, dict) or not isinstance(shots := values.get("shots"), list):
            return values
        starts = [shot.get("start") if isinstance(shot, dict) else None for shot in shots]
        stops = [*starts, values.get("frames")][1:]
        filled = [
            {**shot, "stop": stop} if isinstance(shot, dict) and "stop" not in shot and _may_count(stop) else shot
            for shot, stop in zip(shots, stops, strict=True)
        ]
        return {**values, "shots": filled}

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._require_cover()
        return self

    def _require_cover(self) -> None:
        reached = 0
        for number, shot in enumerate(self.shots):
            if shot.start != reached:
                raise MisplacedError(
                    f"shots.{number}.start is {shot.start}; the shot before it stops at {reached}"
                    if number
                    else f"shots.0.start is {shot.start}; the first shot starts at 0",
                    "shots",
                    number,
                    "start",
                )
            reached = shot.stop
            for place, frame in enumerate(shot.borrow):
                if not 0 <= frame < self.frames or frame in shot:
                    raise MisplacedError(
                        f"shots.{number}.borrow names frame {frame}; allowed: frames of other shots, 0 to "
                        f"{self.frames - 1} but for {shot.start} to {shot.stop - 1}",
                        "shots",
                        number,
                        "borrow",
                        place,
                    )
        if reached != self.frames:
            raise MisplacedError(
                f"the last shot stops at {reached}; frames is {self.frames}", "shots", len(self.shots) - 1, "stop"
            )

    def stills(self) -> list[Path]:
        """Return every still once, in the order of first use."""
        return list(dict.fromkeys(Path(each.path) for shot in self.shots for each in shot.references))

    def frames_of_stills(self) -> list[int]:
        """Return the frames that its stills were, or are to be, painted on."""
        return [each.frame for shot in self.shots for each in shot.references if each.frame is not None]

    def shot_at(self, frame: int) -> PlannedShot:
        """Return the shot that holds a frame."""
        return self.shots[self._number_of(frame)]

    def shots_within(self, first: int, stop: int) -> list[PlannedShot]:
        """Return the shots that have frames among [first, stop), which are some of the plan's."""
        return self.shots[self._number_of(first) : self._number_of(stop - 1) + 1]

    def dissolve_at(self, frame: int) -> Dissolve | None:
        """Return the dissolve that a frame is in, or None."""
        return Dissolve.at(frame, self._number_of(frame), self.shots)

    def grading_at(self, frame: int, saturation: float = 1.0) -> Grading:
        """Return what is done to the colours of a frame, `saturation` for the whole film coming on top."""
        grading, dissolve = self.shot_at(frame).grading, self.dissolve_at(frame)
        if dissolve is not None:
            before, after = self.shot_at(dissolve.cut - 1).grading, self.shot_at(dissolve.cut).grading
            grading = before.towards(after, dissolve.share(frame))
        return replace(grading, saturation=min(grading.saturation * saturation, MOST_SATURATION))

    @property
    def keeps(self) -> bool:
        """Whether some shot keeps the film's own chroma."""
        return any(shot.treatment == "keep" for shot in self.shots)

    def with_shots(self, shots: Iterable[PlannedShot]) -> Self:
        """Return the plan with other shots of the same frames.

        Raises:
            PlanError: They leave frames out, share some, or borrow from where there is no shot.
        """
        plan = self.model_copy(update={"shots": list(shots)})
        try:
            plan._require_cover()
        except MisplacedError as error:
            raise PlanError(str(error), hint="shots follow each other without a gap") from error
        return plan

    def save(self, path: str | Path) -> None:
        """Write the plan as JSON, whole or not at all; stills are named relative to its folder.

        One made in memory has to be given again, beside the plan, when that is followed.

        Raises:
            PlanError: The file cannot be written.
        """
        path = Path(path)
        values = self._moved(_relative_to(path.parent)).model_dump()
        for shot in values["shots"]:
            for reference in shot["references"]:
                if reference["frames"] is None:
                    del reference["frames"]
        text = _laid_out(values)
        text = _NO_UTF8.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        try:
            with written_whole(path) as part:
                part.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            reason, hint = unwritten(path, error)
            raise PlanError(reason, hint=hint) from error

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a plan; relative stills are looked for beside it.

        Raises:
            PlanError: The file is missing or does not fit the schema; the message names the line, the key and what is
                allowed.
        """
        path = Path(path)
        text = ""
        try:
            text = path.read_text(encoding="utf-8-sig")
            plan = cls.model_validate(_parse(text))
        except OSError as error:
            raise PlanError(f"{path}: {error.strerror or error}", hint="check the path of the plan") from error
        except DuplicateKeyError as error:
            raise PlanError(f"{path}, line {error.line}: {error}", hint="take one of them out") from error
        except ValidationError as error:
            lines = find_lines(text)
            keys, message, hint = _explain(_worst(error.errors(), lines))
            raise PlanError(f"{path}, line {line_of(keys, lines)}: {message}", hint=hint) from error
        except json.JSONDecodeError as error:
            raise PlanError(
                f"{path}, line {error.lineno}: not JSON ({error.msg}, column {error.colno})",
                hint="look for a comma, quote or bracket that is missing or too many there",
            ) from error
        except UnicodeDecodeError as error:
            raise PlanError(
                f"{path}: not JSON in UTF-8 (byte {error.start} is 0x{error.object[error.start]:02x})",
                hint="save it as UTF-8 in the editor, or make a plan with `vidcolor scenes -o`",
            ) from error
        except (ValueError, RecursionError) as error:
            raise PlanError(f"{path}: not JSON ({error})", hint="make a plan with `vidcolor scenes -o`") from error
        folder = path.parent
        return plan._moved(lambda still: still if names_no_file(still) else str(folder / still))

    def _number_of(self, frame: int) -> int:
        return bisect_right(self.shots, frame, key=lambda shot: shot.start) - 1

    def _moved(self, move: Callable[[str], str]) -> Self:
        return self.with_shots(
            shot.model_copy(
                update={"references": [each.model_copy(update={"path": move(each.path)}) for each in shot.references]}
            )
            for shot in self.shots
        )


def _laid_out(value: Any, margin: str = "") -> str:
    """Return JSON for people: a key or an entry a line, but a still, or a list of numbers, on one."""
    spread = value and (
        ("path" not in value) if isinstance(value, dict) else isinstance(value, list) and type(value[0]) is not int
    )
    if not spread:
        return json.dumps(value, ensure_ascii=False)
    inner = margin + "  "
    if isinstance(value, dict):
        entries = [f"{json.dumps(key)}: {_laid_out(each, inner)}" for key, each in value.items()]
        return f"{{\n{inner}" + f",\n{inner}".join(entries) + f"\n{margin}}}"
    return f"[\n{inner}" + f",\n{inner}".join(_laid_out(each, inner) for each in value) + f"\n{margin}]"


def _parse(text: str) -> Any:
    values = json.loads(text)
    find_lines(text)  # for keys given twice
    return values


def _relative_to(folder: Path) -> Callable[[str], str]:
    def relative(still: str) -> str:
        if names_no_file(still):
            return still
        try:
            named = os.path.relpath(still, folder)
            # Names alone mislead where a folder is a link: `..` then leads up from where the link points.
            there = place_of(still)
            return named if place_of(folder / named) == there else os.path.relpath(there, real_place(folder))
        except ValueError:  # another drive
            return str(Path(still).absolute())

    return relative


def _may_count(value: object) -> bool:
    """Tell whether a value can stand for a number of frames, as 137, 137.0 and "137" do."""
    return isinstance(value, int | float | str)


def _worst(errors: Sequence[Any], lines: Collection[Keys]) -> Any:
    """Return the error of a plan to tell of: the first, but of a stop that was left out the start that it follows."""
    followed = (error for error in errors if error["loc"][-1:] != ("stop",) or tuple(error["loc"]) in lines)
    return next(followed, errors[0])


def _explain(error: Any) -> tuple[Keys, str, str]:
    """Return which key of a plan is wrong, why, and what to try."""
    keys: Keys = tuple(error["loc"])
    hint = "correct the key, or make the plan anew"
    inside = PlannedReference if "references" in keys[:-1] else PlannedShot if "shots" in keys[:-1] else ColorPlan
    if error["type"] == "extra_forbidden":
        return keys, f"unknown key {dotted(keys)}; allowed: {', '.join(inside.model_fields)}", hint
    if error["type"] == "missing":
        return keys, f"key {dotted(keys)} is missing", hint
    if error["type"] == "value_error":
        reason = error["ctx"]["error"]
        where = dotted(keys) or "plan"
        if isinstance(reason, MisplacedError):
            keys += reason.keys
            if keys[-1] in ("start", "stop"):
                hint = 'shots follow each other without a gap; one without "stop" lasts to the next one\'s start'
        return keys, f"{where}: {reason}", hint
    name = next((key for key in reversed(keys) if isinstance(key, str)), "plan")
    field = inside.model_fields.get(name)
    allowed = f"; allowed: {field.description}" if field is not None and field.description else ""
    message = error["msg"][:1].lower() + error["msg"][1:]
    given = repr(error["input"])
    given = given if len(given) <= _MOST_SHOWN else f"{given[:_MOST_SHOWN]}..."
    return keys, f"key {dotted(keys) or 'plan'} is {given}: {message}{allowed}", hint
