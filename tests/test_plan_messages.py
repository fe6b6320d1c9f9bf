"""What is wrong in a plan is named by line, key and allowed values."""

import json
from pathlib import Path
from typing import Any

import pytest

from vidcolor.errors import PlanError
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot
from vidcolor.plan.positions import DuplicateKeyError, find_lines, line_of


def plan_of(tmp_path: Path) -> ColorPlan:
    still = PlannedReference(path=str(tmp_path / "stills" / "a_0003.png"), frame=3)
    shots = [PlannedShot(start=0, stop=10, references=[still]), PlannedShot(start=10, stop=30)]
    return ColorPlan(video="film.mkv", frames=30, shots=shots, notes=["a note"])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda p: p.update(colour=1), "unknown key colour; allowed: version, video, frames, shots, notes"),
        (
            lambda p: p["shots"][1].update(refs=[]),
            "unknown key shots.1.refs; allowed: start, stop, dissolve, keyframe, looks, treatment, saturation, hue, "
            "temperature, borrow, references",
        ),
        (
            lambda p: p["shots"][0]["references"][0].update(strength=1),
            "unknown key shots.0.references.0.strength; allowed: path, frame",
        ),
        (lambda p: p.update(version=2), "key version is 2: input should be 1"),
        (lambda p: p.pop("frames"), "key frames is missing"),
        (lambda p: p.update(frames=31), "the last shot stops at 30; frames is 31"),
        (lambda p: p["shots"][1].update(start=11), "shots.1.start is 11; the shot before it stops at 10"),
        (lambda p: p["shots"][1].update(stop=10), "stop is 10; a shot [start, stop) from 10 stops later"),
        (
            lambda p: p["shots"][0]["references"][0].update(frame=10),
            "is bound to frame 10; allowed in this shot: 0 to 9, or null",
        ),
        (lambda p: p["shots"][0]["references"][0].update(frame="x"), "key shots.0.references.0.frame is 'x'"),
        (lambda p: p.update(shots=[]), "key shots is []"),
        (lambda p: p.update(frames=10**30), "input should be less than or equal to"),
        (lambda p: p["shots"][0]["references"][0].update(path=""), "the path is empty"),
        (lambda p: p["shots"][1].update(saturation=5), "key shots.1.saturation is 5: input should be less than or"),
        (lambda p: p["shots"][1].update(saturation=5), "; allowed: 0 to 4"),
        (lambda p: p["shots"][1].update(saturation=float("nan")), "; allowed: 0 to 4"),
        (lambda p: p["shots"][1].update(hue="red"), "key shots.1.hue is 'red'"),
        (lambda p: p["shots"][1].update(hue="red"), "; allowed: -180 to 180 degrees"),
        (lambda p: p["shots"][1].update(temperature=-91), "; allowed: -90 (cooler) to 90 (warmer) mired"),
        (lambda p: p["shots"][1].update(treatment="leave"), '; allowed: "color" or "keep"'),
        (lambda p: p["shots"][1].update(looks="sepia"), '; allowed: "grey", "tinted", "color", "title" or null'),
        (lambda p: p["shots"][1].update(keyframe=9), "keyframe is 9; allowed in this shot: 10 to 29, or null"),
        (lambda p: p["shots"][1].update(borrow=[12]), "borrow names frame 12; allowed: frames of other shots, 0 to 29"),
        (lambda p: p["shots"][1].update(borrow=3), "; allowed: frames of other shots, such as [137]"),
        (lambda p: p["shots"][0]["references"][0].update(frames=[2, 11]), "allowed in this shot: a part of [0, 10)"),
        (lambda p: p["shots"][0]["references"][0].update(frames=[4, 4]), "allowed in this shot: a part of [0, 10)"),
        (lambda p: p["shots"][0]["references"][0].update(frames=[4, 8]), "painted on frame 3; its frames [4, 8) must"),
        (lambda p: p["shots"][0]["references"][0].update(frames=[4]), "shots.0.references.0.frames"),
        (lambda p: p["shots"][1].update(start=None), "shots.1.start is None"),
        (lambda p: p.update(shots=[7]), "key shots.0 is 7"),
    ],
)
def test_a_wrong_plan_is_refused_with_the_key_named(tmp_path: Path, edit: Any, message: str) -> None:
    path = tmp_path / "plan.json"
    plan_of(tmp_path).save(path)
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))
    with pytest.raises(PlanError) as caught:
        ColorPlan.load(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b'{"frames": 1' + b"0" * 5000 + b"}", b"[" * 100_000, None],
    ids=["empty", "cut off", "binary", "list", "huge number", "deep", "missing"],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PlanError, match=r"plan\.json"):
        ColorPlan.load(path)


@pytest.mark.parametrize(
    ("old", "new", "below"),
    [
        ('"saturation": 1.0', '"saturation": 9', 0),
        ('"treatment": "color"', '"treatment": "none"', 0),
        ('"frame": 3', '"frame": 99', 0),
        ('"start": 10', '"start": 12', 0),
        ('"notes": [', '"nodes": [', 0),
        ('"stop": 30', '"stop": 5', 0),
        ('"frames": 30', '"frames": 31', None),  # the last shot is the one to look at
        ('"saturation": 1.0,', '"saturation": 1.0 ', 1),  # the comma is missed on the line behind
        ('"looks": null,', '"looks": grey,', 0),
        ('"hue": 0.0,', '"hue": 0.0, "hue": 2,', 0),
    ],
)
def test_the_line_is_named(tmp_path: Path, old: str, new: str, below: int | None) -> None:
    path = tmp_path / "plan.json"
    plan_of(tmp_path).save(path)
    before, found, after = path.read_text().partition(old)
    assert found
    path.write_text(before + new + after)
    line = path.read_text().splitlines().index('      "stop": 30,') if below is None else before.count("\n") + below
    with pytest.raises(PlanError) as caught:
        ColorPlan.load(path)
    assert str(caught.value).startswith(f"{path}, line {line + 1}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("start", ["null", "10.5", '"ten"', None])
def test_a_wrong_start_is_named_where_the_shot_before_lasts_to_it(tmp_path: Path, start: str | None) -> None:
    path = tmp_path / "plan.json"
    second = "{}" if start is None else f'{{"start": {start}}}'
    path.write_text(f'{{"video": "film.mkv",\n"frames": 30, "shots": [\n{{"start": 0}},\n{second}\n]}}')
    with pytest.raises(PlanError, match=r"line 4: key shots\.1\.start is"):
        ColorPlan.load(path)


@pytest.mark.parametrize("start", ["10.0", '"10"'])
def test_a_start_that_is_taken_for_a_number_ends_the_shot_before(tmp_path: Path, start: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(f'{{"video": "film.mkv", "frames": 30, "shots": [{{"start": 0}}, {{"start": {start}}}]}}')
    assert [(shot.start, shot.stop) for shot in ColorPlan.load(path).shots] == [(0, 10), (10, 30)]


def test_a_wrong_value_is_shown_in_part_where_it_is_long(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps([{"start": number, "saturation": 1.0} for number in range(500)]))
    with pytest.raises(PlanError, match=r"key plan is \[{'start': 0, .*\.\.\.: ") as caught:
        ColorPlan.load(path)
    assert len(caught.value.message) < len(str(path)) + 240


def test_lines_of_any_json_are_those_of_its_values() -> None:
    values: Any = {
        "a": [{"b": 1}, [], {}, ["x,{", 'q"[', {"": [True, None]}]],
        "c": {"d e": -1.5e3, "ü": "\\"},
        "f": "\n",
    }
    text = json.dumps(values, indent=1, ensure_ascii=False)
    lines = text.splitlines()
    found = find_lines(text)

    def check(value: Any, keys: tuple[str | int, ...]) -> None:
        stands = lines[found[keys] - 1]
        if keys and isinstance(keys[-1], str):
            assert stands.strip().startswith(json.dumps(keys[-1], ensure_ascii=False) + ":")
        elif not isinstance(value, dict | list):
            assert stands.strip().rstrip(",") == json.dumps(value, ensure_ascii=False)
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, each in inner:
            check(each, (*keys, key))

    check(values, ())
    assert line_of(("a", 0, "missing", 3), found) == found["a", 0]


def test_a_key_given_twice_is_refused_with_both_lines() -> None:
    with pytest.raises(DuplicateKeyError, match=r"key a\.1\.x is given twice, on lines 3 and 4"):
        find_lines('{"a": [\n{"x": 1}, {\n"x": 2,\n"x": 3}]}')


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_plan_saved_in_another_encoding_is_to_be_saved_as_utf8(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "plan.json"
    plan = plan_of(tmp_path)
    path.write_text(json.dumps({**plan.model_dump(), "notes": ["müde"]}, ensure_ascii=False), encoding=encoding)
    with pytest.raises(PlanError, match="not JSON in UTF-8") as caught:
        ColorPlan.load(path)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("save it as UTF-8")


def test_a_time_in_place_of_a_frame_number_is_told_what_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    values = plan_of(tmp_path).model_dump()
    values["shots"][1]["start"] = "0:00:01"
    path.write_text(json.dumps(values))
    with pytest.raises(PlanError, match=r"shots\.1\.start is '0:00:01': .*; allowed: a frame number, counted from 0"):
        ColorPlan.load(path)
