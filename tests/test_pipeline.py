from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from films import Film, our_threads, picture, render
from PIL import Image

from vidcolor import Colorizer
from vidcolor.errors import PlanError, ReferenceImageError, VidcolorError, VideoError
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot, make_plan
from vidcolor.references import Reference, load_reference
from vidcolor.reports import PreviewReport
from vidcolor.verification import verify
from vidcolor.video import RgbVideoWriter, VideoReader, plain_transcode

_FRAMES = 30
_GREY = Film(look="grey", codec="libx264", audio=("flac",), frames=_FRAMES)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes in grey, with cuts at 10 and 20."""
    return render(tmp_path_factory.mktemp("film") / "grey", _GREY)


def _still(path: Path, index: int, change: Callable[[np.ndarray], np.ndarray] | None = None) -> Path:
    rgb = picture(index, _FRAMES, _GREY.width, _GREY.height)
    cv2.imwrite(str(path), (change(rgb) if change else rgb)[:, :, ::-1])
    return path


def _chroma(path: Path) -> list[np.ndarray]:
    with VideoReader(path) as reader:
        return [np.stack([f.source_chroma.cb, f.source_chroma.cr]).astype(int) for f in reader if f.source_chroma]


def test_lossless_result_passes_verify_and_is_in_colour(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    stills = [_still(tmp_path / f"still_{index:06d}.png", index) for index in (4, 15, 25)]
    report = colorizer.colorize(film, references=stills, output=tmp_path / "out.mkv", lossless=True)
    assert report.frames == _FRAMES
    assert report.shots == 3
    found = verify(film, report.output)
    assert found.ok, found.differences
    assert found.lossless
    spreads = [np.abs(chroma - 128).max() for chroma in _chroma(report.output)]
    assert min(spreads) > 20
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.parametrize("kind", [str, Path, load_reference])
def test_one_still_in_place_of_a_list_is_named(
    colorizer: Colorizer, film: Path, tmp_path: Path, kind: Callable[[Path], str]
) -> None:
    still = _still(tmp_path / "still.png", 4)
    with pytest.raises(ReferenceImageError, match=r"references are .*still\.png.*; expected a list of stills"):
        colorizer.colorize(film, references=kind(still), output=tmp_path / "out.mkv")
    assert [path.name for path in tmp_path.iterdir()] == ["still.png"]


def test_the_default_output_holds_the_codec(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    plain_transcode(film, clip)
    assert colorizer.colorize(clip, quality="fast", codec="ffv1").output == tmp_path / "clip.color.mkv"


def test_tags_by_which_players_show_other_colours_are_noted(colorizer: Colorizer, tmp_path: Path) -> None:
    def unlike(film: Film) -> list[str]:
        report = colorizer.colorize(render(tmp_path / "film", film), quality="fast", overwrite=True)
        return [note for note in report.notes if "bt709" in note]

    assert unlike(replace(_GREY, frames=5, primaries=1, transfer=1)) == []
    assert unlike(replace(_GREY, frames=5, primaries=9, transfer=16)) == [
        "the film is tagged bt2020, smpte2084: colours are made as for bt709, and players show them otherwise"
    ]


def test_a_stills_own_frame_returns_its_colours(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    # Even untrained networks cannot spoil it: the still's own colours stand on its own frame.
    still = _still(tmp_path / "painted_000015.png", 15)
    report = colorizer.colorize(film, references=[still], output=tmp_path / "out.mkv", lossless=True)
    rgb = picture(15, _FRAMES, _GREY.width, _GREY.height).astype(np.float64)
    cb = 128 + (rgb @ (-0.168736, -0.331264, 0.5)) * 224 / 255
    cr = 128 + (rgb @ (0.5, -0.418688, -0.081312)) * 224 / 255
    small = [
        cv2.resize(plane, (_GREY.width // 2, _GREY.height // 2), interpolation=cv2.INTER_AREA) for plane in (cb, cr)
    ]
    error = np.abs(_chroma(report.output)[15] - np.stack(small))
    assert error.mean() < 2  # measured: 1.4, of sharp edges that the working size has at other places


def test_nothing_crosses_a_cut(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    middle = _still(tmp_path / "middle_000015.png", 15)
    results = []
    for name, change in (("plain", None), ("swapped", lambda rgb: rgb[:, :, ::-1])):
        first = _still(tmp_path / f"{name}_000004.png", 4, change)
        plan = ColorPlan(
            video=str(film),
            frames=_FRAMES,
            shots=[
                PlannedShot(start=0, stop=10, references=[PlannedReference(path=str(first), frame=4)]),
                PlannedShot(start=10, stop=20, references=[PlannedReference(path=str(middle), frame=15)]),
                PlannedShot(start=20, stop=30),
            ],
        )
        report = colorizer.colorize(film, plan=plan, output=tmp_path / f"{name}.mkv", lossless=True)
        results.append(_chroma(report.output))
    plain, swapped = results
    assert all((a != b).any() for a, b in zip(plain[:10], swapped[:10], strict=True))
    assert all((a == b).all() for a, b in zip(plain[10:], swapped[10:], strict=True))


def test_same_film_and_stills_give_the_same_colours_twice(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    still = _still(tmp_path / "s_000004.png", 4)
    once, twice = (
        _chroma(colorizer.colorize(film, references=[still], output=tmp_path / name, lossless=True).output)
        for name in ("a.mkv", "b.mkv")
    )
    assert all((a == b).all() for a, b in zip(once, twice, strict=True))


def test_no_saturation_is_grey(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    report = colorizer.colorize(film, output=tmp_path / "out.mkv", saturation=0.0, lossless=True)
    assert all((chroma == 128).all() for chroma in _chroma(report.output))


def test_each_quality_colours_every_frame_in_its_own_way(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    results = {}
    for quality in ("fast", "balanced", "best"):
        report = colorizer.colorize(film, output=tmp_path / f"{quality}.mkv", quality=quality, lossless=True)
        assert report.frames == _FRAMES
        assert 3 <= report.network_frames < _FRAMES
        results[quality] = _chroma(report.output)
    assert any((a != b).any() for a, b in zip(results["best"], results["balanced"], strict=True))


def test_a_segment_has_only_its_frames_and_passes_the_stills_on(
    colorizer: Colorizer, film: Path, tmp_path: Path
) -> None:
    still = _still(tmp_path / "s_000015.png", 15)
    start, end = Fraction(21, 2) / _GREY.rate, Fraction(37, 2) / _GREY.rate  # between frames: mkv rounds to 1 ms
    report = colorizer.colorize(
        film, references=[still], output=tmp_path / "out.mkv", start=start, end=end, lossless=True
    )
    assert report.frames == 8
    whole = colorizer.colorize(film, references=[still], output=tmp_path / "whole.mkv", lossless=True)
    np.testing.assert_array_equal(_chroma(report.output)[4], _chroma(whole.output)[15])


def test_a_turned_film_is_coloured_upright(colorizer: Colorizer, tmp_path: Path) -> None:
    turned = render(tmp_path / "turned", Film(look="grey", codec="libx264", suffix=".mp4", frames=12, rotation=90))
    painted = np.rot90(picture(1, 12, 96, 64))
    cv2.imwrite(str(tmp_path / "up_000001.png"), painted[:, :, ::-1])
    with VideoReader(turned) as reader:
        assert reader.info.rotation == 90
    report = colorizer.colorize(
        turned, references=[tmp_path / "up_000001.png"], output=tmp_path / "out.mp4", lossless=True
    )
    stored = cv2.resize(np.rot90(painted, -1).astype(np.float32), (48, 32), interpolation=cv2.INTER_AREA)
    cr = 128 + stored @ np.array((0.5, -0.418688, -0.081312)) * 224 / 255
    assert np.abs(_chroma(report.output)[1][1] - cr).mean() < 4


def _preview(colorizer: Colorizer, film: Path, folder: Path, *, frames: int, provenance: bool = False) -> PreviewReport:
    """Preview the first frames, with a still of frame 4."""
    return colorizer.preview(
        film,
        references=[_still(folder / "s_000004.png", 4)],
        side_by_side=folder / "side.mp4",
        contact_sheet=folder / "sheet.png",
        duration=Fraction(frames) / _GREY.rate,
        provenance=provenance,
    )


def test_preview_writes_a_clip_and_a_sheet(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    report = _preview(colorizer, film, tmp_path, frames=15)
    with VideoReader(report.side_by_side) as reader:
        assert reader.info.width >= 2 * _GREY.width
        assert len(list(reader)) == report.frames == 15
    sheet = np.asarray(cv2.imread(str(report.contact_sheet)))
    assert sheet.shape[0] > 2 * 180
    # The film's cell is grey, the result's is not.
    assert np.ptp(sheet[60:150, 20:200].astype(int), axis=2).max() < 12
    with pytest.raises(VideoError, match="exists"):
        colorizer.preview(film, side_by_side=tmp_path / "side.mp4", contact_sheet=tmp_path / "sheet.png")


def test_a_preview_shows_where_colours_come_from(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    report = _preview(colorizer, film, tmp_path, frames=6, provenance=True)
    with av.open(str(report.side_by_side)) as container:
        shown = list(container.decode(video=0))[4].to_ndarray(format="rgb24").astype(int)
    assert shown.shape[1] == pytest.approx(3 * _GREY.width + 8, abs=1)
    sources = shown[:, -_GREY.width + 4 :]
    assert (sources[..., 2] - sources[..., 0]).mean() > 40  # the still's own frame is blue


@pytest.mark.parametrize("audio", [(), ("flac",)], ids=["silent", "sound from zero on"])
def test_a_preview_begins_where_the_film_does(colorizer: Colorizer, tmp_path: Path, audio: tuple[str, ...]) -> None:
    late = tuple(range(86400, 86448))  # ticks of 1/24 s: an hour in, as a capture keeps the clock of its broadcast
    film = render(tmp_path / "film", Film(frames=48, time_base=Fraction(1, 24), times=late, audio=audio))
    report = colorizer.preview(
        film, side_by_side=tmp_path / "side.mp4", contact_sheet=tmp_path / "sheet.png", duration=Fraction(1)
    )
    assert report.frames == 24
    with pytest.raises(VideoError, match=r"no frame from 1\.000 s to 2\.000 s") as error:
        colorizer.colorize(film, output=tmp_path / "out.mkv", start=Fraction(1), end=Fraction(2))
    assert error.value.hint == "the film lasts from 3600.000 s to 3602.000 s"


def test_a_preview_leaves_neither_output_when_the_sheet_cannot_be_written(
    colorizer: Colorizer, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise VideoError("the disk is full")

    monkeypatch.setattr("vidcolor.pipeline.write_picture", full)
    with pytest.raises(VideoError, match="full"):
        colorizer.preview(film, side_by_side=tmp_path / "side.mp4", contact_sheet=tmp_path / "sheet.png")
    with pytest.raises(VideoError, match="not a folder"):
        colorizer.preview(film, side_by_side=tmp_path / "side.mp4", contact_sheet=tmp_path / "no" / "sheet.png")
    assert not list(tmp_path.iterdir())


def test_a_preview_replaces_neither_the_film_nor_what_is_there(
    colorizer: Colorizer, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned(*_: object, **__: object) -> None:
        pytest.fail("the film was planned for a clip that cannot be written")

    monkeypatch.setattr("vidcolor.pipeline.prepare_run", planned)
    own = tmp_path / f"film{film.suffix}"
    own.write_bytes(film.read_bytes())
    with pytest.raises(VideoError, match="is the film itself"):
        colorizer.preview(own, side_by_side=own, contact_sheet=tmp_path / "sheet.png", overwrite=True)
    with pytest.raises(VideoError, match="exists already"):
        colorizer.preview(film, side_by_side=own, contact_sheet=tmp_path / "sheet.png")
    assert [path.name for path in tmp_path.iterdir()] == [own.name]


def test_a_preview_has_its_sheet_as_its_name_says(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    def preview(sheet: str) -> Path:
        clip = tmp_path / f"{sheet}.mp4"
        report = colorizer.preview(film, side_by_side=clip, contact_sheet=tmp_path / sheet, duration=Fraction(1, 8))
        clip.unlink()
        return report.contact_sheet

    with Image.open(preview("sheet.jpg")) as drawn:
        assert drawn.format == "JPEG"
    with pytest.raises(VideoError, match=r"ends in \.png, \.jpg, \.jpeg, not \.bmp"):
        preview("sheet.bmp")
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.jpg"]


def test_a_preview_that_is_stopped_while_it_writes_ends_its_threads(
    colorizer: Colorizer, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = our_threads()
    monkeypatch.setattr(RgbVideoWriter, "write", stop)
    with pytest.raises(KeyboardInterrupt) as stopped:
        colorizer.preview(film, side_by_side=tmp_path / "side.mp4", contact_sheet=tmp_path / "sheet.png")
    assert our_threads() <= before
    assert stopped.traceback  # it is held meanwhile, and with it all that ran
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("frames", [20, 40])
def test_a_plan_of_another_film_is_refused_and_nothing_is_left(
    colorizer: Colorizer, film: Path, tmp_path: Path, frames: int
) -> None:
    plan = ColorPlan(video="other.mkv", frames=frames, shots=[PlannedShot(start=0, stop=frames)])
    with pytest.raises(PlanError, match=f"{frames} frames"):
        colorizer.colorize(film, plan=plan, output=tmp_path / "out.mkv")
    assert not list(tmp_path.iterdir())


def test_stills_in_memory_are_told_apart(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    rgb = {index: picture(index, _FRAMES, _GREY.width, _GREY.height) for index in (4, 15, 25)}
    files = [_still(tmp_path / f"still_{index:06d}.png", index) for index in rgb]
    stills = [Reference(None, pixels, frame=index) for index, pixels in rgb.items()]
    plan = make_plan(film, stills)
    assert [[each.frame for each in shot.references] for shot in plan.shots] == [[4], [15], [25]]
    made = [
        colorizer.colorize(film, references=stills, output=tmp_path / "memory.mkv", lossless=True),
        colorizer.colorize(film, references=stills, plan=plan, output=tmp_path / "plan.mkv", lossless=True),
        colorizer.colorize(film, references=files, output=tmp_path / "files.mkv", lossless=True),
    ]
    memory, planned, files_ = (_chroma(report.output) for report in made)
    assert all(np.array_equal(a, b) and np.array_equal(a, c) for a, b, c in zip(memory, planned, files_, strict=True))


def test_options_out_of_range_are_refused(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    with pytest.raises(VidcolorError, match="quality 'superb'"):
        colorizer.colorize(film, output=tmp_path / "out.mkv", quality="superb")
    with pytest.raises(VidcolorError, match="saturation 9"):
        colorizer.colorize(film, output=tmp_path / "out.mkv", saturation=9.0)


@pytest.mark.parametrize("frames", [_FRAMES - 1, _FRAMES + 1])
def test_a_plan_of_another_length_is_refused_before_work(
    colorizer: Colorizer, film: Path, tmp_path: Path, frames: int
) -> None:
    done: list[int] = []
    with pytest.raises(PlanError, match=f"the plan has {frames} frames, the film {_FRAMES}"):
        colorizer.colorize(
            film,
            plan=ColorPlan(video=str(film), frames=frames, shots=[PlannedShot(start=0, stop=frames)]),
            output=tmp_path / "out.mkv",
            progress=lambda _stage, frame, _total: done.append(frame),
        )
    assert not done
    assert not list(tmp_path.iterdir())


def test_a_plan_of_a_damaged_film_has_the_frames_that_can_be_decoded(
    colorizer: Colorizer, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcolor.video.source.count_frames", lambda *_args, **_options: _FRAMES + 1)
    assert colorizer.colorize(film, plan=make_plan(film, []), output=tmp_path / "out.mkv").frames == _FRAMES


def test_a_plan_saved_and_loaded_colours_alike(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    still = _still(tmp_path / "s_000015.png", 15)
    plan = make_plan(film, [load_reference(still)])
    plan.save(tmp_path / "film.plan.json")
    outputs = [
        _chroma(colorizer.colorize(film, plan=each, output=tmp_path / name, lossless=True).output)
        for each, name in ((plan, "a.mkv"), (ColorPlan.load(tmp_path / "film.plan.json"), "b.mkv"))
    ]
    assert all((a == b).all() for a, b in zip(*outputs, strict=True))
