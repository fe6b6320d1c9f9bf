"""Where shots dissolve into each other their colours do, too: as far as the plan says, and on the film's own frames."""

from collections.abc import Generator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from films import Film, Rgb, picture, render

from vidcolor import Colorizer, VideoReader
from vidcolor.color import Chroma, rgb_to_ab
from vidcolor.dissolves import across_dissolves
from vidcolor.errors import PlanError
from vidcolor.evaluation.pictures import picture as seen
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot, make_plan
from vidcolor.plan.renewal import Cuts, renew
from vidcolor.plan.segment import cut_out
from vidcolor.shotframes import ColoredFrame
from vidcolor.suggestion import suggest
from vidcolor.verification import verify
from vidcolor.video import Frame

WIDTH, HEIGHT = 192, 128
BEFORE, DISSOLVE, AFTER = 30, 16, 30
FRAMES = BEFORE + DISSOLVE + AFTER
CUT = BEFORE + DISSOLVE // 2


def scene(number: int) -> Rgb:
    """Return a still scene of its own colours."""
    return picture(0, 3000 + number, WIDTH, HEIGHT) if number == 0 else picture(2999, 3000, WIDTH, HEIGHT)


def truth() -> list[Rgb]:
    """Return a film of one scene that dissolves into another."""
    shares = np.clip((np.arange(FRAMES) - BEFORE + 0.5) / DISSOLVE, 0, 1)
    return [np.asarray((1 - share) * scene(0) + share * scene(1) + 0.5, np.uint8) for share in shares]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The film in grey, and a still of each scene beside it."""
    folder = tmp_path_factory.mktemp("dissolve")
    grey = [np.repeat((rgb @ (0.299, 0.587, 0.114) + 0.5).astype(np.uint8)[..., None], 3, axis=2) for rgb in truth()]
    for number, frame in enumerate((0, FRAMES - 1)):
        cv2.imwrite(str(folder / f"still_{frame:06d}.png"), scene(number)[:, :, ::-1])
    return render(folder / "film", Film(frames=FRAMES, width=WIDTH, height=HEIGHT), pictures=grey)


def stills(film: Path) -> list[Path]:
    return sorted(film.parent.glob("still_*.png"))


def test_the_plan_has_the_dissolve(film: Path, tmp_path: Path) -> None:
    plan = make_plan(film, stills(film))
    assert len(plan.shots) == 2
    assert plan.shots[0].dissolve == 0
    assert plan.shots[1].start == pytest.approx(CUT, abs=2)
    assert plan.shots[1].dissolve == pytest.approx(DISSOLVE, abs=4)
    plan.save(tmp_path / "plan.json")
    assert ColorPlan.load(tmp_path / "plan.json").shots[1].dissolve == plan.shots[1].dissolve


def test_colours_dissolve_as_the_film_does(film: Path, tmp_path: Path) -> None:
    colors, plan = Colorizer.load(device="cpu"), make_plan(film, stills(film))
    sharp = plan.with_shots(shot.model_copy(update={"dissolve": 0}) for shot in plan.shots)
    jumps, errors = [], []
    for number, followed in enumerate((plan, sharp)):
        output = tmp_path / f"{number}.mkv"
        colors.colorize(film, plan=followed, output=output, lossless=True)
        assert verify(film, output).ok
        with VideoReader(output) as reader:
            found = [rgb_to_ab(seen(frame, reader.info).astype(np.float32) / 255) for frame in reader]
        wanted = [rgb_to_ab(rgb.astype(np.float32) / 255) for rgb in truth()]
        inside = range(BEFORE, BEFORE + DISSOLVE)
        errors.append(np.mean([np.linalg.norm(found[each] - wanted[each], axis=2).mean() for each in inside]))
        jumps.append(max(np.linalg.norm(b - a, axis=2).mean() for a, b in pairwise(found)))
    assert jumps[0] < 0.3 * jumps[1]
    assert errors[0] < 0.7 * errors[1]


def planned(*lengths: int, dissolve: int | None, treatment: str = "color") -> ColorPlan:
    """Return a plan of shots of these lengths; the last one's `treatment`."""
    spans = list(pairwise(np.cumsum([0, *lengths]).tolist()))
    shots = [PlannedShot(start=start, stop=stop, dissolve=dissolve) for start, stop in spans]
    shots[-1] = shots[-1].model_copy(update={"treatment": treatment})
    return ColorPlan(video="film.mkv", frames=spans[-1][1], shots=shots)


def delivered(plan: ColorPlan, *, most: int = 99) -> list[float]:
    """Return what becomes of frames whose ab is everywhere the number of their shot."""
    luma = np.zeros((4, 6), np.float32)

    def items() -> Generator[ColoredFrame, None, None]:
        for number, shot in enumerate(plan.shots):
            chroma = Chroma(np.full((4, 6, 2), number, np.float32), np.ones((4, 6), np.float32))
            for index in range(shot.start, shot.stop):
                frame = Frame(index, index, np.zeros((8, 12), np.uint8))
                yield ColoredFrame(frame, luma, chroma if shot.treatment == "color" else None)

    done = list(across_dissolves(items(), plan, most=most))
    assert [item.frame.index for item in done] == list(range(plan.frames))
    return [np.nan if item.chroma is None else float(item.chroma.ab.mean()) for item in done]


def test_shares_rise_evenly_and_are_half_at_the_cut() -> None:
    assert delivered(planned(6, 6, dissolve=4)) == [0, 0, 0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1, 1, 1]
    assert delivered(planned(3, 3, dissolve=2)) == [0, 0, 0.25, 0.75, 1, 1]


@pytest.mark.parametrize("dissolve", [None, 0, 1])
def test_a_cut_stays_one(dissolve: int | None) -> None:
    assert delivered(planned(3, 3, dissolve=dissolve)) == [0, 0, 0, 1, 1, 1]


def test_a_dissolve_has_the_frames_that_its_shots_have_and_that_may_wait() -> None:
    assert delivered(planned(2, 2, dissolve=8)) == [0.125, 0.375, 0.625, 0.875]
    assert delivered(planned(4, 4, dissolve=8), most=1) == [0, 0, 0, 0.25, 0.5625, 0.6875, 0.8125, 0.9375]
    assert delivered(planned(4, 2, dissolve=4), most=0) == [0, 0, 0, 0, 0.625, 0.875]


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8])
def test_a_short_shot_shares_its_frames_between_two_dissolves(length: int) -> None:
    found = delivered(planned(20, length, 20, dissolve=16))
    assert all(0 <= a <= b <= 2 for a, b in pairwise(found))
    assert max(b - a for a, b in pairwise(found)) <= (0.5 if length > 1 else 0.8)
    assert (found[11], found[-12]) == (0, 2)


def test_a_shot_that_keeps_its_own_colours_dissolves_into_none() -> None:
    assert delivered(planned(3, 3, dissolve=4, treatment="keep"))[:3] == [0, 0, 0]


def test_a_film_that_ends_early_loses_no_frame() -> None:
    plan = planned(4, 4, dissolve=6)
    frame = Frame(0, 0, np.zeros((8, 12), np.uint8))
    chroma = Chroma(np.zeros((4, 6, 2), np.float32), np.ones((4, 6), np.float32))

    def items() -> Generator[ColoredFrame, None, None]:
        for index in range(3):
            yield ColoredFrame(replace(frame, index=index), np.zeros((4, 6), np.float32), chroma)

    assert [item.frame.index for item in across_dissolves(items(), plan, most=9)] == [0, 1, 2]


def test_grading_changes_over_with_the_colours() -> None:
    plan = planned(6, 6, dissolve=4)
    plan = plan.with_shots([plan.shots[0], plan.shots[1].model_copy(update={"saturation": 3.0, "hue": 80.0})])
    assert [plan.grading_at(frame).saturation for frame in range(3, 9)] == [1, 1.25, 1.75, 2.25, 2.75, 3]
    assert plan.grading_at(5).hue == 30


def test_a_segment_that_begins_later_has_no_dissolve_at_its_start() -> None:
    plan = planned(20, 20, dissolve=8)
    assert [shot.dissolve for shot in cut_out(plan, 10, 40).shots] == [None, 8]
    assert [shot.dissolve for shot in cut_out(plan, 22, 40).shots] == [None]


def test_a_dissolve_in_a_plan_is_in_range(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    planned(3, 3, dissolve=4).save(path)
    path.write_text(path.read_text().replace('"dissolve": 4', '"dissolve": 400'))
    with pytest.raises(PlanError, match=r"line \d+: key shots\.0\.dissolve is 400: .*allowed: 0 to 96 frames, or null"):
        ColorPlan.load(path)


def test_a_plan_made_again_keeps_what_a_person_wrote(film: Path) -> None:
    old = make_plan(film, stills(film))
    edited = old.with_shots(shot.model_copy(update={"dissolve": 0}) for shot in old.shots)
    fresh = make_plan(film, stills(film), cuts=Cuts.of(edited))
    assert fresh.shots[1].dissolve == old.shots[1].dissolve
    assert renew(fresh, edited)[0].shots[1].dissolve == 0
    assert renew(fresh, edited)[1] == ["kept of the plan: 2 stills; dissolves into shot 2"]
    unknown = old.with_shots(shot.model_copy(update={"dissolve": None}) for shot in old.shots)
    assert renew(fresh, unknown)[0].shots[1].dissolve == old.shots[1].dissolve


def test_a_shot_without_a_still_of_its_own_has_its_colours_once_it_is_seen_alone(film: Path, tmp_path: Path) -> None:
    """In a mixture of two scenes little of a still can be found."""
    colorizer, plan, found = Colorizer.load(device="cpu"), make_plan(film, stills(film)), []
    late = PlannedReference(path=str(stills(film)[1]))
    for dissolve in (0, DISSOLVE):
        shot = plan.shots[1].model_copy(update={"references": [late], "dissolve": dissolve})
        output = tmp_path / f"{dissolve}.mkv"
        colorizer.colorize(film, plan=plan.with_shots([plan.shots[0], shot]), output=output, lossless=True)
        with VideoReader(output) as reader:
            colors = [rgb_to_ab(seen(frame, reader.info).astype(np.float32) / 255) for frame in reader]
        wanted = rgb_to_ab(scene(1).astype(np.float32) / 255)
        found.append(np.mean([np.linalg.norm(ab - wanted, axis=2).mean() for ab in colors[BEFORE + DISSOLVE :]]))
    assert max(found) < 5  # 8.7 where colours begin in the mixture


@pytest.mark.parametrize("cut", [-3, 3])
def test_a_cut_moved_a_little_keeps_its_dissolve(film: Path, cut: int) -> None:
    found = make_plan(film).shots[1]
    moved = make_plan(film, cuts=Cuts(made=frozenset({found.start + cut}))).shots
    assert [(shot.start, shot.dissolve) for shot in moved] == [(0, 0), (found.start + cut, found.dissolve)]


def test_frames_that_show_two_shots_are_not_suggested_to_paint(film: Path) -> None:
    networks, plan = ExemplarColorizer.load(device="cpu"), make_plan(film)
    found = suggest(plan, {}, networks, count=4)
    chosen = [frame for each in found for frame in each.frames]
    assert chosen
    assert all(plan.dissolve_at(frame) is None for frame in chosen)
