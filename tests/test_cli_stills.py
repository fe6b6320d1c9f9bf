"""The commands about stills: `recommend`, `suggest` and `sheet`, run for real."""

import json
from pathlib import Path

import pytest
from films import Film, picture, render
from PIL import Image
from terminal import run

from vidcolor.plan import ColorPlan, PlannedShot


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shots of twelve frames."""
    return render(tmp_path_factory.mktemp("film") / "film", Film(frames=36, width=96, height=64))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    for number, name in enumerate(("one", "two", "three")):
        Image.fromarray(picture(12 * number + 6, 36, 96, 64)).save(folder / f"{name}.png")
    (folder / "broken.png").write_bytes((folder / "one.png").read_bytes()[:100])
    return folder


def test_recommend_writes_plan_and_sheet(film: Path, library: Path, tmp_path: Path) -> None:
    plan, sheet = tmp_path / "film.plan.json", tmp_path / "sheet.png"
    status, out, err = run("recommend", film, library, "-o", plan, "--sheet", sheet, "--top", 2)
    assert status == 0, err
    lines = [line.split() for line in out.splitlines()[1:]]
    assert [(line[0], line[-1]) for line in lines[::2]] == [
        ("1", str(library / "one.png")), ("2", str(library / "two.png")), ("3", str(library / "three.png")),
    ]  # fmt: skip
    assert len(lines) == 6
    assert "warning: left out: " in err
    assert "broken.png" in err
    assert "4 pictures in the library, 4 of them looked at anew" in err
    shots = ColorPlan.load(plan).shots
    assert [[Path(each.path).name for each in shot.references] for shot in shots] == [
        ["one.png"], ["two.png"], ["three.png"],
    ]  # fmt: skip
    with Image.open(sheet) as drawn:
        # A row of three cells for each shot: 180 pixels high, captions and labels beside.
        assert drawn.height > 3 * 180
        assert drawn.width == pytest.approx(3 * 270, abs=50)
    status, out, err = run("recommend", film, library, "--json", "--top", 1)
    found = json.loads(out)
    assert [shot["frame"] for shot in found["shots"]] == [4, 16, 28]
    assert [len(shot["candidates"]) for shot in found["shots"]] == [1, 1, 1]
    assert set(found["shots"][0]["candidates"][0]) == {"name", "score", "likeness", "disagreement"}
    assert "0 of them looked at anew" in err


@pytest.fixture
def worked_on(film: Path, library: Path, tmp_path: Path) -> Path:
    """A plan with cuts by hand: a painted still, a title, settings, a still lent, a bare shot, own colours."""
    plan = tmp_path / "film.plan.json"
    assert run("scenes", film, "--stills", tmp_path / "paint", "-o", plan)[0] == 0
    assert run("scenes", film, "--stills", tmp_path / "paint", "-o", plan, "--cut", 6, "--cut", 18, "--cut", 30)[0] == 0
    values = json.loads(plan.read_text())
    painted, title, graded, lent, bare, kept = values["shots"]
    assert [len(shot["references"]) for shot in values["shots"]] == [1] * 6
    (tmp_path / painted["references"][0]["path"]).write_bytes((library / "one.png").read_bytes())
    title["looks"] = "title"
    graded["saturation"], lent["borrow"], bare["references"], kept["treatment"] = 0.5, [0], [], "keep"
    plan.write_text(json.dumps(values))
    return plan


def test_recommend_goes_on_with_a_plan(film: Path, library: Path, worked_on: Path, tmp_path: Path) -> None:
    before, paint = ColorPlan.load(worked_on), sorted(tmp_path.glob("paint/*"))
    stills = [still.read_bytes() for still in paint]
    status, out, err = run("recommend", film, library, "-o", worked_on, "--json", "--top", 1)
    assert status == 0, err
    found, after = json.loads(out), ColorPlan.load(worked_on)
    assert [(each["start"], each["stop"]) for each in found["shots"]] == [
        (0, 6), (6, 12), (12, 18), (18, 24), (24, 30), (30, 36),
    ]  # fmt: skip
    assert [len(each["candidates"]) for each in found["shots"]] == [1, 0, 1, 1, 1, 1]
    two, three = str(library / "two.png"), str(library / "three.png")
    assert [each["chosen"] for each in found["shots"]] == [None, None, two, None, three, None]
    added = [shot.references[len(old.references) :] for old, shot in zip(before.shots, after.shots, strict=True)]
    assert [[(Path(each.path).name, each.frame) for each in photographs] for photographs in added] == [
        [], [], [("two.png", None)], [], [("three.png", None)], [],
    ]  # fmt: skip
    kept = [old.references for old in before.shots]
    shots = zip(after.shots, kept, strict=True)
    assert before == after.with_shots(shot.model_copy(update={"references": old}) for shot, old in shots)
    assert "no photograph is chosen where there are painted stills already: shots 1, 4" in found["notes"]
    assert [still.read_bytes() for still in paint] == stills
    again = worked_on.read_bytes()
    assert run("recommend", film, library, "-o", worked_on)[0] == 0
    assert worked_on.read_bytes() == again


def test_recommend_takes_a_plan_as_suggest_does(film: Path, library: Path, worked_on: Path, tmp_path: Path) -> None:
    before, other = worked_on.read_bytes(), tmp_path / "other" / "plan.json"
    other.parent.mkdir()
    recommend = ["recommend", film, library, "--plan", worked_on]
    status, out, err = run(*recommend, "--top", 1)
    assert status == 0, err
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [
        [str(number + 1), str(6 * number), str(6 * number + 6)] for number in range(6)
    ]
    assert run(*recommend, "-o", other)[0] == 0
    assert worked_on.read_bytes() == before
    status, _, err = run(*recommend, "-o", other)
    assert status == 2
    assert "exists already" in err
    status, _, err = run(*recommend, "--sheet", worked_on, "-y")
    assert status == 2
    assert "is the input" in err
    assert run(*recommend, "-o", worked_on)[0] == 0
    named = [
        [(Path(each.path).resolve(), each.frame) for each in shot.references]
        for shot in ColorPlan.load(worked_on).shots
    ]
    assert named == [
        [(Path(each.path).resolve(), each.frame) for each in shot.references] for shot in ColorPlan.load(other).shots
    ]
    assert sum(map(len, named)) == 7
    made = worked_on.read_bytes()
    status, _, err = run(*recommend, "-o", worked_on, "-y")
    assert (status, worked_on.read_bytes()) == (0, made)
    assert "made anew" not in err


def test_recommend_says_what_it_replaces_where_it_is_told_to(film: Path, library: Path, worked_on: Path) -> None:
    status, _, err = run("recommend", film, library, "-o", worked_on, "-y")
    assert status == 0
    (said,) = (line for line in err.splitlines() if line.startswith(f"note: {worked_on} is made anew"))
    assert "6 shots, 5 stills" in said
    shots = ColorPlan.load(worked_on).shots
    assert [(shot.start, len(shot.references)) for shot in shots] == [(0, 1), (12, 1), (24, 1)]


def test_a_plan_whose_still_is_missing_is_not_recommended_for(film: Path, library: Path, worked_on: Path) -> None:
    values = json.loads(worked_on.read_text())
    values["shots"][2]["references"] = [{"path": "gone.png", "frame": None}]
    worked_on.write_text(json.dumps(values))
    before = worked_on.read_bytes()
    status, out, err = run("recommend", film, library, "-o", worked_on)
    assert (status, out, err.count("\n")) == (1, "", 2)
    assert err.startswith(f"error: {worked_on.parent / 'gone.png'}: no such still")
    assert worked_on.read_bytes() == before


def test_names_with_control_characters_stay_on_their_line(film: Path, library: Path, tmp_path: Path) -> None:
    odd = tmp_path / "photo\ngraphs"
    odd.mkdir()
    (odd / "a\x1b[31m\nb.png").write_bytes((library / "one.png").read_bytes())
    (odd / "broken\n.png").write_bytes(b"no picture")
    status, out, err = run("recommend", film, odd, "--top", 1)
    assert status == 0, err
    assert [line.split()[-1] for line in out.splitlines()[1:]] == ["b.png"] * 3
    assert "\x1b" not in out + err
    _, listed, _ = run("scenes", film, "-r", odd / "a\x1b[31m\nb.png", "--quiet")
    assert len(listed.splitlines()) == 4
    assert "\x1b" not in listed
    assert all(line.startswith(("warning: ", "note: ", "1 ", "2 ")) for line in err.splitlines())


def test_recommend_replaces_nothing_unasked(film: Path, library: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no plan")
    status, out, err = run("recommend", film, library, "-o", text)
    assert (status, out) == (1, "")
    assert err.splitlines()[0].startswith(f"error: {text}, line 1: not JSON")
    assert err.splitlines()[1].endswith("-y replaces the file")
    status, out, err = run("recommend", film, library, "--sheet", text)
    assert (status, out) == (2, "")
    assert "exists already" in err
    assert text.read_text() == "no plan"
    assert run("recommend", film, library, "-o", film, "-y")[0] == 2
    assert run("recommend", film, library, "-o", tmp_path / "x", "--sheet", tmp_path / "x")[0] == 2
    status, _, err = run("recommend", film, library, "--sheet", library / "sheet.png")
    assert status == 2
    assert "would lie among the photographs" in err
    status, _, err = run("recommend", film, tmp_path / "nowhere")
    assert status == 1
    assert err.splitlines() == [
        f"error: {tmp_path / 'nowhere'} is not a folder", "hint: give a folder of colour photographs",
    ]  # fmt: skip


def test_sheets_are_pictures_as_their_names_say(film: Path, library: Path, tmp_path: Path, untrained: Path) -> None:
    for words in (["sheet", film, "-o"], ["recommend", film, library, "--weights", untrained, "--sheet"]):
        status, out, err = run(*words, tmp_path / "s.txt")
        assert (status, out) == (1, "")
        assert err.splitlines() == [
            f"error: {tmp_path / 's.txt'}: a picture ends in .png, .jpg, .jpeg, not .txt",
            f"hint: try {tmp_path / 's.png'}",
        ]
        assert run(*words, tmp_path / "s.jpg", "-y")[0] == 0
        with Image.open(tmp_path / "s.jpg") as drawn:
            assert drawn.format == "JPEG"
    assert [path.name for path in tmp_path.iterdir()] == ["s.jpg"]


def test_the_index_of_recommend_is_never_the_film(film: Path, library: Path, tmp_path: Path) -> None:
    before = film.read_bytes()
    (tmp_path / "linked.mkv").hardlink_to(film)
    for index in (film, tmp_path / "linked.mkv"):
        status, out, err = run("recommend", film, library, "--index", index, "-y")
        assert (status, out, err.count("\n")) == (2, "", 2)
        assert "with --index" in err
    assert film.read_bytes() == before
    status, _, err = run("recommend", film, library, "--index", library / "one.png")
    assert (status, err.count("\n")) == (1, 2)


def test_each_grey_still_that_is_written_is_in_the_plan(film: Path, library: Path, tmp_path: Path) -> None:
    def named(plan: Path) -> list[list[tuple[str, int | None]]]:
        return [[(Path(each.path).name, each.frame) for each in shot.references] for shot in ColorPlan.load(plan).shots]

    plan, paint, reel = tmp_path / "film.plan.json", tmp_path / "paint", tmp_path / "film.mkv"
    reel.write_bytes(film.read_bytes())
    guide = tmp_path / "guide_000003.png"
    guide.write_bytes((library / "one.png").read_bytes())
    scenes = ("scenes", reel, "--stills", paint, "-o", plan)
    status, _, err = run(*scenes, "-r", guide)
    assert status == 0, err
    stills = sorted(path.name for path in paint.iterdir())
    assert len(stills) == 3
    first = named(plan)
    assert [each[-1][0] for each in first] == stills
    assert first[0][0] == ("guide_000003.png", 3)
    # The film gets another name: its stills are there already, under the name that the plan knows.
    renamed = reel.rename(tmp_path / "reel 1.mkv")
    status, _, err = run("scenes", renamed, "--stills", paint, "-o", plan)
    assert status == 0, err
    assert "note: 3 of 3 stills were there and stay as they are" in err
    assert sorted(path.name for path in paint.iterdir()) == stills
    assert named(plan) == first
    # Another frame to paint on is chosen by hand.
    values = json.loads(plan.read_text())
    values["shots"][1]["keyframe"] = 14
    plan.write_text(json.dumps(values))
    status, _, err = run("scenes", renamed, "--stills", paint, "-o", plan)
    assert status == 0, err
    assert named(plan) == [first[0], [*first[1], ("reel 1_000014.png", 14)], first[2]]
    assert (paint / "reel 1_000014.png").is_file()


def test_suggest_names_frames_and_writes_them(film: Path, library: Path, tmp_path: Path) -> None:
    still = tmp_path / "painted_000006.png"
    still.write_bytes((library / "one.png").read_bytes())
    plan = tmp_path / "plan.json"
    assert run("scenes", film, "-r", still, "-o", plan)[0] == 0
    status, out, err = run("suggest", film, "--plan", plan, "--stills", tmp_path / "paint", "--json")
    assert status == 0, err
    found = json.loads(out)
    assert found["unit"] == "Lab ab"
    frames = [shot["frames"][0] for shot in found["shots"]]
    assert [Path(path).name for path in found["stills"]] == [f"film_{frame:06d}.png" for frame in sorted(frames)]
    assert all((tmp_path / "paint" / f"film_{frame:06d}.png").exists() for frame in frames)
    assert found["shots"][0]["error"] < found["shots"][1]["error"]
    status, out, _ = run("suggest", film, "-r", still, "--count", 2)
    lines = [line.split() for line in out.splitlines()[1:]]
    gains = {line[0]: float(line[-1]) for line in lines if len(line) == 6}
    assert status == 0
    assert list(gains)[-1] == "1"  # the shot that has its still comes last


def test_suggested_stills_join_the_plan_and_painted_ones_are_never_replaced(
    film: Path, library: Path, tmp_path: Path
) -> None:
    paint, plan = tmp_path / "paint", tmp_path / "film.plan.json"
    assert run("scenes", film, "--stills", paint, "-o", plan)[0] == 0
    first = sorted(paint.iterdir())
    for still in first:
        still.write_bytes((library / "one.png").read_bytes())
    suggest = ["suggest", film, "--plan", plan, "--stills", paint, "-o", plan, "--json"]
    status, out, err = run(*suggest)
    assert status == 0, err
    found = json.loads(out)
    new = [Path(path) for path in found["stills"]]
    assert new
    assert sorted(paint.iterdir()) == sorted([*first, *new])
    assert all(still.read_bytes() == (library / "one.png").read_bytes() for still in first)
    planned = json.loads(plan.read_text())["shots"]
    named = [(shot["start"], still["frame"]) for shot in planned for still in shot["references"]]
    wanted = {(shot["start"], frame) for shot in found["shots"] for frame in shot["frames"]}
    assert wanted <= set(named)
    assert len(named) == len(set(named)) == len(first) + len(wanted)
    # Until they are painted the same frames are suggested, and neither files nor plan change.
    before = plan.read_text(), [path.read_bytes() for path in new]
    status, out, err = run(*suggest)
    assert (status, json.loads(out)["stills"]) == (0, []), err
    assert (plan.read_text(), [path.read_bytes() for path in new]) == before
    status, _, err = run("suggest", film, "--plan", plan, "-o", plan)
    assert status == 2
    assert "-o without --stills" in err


def test_a_still_that_waits_to_be_painted_is_suggested_before_other_frames(
    film: Path, library: Path, tmp_path: Path
) -> None:
    paint, plan = tmp_path / "paint", tmp_path / "film.plan.json"
    assert run("scenes", film, "--stills", paint, "-o", plan)[0] == 0
    painted, *waiting = sorted(paint.iterdir())
    painted.write_bytes((library / "one.png").read_bytes())
    suggest = ["suggest", film, "--plan", plan, "--stills", paint, "-o", plan, "--json"]
    found = json.loads(run(*suggest)[1])
    assert [shot["frames"][0] for shot in found["shots"][1:]] == [int(path.stem[-6:]) for path in waiting]
    assert all(shot["gains"][0] > 0 for shot in found["shots"])
    # Only the shot whose still is painted gets another.
    assert [Path(path).stem[-6:] for path in found["stills"]] == [f"{found['shots'][0]['frames'][0]:06d}"]
    assert [len(shot["references"]) for shot in json.loads(plan.read_text())["shots"]] == [2, 1, 1]
    elsewhere = json.loads(run(*suggest[:5], tmp_path / "other", "--count", 2, "--json")[1])
    assert [len(shot["frames"]) for shot in elsewhere["shots"]] == [2, 2, 2]
    assert len(elsewhere["stills"]) == 3  # none of a frame whose still waits


def test_a_plan_that_keeps_all_colours_gets_no_suggestion(film: Path, tmp_path: Path, untrained: Path) -> None:
    plan = tmp_path / "plan.json"
    shots = [{"start": start, "stop": start + 12, "treatment": "keep"} for start in (0, 12, 24)]
    ColorPlan.model_validate({"video": str(film), "frames": 36, "shots": shots}).save(plan)
    words = ["suggest", film, "--plan", plan, "--stills", tmp_path / "paint", "--weights", untrained]
    status, out, err = run(*words)
    assert status == 0
    assert [line.split()[3:] for line in out.splitlines()[1:]] == [["-", "-", "-"]] * 3
    assert err.splitlines() == [
        "note: there is nothing to suggest: every shot keeps its own colours, and no still would change them"
    ]
    found = json.loads(run(*words, "--json")[1])
    assert ([shot["frames"] for shot in found["shots"]], found["stills"]) == ([[], [], []], [])
    assert len(found["notes"]) == 1


def test_suggest_takes_a_plan_or_stills(film: Path, library: Path) -> None:
    status, _, err = run("suggest", film, "--plan", film, "-r", library / "one.png")
    assert status == 2
    assert "both --plan and stills given" in err


def test_a_plan_of_another_length_is_refused(film: Path, library: Path, tmp_path: Path) -> None:
    plan = tmp_path / "short.plan.json"
    ColorPlan(video=str(film), frames=30, shots=[PlannedShot(start=0, stop=30)]).save(plan)
    recommend = ["recommend", film, library]
    preview = ["preview", film, "--duration", "0.5", "-o", tmp_path]
    for words in (["sheet", film], ["suggest", film], preview, recommend):
        status, _, err = run(*words, "--plan", plan)
        assert status == 1, words
        assert "the plan has 30 frames, the film 36" in err
    status, _, err = run(*recommend, "-o", plan)
    assert status == 1
    assert "the plan has 30 frames, the film 36" in err


def test_sheet_shows_every_shot(film: Path, library: Path, untrained: Path) -> None:
    stills = ["--weights", untrained, "-r", library / "one.png", library / "two.png"]
    status, out, err = run("sheet", film, *stills)
    sheet = film.parent / "film.sheet.png"
    assert status == 0, err
    assert out.strip() == str(sheet)
    with Image.open(sheet) as drawn:
        assert drawn.height > 3 * 180
    status, _, err = run("sheet", film)
    assert status == 2
    assert "exists already" in err
    status, out, _ = run("sheet", film, "--each", *stills, "-y", "--json")
    assert status == 0
    assert json.loads(out)["rows"] == 3
    status, out, err = run("sheet", film, "--each", *stills, "--at", "0.2", "--at", "0", "-y", "--json")
    assert (status, json.loads(out)["rows"]) == (0, 2), err
    status, _, err = run("sheet", film, "--each", *stills, "--at", "99", "-y")
    assert status == 1
    assert "no frame at 99.000 s" in err
    assert "the film lasts from 0.000 to 1.500 s" in err
    status, _, err = run("sheet", film, "--each", "-y")
    assert status == 2
    assert "--each without stills" in err


def test_what_a_stills_reading_changed_is_said_once_whichever_way_it_came(
    film: Path, tmp_path: Path, untrained: Path
) -> None:
    still, plan = tmp_path / "film_000006.png", tmp_path / "film.plan.json"
    layer = Image.fromarray(picture(6, 36, 96, 64)).convert("RGBA")
    layer.paste((0, 0, 0, 0), (0, 0, 30, 20))
    layer.save(still)
    said = "film_000006.png: transparent parts are read as neutral grey"
    run("scenes", film, "-r", still, "-o", plan)
    assert ColorPlan.load(plan).notes == [said]
    bare = ColorPlan.load(plan).model_copy(update={"notes": []})
    colorize, sheet = ("colorize", "--no-job", "-o", tmp_path / "film.mkv"), ("sheet", "-o", tmp_path / "s.png")
    by_plan, by_name = ("--plan", plan), ("-r", still)
    for command, stills, notes in (
        (colorize, by_plan, []), (colorize, by_name, []), (sheet, by_plan, []), (sheet, by_plan, [said])
    ):  # fmt: skip
        bare.model_copy(update={"notes": notes}).save(plan)
        status, _, err = run(*command, film, *stills, "-y", "--weights", untrained)
        assert status == 0, err
        assert err.count(said) == 1
