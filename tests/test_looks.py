"""Grey, tinted or in colour, shot by shot."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import Film, picture, render

from vidcolor.errors import PlanError
from vidcolor.plan import ColorPlan, PlannedShot, make_plan
from vidcolor.plan.looks import ColorWatch, keeping_color, remarks_on
from vidcolor.shots import Shot
from vidcolor.video import ChromaPlanes, Frame, VideoReader, plain_transcode


def toned(rgb: np.ndarray, look: str) -> np.ndarray:
    """Return a grey picture as a laboratory left it."""
    grey = rgb @ (0.299, 0.587, 0.114)
    tints = {"grey": (1, 1, 1), "sepia": (1.0, 0.85, 0.62), "blue": (0.7, 0.8, 1.0)}
    if look in tints:
        return (grey[..., None] * tints[look]).astype(np.uint8)
    if look == "hand-tinted":  # a dress and a sky
        painted = np.repeat(grey[..., None], 3, axis=2)
        painted[:20] *= (0.6, 0.8, 1.0)
        painted[30:, 20:60] *= (1.0, 0.6, 0.7)
        return painted.astype(np.uint8)
    return rgb


LOOKS = {"grey": "grey", "sepia": "tinted", "blue": "tinted", "hand-tinted": "color", "color": "color"}


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le"])
@pytest.mark.parametrize("codec", ["ffv1", "libx264"])
def test_each_shot_is_told_apart(tmp_path: Path, pixel_format: str, codec: str) -> None:
    order = ["sepia", "color", "grey"]
    spec = Film(codec=codec, pixel_format=pixel_format, frames=30)
    frames = [toned(picture(index, 30, 96, 64), order[index // 10]) for index in range(30)]
    plan = make_plan(render(tmp_path / "film", spec, pictures=frames), [])
    assert [(shot.start, shot.looks) for shot in plan.shots] == [(0, "tinted"), (10, "color"), (20, "grey")]
    notes, warnings = remarks_on(plan.shots)
    assert notes == ["tinted, and read as black and white: shot 1"]
    assert [each.partition(";")[0] for each in warnings] == ["already in colour, and coloured anew: shot 2"]
    assert [shot.treatment for shot in keeping_color(plan).shots] == ["color", "keep", "color"]
    assert remarks_on(keeping_color(plan).shots) == (notes, [])


@pytest.mark.parametrize("look", list(LOOKS))
def test_footage_as_archives_have_it(tmp_path: Path, look: str) -> None:
    frames = [toned(picture(index, 12, 96, 64), look) for index in range(12)]
    film = render(tmp_path / "film", Film(pixel_format="yuv444p"), pictures=frames)
    assert {shot.looks for shot in make_plan(film, []).shots} == {LOOKS[look]}


@pytest.mark.parametrize("shot", [(18, 30), (30, 44), (137, 150), (200, 214)])
def test_dull_colours_are_colours(truth: Path, tmp_path: Path, shot: tuple[int, int]) -> None:
    part = tmp_path / "part.mkv"
    plain_transcode(truth, part, start=Fraction(2 * shot[0] - 1, 50), end=Fraction(2 * shot[1] - 1, 50))
    assert {each.looks for each in make_plan(part, []).shots} == {"color"}


@pytest.mark.parametrize("look", ["sepia", "toned", "grey"])
@pytest.mark.parametrize("crf", ["18", "32"])
def test_tints_stay_tints_in_noise_and_compression(samples: Path, tmp_path: Path, look: str, crf: str) -> None:
    rng, pictures = np.random.default_rng(0), []
    with VideoReader(samples / "bikes.mkv", end=Fraction(1, 4)) as reader:
        for frame in reader:
            grey = np.repeat(frame.luma[..., None], 3, axis=2) / 255.0
            rgb = {"sepia": grey * (1.0, 0.85, 0.62), "toned": grey ** (0.8, 1.0, 1.25), "grey": grey}[look]
            pictures.append(np.clip(255 * rgb + rng.normal(0, 6, rgb.shape), 0, 255).astype(np.uint8))
    height, width = pictures[0].shape[:2]
    spec = Film(codec="libx264", options=(("crf", crf),), width=width, height=height, frames=len(pictures))
    film = render(tmp_path / "film", spec, pictures=pictures)
    assert {shot.looks for shot in make_plan(film, []).shots} == {"grey" if look == "grey" else "tinted"}


@pytest.mark.parametrize("pixel_format", ["gray", "rgb24"])
def test_formats_without_chroma_planes(tmp_path: Path, pixel_format: str) -> None:
    rgb = Film(suffix=".mov", codec="png", pixel_format="rgb24")
    film = render(tmp_path / "film", rgb if pixel_format == "rgb24" else Film(pixel_format=pixel_format))
    assert {shot.looks for shot in make_plan(film, []).shots} == {"grey"}
    if pixel_format == "rgb24":
        colored = render(tmp_path / "colored", replace(rgb, look="color"))
        assert {shot.looks for shot in make_plan(colored, []).shots} == {"color"}


def test_a_film_that_ends_with_a_frame_of_colour(tmp_path: Path) -> None:
    frames = [picture(index, 18, 96, 64, "grey" if index < 12 else "color") for index in range(14)]
    plan = make_plan(render(tmp_path / "film", Film(frames=14), pictures=frames), [], start=Fraction(0))
    assert [(shot.start, shot.looks) for shot in plan.shots][-1] == (12, "color")


@pytest.mark.parametrize("bit_depth", [8, 10, 16])
def test_neutral_chroma_is_grey_at_any_depth(bit_depth: int) -> None:
    watch = ColorWatch(bit_depth=bit_depth)
    dtype = np.uint8 if bit_depth == 8 else np.uint16
    plane = np.full((1, 1) if bit_depth == 16 else (9, 7), 1 << (bit_depth - 1), dtype)
    watch.push(Frame(0, 0, np.zeros((9, 7), dtype), ChromaPlanes(plane, plane)))
    assert watch.looks(Shot(0, 1)) == "grey"


def test_a_plan_that_does_not_say_what_shots_show_keeps_nothing_by_itself() -> None:
    plan = ColorPlan(video="x", frames=1, shots=[PlannedShot(start=0, stop=1)])
    with pytest.raises(PlanError, match="does not say which shots are in colour") as caught:
        keeping_color(plan)
    assert "scenes VIDEO -o PLAN" in str(caught.value.hint)


def test_one_odd_frame_does_not_decide(tmp_path: Path) -> None:
    film = render(tmp_path / "film", Film(frames=3, look="color"))
    with VideoReader(film) as reader:
        colored = next(iter(reader))
    grey = replace(colored, source_chroma=None)
    neutral = ChromaPlanes(np.full((32, 48), 128, np.uint8), np.full((32, 48), 128, np.uint8))
    watch = ColorWatch(bit_depth=8)
    for index in range(0, 40, 4):
        watch.push(
            replace(
                colored if index == 12 else grey,
                index=index,
                source_chroma=neutral if index != 12 else colored.source_chroma,
            )
        )
    assert watch.looks(Shot(0, 40)) == "grey"
    assert watch.looks(Shot(12, 16)) == "color"


def test_shots_are_named_as_they_are_listed() -> None:
    looks = ["color", "grey", "color", "color", "grey", "color", "color", "color"]
    shots = [PlannedShot(start=n, stop=n + 1, looks=look) for n, look in enumerate(looks)]  # type: ignore[arg-type]
    (warning,) = remarks_on(shots)[1]
    assert warning.startswith("already in colour, and coloured anew: shots 1, 3 and 4, 6 to 8; --keep-color")
    whole = ColorPlan(video="x", frames=1, shots=[PlannedShot(start=0, stop=1, looks="color")])
    assert "the whole film" in remarks_on(whole.shots)[1][0]


def test_a_shot_between_two_measured_frames_looks_as_they_do(tmp_path: Path) -> None:
    watch = ColorWatch(bit_depth=8)
    with VideoReader(render(tmp_path / "film", Film(frames=40, look="color"))) as reader:
        for frame in reader:
            watch.push(frame)
    watch.finish()
    assert [watch.looks(Shot(start, start + 3)) for start in (5, 21, 37)] == ["color"] * 3
