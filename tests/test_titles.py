"""Titles: text on a plain ground stays neutral unless somebody paints it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from films import Film, picture, render
from numpy.typing import NDArray
from PIL import Image

from vidcolor import Colorizer, Reference
from vidcolor.coloring import load_stills
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.overview import shots_at_a_glance
from vidcolor.plan import ColorPlan, PlannedShot, make_plan
from vidcolor.plan.looks import remarks_on
from vidcolor.plan.painted import settle
from vidcolor.plan.renewal import Cuts, renew
from vidcolor.plan.titles import is_title
from vidcolor.suggestion import suggest
from vidcolor.video import VideoReader, probe

WIDTH, HEIGHT = 192, 144

Rgb = NDArray[np.uint8]


def card(lines: tuple[str, ...], *, ground: int = 12, ink: int = 225, border: bool = True) -> Rgb:
    """Return a title as a laboratory set it."""
    drawn = np.full((2 * HEIGHT, 2 * WIDTH), ground, np.uint8)
    for number, line in enumerate(lines):
        (width, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_COMPLEX, 0.8, 2)
        at = (WIDTH - width // 2, HEIGHT + 40 * number - 20 * (len(lines) - 1))
        cv2.putText(drawn, line, at, cv2.FONT_HERSHEY_COMPLEX, 0.8, ink, 2, cv2.LINE_AA)
    if border:
        cv2.rectangle(drawn, (14, 14), (2 * WIDTH - 15, 2 * HEIGHT - 15), ink, 3)
    return np.repeat(cv2.resize(drawn, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)[..., None], 3, axis=2)


CARDS = {
    "white on black": card(("He that would", "reap must", "also sow")),
    "black on white": card(("The second day",), ground=215, ink=20),
    "grey": card(("THE END",), ground=60, ink=210, border=False),
    "a word or two": card(("Finis",), border=False),
}
LEADER = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)


def worn(pictures: list[Rgb], *, seed: int = 0) -> list[Rgb]:
    """Return a shot as it looks after a hundred years: unsteady, flickering, grainy, scratched, dusty."""
    rng, frames = np.random.default_rng(seed), []
    for number, each in enumerate(pictures):
        shift = np.array([[1, 0, rng.normal(0, 0.3)], [0, 1, rng.normal(0, 0.5)]])
        moved = cv2.warpAffine(each, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE).astype(float)
        moved = moved * (1 + rng.normal(0, 0.06)) + rng.normal(0, 5, (HEIGHT, WIDTH, 1))
        moved[:, 70 + number % 3] = 200
        for x, y in rng.integers(0, (WIDTH, HEIGHT), (2, 2)):
            cv2.circle(moved, (int(x), int(y)), int(rng.integers(1, 3)), (240.0,) * 3, -1)
        frames.append(np.clip(moved, 0, 255).astype(np.uint8))
    return frames


def lumas(pictures: list[Rgb]) -> list[NDArray[np.float32]]:
    return [(each @ np.array([0.299, 0.587, 0.114])).astype(np.float32) / 255 for each in pictures]


def film_of(tmp_path: Path, *shots: list[Rgb]) -> Path:
    frames = [frame for shot in shots for frame in shot]
    return render(tmp_path / "film", Film(width=WIDTH, height=HEIGHT, frames=len(frames)), pictures=frames)


def scene(count: int) -> list[Rgb]:
    return [picture(index, 100, WIDTH, HEIGHT, "grey") for index in range(count)]


@pytest.mark.parametrize("name", list(CARDS))
@pytest.mark.parametrize("seed", range(3))
def test_worn_titles_are_found(name: str, seed: int) -> None:
    assert is_title(lumas(worn([CARDS[name]] * 10, seed=seed)))
    assert is_title(lumas([CARDS[name]]))


def test_a_title_that_fades_in_and_out_is_found() -> None:
    shares = [0.1, 0.6, *[1.0] * 8, 0.6, 0.1]
    assert is_title(lumas([(CARDS["white on black"] * share).astype(np.uint8) for share in shares]))


@pytest.mark.parametrize("grey", [4, 60, 90, 200])
def test_leader_has_nothing_to_colour_either(grey: int) -> None:
    assert is_title(lumas(worn([np.full((HEIGHT, WIDTH, 3), grey, np.uint8)] * 8)))


@pytest.mark.parametrize("name", ["astronaut", "coffee", "cat", "rocket", "moon", "page", "coins"])
def test_scenes_are_none(name: str) -> None:
    shown = getattr(skimage.data, name)()
    grey = shown if shown.ndim == 2 else (shown[..., :3] @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    small = cv2.resize(grey, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    assert not is_title(lumas(worn([np.repeat(small[..., None], 3, axis=2)] * 8)))


def test_stars_are_no_letters() -> None:
    rng = np.random.default_rng(0)
    sky = np.full((216, 384), 0.05, np.float32)
    for x, y in rng.integers(0, (382, 214), (1000, 2)):
        sky[y : y + 2, x : x + 2] = 0.9
    assert not is_title([sky] * 8)


def test_a_shot_that_is_half_title_is_a_scene() -> None:
    assert not is_title(lumas([CARDS["grey"]] * 6 + scene(4)))


def test_the_films_at_hand_have_none(samples: Path) -> None:
    assert {shot.looks for shot in make_plan(samples / "bikes.mkv", []).shots} == {"grey"}


def test_titles_are_listed_as_such_and_named(tmp_path: Path) -> None:
    plan = make_plan(film_of(tmp_path, worn([CARDS["white on black"]] * 10), scene(10)), [])
    assert [(shot.start, shot.looks, shot.neutral) for shot in plan.shots] == [(0, "title", True), (10, "grey", False)]
    assert remarks_on(plan.shots)[0] == ["titles, neutral unless their stills are painted: shot 1"]
    assert settle(plan).notes == []


def test_a_title_in_colour_is_in_colour(tmp_path: Path) -> None:
    red = CARDS["white on black"].copy()
    red[..., 1:] //= 4
    red[: HEIGHT // 2, :, 2] = red[: HEIGHT // 2, :, 0]
    (shot,) = make_plan(film_of(tmp_path, [red] * 10), []).shots
    assert shot.looks == "color"


def test_titles_take_no_still_that_was_not_painted_on_them(tmp_path: Path) -> None:
    film = film_of(tmp_path, worn([CARDS["white on black"]] * 10), scene(10))
    stills = [Reference(None, picture(index, 100, WIDTH, HEIGHT, "color")) for index in (3, 9)]
    plan = make_plan(film, stills)
    assert [bool(shot.references) for shot in plan.shots] == [False, True]


def test_titles_stay_neutral_until_they_are_painted(tmp_path: Path) -> None:
    film = film_of(tmp_path, worn([CARDS["grey"]] * 8), scene(8))
    colorizer = Colorizer.load()
    golden = worn([CARDS["grey"]] * 8)[4].copy()
    golden[..., 2] //= 3
    Image.fromarray(golden).save(tmp_path / "golden_000004.png")

    def spread(**options: object) -> list[int]:
        """How far the chroma of each frame is from neutral, at most."""
        output = tmp_path / "out.mkv"
        colorizer.colorize(film, output=output, codec="ffv1", overwrite=True, **options)  # type: ignore[arg-type]
        with VideoReader(output) as reader:
            chroma = [frame.source_chroma for frame in reader]
        return [int(np.abs(np.stack([c.cb, c.cr]).astype(int) - 128).max()) for c in chroma if c is not None]

    for options in ({}, {"job": tmp_path / "job"}, {"provenance": tmp_path / "sources.mkv"}):
        found = spread(**options)
        assert max(found[:8]) == 0
        assert min(found[8:]) > 0
    assert min(spread(references=[tmp_path / "golden_000004.png"])[:8]) > 20


def test_sheets_and_suggestions_leave_titles_neutral(tmp_path: Path) -> None:
    film = film_of(tmp_path, worn([CARDS["grey"]] * 8), scene(8))
    plan, networks = make_plan(film, []), ExemplarColorizer.load()
    title, other = shots_at_a_glance(probe(film), plan, load_stills([], networks, probe(film)), networks)
    assert np.ptp(title.pictures[-1].astype(int), axis=2).max() <= 1
    assert np.ptp(other.pictures[-1].astype(int), axis=2).max() > 5
    first, second = suggest(plan, {}, networks)
    assert first.frames == ()
    assert len(second.frames) == 1


def test_a_plan_older_than_the_recognition_of_titles_learns_of_them_once(tmp_path: Path) -> None:
    film = film_of(tmp_path, worn([CARDS["grey"]] * 10), scene(10))
    fresh = make_plan(film, [])
    assert fresh.titles == [0]
    grey = fresh.with_shots(shot.model_copy(update={"looks": "grey", "hue": 9.0}) for shot in fresh.shots)
    older = grey.model_copy(update={"titles": None})
    learned, remarks = renew(make_plan(film, [], cuts=Cuts.of(older)), older)
    assert [(shot.looks, shot.hue) for shot in learned.shots] == [("title", 9.0), ("grey", 9.0)]
    assert learned.titles == [0]
    assert remarks[-1] == (
        'recognised as titles since the plan was made: shot 1; where one is a scene, write "looks": "grey"'
    )
    learned.save(tmp_path / "plan.json")
    corrected = ColorPlan.load(tmp_path / "plan.json").with_shots(grey.shots)
    again, remarks = renew(make_plan(film, [], cuts=Cuts.of(corrected)), corrected)
    assert [shot.looks for shot in again.shots] == ["grey", "grey"]
    assert len(remarks) == 1
    by_hand = older.model_copy(update={"detected": None})
    assert renew(make_plan(film, [], cuts=Cuts.of(by_hand)), by_hand)[0].shots[0].looks == "grey"


def test_what_a_person_says_of_a_title_stays_but_a_shot_cut_anew_is_looked_at_again(tmp_path: Path) -> None:
    film = film_of(tmp_path, worn([CARDS["grey"]] * 10), scene(10))
    fresh = make_plan(film, [])
    edited = fresh.with_shots(shot.model_copy(update={"looks": "grey"}) for shot in fresh.shots)
    again, _ = renew(make_plan(film, [], cuts=Cuts.of(edited)), edited)
    assert [shot.looks for shot in again.shots] == ["grey", "grey"]
    joined = ColorPlan(video=str(film), frames=20, shots=[PlannedShot(start=0, stop=20, looks="grey")], detected=[0])
    cut, _ = renew(make_plan(film, [], cuts=Cuts.of(joined, cut=[10])), joined)
    assert [(shot.start, shot.looks) for shot in cut.shots] == [(0, "title"), (10, "grey")]
