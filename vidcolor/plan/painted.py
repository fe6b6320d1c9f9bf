"""The stills that are painted: those of a plan that are still grey are left out, those saved beside them are found."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from vidcolor.errors import ReferenceImageError
from vidcolor.plan.entries import PlannedReference, PlannedShot, name_shots
from vidcolor.plan.schema import ColorPlan
from vidcolor.references import Reference, load_reference, load_references, names_no_file, reading_notes, suffixes

Load = Callable[[Path], Reference]
_NAMED = 3


@dataclass(frozen=True, eq=False)
class Settled:
    """A plan, if there is one, and the stills that it needs.

    Attributes:
        plan: Every still in it is painted, and what its shots borrow is theirs; None where none was given.
        references: Its stills and those given beside it, each once.
        notes: What was left out, taken instead, or converted on reading, one line each.
        warnings: Stills given beside the plan that have no colour to give, in one line.
    """

    plan: ColorPlan | None
    references: list[Reference]
    notes: list[str]
    warnings: list[str]


def settle(
    plan: ColorPlan | None, given: Sequence[str | Path | Reference] = (), *, load: Load = load_reference
) -> Settled:
    """Read the stills, leave those out that have no colour to give, and let shots have what they borrow.

    A still of the plan that is grey, or gone, is looked for beside it under the same name in another format: painting
    programs may save what was a PNG as a JPEG.

    Args:
        plan: As a person left it, or None.
        given: Stills beside the plan, or their paths.
        load: Reads a still of the plan, and raises as `load_reference` does.

    Raises:
        ReferenceImageError: A still cannot be read, or one alone is given in place of several.
    """
    references: dict[str, Reference] = {}
    for reference in load_references(given):
        references.setdefault(reference.key, reference)
    warnings: list[str] = []
    if grey := [each.name for each in references.values() if each.grey]:
        more = f" and {len(grey) - _NAMED} more" if len(grey) > _NAMED else ""
        warnings.append(f"left out, for there is no colour in it: {', '.join(grey[:_NAMED])}{more}")
        references = {key: each for key, each in references.items() if not each.grey}
    if plan is None:
        return Settled(None, list(references.values()), reading_notes(references.values()), warnings)
    painted = _PaintedStills(references, load)
    plan, notes = _settled(plan, painted)
    references = painted.references
    return Settled(
        plan, list(references.values()), [*painted.notes, *notes, *reading_notes(references.values())], warnings
    )


def settle_shot(plan: ColorPlan, shot: PlannedShot, *, load: Load = load_reference) -> Settled:
    """Settle one shot of a plan alone: the stills that it does not use need not be read, or be there, for it.

    The others have no stills then. Arguments, and what is raised, are as for `settle`.
    """
    needed = {shot.start, *(plan.shot_at(frame).start for frame in shot.borrow)}
    return settle(
        plan.with_shots(
            each if each.start in needed else each.model_copy(update={"references": [], "borrow": []})
            for each in plan.shots
        ),
        load=load,
    )


def is_painted(path: Path) -> bool:
    """Tell whether a still, or one of its name in another format, has colours; one that cannot be read may have."""
    try:
        return _find(path) is not None
    except ReferenceImageError:
        return True


class _PaintedStills:
    """The stills that have colours, each read where a plan first asks for it.

    Args:
        references: Those known already, by key.
        load: Reads one.

    Attributes:
        references: Those known so far.
    """

    def __init__(self, references: dict[str, Reference], load: Load) -> None:
        self.references = dict(references)
        self._load = load
        self._taken: list[str] = []
        self._passed_over: dict[str, str] = {}
        self._found: dict[str, str | None] = {}

    @property
    def notes(self) -> list[str]:
        """Which was taken instead of another, and which was not, one line each."""
        return [*self._taken, *(note for key, note in self._passed_over.items() if key not in self.references)]

    @property
    def asked(self) -> int:
        """How many stills a plan asked for."""
        return len(self._found)

    @property
    def grey(self) -> int:
        """How many of those have no colour."""
        return sum(path is None for path in self._found.values())

    def of(self, shot: PlannedShot) -> list[PlannedReference]:
        """Return the stills of a shot that are painted, as they lie now.

        Raises:
            ReferenceImageError: One cannot be read.
        """
        found = ((each, self._where(each.path)) for each in shot.references)
        return [each.model_copy(update={"path": path}) for each, path in found if path is not None]

    def any_of(self, shot: PlannedShot) -> bool:
        """Tell whether a shot that needs no stills has painted ones: those that cannot be read do no harm there."""
        with suppress(ReferenceImageError):
            return any(
                each.path in self.references or _find(Path(each.path), self._load) is not None
                for each in shot.references
            )
        return False

    def _where(self, path: str) -> str | None:
        if path not in self._found:
            self._found[path] = path if path in self.references else self._read(path)
        return self._found[path]

    def _read(self, path: str) -> str | None:
        found = _painted(Path(path), self._load)
        reference = next(found, None)
        if reference is None:
            return None
        reason = f"the plan names {reference.name}"
        if reference.key != path:
            self._taken.append(f"{reference.name} is used in place of {Path(path).name}")
            reason = f"{reference.name} comes first"
        with suppress(ReferenceImageError):  # what is not used need not be readable
            for other in found:
                self._passed_over[other.key] = f"{other.name} is painted, too, and not used: {reason}"
        self.references.setdefault(reference.key, reference)
        return reference.key


def _settled(plan: ColorPlan, painted: _PaintedStills) -> tuple[ColorPlan, list[str]]:
    """Return a plan with painted stills alone, and what was left out, one line each."""
    colored = [shot for shot in plan.shots if shot.treatment == "color"]
    lenders = [plan.shot_at(frame) for shot in colored for frame in shot.borrow]
    own = {shot.start: painted.of(shot) for shot in colored + lenders}
    shots = [_with_borrowed(shot, plan, own.get) if shot.treatment == "color" else _bare(shot) for shot in plan.shots]
    notes: list[str] = []
    if waiting := [shot for shot in colored if len(own[shot.start]) < len(shot.references)]:
        automatic = [shot for shot in shots if shot.treatment == "color" and not (shot.references or shot.neutral)]
        rest = f"; automatic colours in {name_shots(automatic, shots)}" if automatic else ""
        named = name_shots(waiting, plan.shots)
        notes.append(f"{painted.grey} of {painted.asked} stills are not painted yet ({named}){rest}")
    if unused := [shot for shot in plan.shots if shot.treatment == "keep" and painted.any_of(shot)]:
        notes.append(f'painted stills are not used in {name_shots(unused, plan.shots)}: "treatment" is "keep" there')
    return plan.with_shots(shots), notes


def _find(path: Path, load: Load = load_reference) -> Reference | None:
    """Return a still that is painted, under this name or in another format; None where it is grey."""
    return next(_painted(path, load), None)


def _painted(path: Path, load: Load) -> Iterator[Reference]:
    """Give those of a still and its like in other formats that are painted, the one to use first."""
    none = True
    for each in [*([path] if path.exists() else []), *_beside(path)]:
        if not (reference := load(each)).grey:
            none = False
            yield reference
    if none and not path.exists():
        raise ReferenceImageError(
            f"{path}: no such still, though the plan names it",
            hint="it was made in memory: give it again, beside the plan"
            if names_no_file(str(path))
            else "check the path, or take it out of the plan",
        )


def _beside(path: Path) -> list[Path]:
    """Return the other pictures of a still's name in its folder, those of the more common formats first."""
    known = suffixes()
    found = [
        each
        for each in path.parent.glob(f"{escape(path.stem)}.*")
        if each.stem == path.stem and each.suffix.lower() in known and each != path and each.is_file()
    ]
    return sorted(found, key=lambda each: (known.index(each.suffix.lower()), each))


def _with_borrowed(
    shot: PlannedShot, plan: ColorPlan, own: Callable[[int], list[PlannedReference] | None]
) -> PlannedShot:
    references = list(own(shot.start) or [])
    everywhere = {each.path for each in references if each.frames is None}  # a shot's own still keeps its frame
    for frame in shot.borrow:
        lent = own(plan.shot_at(frame).start) or []
        references += [PlannedReference(path=each.path) for each in lent if each.path not in everywhere]
    return shot.model_copy(update={"borrow": [], "references": list(dict.fromkeys(references))})


def _bare(shot: PlannedShot) -> PlannedShot:
    return shot.model_copy(update={"borrow": [], "references": []})
