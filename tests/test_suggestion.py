"""Which frames to paint next: the choice on known keys, and on real films."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from films import Film, picture, render

from vidcolor.coloring import load_stills
from vidcolor.errors import PlanError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot, make_plan
from vidcolor.references import Reference
from vidcolor.suggestion import Suggestion, choose, sampled, suggest
from vidcolor.video import probe


def scene(*axes: int) -> np.ndarray:
    """Keys of a frame that shows these things, one cell each, as unlike as keys can be."""
    return np.eye(8, dtype=np.float32)[list(axes)]


def chosen(keys: Sequence[np.ndarray], *, painted: Sequence[int] = (), count: int = 1) -> Suggestion:
    return choose(0, len(keys), range(len(keys)), keys, painted=painted, count=count)


def test_the_frame_that_shows_what_no_still_shows_is_suggested() -> None:
    # Something new comes at frame 4 and stays: the middle of its stay serves the rest best.
    found = chosen([*[scene(0, 1)] * 4, *[scene(0, 2)] * 5], painted=[0])
    assert found.frames[0] in (5, 6, 7)
    assert found.gains[0] > 3


def test_of_two_strange_things_the_one_that_is_longer_in_sight_comes_first() -> None:
    keys = [*[scene(0, 1)] * 4, *[scene(0, 2)] * 2, *[scene(0, 1)] * 3, *[scene(0, 3)] * 4]
    found = chosen(keys, painted=[0], count=2)
    assert found.frames[0] in range(9, 13)
    assert found.frames[1] in (4, 5)
    assert found.gains[0] > found.gains[1] > 0


def test_gains_are_what_the_expected_error_falls_by() -> None:
    keys = [scene(0, number // 3) for number in range(12)]
    before = chosen(keys, painted=[0], count=2)
    first = chosen(keys, painted=[0, before.frames[0]])
    assert first.error == pytest.approx(before.error - before.gains[0], abs=1e-5)
    assert first.frames[0] == before.frames[1]
    assert first.gains[0] == pytest.approx(before.gains[1], abs=1e-5)


def test_with_every_frame_painted_there_is_nothing_to_suggest() -> None:
    found = chosen([scene(0, 1)] * 3, painted=[0, 1, 2], count=3)
    assert (found.frames, found.gains, found.error, found.benefit) == ((), (), 0.0, 0.0)


def test_frames_that_wait_are_chosen_first_but_for_those_that_would_save_nothing() -> None:
    keys = [scene(0, 1), scene(0, 1), scene(2, 3), scene(2, 3), scene(2, 3)]
    assert choose(0, 5, range(5), keys, count=1).frames[0] in (2, 3, 4)
    waiting = choose(0, 5, range(5), keys, waiting=[0], count=2)
    assert waiting.frames[0] == 0
    assert waiting.frames[1] in (2, 3, 4)
    assert 2 not in choose(0, 5, range(5), keys, painted=[2], waiting=[2], count=2).frames


def test_in_an_even_shot_without_stills_the_middle_is_suggested() -> None:
    found = chosen([scene(0, 1)] * 9)
    assert found.frames == (4,)
    assert found.error == pytest.approx(13.5)


def test_a_still_of_no_frame_counts_by_what_it_shows() -> None:
    keys = [scene(0, 1)] * 5
    errors = [
        choose(0, 5, range(5), keys, unbound=[still], count=1).error
        for still in (scene(0, 1), scene(0, 5), scene(4, 5))
    ]
    assert errors == pytest.approx([0, 13.5, 13.5])  # half of the picture unlike is as bad as automatic colours


def test_a_still_that_counts_for_a_part_of_its_shot_covers_no_more() -> None:
    keys = [scene(0, 1)] * 8
    everywhere, first, lent = (
        choose(0, 8, range(8), keys, painted=painted, unbound=unbound, spans=spans, count=1)
        for painted, unbound, spans in (
            ([1], [], [None]),
            ([1], [], [range(2)]),
            ([1], [scene(0, 1)], [range(2), range(4)]),
        )
    )
    assert everywhere.error < 1
    assert first.error == pytest.approx(6 / 8 * 13.5, abs=0.5)
    assert lent.error == pytest.approx(4 / 8 * 13.5, abs=0.5)
    # The painted frame alone shows what each of the others does; but it is painted.
    keys = [scene(0), scene(1), scene(0, 1, 2, 3), scene(2), scene(3)]
    assert 2 not in choose(0, 5, range(5), keys, painted=[2], spans=[range(2, 3)], count=5).frames


def test_a_plan_says_for_which_frames_a_still_counts(tmp_path: Path, networks: ExemplarColorizer) -> None:
    film = render(tmp_path / "film", Film(frames=12, width=96, height=64))
    stills = load_stills([Reference(Path("a"), picture(1, 36, 96, 64))], networks, probe(film))

    def error(frames: tuple[int, int] | None, frame: int | None) -> float:
        shot = PlannedShot(start=0, stop=12, references=[PlannedReference(path="a", frame=frame, frames=frames)])
        return suggest(ColorPlan(video=str(film), frames=12, shots=[shot]), stills, networks)[0].error

    for frame in (1, None):
        assert error((0, 3), frame) > error((0, 9), frame) > error(None, frame)


def test_frames_stand_for_those_around_them() -> None:
    # Ten frames of which three were looked at: the last one stands for most of them.
    keys = [scene(0), scene(1), scene(2)]
    found = choose(0, 10, [0, 1, 4], keys, painted=[0], count=1)
    assert found.frames == (4,)


def test_long_shots_are_sampled_with_their_ends_and_painted_frames() -> None:
    shot = PlannedShot(start=100, stop=1100, references=[PlannedReference(path="x", frame=777)])
    frames = sampled(shot)
    assert (frames[0], frames[-1]) == (100, 1099)
    assert 777 in frames
    assert len(frames) == 18
    assert sampled(PlannedShot(start=3, stop=6)) == [3, 4, 5]


@pytest.fixture(scope="module")
def networks() -> ExemplarColorizer:
    return ExemplarColorizer.load(Path(__file__).parent.parent / "weights" / "vidcolor-base.safetensors")


def test_the_shot_without_a_still_gains_most(tmp_path: Path, networks: ExemplarColorizer) -> None:
    film = render(tmp_path / "film", Film(frames=36, width=96, height=64))
    stills = load_stills([Reference(Path("a"), picture(5, 36, 96, 64), frame=5)], networks, probe(film))
    shots = make_plan(film, [still.reference for still in stills.values()]).shots
    bare = [shots[0], *(shot.model_copy(update={"references": []}) for shot in shots[1:])]
    seen: list[int] = []
    found = suggest(
        ColorPlan(video=str(film), frames=36, shots=bare), stills, networks, progress=lambda done, _: seen.append(done)
    )
    assert [(each.start, each.stop) for each in found] == [(0, 12), (12, 24), (24, 36)]
    assert found[0].error < found[1].error == found[2].error == pytest.approx(13.5)
    assert found[0].benefit < min(found[1].benefit, found[2].benefit)
    assert 5 not in found[0].frames
    assert all(each.start <= each.frames[0] < each.stop for each in found)
    assert seen == list(range(1, 37))


def test_no_frame_is_suggested_of_a_shot_that_keeps_its_colours(tmp_path: Path, networks: ExemplarColorizer) -> None:
    film = render(tmp_path / "film", Film(frames=12, width=96, height=64))
    shots = [
        PlannedShot(start=0, stop=4),
        PlannedShot(start=4, stop=9, treatment="keep"),
        PlannedShot(start=9, stop=12),
    ]
    found = suggest(ColorPlan(video=str(film), frames=12, shots=shots), {}, networks)
    alone = suggest(
        ColorPlan(video=str(film), frames=12, shots=[shots[0], PlannedShot(start=4, stop=9), shots[2]]), {}, networks
    )
    assert [(each.start, each.stop, len(each.frames)) for each in found] == [(0, 4, 1), (4, 9, 0), (9, 12, 1)]
    assert found[1].to_dict() == {
        "start": 4, "stop": 9, "error": None, "frames": (), "gains": (), "benefit": 0.0,
    }  # fmt: skip
    assert [found[0], found[2]] == [alone[0], alone[2]]


def test_a_plan_longer_than_its_film_is_refused(tmp_path: Path, networks: ExemplarColorizer) -> None:
    film = render(tmp_path / "film", Film(frames=6))
    plan = ColorPlan(video=str(film), frames=9, shots=[PlannedShot(start=0, stop=9)])
    with pytest.raises(PlanError, match="the plan has 9 frames, the film 6"):
        suggest(plan, {}, networks)
