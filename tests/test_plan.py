"""Plans: stills find their frames and shots, files are checked key by key."""

import json
import os
from collections.abc import Callable
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
from films import Film, as_jpeg, picture, render
from numpy.typing import NDArray

from vidcolor.color import rgb_to_luma
from vidcolor.errors import PlanError, ReferenceImageError, VideoError
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot, make_plan
from vidcolor.plan.likeness import FrameFinder, thumbnail
from vidcolor.plan.painted import settle
from vidcolor.references import Reference

WIDTH, HEIGHT, LENGTH = 128, 96, 20
SCENES = ("astronaut", "coffee", "cat")

Rgb = NDArray[np.uint8]


def scene(name: str, frame: int) -> Rgb:
    """Return a colour frame of a camera that moves over a photograph."""
    photograph = getattr(skimage.data, name)()[..., :3]
    scale = 1.6 * max(WIDTH / photograph.shape[1], HEIGHT / photograph.shape[0])
    large = cv2.resize(photograph, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x, y = 10 + 2 * frame, 8 + frame
    return np.ascontiguousarray(large[y : y + HEIGHT, x : x + WIDTH]).astype(np.uint8)


def worn(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """Return what old film keeps of a colour frame: grey, faded, grainy, with flicker."""
    grey = rgb @ np.array([0.299, 0.587, 0.114])
    faded = grey * 0.6 * (1 + rng.normal() * 0.05) + 25 + rng.normal(0, 8, grey.shape)
    return np.repeat(np.clip(faded, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shots of 20 frames each, worn."""
    rng = np.random.default_rng(0)
    spec = Film(width=WIDTH, height=HEIGHT, frames=3 * LENGTH)
    pictures = [worn(scene(name, frame), rng) for name in SCENES for frame in range(LENGTH)]
    return render(tmp_path_factory.mktemp("plan") / "film", spec, pictures=pictures)


def unrelated() -> Rgb:
    return np.asarray(skimage.data.rocket(), np.uint8)  # type: ignore[no-untyped-call]


def still(rgb: Rgb, name: str = "still.png", **fields: Any) -> Reference:
    return Reference(Path(name), rgb, **fields)


def bound(plan: ColorPlan) -> dict[str, int | None]:
    return {each.path: each.frame for shot in plan.shots for each in shot.references}


def repaint(rgb: Rgb, kind: str) -> Rgb:
    unit = rgb.astype(np.float32) / 255
    if kind == "larger":
        return np.asarray(cv2.resize(rgb, (300, 225), interpolation=cv2.INTER_CUBIC), np.uint8)
    if kind == "smaller":
        return np.asarray(cv2.resize(rgb, (64, 48), interpolation=cv2.INTER_AREA), np.uint8)
    if kind == "JPEG":
        return as_jpeg(rgb, quality=50)
    if kind == "gain and offset":
        unit = unit * 0.7 + 0.2
    if kind == "gamma":
        unit = unit**1.5
    if kind == "painted":
        unit = unit @ np.array([[1.1, -0.05, 0.0], [0.05, 0.9, 0.05], [-0.1, 0.1, 0.9]], np.float32)
    return (np.clip(unit, 0, 1) * 255).astype(np.uint8)


@pytest.mark.parametrize("kind", ["as it is", "larger", "smaller", "JPEG", "gain and offset", "gamma", "painted"])
def test_a_still_that_is_a_frame_is_bound_to_it(film: Path, kind: str) -> None:
    stills = [still(repaint(scene(name, 7), kind), f"{name}.png") for name in SCENES]
    plan = make_plan(film, stills)
    assert bound(plan) == {"astronaut.png": 7, "coffee.png": 27, "cat.png": 47}
    assert [(shot.start, shot.stop) for shot in plan.shots] == [(0, 20), (20, 40), (40, 60)]
    assert [[each.path for each in shot.references] for shot in plan.shots] == [
        ["astronaut.png"],
        ["coffee.png"],
        ["cat.png"],
    ]
    assert plan.frames == 60
    assert plan.notes == []


@pytest.mark.parametrize("kind", ["cropped", "framed", "stretched"])
def test_a_still_of_another_aspect_is_bound_to_its_frame(film: Path, kind: str) -> None:
    def square(rgb: Rgb) -> Rgb:
        height, width = rgb.shape[:2]
        beside, below = (width - height) // 2, (width - height + 1) // 2
        if kind == "cropped":
            return np.ascontiguousarray(rgb[:, beside : beside + height])
        if kind == "framed":
            return np.pad(rgb, ((beside, below), (0, 0), (0, 0)))
        return np.asarray(cv2.resize(rgb, (128, 128), interpolation=cv2.INTER_AREA), np.uint8)

    stills = [still(square(scene(name, 7)), f"{name}.png") for name in SCENES]
    plan = make_plan(film, stills)
    assert bound(plan) == {"astronaut.png": 7, "coffee.png": 27, "cat.png": 47}
    noted = "shows a part of its frame: beside that, colours come by likeness"
    assert plan.notes == ([f"{each.name} {noted}" for each in stills] if kind == "cropped" else [])


def test_a_still_cropped_by_hand_keeps_its_named_frame_in_a_small_film(tmp_path: Path) -> None:
    pictures = [scene("astronaut", frame) for frame in range(10)]
    film = render(tmp_path / "film", Film(width=WIDTH, height=HEIGHT, frames=10), pictures=pictures)
    corner = np.asarray(cv2.resize(pictures[7][:70, :75], (600, 560), interpolation=cv2.INTER_CUBIC), np.uint8)
    plan = make_plan(film, [still(corner, frame=7)])
    assert bound(plan) == {"still.png": 7}
    assert plan.notes == ["still.png shows a part of its frame: beside that, colours come by likeness"]


def test_only_a_still_that_shows_less_than_its_frame_is_said_to(tmp_path: Path) -> None:
    pictures = [scene("coffee", frame) for frame in range(10)]
    film = render(tmp_path / "film", Film(width=WIDTH, height=HEIGHT, frames=10), pictures=pictures)
    at_the_left = np.pad(pictures[7], ((0, 0), (0, 150), (0, 0)))
    card = np.full((100, 248, 3), (200, 0, 0), np.uint8)
    for each in (at_the_left, card):
        plan = make_plan(film, [still(each, frame=7)])
        assert (bound(plan), plan.notes) == ({"still.png": 7}, [])


@pytest.mark.parametrize("bars", [0, 1], ids=["black", "white"])
def test_bars_do_not_make_a_still_too_bright_for_its_frame(bars: float) -> None:
    frame = rgb_to_luma(scene("astronaut", 7).astype(np.float32) / 255) * np.float32(0.4)
    square = np.pad(frame, (((3 * WIDTH - HEIGHT) // 2,) * 2, (0, 0)), constant_values=bars)
    finder = FrameFinder([square], aspect=WIDTH / HEIGHT, named={})
    finder.push(7, np.asarray(frame * 255, np.uint8))
    assert finder.best[0].frame == 7
    assert finder.best[0].score > 0.8
    assert not finder.best[0].part


def test_a_name_is_not_believed_for_a_middle_that_is_alike_by_chance() -> None:
    frame = rgb_to_luma(scene("astronaut", 7).astype(np.float32) / 255)
    other = cv2.GaussianBlur(np.random.default_rng(0).random((32, WIDTH), np.float32), (0, 0), 2)
    strip = np.asarray(0.18 * frame[32:64] + 2 * (other - 0.5) + 0.5, np.float32)
    middle = float(thumbnail(strip, full_scale=1) @ thumbnail(frame[32:64], full_scale=1))
    assert 0.35 < middle < 0.55
    finder = FrameFinder([strip], aspect=WIDTH / HEIGHT, named={0: 7})
    assert finder.push(7, np.asarray(frame * 255, np.uint8)).named == [0]
    assert finder.named[0].score < 0.3


@pytest.mark.parametrize("name", ["rocket", "retina", "colorwheel", "immunohistochemistry"])
def test_an_unrelated_still_is_bound_to_no_frame_but_used(film: Path, name: str) -> None:
    plan = make_plan(film, [still(getattr(skimage.data, name)()[..., :3].astype(np.uint8))])
    assert [[each.path for each in shot.references] for shot in plan.shots] == [["still.png"]] * 3
    assert bound(plan) == {"still.png": None}


def test_a_flat_still_is_bound_to_no_frame(film: Path) -> None:
    assert bound(make_plan(film, [still(np.full((40, 60, 3), 90, np.uint8))])) == {"still.png": None}


def test_a_rotated_film_is_compared_upright(tmp_path: Path) -> None:
    spec = Film(suffix=".mp4", codec="libx264", width=HEIGHT, height=WIDTH, frames=12, rotation=90)
    stored = [np.ascontiguousarray(np.rot90(scene("cat", frame), -1)) for frame in range(12)]
    rotated = render(tmp_path / "film", spec, pictures=stored)
    seen: list[tuple[int, ...]] = []

    def similarity(luma: NDArray[np.float32]) -> Callable[[Reference], float]:
        seen.append(luma.shape)
        return lambda _: 0.0

    assert bound(make_plan(rotated, [still(scene("cat", 5))], similarity=similarity)) == {"still.png": 5}
    assert seen == [(HEIGHT, WIDTH)]


def test_a_name_binds_to_its_frame(film: Path) -> None:
    plan = make_plan(film, [still(scene("coffee", 3), "x_000024.png", frame=24)])
    assert plan.shots[1].references == [PlannedReference(path="x_000024.png", frame=24)]


def test_a_name_counts_from_the_start_of_the_film(film: Path) -> None:
    reference = still(scene("coffee", 4), "x_000024.png", frame=24)
    plan = make_plan(film, [reference], start=Fraction(82, 100))
    assert plan.frames == 40
    assert plan.shots[0].references == [PlannedReference(path="x_000024.png", frame=4)]


def test_a_still_of_a_frame_outside_of_a_segment_is_bound_to_none_of_it(film: Path) -> None:
    """It looks like the segment's frames, too, where the camera hardly moves; the film knows better by its name."""
    before, own = (still(scene("coffee", frame), f"x_{20 + frame:06d}.png", frame=20 + frame) for frame in (7, 9))
    copy = still(scene("coffee", 9), "x_000057.png", frame=57)
    plan = make_plan(film, [before, own], start=Fraction(115, 100), end=Fraction(150, 100))  # from frame 28 on
    assert bound(plan) == {"x_000029.png": 1}
    assert plan.notes == []
    other = make_plan(film, [copy, own], start=Fraction(115, 100), end=Fraction(150, 100))
    assert bound(other) == {"x_000029.png": 1}  # 57 does not look like its still: it is found by its looks
    assert other.notes == [
        "x_000029.png and x_000057.png are both of frame 29: x_000029.png is obeyed there, the other is used for its "
        "colours only"
    ]


def test_a_number_beyond_a_segment_is_none_beyond_the_film(film: Path) -> None:
    later, photograph = still(scene("cat", 3), "x_000043.png", frame=43), still(unrelated(), "p_2024.jpg", frame=2024)
    plan = make_plan(film, [later, photograph], end=Fraction(1))
    assert plan.notes == ["p_2024.jpg names frame 2024; the film has 60: its name is ignored"]


def test_a_segment_leaves_out_the_stills_of_other_shots(film: Path) -> None:
    stills = [still(scene(name, 3), f"{name}.png") for name in SCENES]
    plan = make_plan(film, stills, start=Fraction(82, 100), end=Fraction(165, 100))
    assert [[each.path for each in shot.references] for shot in plan.shots] == [[f"{SCENES[1]}.png"]]


def test_a_camera_number_does_not_bind(film: Path) -> None:
    plan = make_plan(film, [still(unrelated(), "DSC_0042.jpg", frame=42)])
    assert bound(plan) == {"DSC_0042.jpg": None}
    assert plan.notes == ["DSC_0042.jpg does not look like frame 42: it is used for its colours only"]


def test_a_still_that_looks_like_another_frame_than_it_names_is_said_to(film: Path) -> None:
    """As after the film was trimmed at its head."""
    plan = make_plan(film, [still(scene("coffee", 7), "x_000047.png", frame=47)])
    assert [each.frame for each in plan.shots[1].references] == [27]
    assert plan.notes == ["x_000047.png looks like frame 27, not like frame 47"]
    part = make_plan(film, [still(scene("coffee", 7), "x_000047.png", frame=47)], start=Fraction(82, 100))
    assert [each.frame for each in part.shots[0].references] == [7]
    assert part.notes == plan.notes  # names count from the start of the film


def test_a_number_beyond_the_film_is_noted(film: Path) -> None:
    plan = make_plan(film, [still(unrelated(), "photo_2024.jpg", frame=2024)])
    assert plan.notes == ["photo_2024.jpg names frame 2024; the film has 60: its name is ignored"]


def test_similarity_gives_every_shot_a_still_and_every_still_a_shot(film: Path) -> None:
    colors = {"a.png": 40, "b.png": 120, "c.png": 200}
    stills = [still(np.full((8, 8, 3), level, np.uint8), name) for name, level in colors.items()]
    wishes = iter([[0.9, 0.1, 0.5], [0.8, 0.2, 0.6], [0.7, 0.9, 0.8]])

    def similarity(luma: NDArray[np.float32]) -> Callable[[Reference], float]:
        assert luma.dtype == np.float32
        assert 0 <= luma.min() <= luma.max() <= 1
        row = dict(zip(colors, next(wishes), strict=True))
        return lambda reference: row[reference.name]

    plan = make_plan(film, stills, similarity=similarity)
    assert [[each.path for each in shot.references] for shot in plan.shots] == [
        ["a.png"],
        ["a.png"],
        ["b.png", "c.png"],
    ]


def test_stills_are_compared_one_after_another(film: Path) -> None:
    stills = [still(np.full((8, 8, 3), level, np.uint8), f"{level}.png") for level in (40, 120, 200)]
    asked = list[str]()

    def similarity(_: NDArray[np.float32]) -> Callable[[Reference], float]:
        def score(reference: Reference) -> float:
            asked.append(reference.name)
            return 0.5

        return score

    plan = make_plan(film, stills, similarity=similarity)
    assert len(plan.shots) == 3
    assert [name for name, _ in groupby(asked)] == ["40.png", "120.png", "200.png"]
    assert len(asked) == 9


def test_without_similarity_a_still_goes_where_it_looks_alike(film: Path) -> None:
    stills = [still(scene(name, LENGTH + 1), f"{name}.png") for name in reversed(SCENES)]
    plan = make_plan(film, stills)
    assert [shot.references[0].path for shot in plan.shots] == ["astronaut.png", "coffee.png", "cat.png"]


def test_a_still_is_described_once_however_many_shots_ask_for_it(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    luma = Reference.luma

    def counted(self: Reference, size: tuple[int, int], *, matrix: str) -> NDArray[np.float32]:
        read.append(self.name)
        return luma(self, size, matrix=matrix)

    monkeypatch.setattr(Reference, "luma", counted)
    make_plan(film, [still(unrelated()), still(np.zeros((8, 8, 3), np.uint8), "black.png")])
    assert sorted(read) == ["black.png", "black.png", "still.png", "still.png"]  # as a frame, and for its likeness


def test_without_stills_shots_are_automatic(film: Path) -> None:
    told: list[tuple[int, int | None]] = []
    plan = make_plan(film, [], progress=lambda done, total: told.append((done, total)))
    assert [shot.references for shot in plan.shots] == [[], [], []]
    assert told[-1] == (60, 60)


def test_notes_of_stills_are_passed_on(film: Path) -> None:
    plan = make_plan(film, [still(scene("cat", 2), grey=True, notes=("it is grey: it has no colour to give",))])
    assert plan.notes == ["still.png: it is grey: it has no colour to give"]


def test_one_frame(tmp_path: Path) -> None:
    source = render(tmp_path / "film", Film(frames=1))
    plan = make_plan(source, [still(picture(0, 1, 96, 64))])
    still_of_it = PlannedReference(path="still.png", frame=0)
    assert plan.shots == [PlannedShot(start=0, stop=1, dissolve=0, keyframe=0, looks="grey", references=[still_of_it])]


def test_a_segment_without_frames_is_refused(film: Path) -> None:
    with pytest.raises((PlanError, VideoError)):
        make_plan(film, [], start=Fraction(100))


def test_thumbnail_ignores_exposure_and_is_zero_where_nothing_is_to_see() -> None:
    luma = scene("cat", 0)[..., 1]
    bright = thumbnail(luma * 0.5 + 80, full_scale=255)
    assert float(thumbnail(luma, full_scale=255) @ bright) > 0.98
    assert not thumbnail(np.full((40, 50), 77, np.uint8), full_scale=255).any()
    noise = 100 + np.random.default_rng(0).normal(0, 1, (96, 128))
    assert not thumbnail(noise, full_scale=255).any()


def plan_of(tmp_path: Path) -> ColorPlan:
    return ColorPlan(
        video="film.mkv",
        frames=30,
        shots=[
            PlannedShot(
                start=0, stop=10, references=[PlannedReference(path=str(tmp_path / "stills" / "a_0003.png"), frame=3)]
            ),
            PlannedShot(start=10, stop=30),
        ],
        notes=["a note"],
    )


def test_a_plan_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    plan.save(tmp_path / "plan.json")
    assert ColorPlan.load(tmp_path / "plan.json") == plan
    assert plan.stills() == [tmp_path / "stills" / "a_0003.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_a_plan_may_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    plan_of(tmp_path).save(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert ColorPlan.load(path) == plan_of(tmp_path)


def test_names_that_are_no_utf8_come_back(tmp_path: Path) -> None:
    names = [os.fsdecode(b"fi\xfflm.mkv"), os.fsdecode(b"st\xffill\xc3\xbc.png")]
    shots = [PlannedShot(start=0, stop=1, references=[PlannedReference(path=str(tmp_path / names[1]))])]
    plan = ColorPlan(video=names[0], frames=1, shots=shots)
    plan.save(tmp_path / "plan.json")
    assert "ü" in (tmp_path / "plan.json").read_text(encoding="utf-8")
    assert ColorPlan.load(tmp_path / "plan.json") == plan


def test_stills_are_saved_relative_to_the_plan(tmp_path: Path) -> None:
    plan_of(tmp_path).save(tmp_path / "plan.json")
    written = json.loads((tmp_path / "plan.json").read_text())
    assert written["shots"][0]["references"] == [{"path": "stills/a_0003.png", "frame": 3}]
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "plan.json").rename(moved / "plan.json")
    assert ColorPlan.load(moved / "plan.json").stills() == [moved / "stills" / "a_0003.png"]


@pytest.mark.parametrize("stills", ["paint", "linked/film", "linked/film/../film", "linked/paint", "deep/er/linked"])
def test_stills_are_found_from_a_plan_in_a_folder_that_is_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stills: str
) -> None:
    for folder in ("deep/er/project/film", "paint"):
        (tmp_path / folder).mkdir(parents=True)
    for link, target in {
        "linked": "deep/er/project",
        "deep/er/linked": "project",
        "linked/paint": "../../../paint",
    }.items():
        (tmp_path / link).symlink_to(target)
    monkeypatch.chdir(tmp_path)
    still = Path(stills, "a_0003.png")
    Path("original.png").write_bytes(b"painted")
    still.symlink_to(Path("original.png").absolute())
    shot = PlannedShot(start=0, stop=9, references=[PlannedReference(path=str(still), frame=3)])
    ColorPlan(video="film.mkv", frames=9, shots=[shot]).save("linked/plan.json")
    for name in ("linked/plan.json", "deep/er/project/plan.json", "linked/plan.json"):
        plan = ColorPlan.load(name)
        (found,) = plan.stills()
        assert (found.name, found.read_bytes()) == ("a_0003.png", b"painted")
        plan.save(name)
    # What lies in the plan's folder by its name is named so, wherever a link leads.
    written = json.loads(Path("linked/plan.json").read_text())["shots"][0]["references"][0]["path"]
    assert written.startswith("..") == (stills == "paint")


def test_a_saved_plan_calls_a_still_in_memory_as_before(tmp_path: Path) -> None:
    still = Reference(None, scene("coffee", 0), frame=3)
    shot = PlannedShot(start=0, stop=9, references=[PlannedReference(path=still.key, frame=3)])
    ColorPlan(video="film.mkv", frames=9, shots=[shot]).save(tmp_path / "plan.json")
    plan = ColorPlan.load(tmp_path / "plan.json")
    assert plan.shots == [shot]
    assert settle(plan, [still]).references == [still]
    with pytest.raises(ReferenceImageError, match="no such still") as caught:
        settle(plan, [])
    assert caught.value.hint == "it was made in memory: give it again, beside the plan"


@pytest.mark.parametrize("bounds", [[], [(0, 4), (5, 9)], [(0, 4), (3, 9)], [(0, 4)], [(0, 12)]])
def test_other_shots_must_cover_the_film(bounds: list[tuple[int, int]]) -> None:
    plan = ColorPlan(video="film.mkv", frames=9, shots=[PlannedShot(start=0, stop=9)])
    with pytest.raises(PlanError) as caught:
        plan.with_shots(PlannedShot(start=start, stop=stop) for start, stop in bounds)
    assert caught.value.hint


def test_a_plan_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(PlanError):
        plan_of(tmp_path).save(tmp_path / "missing" / "plan.json")
    assert list(tmp_path.iterdir()) == []


def test_a_still_is_no_frame_that_is_still_dark(tmp_path: Path) -> None:
    whole = scene("coffee", 0)
    fading = [(whole * min(1.0, (n + 1) / 12)).astype(np.uint8) for n in range(30)]
    dark = [(whole * 0.05).astype(np.uint8)] * 12
    film = render(tmp_path / "film", Film(frames=30, width=WIDTH, height=HEIGHT), pictures=fading)
    assert (bound(make_plan(film, [still(whole)]))["still.png"] or 0) >= 5
    film = render(tmp_path / "dark", Film(frames=12, width=WIDTH, height=HEIGHT), pictures=dark)
    assert bound(make_plan(film, [still(whole)])) == {"still.png": None}
