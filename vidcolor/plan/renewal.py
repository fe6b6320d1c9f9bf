"""A plan that a person has edited survives when its film is looked at again.

Cuts that a person made stay, cuts that a person took out stay out, and everywhere else detection decides anew. A plan
remembers what was detected when it was made, so what differs from that is a person's work; the shots of a plan that
does not remember stay as they are. Stills go with the frame that they were painted on, settings with the larger part of
their shot. What the film shows in a shot is looked for again only where the shot is another, and for titles where the
plan is older than their recognition.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

from vidcolor.errors import PlanError
from vidcolor.plan.entries import PlannedReference, PlannedShot, name_shots, place_of
from vidcolor.plan.painted import is_painted
from vidcolor.plan.schema import ColorPlan
from vidcolor.shots import Shot

_NEAR = 4
"""Frames by which a detected cut may miss one of a person's and still be that one: shots are at least 5 frames long."""
_SETTINGS = ("treatment", "saturation", "hue", "temperature", "borrow")


@dataclass(frozen=True)
class Cuts:
    """Cuts, named by the first frame after them, that are not left to detection.

    Args:
        made: They are cuts whatever detection says.
        taken_out: They are none.
        final: There are no cuts but those made.
    """

    made: frozenset[int] = frozenset()
    taken_out: frozenset[int] = frozenset()
    final: bool = False

    @classmethod
    def of(cls, plan: ColorPlan | None, *, cut: Iterable[int] = (), join: Iterable[int] = ()) -> Self:
        """Return the cuts that a person decided in a plan, and with it.

        Args:
            plan: As the person left it, or None.
            cut: Frames before which to cut.
            join: First frames of shots that are to go on from the shot before them.

        Raises:
            PlanError: A frame is both, or the plan has no shot that starts at a frame of `join`.
        """
        made, taken_out = set(cut), set(join)
        if both := made & taken_out:
            raise PlanError(f"frame {min(both)} is to be both cut and joined", hint="choose one of them")
        if plan is not None:
            starts = [shot.start for shot in plan.shots]
            if unknown := sorted(taken_out - set(starts[1:])):
                near = ", ".join(map(str, sorted(starts[1:], key=lambda start: abs(start - unknown[0]))[:3]))
                raise PlanError(
                    f"no shot to join starts at frame {unknown[0]}", hint=f"near it start: {near or 'none'}"
                )
            detected = set(plan.detected or ())
            by_hand = set(starts) - detected
            # A cut between shots that a person told apart is that person's, too.
            told_apart = {b.start for a, b in pairwise(plan.shots) if _settings(a) != _settings(b)}
            # So is one that was found, and stands though the person made another so near that it might be the same.
            beside = {start for start in starts if any(0 < abs(start - each) <= _NEAR for each in by_hand)}
            made |= (by_hand | told_apart | beside) - taken_out - {0}
            taken_out |= detected - set(starts) - made
        return cls(frozenset(made), frozenset(taken_out), final=plan is not None and plan.detected is None)


class Recutter:
    """Turns shots as they are detected into shots as a person wants them.

    Attributes:
        detected: First frames of the shots that came in.
    """

    def __init__(self, cuts: Cuts) -> None:
        self._cuts = cuts
        self._start = 0
        self._dissolves: dict[int, int] = {}
        self.detected: list[int] = []

    def push(self, found: Sequence[Shot], *, end: bool = False) -> list[Shot]:
        """Take the next shots that were detected, and return those that are complete.

        Args:
            found: In order, without gaps.
            end: They are the film's last.

        Raises:
            PlanError: At the end, a cut lies outside of the film.
        """
        shots: list[Shot] = []
        for number, shot in enumerate(found, start=1):
            self.detected.append(shot.start)
            self._dissolves[shot.start] = shot.dissolve
            last = end and number == len(found)
            if not last and self._is_none(shot.stop):
                continue
            inside = sorted(cut for cut in self._cuts.made if self._start < cut < shot.stop)
            for start, stop in pairwise([self._start, *inside, shot.stop]):
                near = (each for each in self._dissolves if abs(each - start) <= _NEAR)
                shots.append(Shot(start, stop, max((self._dissolves[each] for each in near), default=0)))
            self._start = shot.stop
            if last and (outside := [cut for cut in self._cuts.made if not 0 < cut < shot.stop]):
                raise PlanError(
                    f"cannot cut at frame {min(outside)}", hint=f"frames 1 to {shot.stop - 1} can begin a shot"
                )
        return shots

    def _is_none(self, cut: int) -> bool:
        """Tell whether a detected cut was taken out, or is one of the person's, whose frame counts."""
        if cut in self._cuts.made:
            return False
        return self._cuts.final or any(abs(cut - other) <= _NEAR for other in self._cuts.made | self._cuts.taken_out)


def renew(fresh: ColorPlan, old: ColorPlan) -> tuple[ColorPlan, list[str]]:
    """Return a plan that was made with the cuts of an old one, with the person's work from that, and what was kept.

    Args:
        fresh: Made anew, with `Cuts.of(old)`.
        old: As the person left it.

    Raises:
        PlanError: The plans are for films of different lengths.
    """
    if fresh.frames != old.frames:
        raise PlanError(
            f"the plan has {old.frames} frames, the film {fresh.frames}",
            hint="take the plan of this film, or make it anew with -y",
        )
    plan = fresh.with_shots(_renewed(shot, old.shots_within(shot.start, shot.stop)) for shot in fresh.shots)
    remarks = _kept(plan, old, fresh)
    # None of an older plan's shots was called a title, so nobody can have corrected that.
    older = old.detected is not None and old.titles is None and all(shot.looks != "title" for shot in old.shots)
    found = {shot.start for shot in fresh.shots if shot.looks == "title"} if older else set()
    if learned := [shot for shot in plan.shots if shot.start in found and shot.looks in ("grey", "tinted")]:
        starts = {shot.start for shot in learned}
        plan = plan.with_shots(
            shot.model_copy(update={"looks": "title"}) if shot.start in starts else shot for shot in plan.shots
        )
        remarks.append(
            f"recognised as titles since the plan was made: {name_shots(learned, plan.shots)}; where one is a scene, "
            'write "looks": "grey"'
        )
    return plan, remarks


def recut(plan: ColorPlan, *, cut: int | None = None, join: int | None = None) -> ColorPlan:
    """Return the plan with a shot cut in two, or joined to the one before it, without a look at the film.

    Stills and settings go where they go in a plan that is made anew with these cuts; see `renew`.

    Args:
        plan: Shots and their stills.
        cut: First frame of what becomes a shot of its own.
        join: First frame of a shot that is to go on from the shot before.

    Raises:
        PlanError: A shot begins at `cut` already, or none at `join`, or there is no such frame.
    """
    starts = {shot.start for shot in plan.shots}
    if cut is not None:
        if cut in starts or not 0 < cut < plan.frames:
            raise PlanError(
                f"cannot cut at frame {cut}",
                hint="a shot begins there already" if cut in starts else f"the film has frames 0 to {plan.frames - 1}",
            )
        starts.add(cut)
    if join is not None:
        if join not in starts - {0}:
            raise PlanError(
                f"no shot to join starts at frame {join}", hint="name a shot by its first frame; 0 has none before it"
            )
        starts.remove(join)
    shots = []
    for start, stop in pairwise([*sorted(starts), plan.frames]):
        before = plan.shots_within(start, stop)
        if [(each.start, each.stop) for each in before] == [(start, stop)]:
            shots.append(before[0])
        else:
            largest = max(before, key=lambda each: _shared(each, PlannedShot(start=start, stop=stop)))
            shots.append(_renewed(PlannedShot(start=start, stop=stop, dissolve=0, looks=largest.looks), before))
    return plan.with_shots(shots)


def with_stills(plan: ColorPlan, stills: Mapping[int, Path]) -> ColorPlan:
    """Add stills, given by the frames they show, to those of the shots that hold the frames, each once."""

    def more(shot: PlannedShot) -> PlannedShot:
        painted = {each.frame for each in shot.references}
        new = [
            PlannedReference(path=str(path), frame=frame)
            for frame, path in sorted(stills.items())
            if frame in shot and frame not in painted
        ]
        return shot.model_copy(update={"references": [*shot.references, *new]})

    return plan.with_shots(map(more, plan.shots))


def has_other_still(plan: ColorPlan, frame: int, path: Path) -> bool:
    """Tell whether a plan has a still of a frame that lies elsewhere than at a path."""
    return any(
        each.frame == frame and place_of(each.path) != place_of(path) for shot in plan.shots for each in shot.references
    )


def _renewed(shot: PlannedShot, before: list[PlannedShot]) -> PlannedShot:
    largest = max(before, key=lambda each: _shared(each, shot))
    references = [moved for each in before for still in each.references if (moved := _moved(still, shot))]
    known = {place_of(each.path) for each in references}
    new = [each for each in shot.references if place_of(each.path) not in known]
    # Of one frame there is one still: the one that was given now.
    replaced = {each.frame for each in new if each.frame is not None}
    references = [each for each in references if each.frame not in replaced]
    if any(each.frame is None for each in new) and any(is_painted(Path(each.path)) for each in references):
        new = [each for each in new if each.frame is not None]
    references += new
    same = (largest.start, largest.stop) == (shot.start, shot.stop)  # else nobody has looked at this shot before
    dissolves = [each.dissolve for each in before if each.start == shot.start and each.dissolve is not None]
    keyframes = [each.keyframe for each in before if each.keyframe is not None and each.keyframe in shot]
    return shot.model_copy(
        update={
            **_settings(largest),
            "dissolve": next(iter(dissolves), shot.dissolve),
            "borrow": [frame for frame in largest.borrow if frame not in shot],
            "looks": (largest.looks if same else None) or shot.looks,
            "keyframe": largest.keyframe if largest.keyframe in keyframes else next(iter(keyframes), shot.keyframe),
            "references": list(dict.fromkeys(references)),
        }
    )


def _moved(still: PlannedReference, shot: PlannedShot) -> PlannedReference | None:
    """Return a still as it is used in a shot that begins or ends elsewhere now, None where it has no part in it."""
    if still.frame is not None and still.frame not in shot:
        return None
    if still.frames is None:
        return still
    first, stop = max(still.frames[0], shot.start), min(still.frames[1], shot.stop)
    return still.model_copy(update={"frames": (first, stop)}) if first < stop else None


def _shared(a: PlannedShot, b: PlannedShot) -> int:
    """Return how many frames two shots share."""
    return max(0, min(a.stop, b.stop) - max(a.start, b.start))


def _settings(shot: PlannedShot) -> dict[str, object]:
    return {name: getattr(shot, name) for name in _SETTINGS}


def _kept(plan: ColorPlan, old: ColorPlan, fresh: ColorPlan) -> list[str]:
    """Say what of a person's work is in a plan, and which still that was given now is not."""
    starts, found = {shot.start for shot in plan.shots}, set(plan.detected or [])
    plain = _settings(PlannedShot(start=0, stop=1))
    before, after = _stills(old), _stills(plan)
    lines = []
    if stills := before.keys() & after.keys():
        lines.append(f"{len(stills)} still{'s' if len(stills) > 1 else ''}")
    if edited := [shot for shot in plan.shots if _settings(shot) != plain]:
        lines.append(f"settings of {name_shots(edited, plan.shots)}")
    if dissolves := [a for a, b in zip(plan.shots, fresh.shots, strict=True) if a.dissolve != b.dissolve]:
        lines.append(f"dissolves into {name_shots(dissolves, plan.shots)}")
    if made := sorted(starts - found):
        lines.append(f"cuts made at {', '.join(map(str, made))}")
    if taken_out := sorted(found - starts):
        lines.append(f"cuts taken out at {', '.join(map(str, taken_out))}")
    remarks = [f"kept of the plan: {'; '.join(lines)}"] if lines else []
    lost = sorted(still for at, still in before.items() if at not in after)
    remarks += [f"no longer in the plan: {still}" for still in lost]
    if unused := [still for at, still in _stills(fresh).items() if at not in after]:
        remarks.append(
            f"given but used nowhere: {', '.join(unused)}; the shots that look most alike have painted stills of their "
            "own; to use one all the same, write it into the references of a shot"
        )
    return remarks


def _stills(plan: ColorPlan) -> dict[Path, str]:
    """Return the stills of a plan as it names them, by where they lie."""
    return {place_of(still): str(still) for still in plan.stills()}
