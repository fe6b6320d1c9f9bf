"""What a person edits in a plan: it survives detection, is cut to segments, and its painted stills are found."""

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from films import Film, picture, render
from PIL import Image

from vidcolor.errors import PlanError, ReferenceImageError
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot, make_plan
from vidcolor.plan.painted import settle
from vidcolor.plan.renewal import Cuts, Recutter, renew, with_stills
from vidcolor.plan.segment import cut_out, fit_to_segment
from vidcolor.references import Reference, suffixes
from vidcolor.shots import Shot

FRAMES = 30


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes in grey, with cuts at 10 and 20."""
    return render(tmp_path_factory.mktemp("edits") / "film", Film(frames=FRAMES))


def shots(*bounds: int, **settings: object) -> list[PlannedShot]:
    return [PlannedShot.model_validate({"start": a, "stop": b, **settings}) for a, b in pairwise(bounds)]


def plan_with(*bounds: int, detected: list[int] | None = None) -> ColorPlan:
    return ColorPlan(video="film.mkv", frames=bounds[-1], shots=shots(*bounds), detected=detected)


def edited(plan: ColorPlan, number: int, **settings: object) -> ColorPlan:
    """Return a plan with keys of one shot changed, checked as a file's are."""
    values = plan.model_dump()
    values["shots"][number].update(settings)
    return ColorPlan.model_validate(values)


def starts(plan: ColorPlan) -> list[int]:
    return [shot.start for shot in plan.shots]


def again(film: Path, old: ColorPlan, **changes: list[int]) -> tuple[ColorPlan, list[str]]:
    return renew(make_plan(film, [], cuts=Cuts.of(old, **changes)), old)


def painted(path: Path, *, grey: bool = False) -> Path:
    rgb = picture(5, FRAMES, 96, 64, "grey" if grey else "color")
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(rgb).save(path)
    return path


# Re-detection


def test_a_plan_without_edits_is_made_as_before(film: Path) -> None:
    plan = make_plan(film, [])
    assert (starts(plan), plan.detected) == ([0, 10, 20], [0, 10, 20])
    assert again(film, plan) == (plan, [])


def test_cuts_made_and_taken_out_by_hand_stay(film: Path) -> None:
    found = make_plan(film, [])
    old = ColorPlan(video=found.video, frames=FRAMES, shots=shots(0, 14, 20, 30), detected=found.detected)
    plan, kept = again(film, old)  # 10 was taken out, 14 made
    assert (starts(plan), plan.detected) == ([0, 14, 20], [0, 10, 20])
    assert kept == ["kept of the plan: cuts made at 14; cuts taken out at 10"]
    assert again(film, plan)[0] == plan


def test_a_cut_that_was_moved_a_little_replaces_the_one_found(film: Path) -> None:
    found = make_plan(film, [])
    plan, _ = again(film, found.with_shots(shots(0, 8, 20, 30)))
    assert starts(plan) == [0, 8, 20]


def test_a_cut_that_was_found_stays_beside_one_made_near_it(film: Path) -> None:
    found = make_plan(film, [])
    once, _ = again(film, found, cut=[10, 13])
    assert (starts(once), once.detected) == ([0, 10, 13, 20], [0, 10, 20])
    twice, kept = again(film, once)
    assert twice == once
    assert kept == ["kept of the plan: cuts made at 13"]
    by_hand = ColorPlan(video=found.video, frames=FRAMES, shots=shots(0, 10, 20, 22, 30), detected=found.detected)
    assert starts(again(film, by_hand)[0]) == [0, 10, 20, 22]
    assert starts(again(film, twice, join=[10])[0]) == [0, 13, 20]


def test_detection_decides_where_nobody_did(film: Path) -> None:
    old = plan_with(0, 6, 20, 30, detected=[0, 6, 20])  # an older detector saw a cut at 6 and none at 10
    plan, kept = again(film, old)
    assert (starts(plan), kept) == ([0, 10, 20], [])
    told_apart, kept = again(film, edited(old, 1, saturation=0.5))
    # A person gave the shots from 6 and from 20 settings of their own, so these cuts stay; 10 is one found near 6.
    assert [(shot.start, shot.saturation) for shot in told_apart.shots] == [(0, 1.0), (6, 0.5), (20, 1.0)]
    assert kept == ["kept of the plan: settings of shot 2; cuts made at 6; cuts taken out at 10"]


def test_the_shots_of_a_plan_that_does_not_say_what_was_found_stay(film: Path) -> None:
    plan, _ = again(film, plan_with(0, 6, 30))
    assert (starts(plan), plan.detected) == ([0, 6], [0, 10, 20])
    assert starts(again(film, plan)[0]) == [0, 6]
    assert starts(again(film, plan_with(0, 6, 30), cut=[15])[0]) == [0, 6, 15]


def test_cut_and_join_change_a_plan(film: Path) -> None:
    plan, _ = again(film, make_plan(film, []), cut=[25], join=[10])
    assert starts(plan) == [0, 20, 25]
    assert starts(again(film, plan)[0]) == [0, 20, 25]
    assert starts(again(film, plan, cut=[10], join=[25])[0]) == [0, 10, 20]
    with pytest.raises(PlanError, match="no shot to join starts at frame 21") as caught:
        again(film, plan, join=[21])
    assert caught.value.hint == "near it start: 20, 25"
    with pytest.raises(PlanError, match="both cut and joined"):
        again(film, plan, cut=[20], join=[20])
    with pytest.raises(PlanError, match="cannot cut at frame 30") as caught:
        again(film, plan, cut=[30])
    assert caught.value.hint == "frames 1 to 29 can begin a shot"


def test_settings_and_stills_survive(film: Path) -> None:
    old = edited(
        make_plan(film, []),
        1,
        keyframe=13,
        treatment="keep",
        hue=20.0,
        borrow=[25],
        looks="tinted",
        references=[{"path": "a.png", "frame": 12}, {"path": "b.png", "frame": None, "frames": [14, 18]}],
    )
    plan, kept = again(film, old)
    assert plan == old
    assert kept == ["kept of the plan: 2 stills; settings of shot 2"]


def test_stills_go_with_their_frames_when_a_shot_is_cut(film: Path) -> None:
    old = edited(
        make_plan(film, []),
        1,
        hue=20.0,
        keyframe=17,
        references=[
            {"path": "a.png", "frame": 12},
            {"path": "b.png", "frames": [13, 18]},
            {"path": "c.png"},
            {"path": "d.png", "frame": 17},
        ],
    )
    plan, _ = again(film, old, cut=[15])
    assert starts(plan) == [0, 10, 15, 20]
    assert [shot.hue for shot in plan.shots] == [0.0, 20.0, 20.0, 0.0]
    first, second = plan.shots[1:3]
    assert [(each.path, each.frame, each.frames) for each in first.references] == [
        ("a.png", 12, None),
        ("b.png", None, (13, 15)),
        ("c.png", None, None),
    ]
    assert [(each.path, each.frame, each.frames) for each in second.references] == [
        ("b.png", None, (15, 18)),
        ("c.png", None, None),
        ("d.png", 17, None),
    ]
    assert second.keyframe == 17
    assert first.keyframe is not None
    assert first.keyframe in first


def test_shots_that_are_joined_keep_both_their_stills(film: Path) -> None:
    old = make_plan(film, [])
    for number, frame in ((0, 4), (1, 14)):
        old = edited(old, number, references=[{"path": f"{frame}.png", "frame": frame}])
    plan, _ = again(film, old, join=[10])
    assert [each.frame for each in plan.shots[0].references] == [4, 14]


def test_a_new_still_is_added_where_it_belongs_and_only_there(film: Path) -> None:
    old = edited(make_plan(film, []), 0, references=[{"path": "a.png", "frame": 3}])
    new = Reference(Path("new.png"), picture(15, FRAMES, 96, 64))
    plan, _ = renew(make_plan(film, [new], cuts=Cuts.of(old)), old)
    assert [[each.path for each in shot.references] for shot in plan.shots] == [["a.png"], ["new.png"], ["new.png"]]
    assert plan.shots[1].references[0].frame == 15


def test_a_new_still_of_a_frame_takes_the_place_of_the_old_one(film: Path, tmp_path: Path) -> None:
    old = edited(make_plan(film, []), 1, references=[{"path": "a.png", "frame": 15}, {"path": "b.png", "frame": 16}])
    new = Reference(Path("new.png"), picture(15, FRAMES, 96, 64))
    plan, said = renew(make_plan(film, [new], cuts=Cuts.of(old)), old)
    assert [(each.path, each.frame) for each in plan.shots[1].references] == [("b.png", 16), ("new.png", 15)]
    assert "no longer in the plan: a.png" in said
    plan.save(tmp_path / "plan.json")
    ColorPlan.load(tmp_path / "plan.json")  # one that bound two stills to a frame would be refused


def test_a_given_still_goes_where_no_painted_one_is_and_is_never_lost_in_silence(film: Path, tmp_path: Path) -> None:
    old = make_plan(film, [])
    for number, frame in enumerate((3, 14)):
        still = painted(tmp_path / f"film_{frame:06d}.png", grey=frame == 14)
        old = edited(old, number, references=[{"path": str(still), "frame": frame}])
    new = Reference(tmp_path / "new.png", np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8))

    def with_new(old: ColorPlan) -> tuple[list[list[str]], list[str], ColorPlan]:
        plan, said = renew(make_plan(film, [new], cuts=Cuts.of(old)), old)
        return [[Path(each.path).name for each in shot.references] for shot in plan.shots], said, plan

    names, said, plan = with_new(old)
    assert names == [["film_000003.png"], ["film_000014.png", "new.png"], ["new.png"]]
    assert said == ["kept of the plan: 2 stills"]
    assert with_new(plan) == (names, ["kept of the plan: 3 stills"], plan)
    # Where every shot has a painted one, in whatever format, or one that cannot be read, the new one is named.
    painted(tmp_path / "film_000014.JPG")
    (tmp_path / "film_000024.png").write_bytes(b"damaged")
    old = edited(old, 2, references=[{"path": str(tmp_path / "film_000024.png"), "frame": 24}])
    names, said, _ = with_new(old)
    assert names == [["film_000003.png"], ["film_000014.png"], ["film_000024.png"]]
    assert said[0] == "kept of the plan: 3 stills"
    assert said[1].startswith(f"given but used nowhere: {tmp_path / 'new.png'}; ")
    assert len(said) == 2


def test_a_still_is_known_whatever_way_leads_to_it(film: Path, tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    still = painted(tmp_path / "a.png")
    way = tmp_path / "plans" / ".." / "a.png"
    old = edited(make_plan(film, []), 1, references=[{"path": str(way), "frame": 12}])
    plan, said = renew(make_plan(film, [Reference(still, picture(15, FRAMES, 96, 64))], cuts=Cuts.of(old)), old)
    assert [each.frame for each in plan.shots[1].references] == [12]
    assert said == ["kept of the plan: 1 still"]


def test_a_plan_of_another_film_is_not_renewed(film: Path) -> None:
    with pytest.raises(PlanError, match="the plan has 31 frames, the film 30"):
        again(film, plan_with(0, 31))


def test_recutting_covers_every_frame_once() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        frames = int(rng.integers(6, 60))
        some, made, taken_out = ({int(n) for n in rng.integers(1, frames, rng.integers(0, 6))} for _ in range(3))
        found = sorted({0, frames} | some)
        cuts = Cuts(frozenset(made), frozenset(taken_out - made))
        recutter, got = Recutter(cuts), []
        pieces = [Shot(a, b) for a, b in pairwise(found)]
        for number, piece in enumerate(pieces, start=1):
            got += recutter.push([piece], end=number == len(pieces))
        assert [got[0].start, *(shot.stop for shot in got)] == [shot.start for shot in got] + [frames]
        begin = {shot.start for shot in got}
        assert made <= begin
        assert begin - {0} <= made | set(found)
        assert not begin & cuts.taken_out


def test_grey_stills_are_bound_where_their_frame_has_none(tmp_path: Path) -> None:
    plan = edited(plan_with(0, 10, 20, 30), 0, keyframe=4)
    plan = edited(plan, 1, keyframe=14, references=[{"path": "mine.png", "frame": 12}])
    plan = edited(plan, 2, keyframe=24, references=[{"path": "alike.png"}])
    with_grey = with_stills(plan, {frame: tmp_path / f"f_{frame}.png" for frame in (4, 14, 24)})
    assert [[(Path(each.path).name, each.frame) for each in shot.references] for shot in with_grey.shots] == [
        [("f_4.png", 4)],
        [("mine.png", 12), ("f_14.png", 14)],
        [("alike.png", None), ("f_24.png", 24)],
    ]
    assert with_stills(with_grey, {4: tmp_path / "f_4.png"}) == with_grey


# The file


def test_shots_without_a_stop_last_to_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(
        '{"video": "f.mkv", "frames": 30, "shots": [{"start": 0}, {"start": 12}, {"start": 20, "stop": 30}]}'
    )
    assert ColorPlan.load(path).shots == shots(0, 12, 20, 30)


def test_a_plan_of_the_first_version_loads(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    shot = {"start": 0, "stop": 30, "references": [{"path": "a.png", "frame": None}]}
    path.write_text(json.dumps({"version": 1, "video": "f.mkv", "frames": 30, "shots": [shot], "notes": []}))
    (loaded,) = ColorPlan.load(path).shots
    assert loaded == PlannedShot(start=0, stop=30, references=[PlannedReference(path=str(tmp_path / "a.png"))])
    assert (loaded.treatment, loaded.grading.saturation, loaded.looks) == ("color", 1.0, None)


def test_a_file_holds_one_still_a_line_whatever_its_name(tmp_path: Path) -> None:
    names = ["a b.png", 'quote",\\ "x.png', "brace{[,].png", "ü,.png"]
    references = [PlannedReference(path=str(tmp_path / name), frames=(1, 2)) for name in names]
    plan = ColorPlan(
        video="f,\n.mkv",
        frames=3,
        shots=[PlannedShot(start=0, stop=3, hue=-12.5, references=references)],
        notes=["one, [two]", "a long note " * 9, 'and "quoted",\nbroken'],
        detected=[*range(40)],
    )
    plan.save(tmp_path / "plan.json")
    lines = (tmp_path / "plan.json").read_text().splitlines()
    assert ColorPlan.load(tmp_path / "plan.json") == plan
    assert sum('"path"' in line and '"frames": [' in line for line in lines) == 4
    assert len(lines) < 40


# Segments


def test_a_plan_is_cut_to_a_segment() -> None:
    plan = plan_with(0, 10, 20, 30, detected=[0, 10, 20])
    plan = edited(
        plan, 0, keyframe=7, hue=9.0, references=[{"path": "a.png", "frame": 4}, {"path": "b.png", "frame": 8}]
    )
    plan = edited(plan, 1, references=[{"path": "c.png", "frames": [10, 13]}, {"path": "d.png", "frames": [14, 20]}])
    part = cut_out(plan, 5, 14)
    assert (part.frames, part.detected) == (9, None)
    assert [(shot.start, shot.stop, shot.keyframe, shot.hue) for shot in part.shots] == [
        (0, 5, 2, 9.0),
        (5, 9, None, 0.0),
    ]
    assert [(each.path, each.frame) for each in part.shots[0].references] == [("a.png", None), ("b.png", 3)]
    assert [(each.path, each.frames) for each in part.shots[1].references] == [("c.png", (5, 8))]
    assert ColorPlan.model_validate(part.model_dump()) == part


def test_a_plan_fits_the_times_of_its_film(film: Path) -> None:
    plan = make_plan(film, [])
    start, end = Fraction(11, 48), Fraction(49, 48)  # between frames 5 and 6, and 24 and 25
    part = fit_to_segment(plan, film, start=start, end=end)
    assert [(shot.start, shot.stop) for shot in part.shots] == [(0, 4), (4, 14), (14, 19)]
    assert fit_to_segment(plan, film, start=None, end=None) is plan
    assert fit_to_segment(part, film, start=start, end=end) is part  # one that was made for the segment
    assert fit_to_segment(plan, film, start=start, end=None).frames == 24
    assert fit_to_segment(plan, film, start=None, end=Fraction(100)) is plan


# Stills


def test_stills_that_are_still_grey_are_left_out_with_one_note(tmp_path: Path) -> None:
    plan = plan_with(0, 10, 20, 30)
    for number, grey in enumerate((True, False, True)):
        still = painted(tmp_path / f"f_{number}.png", grey=grey)
        plan = edited(plan, number, references=[{"path": str(still), "frame": 10 * number}])
    settled = settle(plan)
    assert settled.plan is not None
    assert [len(shot.references) for shot in settled.plan.shots] == [0, 1, 0]
    assert [each.name for each in settled.references] == ["f_1.png"]
    assert settled.notes == ["2 of 3 stills are not painted yet (shots 1, 3); automatic colours in shots 1, 3"]


def test_a_still_saved_in_another_format_is_found(tmp_path: Path) -> None:
    grey = painted(tmp_path / "f_0003.png", grey=True)
    painted(tmp_path / "f_0003.jpg")
    plan = edited(plan_with(0, 10), 0, references=[{"path": str(grey), "frame": 3}])
    for _ in ("beside the grey one", "in its place"):
        settled = settle(plan)
        assert settled.plan is not None
        assert settled.plan.shots[0].references == [PlannedReference(path=str(tmp_path / "f_0003.jpg"), frame=3)]
        assert settled.notes == ["f_0003.jpg is used in place of f_0003.png"]
        grey.unlink(missing_ok=True)


@pytest.mark.parametrize("suffix", [".JPG", ".jpe", ".Tiff", ".gif", ".tga", ".jp2", ".avif"])
def test_a_still_is_found_in_every_format_that_is_read_however_its_name_ends(tmp_path: Path, suffix: str) -> None:
    if suffix not in suffixes() and suffix == ".avif":
        pytest.skip("this Pillow was built without AVIF")
    grey = painted(tmp_path / "f[1]_0003.png", grey=True)
    saved = painted(tmp_path / f"f[1]_0003{suffix}")
    painted(tmp_path / "f[1]_0003.old.png")
    painted(tmp_path / "f1_0003.png")
    plan = edited(plan_with(0, 10), 0, references=[{"path": str(grey), "frame": 3}])
    for _ in ("beside the grey one", "in its place"):
        assert [each.path for each in settle(plan).references] == [saved]
        grey.unlink(missing_ok=True)


def test_of_several_stills_of_one_name_the_first_painted_one_is_used(tmp_path: Path) -> None:
    for name, grey in (("f.tif", True), ("f.bmp", False), ("f.PNG", True), ("f.JPEG", False)):
        painted(tmp_path / name, grey=grey)
    (tmp_path / "f.webp").mkdir()
    plan = edited(plan_with(0, 10), 0, references=[{"path": str(tmp_path / "f.tif")}])
    assert [each.name for each in settle(plan).references] == ["f.JPEG"]


def test_a_painted_still_beside_the_one_that_is_used_is_named(tmp_path: Path) -> None:
    named = painted(tmp_path / "f_0003.png")
    newer = painted(tmp_path / "f_0003.jpg")
    painted(tmp_path / "f_0003.bmp", grey=True)
    plan = edited(plan_with(0, 10, 20), 0, references=[{"path": str(named), "frame": 3}])
    settled = settle(plan)
    assert [each.path for each in settled.references] == [named]
    assert settled.notes == ["f_0003.jpg is painted, too, and not used: the plan names f_0003.png"]
    both = edited(plan, 1, references=[{"path": str(newer)}])
    assert settle(both).notes == []  # each has its place
    (tmp_path / "f_0003.tif").write_bytes(b"no picture")
    assert settle(plan).notes == settled.notes
    painted(named, grey=True)
    (tmp_path / "f_0003.tif").unlink()
    painted(tmp_path / "f_0003.webp")
    assert settle(plan).notes == [
        "f_0003.jpg is used in place of f_0003.png",
        "f_0003.webp is painted, too, and not used: f_0003.jpg comes first",
    ]


def test_a_still_that_is_gone_is_an_error(tmp_path: Path) -> None:
    plan = edited(plan_with(0, 10), 0, references=[{"path": str(tmp_path / "typo.png")}])
    with pytest.raises(ReferenceImageError, match=r"typo\.png: no such still, though the plan names it"):
        settle(plan)
    assert settle(edited(plan, 0, treatment="keep")).references == []  # nobody needs it there


def test_a_shot_borrows_the_painted_stills_of_another(tmp_path: Path) -> None:
    plan = plan_with(0, 10, 20, 30)
    names = [painted(tmp_path / "a.png"), painted(tmp_path / "b.png", grey=True), painted(tmp_path / "c.png")]
    own = [
        {"path": str(names[0]), "frame": 2},
        {"path": str(names[1]), "frame": 3},
        {"path": str(names[2]), "frames": [1, 4]},
    ]
    plan = edited(edited(plan, 0, references=own), 2, borrow=[7], references=[{"path": str(names[2]), "frame": 25}])
    plan = edited(plan, 1, borrow=[0, 20])
    settled = settle(plan).plan
    assert settled is not None
    assert [[(Path(each.path).name, each.frame) for each in shot.references] for shot in settled.shots[1:]] == [
        [("a.png", None), ("c.png", None)],
        [("c.png", 25), ("a.png", None)],
    ]
    assert not any(shot.borrow for shot in settled.shots)


def test_painted_stills_of_shots_that_keep_their_colours_are_named(tmp_path: Path) -> None:
    plan = plan_with(0, 10, 20, 30)
    for number, grey in enumerate((False, True, False)):
        still = painted(tmp_path / f"f_{number}.png", grey=grey)
        plan = edited(plan, number, treatment="keep", references=[{"path": str(still), "frame": 10 * number}])
    plan = edited(plan, 2, treatment="color")
    settled = settle(plan)
    assert [each.name for each in settled.references] == ["f_2.png"]
    assert settled.notes == ['painted stills are not used in shot 1: "treatment" is "keep" there']
    (tmp_path / "f_0.png").write_bytes(b"no picture")
    assert settle(plan).notes == []


def test_a_still_bound_to_several_frames_of_a_shot_keeps_them_all(tmp_path: Path) -> None:
    still = str(painted(tmp_path / "a.png"))
    own = [{"path": still, "frame": 3}, {"path": still, "frame": 7}, {"path": still, "frame": 7}]
    plan = edited(edited(plan_with(0, 10, 20), 0, references=own, borrow=[12]), 1, references=[{"path": still}])
    settled = settle(plan)
    assert settled.plan is not None
    assert [[each.frame for each in shot.references] for shot in settled.plan.shots] == [[3, 7], [None]]
    assert len(settled.references) == 1


def test_stills_given_beside_a_plan_and_in_memory_count(tmp_path: Path) -> None:
    """Checklist 42."""
    memory = Reference(None, picture(1, 3, 32, 32), frame=1)
    plan = edited(plan_with(0, 10), 0, references=[{"path": memory.key, "frame": 1}])
    grey = painted(tmp_path / "g.png", grey=True)
    settled = settle(plan, [memory, grey, grey])
    assert settled.references == [memory]
    assert settled.plan == plan
    assert settled.warnings == ["left out, for there is no colour in it: g.png"]
    assert settle(None, [painted(tmp_path / "a.png")]).plan is None


def test_what_was_converted_on_reading_is_said_of_every_still(tmp_path: Path) -> None:
    layer = Image.fromarray(picture(5, FRAMES, 96, 64)).convert("RGBA")
    layer.paste((0, 0, 0, 0), (0, 0, 40, 64))
    layer.save(tmp_path / "a.png")
    still = str(tmp_path / "a.png")
    plan = edited(plan_with(0, 10, 20), 0, references=[{"path": still, "frame": 5}])
    plan = edited(plan, 1, references=[{"path": still}])
    for settled in (settle(plan), settle(None, [still]), settle(plan, [still])):
        assert settled.notes == ["a.png: transparent parts are read as neutral grey"]


def test_a_still_with_a_little_paint_is_painted(tmp_path: Path) -> None:
    rgb = picture(5, FRAMES, 96, 64, "grey")
    cv2.circle(rgb, (40, 30), 2, (200, 60, 60), -1)  # 0.2 % of it
    Image.fromarray(rgb).save(tmp_path / "a.png")
    plan = edited(plan_with(0, 10), 0, references=[{"path": str(tmp_path / "a.png"), "frame": 5}])
    for settled in (settle(None, [tmp_path / "a.png"]), settle(plan)):
        assert [each.name for each in settled.references] == ["a.png"]
        assert settled.plan in (None, plan)
        assert settled.notes == []
