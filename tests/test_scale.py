"""Reels of thousands of shots: work grows with the film, not with its square."""

import sys
from collections.abc import Callable
from types import FrameType

import numpy as np
import pytest

from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.plan.entries import name_shots
from vidcolor.plan.looks import ColorWatch
from vidcolor.plan.renewal import renew
from vidcolor.shots import Shot
from vidcolor.video import ChromaPlanes, Frame

_LENGTH = 8


def calls(work: Callable[[], object]) -> int:
    """Count the functions that some work calls: unlike its time, the same on every machine."""
    count = 0

    def tally(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tally)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def plan_of(shots: int) -> ColorPlan:
    bounds = range(0, _LENGTH * shots, _LENGTH)
    return ColorPlan(
        video="film.mkv",
        frames=_LENGTH * shots,
        shots=[PlannedShot(start=start, stop=start + _LENGTH, saturation=0.5) for start in bounds],
        detected=list(bounds),
    )


def looks_of(shots: int) -> Callable[[], object]:
    watch = ColorWatch(bit_depth=8)
    grey = np.full((2, 2), 128, np.uint8)
    for index in range(_LENGTH * shots):
        watch.push(Frame(index, index, grey, ChromaPlanes(grey, grey)))
    watch.finish()
    return lambda: [watch.looks(Shot(start, start + _LENGTH)) for start in range(0, _LENGTH * shots, _LENGTH)]


def names_of(shots: int) -> Callable[[], object]:
    plan = plan_of(shots)
    return lambda: name_shots(plan.shots[::2], plan.shots)


def renewal_of(shots: int) -> Callable[[], object]:
    plan = plan_of(shots)
    return lambda: renew(plan, plan)


@pytest.mark.parametrize("work", [looks_of, names_of, renewal_of])
def test_twice_the_shots_are_twice_the_work(work: Callable[[int], Callable[[], object]]) -> None:
    assert calls(work(200)) < 2.5 * calls(work(100))
