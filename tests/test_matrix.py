"""Every kind of film goes through the writer with random colours, and through `colorize`; `verify` finds it kept."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import Film, render

from vidcolor import Colorizer
from vidcolor.errors import VideoError
from vidcolor.verification import Verification, verify
from vidcolor.video import ChromaFormat, ChromaPlanes, VideoReader, VideoWriter, probe


@dataclass(frozen=True)
class Case:
    """A source, how to write it, and the writer's notes that are due (the start of each)."""

    film: Film
    codec: str = "ffv1"
    suffix: str = ".mkv"
    notes: tuple[str, ...] = ()


X264 = {"codec": "libx264", "options": (("preset", "ultrafast"),)}
ROUNDED = "Matroska rounds time stamps to 1 ms"
LATER = "picture and sound alike start 2"  # 21 ms after AAC, 23 ms after MP3
NO_CHROMA = "the film has no chroma planes"
RGB = "the film is stored as RGB"

CASES = {
    "8 bit 4:2:0": Case(Film()),
    "8 bit 4:2:2": Case(Film(pixel_format="yuv422p")),
    "8 bit 4:4:4": Case(Film(pixel_format="yuv444p")),
    "8 bit 4:4:0": Case(Film(pixel_format="yuv440p")),
    "8 bit 4:1:1": Case(Film(pixel_format="yuv411p")),
    "8 bit 4:1:0": Case(Film(pixel_format="yuv410p")),
    "4:4:0 into x264": Case(Film(pixel_format="yuv440p"), "x264", notes=("chroma is written as 4:4:4",)),
    "4:1:1 into x264": Case(Film(pixel_format="yuv411p"), "x264", notes=("chroma is written as 4:2:2",)),
    "10 bit 4:2:0": Case(Film(pixel_format="yuv420p10le")),
    "10 bit 4:2:0 into x264": Case(Film(pixel_format="yuv420p10le"), "x264", ".mp4"),
    "10 bit 4:2:2 into x264": Case(Film(pixel_format="yuv422p10le"), "x264"),
    "12 bit 4:2:2": Case(Film(pixel_format="yuv422p12le")),
    "12 bit 4:4:4 into x265": Case(Film(pixel_format="yuv444p12le"), "x265"),
    "16 bit 4:4:4": Case(Film(pixel_format="yuv444p16le")),
    "16 bit 4:2:0": Case(Film(pixel_format="yuv420p16le")),
    "nv12": Case(Film(suffix=".nut", codec="rawvideo", pixel_format="nv12"), "x264", notes=(ROUNDED,)),
    "uyvy": Case(Film(suffix=".avi", codec="rawvideo", pixel_format="uyvy422"), notes=(ROUNDED,)),
    "full range": Case(Film(color_range=2)),
    "full range into x264 mp4": Case(Film(color_range=2), "x264", ".mp4"),
    "limited range, bt709": Case(Film(color_range=1, matrix=1, primaries=1, transfer=1), "x264"),
    "bt601 tags": Case(Film(color_range=1, matrix=6, primaries=6, transfer=6)),
    "bt2020 10 bit": Case(Film(pixel_format="yuv420p10le", matrix=9, primaries=9, transfer=14), "x264", ".mp4"),
    "odd size": Case(Film(width=97, height=63)),
    "odd size into x264": Case(Film(width=97, height=63), "x264", notes=("chroma is written as 4:4:4",)),
    "odd grey": Case(Film(width=33, height=31, pixel_format="gray"), notes=(NO_CHROMA,)),
    "2x2": Case(Film(width=2, height=2)),
    "one frame": Case(Film(frames=1)),
    "VFR": Case(
        Film(
            suffix=".mp4",
            time_base=Fraction(1, 90000),
            times=(0, 3000, 9000, 9100, 15000, 15555, 20000, 30000, 33333, 40000, 50000, 60000),
            **X264,  # type: ignore[arg-type]
        ),
        "x264",
        ".mp4",
    ),
    "VFR in mkv": Case(
        Film(time_base=Fraction(1, 1000), times=(0, 17, 99, 100, 180, 200, 333, 400, 401, 500, 600, 990)), "x264"
    ),
    "29.97 into mkv": Case(Film(suffix=".mp4", rate=Fraction(30000, 1001), **X264), notes=(ROUNDED,)),  # type: ignore[arg-type]
    "B-frames": Case(Film(suffix=".mp4", codec="libx264", frames=20), "x264", ".mp4"),
    "edit list": Case(Film(suffix=".mp4", edit_from=4, audio=("aac",), frames=16, **X264), "x264", ".mp4"),  # type: ignore[arg-type]
    "edit list into mkv": Case(
        Film(suffix=".mp4", edit_from=4, audio=("aac",), frames=16, **X264),  # type: ignore[arg-type]
        notes=(ROUNDED, LATER),
    ),
    "start offset": Case(Film(times=tuple(range(30, 42)), audio=("flac",), audio_start=Fraction(1))),
    "start offset in mp4": Case(
        Film(suffix=".mp4", times=tuple(range(24, 36)), audio=("aac",), audio_start=Fraction(1), **X264),  # type: ignore[arg-type]
        "x264",
        ".mp4",
    ),
    "three audio tracks": Case(Film(audio=("aac", "flac", "mp3"), frames=16)),
    "three audio tracks into mp4": Case(Film(audio=("aac", "flac", "mp3"), frames=16), "x264", ".mp4"),
    "flac into mov": Case(Film(audio=("flac",)), "x264", ".mov", notes=("audio #1 (flac, eng, track 1) is dropped",)),
    "srt": Case(Film(subtitles="srt", audio=("flac",))),
    "srt into mp4": Case(Film(subtitles="srt"), "x264", ".mp4", notes=("subtitle #1 (srt, eng) is converted",)),
    "mov_text": Case(Film(suffix=".mp4", subtitles="mov_text", audio=("aac",), **X264), "x264", ".mp4"),  # type: ignore[arg-type]
    "mov_text into mkv": Case(
        Film(suffix=".mp4", subtitles="mov_text", **X264),  # type: ignore[arg-type]
        notes=(ROUNDED, "subtitle #1 (mov_text, eng) is converted"),
    ),
    "chapters": Case(Film(chapters=True, tags=(("title", "A reel"), ("director", "A. Guy")))),
    "chapters in mp4": Case(Film(suffix=".mp4", chapters=True, audio=("aac",), **X264), "x264", ".mp4"),  # type: ignore[arg-type]
    "tags into mp4": Case(
        Film(tags=(("title", "A reel"), ("director", "A. Guy"))),
        "x264",
        ".mp4",
        notes=("tags that mp4 does not hold are dropped: DIRECTOR",),
    ),
    "attachment": Case(Film(attachment=True)),
    "attachment into mp4": Case(
        Film(attachment=True), "x264", ".mp4", notes=("attachment #1 (unknown, font.ttf) is dropped",)
    ),
    "cover art": Case(Film(cover=True)),
    "cover art in mp4": Case(Film(suffix=".mp4", cover=True, **X264), "x264", ".mp4"),  # type: ignore[arg-type]
    "cover art into mov": Case(
        Film(suffix=".mp4", cover=True, **X264),  # type: ignore[arg-type]
        "x264",
        ".mov",
        notes=("cover art #1 (mjpeg) is dropped",),
    ),
    "cover art in mp4 into mkv": Case(Film(suffix=".mp4", cover=True, audio=("aac",), **X264), notes=(ROUNDED, LATER)),  # type: ignore[arg-type]
    "cover art beside a font and sound": Case(Film(cover=True, attachment=True, audio=("flac",), subtitles="srt")),
    "titled sound in mp4 into mov": Case(Film(suffix=".mp4", audio=("aac", "mp3"), **X264), "x264", ".mov"),  # type: ignore[arg-type]
    "titled sound in mp4 into mkv": Case(Film(suffix=".mp4", audio=("aac", "mp3"), **X264), notes=(ROUNDED, LATER)),  # type: ignore[arg-type]
    "rotation": Case(Film(suffix=".mp4", rotation=90, **X264), "x264", ".mp4"),  # type: ignore[arg-type]
    "rotation into mkv": Case(Film(suffix=".mp4", rotation=270, **X264), notes=(ROUNDED,)),  # type: ignore[arg-type]
    "pixel aspect": Case(Film(suffix=".mp4", sar=Fraction(8, 9), **X264), "x264", notes=(ROUNDED,)),  # type: ignore[arg-type]
    "pixel aspect in mov": Case(Film(suffix=".mp4", sar=Fraction(16, 15), **X264), "x264", ".mov"),  # type: ignore[arg-type]
    "interlaced, top first": Case(Film(codec="libx264", field_order=2), "x264"),
    "interlaced, bottom first": Case(Film(codec="ffv1", field_order=3)),
    "gray8": Case(Film(pixel_format="gray"), notes=(NO_CHROMA,)),
    "gray10": Case(Film(pixel_format="gray10le"), "x264", notes=(NO_CHROMA,)),
    "gray12": Case(Film(pixel_format="gray12le"), notes=(NO_CHROMA,)),
    "gray16": Case(Film(pixel_format="gray16le"), notes=(NO_CHROMA,)),
    "gray16, big-endian": Case(Film(suffix=".mov", codec="png", pixel_format="gray16be"), notes=(ROUNDED, NO_CHROMA)),
    "grey RGB": Case(Film(suffix=".mov", codec="png", pixel_format="rgb24"), notes=(ROUNDED, RGB)),
    "gbrp": Case(Film(suffix=".avi", codec="utvideo", pixel_format="gbrp"), notes=(ROUNDED, RGB)),
    "bgr0": Case(Film(pixel_format="bgr0"), notes=(RGB,)),
    "monow": Case(Film(suffix=".nut", codec="rawvideo", pixel_format="monow"), notes=(ROUNDED, NO_CHROMA)),
    "ya8": Case(Film(suffix=".avi", codec="png", pixel_format="ya8"), notes=(ROUNDED, NO_CHROMA)),
    "sepia": Case(Film(look="sepia"), "x264"),
    "MJPEG, full range": Case(
        Film(suffix=".avi", codec="mjpeg", pixel_format="yuvj422p", color_range=2), "x264", notes=(ROUNDED,)
    ),
    "MPEG-4 in avi": Case(Film(suffix=".avi", codec="mpeg4", audio=("mp3",)), "x264", notes=(ROUNDED,)),
    "ProRes in mov": Case(
        Film(suffix=".mov", codec="prores_ks", pixel_format="yuv422p10le", audio=("pcm_s16le",)), "x264", ".mov"
    ),
    "transport stream": Case(Film(suffix=".ts", audio=("aac",), **X264), "x264", notes=(ROUNDED,)),  # type: ignore[arg-type]
    "transport stream into mp4": Case(Film(suffix=".ts", audio=("aac",), **X264), "x264", ".mp4"),  # type: ignore[arg-type]
    "MPEG-2 transport stream": Case(
        Film(suffix=".ts", codec="mpeg2video", rate=Fraction(25), audio=("mp2",)), notes=(ROUNDED,)
    ),
}

# The 33 bit clock of a capture comes round after five frames; times before that are taken for negative ones.
ROUND = Film(
    suffix=".ts",
    rate=Fraction(25),
    time_base=Fraction(1, 90000),
    times=tuple(range((1 << 33) - 5 * 3600, (1 << 33) + 19 * 3600, 3600)),
    frames=24,
    audio=("mp2",),
    audio_start=Fraction((1 << 33) - 5 * 3600, 90000),
    **X264,  # type: ignore[arg-type]
)
CASES |= {
    "clock that comes round": Case(ROUND, "x264", notes=(ROUNDED, LATER)),
    "clock that comes round into mp4": Case(ROUND, "x264", ".mp4", notes=("picture and sound alike start 200 ms",)),
    "clock that comes round into mov": Case(ROUND, "x264", ".mov", notes=("picture and sound alike start 200 ms",)),
    "time code in mov": Case(Film(suffix=".mov", time_code="10:00:00:00", audio=("aac",), **X264), "x264", ".mov"),  # type: ignore[arg-type]
    "time code in mov into mp4": Case(Film(suffix=".mov", time_code="10:00:00:00", **X264), "x264", ".mp4"),  # type: ignore[arg-type]
    "time code in mov into mkv": Case(
        Film(suffix=".mov", time_code="10:00:00:00", **X264),  # type: ignore[arg-type]
        notes=(ROUNDED, "data #1 (unknown, eng, time code 10:00:00:00) is dropped"),
    ),
    "microseconds into mp4": Case(
        Film(suffix=".nut", codec="libx264", time_base=Fraction(1, 1_000_000)), "x264", ".mp4"
    ),
}

REFUSED = {
    "12 bit into x264": (Case(Film(pixel_format="yuv420p12le"), "x264"), "12 bit luma"),
    "16 bit into x265": (Case(Film(pixel_format="gray16le"), "x265"), "16 bit luma"),
    "ffv1 in mp4": (Case(Film(), "ffv1", ".mp4"), "does not hold ffv1"),
    "pixel aspect with ffv1": (Case(Film(suffix=".mp4", sar=Fraction(8, 9), **X264)), "8:9"),  # type: ignore[arg-type]
    "interlaced with x265": (Case(Film(field_order=2), "x265"), "interlaced"),
    "lossless SVT-AV1": (Case(Film(), "svtav1"), "not exact"),
}


def random_planes(rng: np.random.Generator, form: ChromaFormat) -> ChromaPlanes:
    dtype = np.uint8 if form.bit_depth == 8 else np.uint16
    cb, cr = rng.integers(0, 1 << form.bit_depth, (2, form.height, form.width)).astype(dtype)
    return ChromaPlanes(cb, cr)


def color(folder: Path, case: Case) -> tuple[Verification, list[str]]:
    """Write random chroma on a film and compare; the chroma must come back, too."""
    source = render(folder / "film", case.film)
    output = folder / f"colored{case.suffix}"
    rng, planes = np.random.default_rng(0), []
    preset = "ultrafast" if case.codec in ("x264", "x265") else None
    with (
        VideoReader(source) as reader,
        VideoWriter(output, source=reader.info, codec=case.codec, preset=preset, lossless=True) as writer,
    ):
        for frame in reader:
            planes.append(random_planes(rng, writer.chroma_format))
            writer.write(frame, planes[-1])
    with VideoReader(output) as result:
        for wanted, frame in zip(planes, result, strict=True):
            assert frame.source_chroma is not None
            assert np.array_equal(frame.source_chroma.cb, wanted.cb)
            assert np.array_equal(frame.source_chroma.cr, wanted.cr)
    return verify(source, output), writer.notes


@pytest.mark.parametrize("name", CASES)
def test_film_is_kept(name: str, tmp_path: Path) -> None:
    """Checklist 9, 16, 17, 18, 19, 20, 21, 25, 26, 27, 28, 30."""
    case = CASES[name]
    found, notes = color(tmp_path, case)
    assert found.differences == ()
    assert found.ok
    assert found.lossless
    assert found.psnr_y is None
    assert found.frames == (case.film.frames - case.film.edit_from)
    unexpected = [note for note in notes if not note.startswith(case.notes)] if case.notes else notes
    assert unexpected == []
    assert [start for start in case.notes if not any(note.startswith(start) for note in notes)] == []
    if case.film.audio and not any("audio" in note for note in case.notes):
        assert found.packets >= 2 * len(case.film.audio)


@pytest.mark.parametrize("name", CASES)
def test_film_is_kept_by_colorize(name: str, colorizer: Colorizer, tmp_path: Path) -> None:
    case = CASES[name]
    source = render(tmp_path / "film", case.film)
    report = colorizer.colorize(source, output=tmp_path / f"colored{case.suffix}", codec=case.codec, lossless=True)
    found = verify(source, report.output)
    assert found.differences == ()
    assert found.lossless
    assert report.frames == found.frames == case.film.frames - case.film.edit_from
    assert [start for start in case.notes if not any(note.startswith(start) for note in report.notes)] == []


@pytest.mark.parametrize("name", REFUSED)
def test_film_that_cannot_be_kept_is_refused(name: str, tmp_path: Path) -> None:
    """Checklist 18, 19, 21."""
    case, message = REFUSED[name]
    with pytest.raises(VideoError, match=message) as caught:
        color(tmp_path, case)
    assert caught.value.hint
    assert not (tmp_path / f"colored{case.suffix}").exists()


@pytest.mark.parametrize("codec", ["x265", "ffv1"])
def test_what_is_tried_in_place_of_a_codec_that_refuses_a_size_takes_it(tmp_path: Path, codec: str) -> None:
    look = Film(width=1, height=400, frames=2, codec="libx264", pixel_format="yuv444p")
    film = probe(render(tmp_path / "strip", look))
    with (
        pytest.raises(VideoError, match="refuses a 1x400 yuv444p film") as caught,
        VideoWriter(tmp_path / "out.mkv", source=film, codec=codec),
    ):
        pass
    assert caught.value.hint == "try x264"
    with (
        VideoReader(film.path) as reader,
        VideoWriter(tmp_path / "out.mkv", source=film, codec="x264") as writer,
    ):
        for frame in reader:
            assert frame.source_chroma is not None
            writer.write(frame, frame.source_chroma)
        writer.finish()
    assert probe(tmp_path / "out.mkv").frames == 2
