"""The manifest of a job: what its latest run was made from, so that the next one can say what has changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from vidcolor.jobs.recipe import Recipe, ShotKey
from vidcolor.partfile import written_whole

_VERSION = 1


@dataclass(frozen=True)
class Manifest:
    """What a run was made from.

    Args:
        recipe: As `Recipe.to_dict` gives it.
        shots: Of the run.
        planned_from: What stands for all that the plan was made from, or None for a plan that was given.
        plan: The plan as plain values, with what was warned of while it was made.
    """

    recipe: Mapping[str, str] = field(default_factory=dict)
    shots: Sequence[ShotKey] = ()
    planned_from: str | None = None
    plan: Mapping[str, Any] | None = None

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read a manifest, or return None where there is none that can be understood."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["version"] != _VERSION:
                return None
            return cls(
                recipe={str(name): str(value) for name, value in values["recipe"].items()},
                shots=tuple(
                    ShotKey(int(each["start"]), int(each["stop"]), str(each["key"])) for each in values["shots"]
                ),
                planned_from=values["planned_from"],
                plan=values["plan"],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def save(self, path: Path) -> None:
        """Write the manifest, whole or not at all.

        Raises:
            OSError: It cannot be written.
        """
        text = json.dumps({"version": _VERSION, **asdict(self)}, indent=1)
        with written_whole(path) as part:
            part.write_text(text + "\n", encoding="utf-8")

    def changes(self, recipe: Recipe, shots: Sequence[ShotKey]) -> list[str]:
        """Return in words, a line each, why work of this run does not fit another one."""
        if causes := recipe.changed_since(self.recipe):
            return [f"work of the run before does not fit, for other than then is {', '.join(causes)}"]
        before = {(shot.start, shot.stop): shot.key for shot in self.shots}
        moved = [shot for shot in shots if (shot.start, shot.stop) not in before]
        changed = [shot for shot in shots if before.get((shot.start, shot.stop), shot.key) != shot.key]
        lines = []
        if changed:
            lines.append(f"other stills or dissolves than in the run before: {_frames(changed)}")
        if moved:
            lines.append(f"shots that the run before did not have: {_frames(moved)}")
        return lines


_NAMED = 8


def _frames(shots: Sequence[ShotKey]) -> str:
    named = ", ".join(f"frames {shot.start} to {shot.stop - 1}" for shot in shots[:_NAMED])
    return named + (f" and {len(shots) - _NAMED} more" if len(shots) > _NAMED else "")
