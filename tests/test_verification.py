"""`verify` passes what was kept and names the first difference of what was not."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from films import Film, captioned, picture, render, two_pictures, with_dvd_texts, without_packet
from numpy.typing import NDArray

from vidcolor.errors import VideoError
from vidcolor.verification import Verification, verify
from vidcolor.verification.pictures import Departure
from vidcolor.video import ChromaPlanes, Frame, VideoReader, VideoWriter, plain_transcode
from vidcolor.video.packets import read_packets

DAMAGED = Film(
    codec="libx264", suffix=".ts", rate=Fraction(25), options=(("preset", "ultrafast"), ("g", "25")), frames=50
)
FILM = Film(audio=("flac",), chapters=True, tags=(("title", "A reel"),), frames=12)

Change = Callable[[Frame], Frame | None]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(tmp_path_factory.mktemp("verification") / "film", FILM)


def write(source: Path, output: Path, *, change: Change = lambda frame: frame, **options: object) -> Path:
    """Write a film in neutral grey, its frames changed or, where `change` returns None, dropped."""
    with (
        VideoReader(source) as reader,
        VideoWriter(output, source=reader.info, **options) as writer,  # type: ignore[arg-type]
    ):
        form = writer.chroma_format
        dtype = np.uint8 if form.bit_depth == 8 else np.uint16
        neutral = np.full((form.height, form.width), 1 << (form.bit_depth - 1), dtype)
        for frame in reader:
            changed = change(frame)
            if changed is not None:
                writer.write(changed, ChromaPlanes(neutral, neutral))
    return output


def altered(frame: Frame) -> Frame:
    if frame.index != 7:
        return frame
    luma = frame.luma.copy()
    luma[20, 33] ^= 1
    return replace(frame, luma=luma)


@pytest.mark.parametrize("codec", ["ffv1", "x264", "x265"])
def test_one_altered_luma_sample_is_named(source: Path, tmp_path: Path, codec: str) -> None:
    found = verify(source, write(source, tmp_path / "out.mkv", change=altered, codec=codec, lossless=True))
    assert not found.ok
    assert not found.lossless
    assert found.differences[0].startswith("frame 7 at 0.29")
    assert "1 of 6144 luma samples differ, the first at x=33 y=20 by " in found.differences[0]
    assert len(found.differences) == 1
    assert found.psnr_y is not None
    assert found.psnr_y > 80


def test_damaged_frames_may_look_otherwise_in_another_decode(tmp_path: Path) -> None:
    """Decoders with several threads do not make the same picture of damage every time."""
    film = render(tmp_path / "film", DAMAGED)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    with VideoReader(film) as reader:
        corrupt = [frame.index for frame in reader if frame.corrupt]
    assert corrupt

    def otherwise(*frames: int) -> Change:
        return lambda frame: replace(frame, luma=frame.luma ^ 1) if frame.index in frames else frame

    found = verify(film, write(film, tmp_path / "out.mkv", change=otherwise(*corrupt), codec="ffv1"))
    assert found.ok, found.differences
    assert f"{len(corrupt)} damaged frames look otherwise" in found.notes[-1]
    found = verify(film, write(film, tmp_path / "other.mkv", change=otherwise(3, *corrupt), codec="ffv1"))
    assert not found.ok
    assert found.differences[0].startswith("frame 3 ")


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_samples_are_compared_wherever_a_container_cuts_them(tmp_path: Path, suffix: str) -> None:
    film = render(tmp_path / "film", replace(FILM, audio=("pcm_s16le",), chapters=False, frames=48))

    def cut_anew(name: str, *, spoilt: bool) -> Path:
        copy = tmp_path / name
        with av.open(str(film)) as source, av.open(str(copy), "w") as output:
            streams = [output.add_stream_from_template(each) for each in source.streams]
            output.metadata.update(source.metadata)
            for ours, theirs in zip(source.streams, streams, strict=True):
                theirs.metadata.update(ours.metadata)
            for packet in source.demux():
                data = bytearray(bytes(packet))
                if packet.stream.type == "video" and data:
                    packet.stream = streams[packet.stream_index]
                    output.mux(packet)
                if packet.stream.type == "audio" and data:
                    if spoilt and packet.pts and packet.pts * packet.time_base > 1:
                        data[100] ^= 1
                    for start in range(0, len(data), 600):
                        part = av.Packet(bytes(data[start : start + 600]))
                        part.pts = part.dts = (packet.pts or 0) + round((packet.duration or 0) * start / len(data))
                        part.time_base, part.stream = packet.time_base, streams[packet.stream_index]
                        output.mux(part)
        return copy

    assert len(_packets(cut_anew("whole.mkv", spoilt=False))) > len(_packets(film))
    whole = tmp_path / f"out{suffix}"
    plain_transcode(cut_anew("whole.mkv", spoilt=False), whole, codec="x264", lossless=True)
    found = verify(film, whole)
    assert found.ok, found.differences
    found = verify(cut_anew("spoilt.mkv", spoilt=True), whole)
    assert not found.ok
    assert "packet" in found.differences[0]


def _packets(path: Path) -> list[int]:
    with av.open(str(path)) as film:
        return [packet.size for packet in film.demux(audio=0) if packet.size]


def test_frames_may_look_otherwise_that_are_made_of_damaged_ones(tmp_path: Path) -> None:
    """Nobody marks them, though damage spreads to what is predicted from it, until the next key frame."""
    film = render(tmp_path / "film", replace(DAMAGED, options=(("preset", "ultrafast"), ("g", "10"))))
    whole = film.read_bytes()
    corrupt = 0
    for size in range(len(whole) * 2 // 3, len(whole), 188):  # until one breaks off amid a picture that is no key frame
        film.write_bytes(whole[:size])
        with VideoReader(film) as reader:
            corrupt = max((frame.index for frame in reader if frame.corrupt), default=0)
        if corrupt % 10 > 1:
            break
    assert corrupt % 10 > 1

    def changed(name: str, index: int) -> Verification:
        def change(frame: Frame) -> Frame:
            return replace(frame, luma=frame.luma ^ 1) if frame.index == index else frame

        return verify(film, write(film, tmp_path / name, change=change, codec="ffv1", lossless=True))

    beside = changed("beside.mkv", corrupt - 1)
    assert (beside.ok, beside.lossless) == (True, True), beside.differences
    assert beside.notes[-1].startswith("1 other frames of groups of pictures that hold damaged ones look otherwise")
    before = changed("before.mkv", corrupt // 10 * 10 - 1)
    assert not before.ok
    assert before.differences[0].startswith(f"frame {corrupt // 10 * 10 - 1} ")


def test_one_shifted_time_is_named(source: Path, tmp_path: Path) -> None:
    shifted = write(source, tmp_path / "out.mkv", change=lambda f: replace(f, pts=f.pts + (f.index == 5)), codec="ffv1")
    found = verify(source, shifted)
    assert found.differences == ("frame 5 at 0.208000 s comes +1.000 ms off",)
    assert found.lossless
    assert not found.ok


def test_missing_audio_packet_is_named(source: Path, tmp_path: Path) -> None:
    whole = write(source, tmp_path / "whole.mkv", codec="ffv1")
    assert verify(source, whole).ok
    found = verify(source, without_packet(whole, tmp_path / "out.mkv", number=2))
    assert not found.ok
    assert found.lossless
    assert found.differences[0].startswith("audio #1 (flac): packet 2 ")
    assert "packets; the source has" in found.differences[0]


def test_dropped_frame_is_named(source: Path, tmp_path: Path) -> None:
    dropped = write(source, tmp_path / "out.mkv", change=lambda f: None if f.index == 4 else f, codec="ffv1")
    found = verify(source, dropped)
    assert not found.ok
    assert found.differences[0].startswith("frame 4 ")
    assert "1 of 12 frames are missing" in found.differences


def test_added_frame_is_named(source: Path, tmp_path: Path) -> None:
    longer = render(tmp_path / "longer", replace(FILM, frames=13))
    whole = write(longer, tmp_path / "out.mkv", codec="ffv1")
    assert "1 frames are not in the source" in verify(source, whole).differences


def test_another_film_is_not_taken_for_it(source: Path, tmp_path: Path) -> None:
    other = render(tmp_path / "other", replace(FILM, width=80))
    differences = verify(source, other).differences
    assert "size is 80x64; the source's is 96x64" in differences
    assert any("luma of (64, 80)" in each for each in differences)


def test_lost_tags_chapters_and_streams_are_named(source: Path, tmp_path: Path) -> None:
    bare = render(tmp_path / "bare", Film())
    differences = verify(source, bare).differences
    assert "tag title is None; the source's is 'A reel'" in differences
    assert "there are 0 chapters; the source has 2" in differences
    assert "audio #1 (flac) is missing" in differences


def relabelled(source: Path, output: Path, *, title: str = "", flags: int = 0, longer: int = 0) -> Path:
    """Copy a film, the title and disposition of its last stream changed, its texts shown for longer (ms)."""
    with av.open(str(source)) as film, av.open(str(output), "w") as copy:
        streams = [copy.add_stream_from_template(each, opaque=True) for each in film.streams]
        for ours, theirs in zip(film.streams, streams, strict=True):
            theirs.metadata.update(ours.metadata)
            theirs.disposition = ours.disposition
        streams[-1].metadata.update({"title": title} if title else {})
        streams[-1].disposition = Disposition(flags)
        for packet in film.demux():
            text = packet.stream.type == "subtitle"
            if packet.size and not (text and bytes(packet)[:2] == b"\0\0"):  # mp4 fills pauses with empty texts
                if text and packet.duration:
                    packet.duration += round(longer / 1000 / packet.time_base)
                packet.stream = streams[packet.stream_index]
                copy.mux_one(packet)
    return output


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_lost_labels_and_durations_of_streams_are_named(tmp_path: Path, suffix: str) -> None:
    codec, text = ("ffv1", "srt") if suffix == ".mkv" else ("libx264", "mov_text")
    film = Film(suffix=suffix, codec=codec, audio=("aac",), subtitles=text, frames=48)
    labels: Any = {"title": "Titres", "flags": Disposition.forced}
    titled = relabelled(render(tmp_path / "film", film), tmp_path / f"titled{suffix}", **labels)
    assert verify(titled, relabelled(titled, tmp_path / f"same{suffix}", **labels)).ok
    plain_transcode(titled, tmp_path / f"plain{suffix}", lossless=True)
    assert verify(titled, tmp_path / f"plain{suffix}").ok
    unforced = verify(titled, relabelled(titled, tmp_path / f"unforced{suffix}", title="Titres"))
    assert "disposition is none; the source's is forced" in str(unforced.differences)
    if suffix == ".mkv":
        untitled = verify(titled, relabelled(titled, tmp_path / "untitled.mkv", title="Other", flags=labels["flags"]))
        assert "title is 'Other'; the source's is 'Titres'" in str(untitled.differences)
    long = verify(titled, relabelled(titled, tmp_path / f"long{suffix}", longer=-50, **labels))
    assert "packet 0 lasts" in str(long.differences)


LABELLED = {
    0: {"title": "Print of 1911", "language": "fra", "COMMENT": "nitrate"},
    1: {"title": "Piano", "language": "eng", "COMMENT": "played in 1971"},
}


def labelled(source: Path, output: Path, *, role: Disposition = Disposition.original, **changed: Any) -> Path:
    """Copy a film with labels on picture and sound, a font and tags on a chapter, some of it changed."""
    labels = {number: {**tags, **changed.get("tags", {}).get(number, {})} for number, tags in LABELLED.items()}
    names = {"title": "I", "ARTIST": changed.get("artist", "Guy")}
    chapter: Any = {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": names}
    with av.open(str(source)) as film, av.open(str(output), "w") as copy:
        streams = [copy.add_stream_from_template(each, opaque=True) for each in list(film.streams)[:2]]
        for number, stream in enumerate(streams):
            stream.metadata.update({key: value for key, value in labels[number].items() if value})
        streams[0].disposition = role
        if output.suffix == ".mkv":
            copy.add_attachment(changed.get("font", "a.ttf"), changed.get("mime", "font/ttf"), bytes(99))
        copy.set_chapters([chapter])
        for packet in film.demux(film.streams[0], film.streams[1]):
            if packet.size:
                packet.stream = streams[packet.stream_index]
                copy.mux_one(packet)
    return output


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"tags": {0: {"title": ""}}}, "video #0 (ffv1): title is None; the source's is 'Print of 1911'"),
        ({"tags": {0: {"language": "deu"}}}, "video #0 (ffv1): language is deu; the source's is fra"),
        ({"role": Disposition.dub}, "video #0 (ffv1): disposition is dub; the source's is original"),
        ({"tags": {0: {"COMMENT": "safety"}}}, "video #0 (ffv1): tag comment is 'safety'; the source's is 'nitrate'"),
        ({"tags": {1: {"COMMENT": ""}}}, "tag comment is None; the source's is 'played in 1971'"),
        ({"font": "b.ttf"}, "tag filename is 'b.ttf'; the source's is 'a.ttf'"),
        ({"mime": "font/otf"}, "tag mimetype is 'font/otf'; the source's is 'font/ttf'"),
        ({"artist": "Blaché"}, "chapter 1 has the tags {'artist': 'Blaché'}; the source's are {'artist': 'Guy'}"),
    ],
)
def test_every_label_counts(tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    film = labelled(render(tmp_path / "film", Film(audio=("flac",))), tmp_path / "labelled.mkv")
    plain_transcode(film, tmp_path / "plain.mkv", codec="ffv1")
    assert verify(film, tmp_path / "plain.mkv").differences == ()
    found = verify(film, labelled(tmp_path / "plain.mkv", tmp_path / "changed.mkv", **changed)).differences
    assert len(found) == 1
    assert named in found[0]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_labels_that_a_container_does_not_hold_are_named(tmp_path: Path, suffix: str) -> None:
    look = Film(codec="libx264", audio=("aac",))
    film = labelled(render(tmp_path / "film", look), tmp_path / "labelled.mkv")
    container, output = suffix[1:], tmp_path / f"plain{suffix}"
    notes = plain_transcode(film, output, lossless=True)
    lost = {
        f"video #0 (h264, fra, Print of 1911): {container} does not hold that it is original",
        f"video #0 (h264, fra, Print of 1911): {container} does not hold its tags: comment",
        f"audio #1 (aac, eng, Piano): {container} does not hold its tags: comment",
        f"tags of chapters that {container} does not hold are dropped: artist",
    }
    assert lost <= set(notes)
    found = verify(film, output)
    assert found.differences == ()
    assert {note for note in lost if "chapters" not in note} <= set(found.notes)


def test_a_tag_without_a_value_is_none(tmp_path: Path) -> None:
    film = render(tmp_path / "film", Film(codec="libx264"))
    with av.open(str(film)) as source, av.open(str(tmp_path / "tagged.mkv"), "w") as copy:
        stream = copy.add_stream_from_template(source.streams[0], opaque=True)
        copy.metadata["comment"] = "x"
        for packet in source.demux():
            if packet.size:
                packet.stream = stream
                copy.mux_one(packet)
    data = (tmp_path / "tagged.mkv").read_bytes()
    at = data.index(b"\x44\x87\x81x", data.index(b"COMMENT"))  # TagString of one byte (RFC 9559)
    tagged = tmp_path / "empty.mkv"
    tagged.write_bytes(data[: at + 3] + b"\0" + data[at + 4 :])
    assert plain_transcode(tagged, tmp_path / "plain.mp4", lossless=True) == []
    assert verify(tagged, tmp_path / "plain.mp4").differences == ()


def test_subtitles_of_mp4_stay_in_place_over_many_copies(tmp_path: Path) -> None:
    film = Film(suffix=".mp4", codec="libx264", subtitles="mov_text", frames=48)
    made = [render(tmp_path / "film0", film)]
    for number in range(1, 4):
        made.append(tmp_path / f"film{number}.mp4")
        plain_transcode(made[-2], made[-1], lossless=True)
    found = verify(made[0], made[-1])
    assert found.ok, found.differences


def test_lost_shape_is_named(tmp_path: Path) -> None:
    film = Film(suffix=".mp4", codec="libx264", sar=Fraction(8, 9), rotation=90, options=(("qp", "0"),))
    shaped = render(tmp_path / "film", film)
    flat = render(tmp_path / "flat", replace(film, sar=Fraction(1), rotation=0))
    differences = verify(shaped, flat).differences
    assert "pixel aspect is 1; the source's is 8/9" in differences
    assert "rotation is 0; the source's is 90" in differences


@pytest.mark.parametrize("codec", ["x264", "x265"])
def test_lossy_film_is_measured_against_a_plain_transcode(tmp_path: Path, codec: str) -> None:
    source = render(tmp_path / "film", Film(frames=24))
    hues = np.tile(np.linspace(100, 150, 48).astype(np.uint8), (2, 32, 1))
    with (
        VideoReader(source) as reader,
        VideoWriter(tmp_path / "out.mkv", source=reader.info, codec=codec, crf=20, preset="veryfast") as writer,
    ):
        for frame in reader:
            writer.write(frame, ChromaPlanes(hues[0], hues[1]))
    found = verify(source, tmp_path / "out.mkv")
    assert found.differences == ()
    assert found.ok
    assert not found.lossless
    assert found.psnr_y is not None
    assert found.plain_psnr_y is not None
    assert found.stretch_psnr_y == pytest.approx(found.psnr_y)
    assert abs(found.psnr_y - found.plain_psnr_y) < 1.5


def test_lossy_film_of_a_chosen_stream_is_measured_against_that_stream(tmp_path: Path) -> None:
    source, output = two_pictures(tmp_path / "film.mkv"), tmp_path / "out.mkv"
    plain_transcode(source, output, preset="ultrafast", stream=1)
    found = verify(source, output, stream=1)
    assert found.ok
    assert found.plain_psnr_y == pytest.approx(found.stretch_psnr_y, abs=0.1)  # x264 varies a little on small pictures


def test_lossy_film_that_begins_equal_has_a_score_that_json_can_hold(tmp_path: Path) -> None:
    black = np.zeros((64, 96, 3), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 1), np.uint8).repeat(3, axis=2)
    film = Film(frames=12, rate=Fraction(1))
    source = render(tmp_path / "film", film, pictures=lambda index: black if index < 10 else noise)
    found = verify(source, write(source, tmp_path / "out.mkv", codec="x264", crf=20, preset="veryfast"))
    assert found.ok
    assert not found.lossless
    assert found.stretch_psnr_y == found.plain_psnr_y == 100
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["stretch_psnr_y"] == 100


@pytest.mark.parametrize("codec", ["x264", "x265", "ffv1"])
def test_closed_captions_come_through_or_are_named(tmp_path: Path, codec: str) -> None:
    film = captioned(tmp_path)
    notes = plain_transcode(film, tmp_path / "out.mkv", codec=codec, lossless=codec != "ffv1")
    found = verify(film, tmp_path / "out.mkv")
    assert found.differences == ()
    lost = codec == "ffv1"
    assert [note for note in notes if "captions" in note] == [
        "closed captions in 12 pictures are dropped: x264 and x265 keep them"
    ] * lost
    assert [note for note in found.notes if "captions" in note] == [
        "closed captions in 12 pictures are not in the output"
    ] * lost
    if not lost:
        assert captions(tmp_path / "out.mkv") == captions(film)


def captions(path: Path) -> list[bytes]:
    with VideoReader(path) as reader:
        held: list[Any] = [frame.picture.side_data for frame in reader if frame.picture]
    return [bytes(each["A53_CC"]) for each in held]


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv444p10le"])
def test_both_depths_of_prores_are_taken_for_what_they_are(tmp_path: Path, pixel_format: str) -> None:
    film = render(tmp_path / "film", Film(pixel_format=pixel_format))
    plain_transcode(film, tmp_path / "out.mov", codec="prores")
    assert verify(film, tmp_path / "out.mov").differences == ()


def test_lossy_film_of_worse_pictures_fails(tmp_path: Path) -> None:
    source = render(tmp_path / "film", Film(frames=24))
    rng = np.random.default_rng(0)

    def noisy(frame: Frame) -> Frame:
        return replace(frame, luma=np.clip(frame.luma + rng.normal(0, 12, frame.luma.shape), 16, 235).astype(np.uint8))

    found = verify(source, write(source, tmp_path / "out.mkv", change=noisy, codec="x264", crf=12, preset="veryfast"))
    assert not found.ok
    assert "where a plain transcode has" in found.differences[0]


@pytest.mark.parametrize("codec", ["x264", "svtav1"])
def test_frames_that_show_something_else_are_named_wherever_they_are(tmp_path: Path, codec: str) -> None:
    source = render(tmp_path / "film", Film(frames=24, rate=Fraction(2)))

    def astray(frame: Frame) -> Frame:  # from the 10th second on, behind the stretch that is transcoded plainly
        return replace(frame, luma=251 - frame.luma) if frame.index in (21, 22) else frame

    found = verify(source, write(source, tmp_path / "out.mkv", change=astray, codec=codec))
    assert not found.ok
    (difference,) = found.differences
    assert difference.startswith("2 of 24 frames show something else, the first is frame 21 at 10.500000 s: luma of")


@pytest.mark.parametrize("codec", ["x264", "x265", "svtav1"])
@pytest.mark.parametrize("crf", [12, 30, 51])
def test_lossy_films_of_any_quality_show_what_the_source_shows(tmp_path: Path, codec: str, crf: int) -> None:
    grain = np.random.default_rng(0).normal(0, 9, (64, 96))

    def faded(index: int) -> NDArray[np.uint8]:
        light = (picture(index, 24, 96, 64) - 16.0) * abs(1 - index / 12) + 16 + np.roll(grain, 7 * index)[..., None]
        return np.asarray(np.clip(light, 0, 255), np.uint8)

    source = render(tmp_path / "film", Film(frames=24, width=96, height=64), pictures=faded)
    found = verify(source, write(source, tmp_path / "out.mkv", codec=codec, crf=crf))
    assert found.differences == ()
    assert not found.lossless


@pytest.mark.parametrize(("codec", "suffix"), [("svtav1", ".mkv"), ("svtav1", ".mp4"), ("prores", ".mov")])
def test_a_lossy_film_that_is_black_for_the_most_part_is_taken_for_lossy(
    tmp_path: Path, codec: str, suffix: str
) -> None:
    look = Film(codec="libx264", frames=26)
    blank = np.zeros((look.height, look.width, 3), np.uint8)
    scenes = [blank if index < 20 else picture(index, 26, look.width, look.height, "grey") for index in range(26)]
    film = render(tmp_path / "film", look, pictures=scenes)
    plain_transcode(film, tmp_path / f"plain{suffix}", codec=codec)
    found = verify(film, tmp_path / f"plain{suffix}")
    assert found.differences == ()
    assert not found.lossless


def test_the_part_of_a_frame_that_shows_something_else_is_found() -> None:
    off = np.random.default_rng(0).integers(-9, 10, (48, 64)).astype(np.int32)
    off[14:36, 30:50] -= 40
    found = Departure.of(3, Fraction(1, 8), off, bit_depth=8)
    assert (found.x, found.y) == (32, 16)
    assert -41 < found.off < -39
    wide = Departure.of(3, Fraction(1, 8), off * 4, bit_depth=10)
    assert wide.off == pytest.approx(found.off)
    assert Departure.of(0, Fraction(0), np.full((2, 3), 5, np.int32), bit_depth=8).off == pytest.approx(5)


@pytest.mark.parametrize("preset", ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"])
@pytest.mark.parametrize("codec", ["x264", "x265"])
def test_settings_are_read_from_the_bitstream(tmp_path: Path, codec: str, preset: str) -> None:
    source = render(tmp_path / "film", Film(frames=2))
    plain_transcode(source, tmp_path / "out.mp4", codec=codec, crf=21.5, preset=preset)
    settings = read_packets(tmp_path / "out.mp4", container="mp4").settings
    assert settings is not None
    assert (settings.codec, settings.crf, settings.preset, settings.lossless) == (codec, 21.5, preset, False)


@pytest.mark.parametrize("codec", ["x264", "x265", "ffv1"])
def test_lossless_settings_are_read_from_the_bitstream(tmp_path: Path, codec: str) -> None:
    source = render(tmp_path / "film", Film(frames=3))
    plain_transcode(source, tmp_path / "out.mkv", codec=codec, lossless=True)
    settings = read_packets(tmp_path / "out.mkv", container="matroska").settings
    assert settings is not None
    assert (settings.codec, settings.lossless) == (codec, True)


def test_settings_that_make_no_sense_are_none(tmp_path: Path) -> None:
    source = render(tmp_path / "film", Film(codec="libx264", options=(("crf", "21.5"),)))
    source.write_bytes(source.read_bytes().replace(b" crf=21.5 ", b" crf=2\xb1.5 ", 1))
    settings = read_packets(source, container="matroska").settings
    assert settings is not None
    assert settings.crf is None


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_the_last_sound_is_not_hidden_where_the_first_is_damaged(tmp_path: Path, suffix: str) -> None:
    film = render(tmp_path / "film", Film(codec="libx264", audio=("aac",), frames=30))
    with av.open(str(film)) as container:
        first = next(bytes(packet) for packet in container.demux(container.streams.audio[0]))
    # FFmpeg looks at the first packet for how long each lasts.
    film.write_bytes(film.read_bytes().replace(first, first[:40] + bytes([255]) * (len(first) - 40), 1))
    assert plain_transcode(film, tmp_path / f"out{suffix}", lossless=True) == []
    found = verify(film, tmp_path / f"out{suffix}")
    assert found.differences == ()
    assert found.packets == 59


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_an_empty_stream_is_kept_or_named(tmp_path: Path, suffix: str) -> None:
    plain = render(tmp_path / "plain", Film(codec="libx264"))
    with av.open(str(plain)) as source, av.open(str(tmp_path / "film.mkv"), "w") as film:
        picture_stream = film.add_stream_from_template(source.streams[0], opaque=True)
        for language in ("eng", "fra"):
            film.add_stream("mp2", rate=48000, layout="mono").metadata["language"] = language
        sound: Any = film.streams[2]
        for packet in source.demux():
            if packet.size:
                packet.stream = picture_stream
                film.mux_one(packet)
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16", layout="mono")
        tone.sample_rate, tone.pts, tone.time_base = 48000, 0, Fraction(1, 48000)
        film.mux([*sound.encode(tone), *sound.encode(None)])
    notes = plain_transcode(tmp_path / "film.mkv", tmp_path / f"out{suffix}", lossless=True)
    empty = f"audio #1 (mp2, eng) is dropped: {suffix[1:]} holds no empty stream"
    assert notes == ([] if suffix == ".mkv" else [empty])
    assert verify(tmp_path / "film.mkv", tmp_path / f"out{suffix}").differences == ()


def test_report_is_json_and_progress_is_told(source: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    whole = write(source, tmp_path / "out.mkv", codec="ffv1")
    found = verify(source, whole, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (12, 12)
    assert json.loads(json.dumps(found.to_dict()))["packets"] == found.packets > 3


@pytest.mark.parametrize("order", [2, 3], ids=["top first", "bottom first"])
def test_interlaced_film_is_exact_in_lossless_x264(tmp_path: Path, order: int) -> None:
    fields = render(tmp_path / "fields", Film(width=352, height=288, frames=24, field_order=order))
    plain_transcode(fields, tmp_path / "plain.mkv", codec="x264", lossless=True)
    found = verify(fields, tmp_path / "plain.mkv")
    assert (found.ok, found.lossless) == (True, True), found.differences


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_sound_goes_on_where_captures_were_put_end_to_end(tmp_path: Path, suffix: str) -> None:
    """Each has a clock of its own, which starts anew."""
    part = render(tmp_path / "part", replace(DAMAGED, audio=("mp2",)))
    film = tmp_path / "film.ts"
    film.write_bytes(2 * part.read_bytes())
    output = tmp_path / f"out{suffix}"
    notes = plain_transcode(film, output, lossless=True, preset="ultrafast")
    assert any(note.endswith("copied packets without a rising time stamp got one") for note in notes)
    assert verify(film, output).differences == ()
    (sound,) = read_packets(output, container="mp4").streams.values()
    gaps = [float((b - a) * sound.time_base) for a, b in pairwise(sound.times)]
    assert gaps == pytest.approx([0.024] * len(gaps), abs=0.002)
    assert gaps


def test_missing_film_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError):
        verify(source, tmp_path / "nothing.mkv")


def test_rendered_films_move_and_cut() -> None:
    frames = [picture(index, 12, 96, 64, "grey").astype(int)[..., 0] for index in range(12)]
    steps = [np.abs(a - b).mean() for a, b in pairwise(frames)]
    assert sorted(np.argsort(steps)[-2:].tolist()) == [3, 7]
    assert min(steps) > 0


def test_data_of_a_transport_stream_comes_through_to_its_last_packet(tmp_path: Path) -> None:
    film = render(tmp_path / "plain", Film(suffix=".ts", codec="mpeg2video", rate=Fraction(25), frames=12))
    source, output = tmp_path / "film.ts", tmp_path / "out.mov"
    with av.open(str(film)) as plain, av.open(str(source), "w") as container:
        video = container.add_stream_from_template(plain.streams[0], opaque=True)
        data = container.add_data_stream("klv")
        for number, packet in enumerate(each for each in plain.demux() if each.size):
            value: Any = av.Packet(bytes([number]) * 20)
            packet.stream, value.stream, value.time_base = video, data, packet.time_base
            value.pts = value.dts = packet.dts
            container.mux_one(packet)
            container.mux_one(value)
    assert plain_transcode(source, output) == []
    found = verify(source, output)
    assert found.differences == ()
    assert found.packets == 12

    parted, again = tmp_path / "parted.mov", tmp_path / "again.mov"
    with av.open(str(output)) as plain, av.open(str(parted), "w") as container:
        streams = [container.add_stream_from_template(each, opaque=True) for each in plain.streams]
        container.set_chapters(
            [{"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "I"}}]
        )
        for packet in plain.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                container.mux_one(packet)
    assert plain_transcode(parted, again) == []
    found = verify(parted, again)
    assert found.differences == ()
    assert found.packets == 12


def test_subtitles_of_blu_ray_come_through_in_whole_sets(tmp_path: Path) -> None:
    """A transport stream has a packet for each segment, Matroska one for all segments of a set."""
    sizes = {0x16: 11, 0x17: 10, 0x14: 12, 0x80: 0}
    segments = [
        b"PG" + (90 * time).to_bytes(4, "big") + bytes(4) + bytes([kind]) + sizes[kind].to_bytes(2, "big")
        + bytes([time % 256] * sizes[kind])
        for start in (40, 200, 320) for time, kind in enumerate(sizes, start)
    ]  # fmt: skip
    (tmp_path / "words.sup").write_bytes(b"".join(segments))
    film = render(tmp_path / "plain", Film(suffix=".ts", codec="mpeg2video", rate=Fraction(25), frames=12))
    source, output = tmp_path / "film.m2ts", tmp_path / "out.mkv"
    with av.open(str(film)) as plain, av.open(str(tmp_path / "words.sup")) as words, av.open(str(source), "w") as disc:
        for each in (plain, words):
            disc.add_stream_from_template(each.streams[0], opaque=True)
        for number, each in enumerate((plain, words)):
            for packet in filter(lambda packet: packet.size, each.demux()):
                packet.stream = disc.streams[number]
                disc.mux_one(packet)
    assert [each.codec_context.name for each in av.open(str(source)).streams] == ["mpeg2video", "pgssub"]
    plain_transcode(source, output)
    found = verify(source, output)
    assert found.differences == ()
    assert found.packets == 3


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_subtitles_of_a_dvd_come_through_to_the_last(tmp_path: Path, suffix: str) -> None:
    plain = render(tmp_path / "plain", Film(suffix=".ts", codec="mpeg2video", rate=Fraction(25), frames=12))
    source, output = with_dvd_texts(plain, tmp_path / "film.mkv", after=(0, 4, 8)), tmp_path / f"out{suffix}"
    plain_transcode(source, output)
    found = verify(source, output)
    assert found.differences == ()
    assert found.packets == 3
