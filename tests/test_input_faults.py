"""Films and stills that are damaged or odd, coloured all the way: what is said, and what comes out."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from films import Film, coded, picture, render, two_pictures
from terminal import run

from vidcolor import Colorizer
from vidcolor.errors import PlanError, VidcolorError, VideoError
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot, make_plan
from vidcolor.references import load_reference
from vidcolor.reports import Report
from vidcolor.verification import verify
from vidcolor.video import VideoReader, plain_transcode, probe
from vidcolor.video.checksums import check_film

X264 = Film(codec="libx264", rate=Fraction(25), options=(("preset", "ultrafast"), ("g", "25")))
FFV1 = Film(options=(("level", "3"), ("slicecrc", "1"), ("g", "1")), width=320, height=240, frames=15)


@pytest.fixture(scope="module")
def colorizer(untrained: Path) -> Colorizer:
    return Colorizer.load(untrained, device="cpu")


@pytest.fixture
def color(colorizer: Colorizer, tmp_path: Path) -> Callable[..., Report]:
    """A function that colours a film without loss into `out.mkv`."""

    def run(film: Path, *references: Path, **options: Any) -> Report:
        return colorizer.colorize(film, references=references, output=tmp_path / "out.mkv", lossless=True, **options)

    return run


def flip(film: Path, count: int, *, seed: int = 0) -> Path:
    """Turn bits over in the middle of a file."""
    data = bytearray(film.read_bytes())
    for position in np.random.default_rng(seed).integers(len(data) // 4, len(data) * 3 // 4, count):
        data[position] ^= 4
    film.write_bytes(data)
    return film


def cut_out(film: Path, start: float, stop: float) -> Path:
    """Remove a part of a file, given as shares of it."""
    data = film.read_bytes()
    film.write_bytes(data[: int(start * len(data))] + data[int(stop * len(data)) :])
    return film


def chroma(film: Path) -> list[np.ndarray]:
    with VideoReader(film) as reader:
        return [np.stack([f.source_chroma.cb, f.source_chroma.cr]).astype(int) for f in reader if f.source_chroma]


@pytest.mark.parametrize(
    "given", ["missing.mkv", "folder", "/dev/null", "/dev/zero", "empty.mkv", "text.mp4", "noise.mkv", "cast.sdp"]
)
def test_what_is_no_film_is_one_error_one_hint_and_no_output(tmp_path: Path, untrained: Path, given: str) -> None:
    """Checklist 1, 2, 3, 4, 44."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.mkv").touch()
    (tmp_path / "text.mp4").write_text("a film\n" * 100)
    (tmp_path / "noise.mkv").write_bytes(np.random.default_rng(0).bytes(5000))
    (tmp_path / "cast.sdp").write_text(
        "v=0\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    )
    before = sorted(tmp_path.rglob("*"))
    for output in ([], ["-o", tmp_path / "out.mkv"]):
        status, out, err = run("colorize", tmp_path / given, "--weights", untrained, *output)
        assert (status, out) == (1, "")
        assert [line.split(": ")[0] for line in err.splitlines()] == ["error", "hint"]
        assert str(tmp_path / given) in err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("sound", [False, True])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_film_without_frames_is_refused(tmp_path: Path, suffix: str, sound: bool) -> None:
    """Checklist 7, 8."""
    path = tmp_path / f"film{suffix}"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        tone: Any = container.add_stream("aac", rate=48000, layout="mono") if sound else None
        container.start_encoding()
        for start in range(0, 48000 if sound else 0, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, start
            container.mux(tone.encode(frame))
    with pytest.raises(VideoError, match=r"no frame|no video stream") as caught:
        probe(path)
    assert caught.value.hint


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".ts"])
def test_a_film_that_breaks_off_is_coloured_as_far_as_it_goes(
    tmp_path: Path, color: Callable[..., Report], suffix: str
) -> None:
    """Checklist 6."""
    film = cut_out(render(tmp_path / "film", replace(X264, suffix=suffix, frames=50)), 0.5, 1)
    report = color(film)
    assert 10 < report.frames < 35
    # A transport stream has no header that could claim more.
    claimed = [line for line in report.warnings if "breaks off at" in line and "claims 2.0" in line]
    assert bool(claimed) is (suffix != ".ts")
    assert verify(film, report.output).ok


def test_frames_with_flipped_bits_are_counted_and_coloured_too(tmp_path: Path, color: Callable[..., Report]) -> None:
    """Checklist 12."""
    film = flip(render(tmp_path / "film", replace(X264, frames=50)), 12)
    report = color(film)
    assert report.frames > 40
    assert any("frames are marked as corrupt, the first at" in line for line in report.warnings)
    assert len(chroma(report.output)) == report.frames


def test_checksums_find_what_the_decoder_passes_over(tmp_path: Path, color: Callable[..., Report]) -> None:
    """Checklist 13."""
    film = render(tmp_path / "film", FFV1)
    whole = [frame.luma.copy() for frame in VideoReader(film)]
    flip(film, 4)
    times = [
        f"{float(reader.info.time(frame.pts)):.3f}"
        for reader in [VideoReader(film)]
        for frame in reader
        if (frame.luma != whole[frame.index]).any()
    ]
    assert len(times) >= 2
    assert color(film).warnings == ()
    stages: list[str] = []
    report = color(film, overwrite=True, verify_input=True, progress=lambda stage, *_: stages.append(stage))
    assert report.warnings == (f"the check found {len(times)} damaged frames, at {', '.join(times)} s",)
    assert "check" in report.stage_seconds


def test_the_check_finds_nothing_in_a_whole_film_and_tells_how_far_it_is(
    tmp_path: Path, color: Callable[..., Report]
) -> None:
    """Checklist 13."""
    told: list[tuple[str, int, int | None]] = []
    film = render(tmp_path / "film", replace(X264, frames=30))
    assert color(film, verify_input=True, strict=True, progress=lambda *each: told.append(each)).warnings == ()
    assert ("check", 25, 30) in told


def test_the_check_hears_out_a_decoder_that_says_much_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe holds 64 kB: a child that says more waits until somebody reads it."""
    film = probe(render(tmp_path / "film", FFV1))
    child = tmp_path / "child.py"
    child.write_text(
        f"#!{sys.executable}\nimport signal, sys\nsignal.alarm(10)\nsys.stderr.write('x' * 200_000 + '\\nlast words')\n"
        'sys.stderr.flush()\nprint(\'["damaged", "3/2"]\')\nsys.exit(len(sys.argv) > 9)\n'
    )
    child.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(child))
    assert check_film(film) == ["the check found 1 damaged frames, at 1.500 s"]
    child.write_text(child.read_text().replace("> 9", "> 0"))
    with pytest.raises(VideoError, match="the check for damage failed: last words"):
        check_film(film)


def test_strict_lets_a_warning_fail_before_and_after_the_work(tmp_path: Path, untrained: Path) -> None:
    film = flip(render(tmp_path / "film", FFV1), 4)
    words = ["colorize", film, "-o", tmp_path / "out.mkv", "--weights", untrained, "--strict"]
    status, out, err = run(*words, "--verify-input")
    assert (status, out) == (1, "")
    assert err.startswith(f"error: {film}: the check found")
    assert err.splitlines()[1].startswith("hint: ")
    assert sorted(tmp_path.iterdir()) == [film]
    assert run(*words)[0] == 0
    cut = cut_out(render(tmp_path / "cut", replace(X264, frames=50)), 0.5, 1)
    with VideoReader(cut) as reader:
        frames = len(list(reader))
    plan = ColorPlan(video=str(cut), frames=frames, shots=[PlannedShot(start=0, stop=frames)])
    plan.save(tmp_path / "cut.plan.json")  # with a plan the film is read but once: damage shows at the end
    words[1:4] = [cut, "-o", tmp_path / "late.mkv"]
    status, _, err = run(*words, "--plan", tmp_path / "cut.plan.json")
    assert (status, "breaks off" in err) == (1, True)
    assert not (tmp_path / "late.mkv").exists()


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_sound_that_is_left_out_is_warned_of_and_strict_fails(tmp_path: Path, untrained: Path, suffix: str) -> None:
    film = render(tmp_path / "film", replace(X264, suffix=".ts", frames=30, audio=("aac",)))
    data, header = bytearray(film.read_bytes()), b"\xff\xf1"  # of a frame of AAC in a transport stream
    data[data.index(header, len(data) // 2)] = 0
    film.write_bytes(data)
    words = ["colorize", film, "-o", tmp_path / f"out{suffix}", "--weights", untrained, "--no-job", "-q"]
    status, out, err = run(*words, "--strict")
    assert (status, out) == (1, "")
    assert "packets beside the picture were left out" in err.splitlines()[0]
    assert sorted(tmp_path.iterdir()) == [film]
    status, _, err = run(*words)
    assert status == 0
    (warning,) = err.splitlines()
    assert warning.startswith("warning: ")
    assert warning.endswith("damaged packets beside the picture were left out")


@pytest.mark.parametrize("codec", ["x264", "ffv1"])
def test_an_active_format_description_is_named_as_dropped(tmp_path: Path, codec: str) -> None:
    plain = render(tmp_path / "plain", Film(suffix=".mpg", codec="mpeg2video", rate=Fraction(25)))
    with av.open(str(plain)) as container:
        pictures = [bytes(packet) for packet in container.demux() if packet.size]
    afd = b"\0\0\1\xb2DTG1\x41\xf9"  # ETSI TS 101 154, annex B.3, before the first slice
    source = tmp_path / "film.m2v"
    source.write_bytes(b"".join(data.replace(b"\0\0\1\1", afd + b"\0\0\1\1", 1) for data in pictures))
    notes = plain_transcode(source, tmp_path / "out.mkv", codec=codec)
    assert [note for note in notes if "active format description (AFD)" in note]


@pytest.mark.parametrize("container", ["matroska", "nut", "asf", "mov", "mp4", "mpegts", "flv", "ogg"])
def test_a_whole_film_that_starts_late_does_not_break_off(tmp_path: Path, container: str) -> None:
    path = tmp_path / "film"
    with av.open(str(path), "w", format=container) as film:
        codec = {"flv": "flv", "ogg": "libvpx", "mpegts": "mpeg2video"}.get(container, "mpeg4")
        stream: Any = film.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(50):
            frame = coded(picture(index, 50, 96, 64, "grey"), Film())
            frame.pts, frame.time_base = 500 + index, Fraction(1, 25)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    with VideoReader(path) as reader:
        assert len(list(reader)) == 50
        assert reader.warnings == []


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_a_hole_stays_a_hole(tmp_path: Path, color: Callable[..., Report], suffix: str) -> None:
    """Checklist 14."""
    film = render(tmp_path / "film", replace(X264, suffix=suffix, frames=60, audio=("aac",)))
    if suffix == ".mp4":
        data = bytearray(film.read_bytes())
        data[int(0.4 * len(data)) : int(0.6 * len(data))] = bytes(int(0.6 * len(data)) - int(0.4 * len(data)))
        film.write_bytes(data)
    else:
        cut_out(film, 0.4, 0.6)
    report = color(film)
    assert report.warnings
    before, after = ([reader.info.time(f.pts) for f in reader] for reader in map(VideoReader, (film, report.output)))
    assert len(before) == len(after) == report.frames
    assert all(abs((a - before[0]) - (b - after[0])) <= Fraction(1, 1000) for a, b in zip(before, after, strict=True))
    if suffix != ".mp4":
        assert max(b - a for a, b in pairwise(after)) > Fraction(1, 5)


@pytest.mark.parametrize("kind", ["time starts anew", "no times at all"])
def test_times_that_do_not_rise_are_mended_alike_each_time(
    tmp_path: Path, color: Callable[..., Report], kind: str
) -> None:
    """Checklist 15."""
    part = render(tmp_path / "part", replace(X264, suffix=".ts", frames=20))
    film = tmp_path / ("film.ts" if kind == "time starts anew" else "film.h264")
    if kind == "time starts anew":
        film.write_bytes(2 * part.read_bytes())
    else:
        with av.open(str(part)) as container:
            film.write_bytes(b"".join(bytes(packet) for packet in container.demux() if packet.size))
    report = color(film)
    read = [[frame.pts for frame in VideoReader(film)] for _ in range(2)]
    assert read[0] == read[1]
    assert {b - a for a, b in pairwise(read[0])} == {round(Fraction(1, 25) / probe(film).time_base)}
    assert report.frames == len(read[0]) == (40 if kind == "time starts anew" else 20)
    assert any("20 frames without a rising time stamp" in line for line in report.warnings)


def test_a_time_that_comes_twice_moves_no_other(tmp_path: Path, color: Callable[..., Report]) -> None:
    """Checklist 15."""
    times = [40 * number for number in range(20)]
    twice = tuple(times[:6] + times[5:12] + times[11:12] + times[11:])
    film = render(
        tmp_path / "film",
        Film(rate=Fraction(25), time_base=Fraction(1, 1000), frames=len(twice), times=twice, audio=("flac",)),
    )
    report = color(film)
    with VideoReader(film) as reader:
        mended = [frame.pts for frame in reader]
    assert mended == [*times[:6], 220, *times[6:12], 460, 470, *times[12:]]
    assert [line.split(" frames")[0] for line in report.warnings] == ["3"]
    assert verify(film, report.output).ok


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 1), (16, 16), (2, 200), (200, 2), (5, 7)])
def test_tiny_films_are_coloured(tmp_path: Path, color: Callable[..., Report], size: tuple[int, int]) -> None:
    """Checklist 9, 21, 22."""
    width, height = size
    film = Film(codec="libx264", pixel_format="yuv444p", width=width, height=height, frames=3)
    source = render(tmp_path / "film", film)
    still = tmp_path / "still_000001.png"
    cv2.imwrite(str(still), picture(1, 3, width, height)[:, :, ::-1])
    report = color(source, still, codec="x264")
    assert report.frames == 3
    assert verify(source, report.output).lossless
    assert color(render(tmp_path / "one", replace(film, frames=1)), still, overwrite=True).frames == 1


@pytest.mark.parametrize(
    "changed", [{"width": 64, "height": 96}, {"pixel_format": "yuv420p10le"}, {"sar": Fraction(8, 9)}]
)
def test_a_change_in_mid_stream_names_its_time(tmp_path: Path, untrained: Path, changed: dict[str, Any]) -> None:
    """Checklist 24."""
    parts = [replace(X264, suffix=".ts", frames=10), replace(X264, suffix=".ts", frames=10, **changed)]
    film = tmp_path / "film.ts"
    film.write_bytes(b"".join(render(tmp_path / f"{n}", part).read_bytes() for n, part in enumerate(parts)))
    words = ["colorize", film, "-o", tmp_path / "out.mkv", "--weights", untrained]
    # The part that it cannot be coloured with starts at its time, or is asked for by it: no frame of another shape.
    times: list[float] = []
    for segment in ([], ["--start", "0.48"]):
        status, out, err = run(*words, *segment)
        assert (status, out) == (1, "")
        error, hint = err.splitlines()
        assert " s the picture changes from 96x64 yuv420p pixel aspect 1 to " in error
        times.append(float(error.split(" at ")[1].split()[0]))
        assert 0.36 <= times[-1] <= 0.6  # with several threads a decoder may tell a pixel aspect some frames early
        assert f"--end {times[-1]:.3f}" in hint
        assert not list(tmp_path.glob("*out*"))
    assert run(*words, "--end", times[0])[0] == 0
    assert len(chroma(tmp_path / "out.mkv")) >= 8


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"matrix": 9, "transfer": 16},
            "have other colour tags (range 1 instead of 0, matrix 9 instead of 2, transfer 16 instead of 2, "
            "see ISO/IEC 23091)",
        ),
        ({"field_order": 2}, "are interlaced"),
    ],
)
def test_a_change_of_tags_or_fields_is_warned_of(
    tmp_path: Path, color: Callable[..., Report], changed: dict[str, Any], said: str
) -> None:
    parts = [replace(X264, suffix=".h264", frames=10), replace(X264, suffix=".h264", frames=12, **changed)]
    film = tmp_path / "film.h264"
    film.write_bytes(b"".join(render(tmp_path / f"{n}", part).read_bytes() for n, part in enumerate(parts)))
    warning = f"12 of 22 frames {said}, the first at 0.400 s: all are coloured and written as the film begins"
    assert color(film).warnings.count(warning) == 1
    with pytest.raises(VidcolorError, match="strict allows no warning"):
        color(film, strict=True, overwrite=True)


@pytest.mark.parametrize("look", ["black", "white", "noise"])
@pytest.mark.parametrize("with_still", [False, True])
def test_where_nothing_is_to_see_colours_are_finite_and_blank_stays_neutral(
    tmp_path: Path, color: Callable[..., Report], look: str, with_still: bool
) -> None:
    """Checklist 29."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (4, 64, 96, 1), dtype=np.uint8)
    grey = {"black": np.zeros_like(values), "white": np.full_like(values, 255), "noise": values}[look]
    source = render(tmp_path / "film", Film(frames=4), pictures=list(np.repeat(grey, 3, axis=3)))
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), picture(1, 3, 96, 64))
    with np.errstate(all="raise"):
        report = color(source, *([still] if with_still else []))
    assert verify(source, report.output).lossless
    deviation = max(np.abs(planes - 128).max() for planes in chroma(report.output))
    assert deviation == 0 if look != "noise" else deviation < 128


def test_stream_chooses_among_several_pictures(tmp_path: Path, untrained: Path) -> None:
    """Checklist 11."""
    film = two_pictures(tmp_path / "film.mkv")
    words = ["colorize", film, "--lossless", "--weights", untrained]
    status, _, err = run(*words, "-o", tmp_path / "first.mkv")
    assert status == 0
    assert "warning: several video streams: took #0, not video #1 (ffv1)\n" in err
    assert run(*words, "-o", tmp_path / "none.mkv", "--strict")[0] == 1
    status, _, err = run(*words, "-o", tmp_path / "second.mkv", "--stream", 1, "--strict")
    assert (status, "several" in err) == (0, False)
    for name, sizes, chosen in (("first.mkv", [64, 32], []), ("second.mkv", [32, 64], ["--stream", 1])):
        with av.open(str(tmp_path / name)) as container:
            assert [stream.width for stream in container.streams.video] == sizes
        assert run("verify", film, tmp_path / name, *chosen)[0] == 0
    assert run("verify", film, tmp_path / "second.mkv")[0] == 1
    assert run("scenes", film, "--stream", 1, "--stills", tmp_path / "stills")[0] == 0
    assert {load_reference(still).rgb.shape for still in (tmp_path / "stills").iterdir()} == {(48, 32, 3)}
    status, out, _ = run("preview", film, "--stream", 1, "-o", tmp_path, "--weights", untrained)
    assert probe(out.splitlines()[0]).width < probe(film).width * 2
    status, _, err = run(*words, "-o", tmp_path / "none.mkv", "--stream", 7)
    assert (status, err.splitlines()[1]) == (1, "hint: video streams here: 0, 1")


def test_every_command_about_stills_and_plans_takes_the_stream_chosen(tmp_path: Path, untrained: Path) -> None:
    """Checklist 11."""
    film, plan = two_pictures(tmp_path / "film.mkv"), tmp_path / "film.plan.json"
    chosen = ("--stream", 1, "--weights", untrained)
    assert run("scenes", film, "--stream", 1, "-o", plan)[0] == 0
    assert ColorPlan.load(plan).frames == 9
    assert run("colorize", film, "--plan", plan, "-o", tmp_path / "none.mkv", "--weights", untrained)[0] == 1
    status, out, _ = run("colorize", film, "--plan", plan, *chosen, "--start", "0.2", "--json")  # 4 frames of 9
    assert (status, json.loads(out)["frames"]) == (0, 4)
    status, out, _ = run("preview", film, "--plan", plan, *chosen, "--start", "0.2", "--json")
    assert (status, json.loads(out)["frames"]) == (0, 4)
    (tmp_path / "library").mkdir()
    cv2.imwrite(str(tmp_path / "library" / "photograph.png"), picture(1, 3, 96, 64))
    recommend, suggest = ["recommend", film, tmp_path / "library"], ["suggest", film]
    for words in (recommend, [*recommend, "--plan", plan], suggest, [*suggest, "--plan", plan]):
        status, out, _ = run(*words, *chosen, "--json")
        assert (status, json.loads(out)["shots"][-1]["stop"]) == (0, 9)
    status, out, _ = run("suggest", film, *chosen, "--stills", tmp_path / "paint", "--json")
    assert {load_reference(still).rgb.shape for still in json.loads(out)["stills"]} == {(48, 32, 3)}
    for given in ([], ["--plan", plan], ["--each", "--at", "0.32", "-r", tmp_path / "library" / "photograph.png"]):
        assert run("sheet", film, *given, *chosen, "-o", tmp_path / "sheet.png", "-y")[0] == 0


def test_colour_and_grey_stills_are_warned_of_and_said_once(tmp_path: Path, color: Callable[..., Report]) -> None:
    """Checklist 27, 42."""
    film = render(tmp_path / "film", Film(look="color"))
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), picture(1, 12, 96, 64, "grey"))
    report = color(film, still)
    assert [line.split("; ")[0] for line in report.warnings] == [
        "left out, for there is no colour in it: still.png",
        "already in colour, and coloured anew: the whole film",
    ]
    assert not set(report.notes) & set(report.warnings)
    with pytest.raises(VidcolorError, match=r"already in colour.* strict"):
        color(film, overwrite=True, strict=True)
    sepia = color(render(tmp_path / "sepia", Film(look="sepia")), overwrite=True, strict=True)
    assert any(note.startswith("tinted") for note in sepia.notes)


def test_of_two_stills_of_one_frame_one_is_obeyed_and_named(tmp_path: Path, color: Callable[..., Report]) -> None:
    film = render(tmp_path / "film", Film(codec="libx264", frames=12))
    stills = [tmp_path / f"{name}_000005.png" for name in ("a", "b")]
    cv2.imwrite(str(stills[0]), picture(5, 12, 96, 64)[:, :, ::-1])
    cv2.imwrite(str(stills[1]), picture(5, 12, 96, 64))
    words = "a_000005.png and b_000005.png are both of frame 5: a_000005.png is obeyed there, the other"
    both = color(film, *stills)
    assert [line for line in both.warnings if line.startswith(words)]
    alone = chroma(color(film, stills[0], overwrite=True).output)[5]
    pair = [chroma(color(film, *order, overwrite=True).output)[5] for order in (stills, stills[::-1])]
    np.testing.assert_array_equal(pair[0], alone)
    assert (pair[0] != pair[1]).any()
    # One that looks like the frame gives way to one whose name says so, whichever was given first.
    stills[1].rename(tmp_path / "found.png")
    plan = make_plan(film, [load_reference(path) for path in (tmp_path / "found.png", stills[0])])
    assert [(Path(r.path).name, r.frame) for s in plan.shots for r in s.references if r.frame] == [("a_000005.png", 5)]


def test_a_plan_binds_one_still_to_a_frame(tmp_path: Path) -> None:
    two = [PlannedReference(path=path, frame=5) for path in ("a.png", "b.png")]
    with pytest.raises(ValueError, match=r"a\.png and b\.png are both bound to frame 5"):
        PlannedShot(start=0, stop=12, references=two)
    path = tmp_path / "plan.json"
    path.write_text(
        '{"version": 1, "video": "film.mkv", "frames": 12, "shots": [{"start": 0, "stop": 12, "references": '
        '[{"path": "a.png", "frame": 5}, {"path": "b.png", "frame": 5}]}]}'
    )
    with pytest.raises(PlanError, match="are both bound to frame 5") as caught:
        ColorPlan.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_cover_art_is_cover_art_in_matroska(tmp_path: Path, color: Callable[..., Report], suffix: str) -> None:
    """Checklist 10."""
    film = render(tmp_path / "film", replace(X264, suffix=suffix, cover=True, attachment=suffix == ".mkv"))
    report = color(film, strict=True)
    before, after = probe(film), probe(report.output)
    assert [each.cover for each in after.streams if each.kind == "video"] == [True]
    assert after.width == before.width
    pictures = []
    for path in (film, report.output):
        with av.open(str(path)) as container:
            covers = [each for each in container.streams.video if each.disposition & Disposition.attached_pic]
            pictures.append(next(bytes(packet) for packet in container.demux(covers) if packet.size))
            names = [each.metadata.get("filename") for each in covers]
    assert pictures[0] == pictures[1]
    assert names == ["cover.jpg"]
    assert verify(film, report.output).ok


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_titles_are_kept_and_lost_roles_are_named(tmp_path: Path, colorizer: Colorizer, suffix: str) -> None:
    """Checklist 30."""
    plain = render(tmp_path / "plain", replace(X264, audio=("aac", "aac"), frames=24))
    film, back = tmp_path / "film.mkv", tmp_path / "back.mkv"
    with av.open(str(plain)) as source, av.open(str(film), "w") as copy:
        streams = [copy.add_stream_from_template(each, opaque=True) for each in source.streams]
        for stream, title in zip(streams, ("the picture", "the sound", "what is said of it"), strict=True):
            stream.metadata["title"] = title
        streams[2].disposition = Disposition.comment | Disposition.original
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                copy.mux_one(packet)
    output = tmp_path / f"out{suffix}"
    report = colorizer.colorize(film, output=output)
    lost = {
        ".mkv": None,
        ".mp4": "mp4 does not hold that it is original",
        ".mov": "mov does not hold that it is comment, original",
    }
    named = [note.split(": ", 1)[1] for note in report.notes if "does not hold that" in note]
    assert named == [words for words in [lost[suffix]] if words]
    assert verify(film, output).ok
    colorizer.colorize(output, output=back)  # titles survive the way into the container and out of it
    with av.open(str(back)) as container:
        assert [each.metadata.get("title") for each in container.streams] == [
            "the picture",
            "the sound",
            "what is said of it",
        ]
