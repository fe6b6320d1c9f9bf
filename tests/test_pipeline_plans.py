"""What a plan says of a shot is done to that shot, in the film and in previews."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from films import Film, picture, render

from vidcolor import Colorizer
from vidcolor.color import rgb_to_ab, rgb_to_lab
from vidcolor.errors import VideoError
from vidcolor.evaluation.pictures import picture as as_rgb
from vidcolor.metrics import ciede2000
from vidcolor.plan import ColorPlan, PlannedShot, make_plan
from vidcolor.references import load_reference
from vidcolor.sheets import SheetRow, lay_out
from vidcolor.verification import verify
from vidcolor.video import VideoReader

FRAMES = 30
GREY = Film(codec="libx264", frames=FRAMES, options=(("qp", "0"),))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes in grey, with cuts at 10 and 20."""
    return render(tmp_path_factory.mktemp("film") / "grey", GREY)


@pytest.fixture(scope="module")
def stills(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A painted still of each scene."""
    folder = tmp_path_factory.mktemp("stills")
    paths = [folder / f"s_{index:06d}.png" for index in (4, 15, 25)]
    for path, index in zip(paths, (4, 15, 25), strict=True):
        cv2.imwrite(str(path), picture(index, FRAMES, 96, 64)[:, :, ::-1])
    return paths


@pytest.fixture(scope="module")
def plan(film: Path, stills: list[Path]) -> ColorPlan:
    return make_plan(film, [load_reference(still) for still in stills])


def edited(plan: ColorPlan, number: int, **settings: object) -> ColorPlan:
    values = plan.model_dump()
    values["shots"][number].update(settings)
    return ColorPlan.model_validate(values)


def chroma_of(path: Path) -> list[np.ndarray]:
    with VideoReader(path) as reader:
        return [np.stack([f.source_chroma.cb, f.source_chroma.cr]).astype(int) for f in reader if f.source_chroma]


def ab_of(path: Path) -> list[np.ndarray]:
    """Return Lab ab (h, w, 2) of each frame as a player shows it."""
    frames = []
    with VideoReader(path) as reader:
        for frame in reader:
            assert frame.source_chroma is not None
            cb, cr = (
                cv2.resize(plane.astype(np.float32), (96, 64)) - 128
                for plane in (frame.source_chroma.cb, frame.source_chroma.cr)
            )
            luma = (frame.luma.astype(np.float32) - 16) / 219
            red, blue = 1.402 * cr / 224, 1.772 * cb / 224
            green = -(0.299 * red + 0.114 * blue) / 0.587
            rgb = np.clip(np.stack([luma + red, luma + green, luma + blue], axis=-1), 0, 1)
            frames.append(rgb_to_ab(rgb))
    return frames


def hue_apart(a: np.ndarray, b: np.ndarray) -> float:
    """Return the chroma-weighted mean angle in degrees from the colours of `a` to those of `b`."""
    product = (a[..., 0] + 1j * a[..., 1]).conj() * (b[..., 0] + 1j * b[..., 1])
    return float(np.rad2deg(np.angle(product.sum())))


@pytest.fixture(scope="module")
def plain(colorizer: Colorizer, film: Path, plan: ColorPlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colorizer.colorize(
        film, plan=plan, output=tmp_path_factory.mktemp("out") / "plain.mkv", lossless=True
    ).output


def test_settings_change_their_shot_only(
    colorizer: Colorizer, film: Path, plan: ColorPlan, plain: Path, tmp_path: Path
) -> None:
    changed = edited(edited(plan, 0, saturation=0.5), 2, hue=90.0)
    result = colorizer.colorize(film, plan=changed, output=tmp_path / "out.mkv", lossless=True).output
    before, after = chroma_of(plain), chroma_of(result)
    assert all(np.array_equal(a, b) for a, b in zip(before[10:20], after[10:20], strict=True))
    weaker = [np.abs(b - 128).mean() / np.abs(a - 128).mean() for a, b in zip(before[:10], after[:10], strict=True)]
    assert all(0.4 < share < 0.6 for share in weaker)
    turns = [hue_apart(a, b) for a, b in zip(ab_of(plain)[20:], ab_of(result)[20:], strict=True)]
    assert all(80 < turn < 100 for turn in turns)


def test_temperature_warms_its_shot_and_saturation_of_all_comes_on_top(
    colorizer: Colorizer, film: Path, plan: ColorPlan, plain: Path, tmp_path: Path
) -> None:
    warm = edited(plan, 1, temperature=60.0)
    result = colorizer.colorize(film, plan=warm, output=tmp_path / "warm.mkv", lossless=True).output
    shifts = [float((b - a)[..., 1].mean()) for a, b in zip(ab_of(plain), ab_of(result), strict=True)]
    assert all(abs(shift) < 0.01 for shift in shifts[:10] + shifts[20:])
    assert all(shift > 5 for shift in shifts[10:20])
    grey = colorizer.colorize(film, plan=warm, output=tmp_path / "grey.mkv", saturation=0, lossless=True).output
    assert all((chroma == 128).all() for chroma in chroma_of(grey))


def test_a_still_colours_the_frames_that_it_is_bound_to(
    colorizer: Colorizer, film: Path, plan: ColorPlan, stills: list[Path], tmp_path: Path
) -> None:
    results = {}
    for name, frames in (("all", None), ("every", [20, 30]), ("late", [24, 30]), ("none", False)):
        references = [] if frames is False else [{"path": str(stills[2]), "frame": None, "frames": frames}]
        bound = edited(plan, 2, references=references)
        output = tmp_path / f"{name}.mkv"
        results[name] = chroma_of(colorizer.colorize(film, plan=bound, output=output, lossless=True).output)
    assert all(np.array_equal(a, b) for a, b in zip(results["all"], results["every"], strict=True))
    assert np.array_equal(results["late"][20], results["none"][20])
    # From its first frame on the still counts, and nothing that was decided before it.
    cut = plan.with_shots(
        [
            *plan.shots[:2],
            PlannedShot(start=20, stop=24),
            PlannedShot.model_validate(
                {**bound.shots[2].model_dump(), "start": 24, "references": [{"path": str(stills[2])}]}
            ),
        ]
    )
    apart = chroma_of(colorizer.colorize(film, plan=cut, output=tmp_path / "cut.mkv", lossless=True).output)
    assert all(np.array_equal(a, b) for a, b in zip(results["late"][24:], apart[24:], strict=True))
    both = [{"path": str(stills[1]), "frames": [20, 24]}, {"path": str(stills[2]), "frames": [24, 30]}]
    handed_on = colorizer.colorize(
        film, plan=edited(plan, 2, references=both), output=tmp_path / "both.mkv", lossless=True
    )
    assert all(np.array_equal(a, b) for a, b in zip(chroma_of(handed_on.output)[24:], apart[24:], strict=True))
    # Before that frame colours change over to it, from the keyframe before.
    gaps = [np.abs(results["late"][n] - results["late"][24]).mean() for n in (20, 23)]
    hard = [np.abs(apart[n] - apart[24]).mean() for n in (20, 23)]
    assert gaps[1] < hard[1]


def test_what_is_not_painted_is_left_out_and_what_is_borrowed_is_used(
    colorizer: Colorizer, film: Path, plan: ColorPlan, plain: Path, tmp_path: Path
) -> None:
    grey = tmp_path / "grey.png"
    cv2.imwrite(str(grey), picture(25, FRAMES, 96, 64, "grey"))
    unpainted = edited(plan, 2, references=[{"path": str(grey), "frame": 25}])
    report = colorizer.colorize(film, plan=unpainted, output=tmp_path / "a.mkv", lossless=True)
    assert "1 of 3 stills are not painted yet (shot 3); automatic colours in shot 3" in report.notes
    empty = colorizer.colorize(film, plan=edited(plan, 2, references=[]), output=tmp_path / "b.mkv", lossless=True)
    borrowed = colorizer.colorize(
        film, plan=edited(unpainted, 2, borrow=[12]), output=tmp_path / "c.mkv", lossless=True
    )
    left_out, automatic, with_borrowed = (chroma_of(each.output) for each in (report, empty, borrowed))
    assert all(np.array_equal(a, b) for a, b in zip(left_out, automatic, strict=True))
    assert not np.array_equal(with_borrowed[25], automatic[25])
    assert all(np.array_equal(a, b) for a, b in zip(with_borrowed[:20], chroma_of(plain)[:20], strict=True))


@pytest.mark.parametrize(
    ("pixel_format", "codec", "suffix"),
    [
        ("yuv420p", "x264", ".mkv"),
        ("yuv422p10le", "x265", ".mkv"),
        ("yuv444p", "ffv1", ".mkv"),
        ("nv12", "x264", ".mp4"),
    ],
)
def test_chroma_that_is_kept_is_bit_equal(
    colorizer: Colorizer, tmp_path: Path, pixel_format: str, codec: str, suffix: str
) -> None:
    # The second scene is in colour, the others are grey.
    coded = {"nv12": ("rawvideo", ".nut")}.get(pixel_format, ("ffv1", ".mkv"))
    spec = Film(codec=coded[0], suffix=coded[1], pixel_format=pixel_format, frames=FRAMES)
    looks = ["grey", "color", "grey"]
    frames = [picture(index, FRAMES, 96, 64, looks[index // 10]) for index in range(FRAMES)]
    mixed = render(tmp_path / "mixed", spec, pictures=frames)
    report = colorizer.colorize(
        mixed, output=tmp_path / f"out{suffix}", codec=codec, lossless=codec != "ffv1", keep_color=True
    )
    own, got = chroma_of(mixed), chroma_of(report.output)
    assert all(np.array_equal(a, b) for a, b in zip(own[10:20], got[10:20], strict=True))
    assert all((a != b).any() for a, b in zip(own[:10] + own[20:], got[:10] + got[20:], strict=True))
    assert report.warnings == ()
    found = verify(mixed, report.output)
    assert found.ok, found.differences
    replaced = colorizer.colorize(mixed, output=tmp_path / f"new{suffix}", codec=codec, lossless=codec != "ffv1")
    assert any("already in colour, and coloured anew: shot 2" in warning for warning in replaced.warnings)
    assert all((a != b).any() for a, b in zip(own[10:20], chroma_of(replaced.output)[10:20], strict=True))


def test_a_grey_shot_that_is_left_alone_stays_grey(
    colorizer: Colorizer, film: Path, plan: ColorPlan, plain: Path, tmp_path: Path
) -> None:
    report = colorizer.colorize(film, plan=edited(plan, 1, treatment="keep"), output=tmp_path / "o.mkv", lossless=True)
    got = chroma_of(report.output)
    assert all((chroma == 128).all() for chroma in got[10:20])
    others = [*range(10), *range(20, 30)]
    assert all(np.array_equal(got[index], chroma_of(plain)[index]) for index in (others[0], others[-1]))
    gray = render(tmp_path / "gray", Film(pixel_format="gray", frames=12))
    whole = make_plan(gray, [])
    kept = whole.with_shots(shot.model_copy(update={"treatment": "keep"}) for shot in whole.shots)
    report = colorizer.colorize(gray, plan=kept, output=tmp_path / "gray.out.mkv", lossless=True)
    assert report.network_frames == 0
    assert all((chroma == 128).all() for chroma in chroma_of(report.output))


def test_kept_chroma_in_another_layout_is_resampled_and_said(colorizer: Colorizer, tmp_path: Path) -> None:
    colored = render(tmp_path / "colored", Film(look="color", frames=12))
    report = colorizer.colorize(colored, output=tmp_path / "out.mov", codec="prores", keep_color=True)
    assert "chroma that is kept is resampled from 4:2:0 to 4:2:2" in report.notes
    with VideoReader(colored) as before, VideoReader(report.output) as after:
        a, b = next(iter(before)).source_chroma, next(iter(after)).source_chroma
        assert a is not None
        assert b is not None
        assert np.abs(cv2.resize(a.cb, (48, 64)).astype(float) - b.cb / 4).mean() < 4
    interlaced = render(tmp_path / "i", Film(look="color", frames=12, field_order=2, codec="libx264"))
    with pytest.raises(VideoError, match="cannot be kept in 4:2:2"):
        colorizer.colorize(interlaced, output=tmp_path / "i.mov", codec="prores", keep_color=True)
    assert not (tmp_path / "i.mov").exists()


def test_preview_follows_the_plan_of_the_whole_film(
    colorizer: Colorizer, film: Path, plan: ColorPlan, tmp_path: Path
) -> None:
    start, duration = Fraction(15, 48), Fraction(24, 48)  # from frame 8, 12 frames
    shown = {}
    for name, each in (("plain", plan), ("kept", edited(plan, 1, treatment="keep")), ("made", None)):
        report = colorizer.preview(
            film,
            plan=each,
            side_by_side=tmp_path / f"{name}.mp4",
            contact_sheet=tmp_path / f"{name}.png",
            start=start,
            duration=duration,
        )
        assert report.frames == 12
        with VideoReader(report.side_by_side) as reader:
            shown[name] = [
                np.stack([f.source_chroma.cb, f.source_chroma.cr]).astype(int)[:, :, -48:] - 128
                for f in reader
                if f.source_chroma
            ]
    assert len(shown["plain"]) == 12
    assert all(np.abs(chroma).mean() > 4 for chroma in shown["plain"])
    assert all(np.abs(chroma).mean() < 1 for chroma in shown["kept"][3:])
    assert np.abs(shown["kept"][0] - shown["plain"][0]).mean() < 1
    sheet = cv2.imread(str(tmp_path / "plain.png"))
    assert sheet is not None
    assert sheet.shape[0] > 2 * 180  # two shots


def test_the_sheet_of_a_preview_has_the_films_own_numbers_and_names_the_stills(
    colorizer: Colorizer,
    film: Path,
    stills: list[Path],
    plan: ColorPlan,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows: list[SheetRow] = []

    def kept(shown: list[SheetRow]) -> np.ndarray:
        rows[:] = shown
        return lay_out(shown)

    monkeypatch.setattr("vidcolor.pipeline.lay_out", kept)

    def captions(given: ColorPlan | None, start: Fraction | None, references: list[Path]) -> list[str]:
        colorizer.preview(
            film,
            references=references,
            plan=given,
            side_by_side=tmp_path / "side.mp4",
            contact_sheet=tmp_path / "sheet.png",
            start=start,
            duration=Fraction(6, 24),
            overwrite=True,
        )
        return [row.caption for row in rows]

    start = Fraction(15, 24)
    assert captions(plan, start, []) == [
        "shot 2, frames 15 to 19: frame 17 at 0.708 s",
        "shot 3, frames 20 to 20: frame 20 at 0.833 s",
    ]
    assert rows[0].labels == ("film", "s_000015.png", "result")
    assert captions(None, start, stills[1:]) == [
        "frames 15 to 19: frame 19 at 0.792 s",
        "frames 20 to 20: frame 20 at 0.833 s",
    ]
    assert captions(plan, None, []) == ["shot 1, frames 0 to 5: frame 4 at 0.167 s"]
    monkeypatch.setattr("vidcolor.previewing.packet_times", lambda *_, **__: None)
    assert captions(None, start, []) == ["at 0.792 s", "at 0.833 s"]


def test_preview_shows_the_colours_that_are_kept(colorizer: Colorizer, tmp_path: Path) -> None:
    colored = render(tmp_path / "colored", Film(look="color", frames=12))
    colorizer.preview(
        colored,
        side_by_side=tmp_path / "side.mp4",
        contact_sheet=tmp_path / "sheet.png",
        duration=Fraction(1, 24),
        keep_color=True,
    )
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    cell = cv2.resize(picture(0, 12, 96, 64), (270, 180), interpolation=cv2.INTER_AREA)
    for left in (8, 8 + 270 + 8):
        got = sheet[22 : 22 + 180, left : left + 270, ::-1]
        assert ciede2000(rgb_to_lab(got / 255), rgb_to_lab(cell / 255)).mean() < 5


def test_a_plan_of_the_film_colours_a_segment_as_it_colours_the_film(
    colorizer: Colorizer, film: Path, plan: ColorPlan, plain: Path, tmp_path: Path
) -> None:
    start = Fraction(19, 48)  # from frame 10, where a shot begins
    part = colorizer.colorize(film, plan=plan, output=tmp_path / "part.mkv", start=start, lossless=True)
    assert part.frames == 20
    assert all(np.array_equal(a, b) for a, b in zip(chroma_of(part.output), chroma_of(plain)[10:], strict=True))


def _scene(name: str, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(getattr(skimage.data, name)()[:320, :480], size, interpolation=cv2.INTER_AREA)


def test_a_shot_that_comes_back_has_the_colours_of_its_still(tmp_path: Path) -> None:
    person, cup = (_scene(name, (192, 128)) for name in ("astronaut", "coffee"))
    back = np.roll(person, 3, axis=1)
    shown = [*[person] * 8, *[cup] * 8, *[back] * 8]
    greys = [np.repeat((rgb @ (0.299, 0.587, 0.114)).astype(np.uint8)[..., None], 3, axis=2) for rgb in shown]
    path = render(tmp_path / "film", Film(codec="ffv1", frames=24, width=192, height=128), pictures=greys)
    stills = [tmp_path / "a_000000.png", tmp_path / "b_000008.png"]
    for still, rgb in zip(stills, (person, cup), strict=True):
        cv2.imwrite(str(still), rgb[:, :, ::-1])
    plan = make_plan(path, stills)
    assert [shot.start for shot in plan.shots] == [0, 8, 16]
    assert [(each.path, each.frame) for each in plan.shots[2].references] == [(str(stills[0]), None)]
    made = Colorizer.load().colorize(path, plan=plan, output=tmp_path / "out.mkv", lossless=True)
    with VideoReader(made.output) as reader:
        result, truth = (
            rgb_to_ab(rgb.astype(np.float32) / 255)
            for rgb in ([as_rgb(frame, reader.info) for frame in reader][20], back)
        )
    error = np.linalg.norm(result - truth, axis=2)[:, 8:]
    assert error.mean() < 1.8  # 2.3 by likeness alone


def test_a_shots_own_still_is_obeyed_before_another_one_of_the_same_view(tmp_path: Path) -> None:
    scene = _scene("astronaut", (96, 64))
    grey = (scene @ (0.299, 0.587, 0.114)).astype(np.uint8)
    film = render(
        tmp_path / "film", Film(codec="ffv1", frames=40), pictures=[np.repeat(grey[..., None], 3, axis=2)] * 40
    )
    own, other = tmp_path / "own.png", tmp_path / "other.png"
    cv2.imwrite(str(own), scene[:, :, ::-1])
    cv2.imwrite(str(other), scene[:, :, [1, 0, 2]])

    def last(*references: Mapping[str, object]) -> np.ndarray:
        shot = {"start": 0, "stop": 40, "references": list(references)}
        plan = ColorPlan.model_validate({"video": str(film), "frames": 40, "shots": [shot]})
        output = tmp_path / "out.mkv"
        Colorizer.load().colorize(film, plan=plan, output=output, lossless=True, overwrite=True)
        return ab_of(output)[-1]

    bound, loose = {"path": str(own), "frame": 0}, {"path": str(other), "frame": None}
    alone, both, neither = last(bound), last(bound, loose), last(loose)
    np.testing.assert_array_equal(both, alone)
    assert np.abs(neither - alone).mean() > 10
