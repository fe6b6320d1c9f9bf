"""Reading and writing films: luma, times and copied streams come through unchanged."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from films import write_rgb

from vidcolor.errors import VideoError
from vidcolor.video import (
    ChromaPlanes,
    Frame,
    VideoReader,
    VideoWriter,
    default_output,
    plain_transcode,
    probe,
)
from vidcolor.video.formats import pixel_layout, read_planes

Film = Callable[..., Path]
SUBTITLE_HEADER = b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name\n\n[Events]\nFormat: Text\n"


def random_picture(width: int, height: int, form: str, seed: int) -> av.VideoFrame:
    """Return a picture of noise that uses all bits of the format."""
    rng = np.random.default_rng(seed)
    picture = av.VideoFrame(width, height, form)
    bits = picture.format.components[0].bits
    for plane in picture.planes:
        if bits <= 8:
            values = np.frombuffer(memoryview(plane), np.uint8)
            values[:] = rng.integers(0, 256, values.size)
        else:
            deep = np.frombuffer(memoryview(plane), ">u2" if picture.format.is_big_endian else "<u2")
            deep[:] = rng.integers(0, 1 << bits, deep.size)
    return picture


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """A function that writes a film of noise with the wanted format, times, streams and tags."""

    def make(
        name: str = "film.mkv",
        *,
        codec: str = "ffv1",
        form: str = "yuv420p",
        size: tuple[int, int] = (64, 48),
        pts: Iterable[int] = range(6),
        time_base: Fraction = Fraction(1, 25),
        setup: Callable[[Any, Any], None] = lambda container, stream: None,
        change: Callable[[av.VideoFrame], av.VideoFrame] = lambda picture: picture,
        extra: Callable[[Any], Callable[[], None]] = lambda container: lambda: None,
        **options: str,
    ) -> Path:
        path = tmp_path / name
        width, height = size
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream(codec, rate=25, options=options)
            stream.width, stream.height, stream.pix_fmt = width, height, form
            stream.codec_context.time_base = stream.time_base = time_base
            setup(container, stream)
            finish = extra(container)
            for seed, stamp in enumerate(pts):
                picture = random_picture(width, height, form, seed)
                picture.pts, picture.time_base = stamp, time_base
                container.mux(stream.encode(change(picture)))
            container.mux(stream.encode(None))
            finish()
        return path

    return make


def add_audio(container: Any, codec: str = "aac", seconds: int = 1) -> Callable[[], None]:
    """Add stereo noise."""
    stream = container.add_stream(codec, rate=48000)
    stream.metadata["language"] = "deu"

    def finish() -> None:
        rng = np.random.default_rng(7)
        for start in range(0, 48000 * seconds, 1024):
            noise = (0.1 * rng.standard_normal((2, 1024))).astype(np.float32)
            sound = av.AudioFrame.from_ndarray(noise, "fltp", layout="stereo")
            sound.sample_rate, sound.pts = 48000, start
            container.mux(stream.encode(sound))
        container.mux(stream.encode(None))

    return finish


def add_text(container: Any, codec: str, times: Iterable[int] = (100, 400)) -> Callable[[], None]:
    """Add text subtitles; SubRip and mov_text payloads are written by hand."""
    stream = container.add_stream(codec)
    stream.time_base = Fraction(1, 1000)
    stream.codec_context.subtitle_header = SUBTITLE_HEADER
    stream.metadata["language"] = "fra"

    def finish() -> None:
        for number, start in enumerate(times):
            text = f"line {number}".encode()
            packet = av.Packet(text if codec == "subrip" else len(text).to_bytes(2, "big") + text)
            packet.pts = packet.dts = start
            packet.duration, packet.time_base, packet.stream = 200, Fraction(1, 1000), stream
            container.mux(packet)

    return finish


def read(path: Path) -> list[Frame]:
    with VideoReader(path) as reader:
        return list(reader)


def times(path: Path) -> list[Fraction]:
    with VideoReader(path) as reader:
        return [reader.info.time(frame.pts) for frame in reader]


def packets(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [
            (packet.pts * Fraction(packet.time_base), bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]


def same_luma(first: list[Frame], second: list[Frame]) -> bool:
    return len(first) == len(second) and all(np.array_equal(a.luma, b.luma) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("size", [(64, 48), (53, 37)])
@pytest.mark.parametrize(
    "form",
    ["yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv410p", "yuv420p10le", "yuv444p12le", "yuv420p14le",
     "yuv444p16le", "gray", "gray10le", "gray12le", "gray16le", "ya8", "yuva420p"],
)  # fmt: skip
def test_luma_comes_back_from_ffv1(film: Film, form: str, size: tuple[int, int]) -> None:
    """Checklist 25."""
    source = film(form=form, size=size)
    output = source.with_name("out.mkv")
    plain_transcode(source, output, codec="ffv1")
    assert same_luma(read(source), read(output))
    assert times(source) == times(output)
    assert VideoReader(source).info.full_range == VideoReader(output).info.full_range


@pytest.mark.parametrize("form", ["nv12", "nv21", "uyvy422", "yuyv422", "yvyu422", "yuv420p10be", "gray16be"])
@pytest.mark.parametrize("size", [(64, 48), (53, 37)])
def test_luma_of_packed_formats_is_the_stored_one(film: Film, form: str, size: tuple[int, int]) -> None:
    source = film("film.nut", codec="rawvideo", form=form, size=size)
    width, height = size
    for number, frame in enumerate(read(source)):
        plane = random_picture(width, height, form, number).planes[0]
        raw = np.frombuffer(memoryview(plane), ">u2" if form.endswith("be") else np.uint8).reshape(height, -1)
        offset, step = {"uyvy422": (1, 2), "yuyv422": (0, 2), "yvyu422": (0, 2)}.get(form, (0, 1))
        assert np.array_equal(frame.luma, raw[:, offset::step][:, :width])
        assert not frame.luma.flags.writeable


@pytest.mark.parametrize(
    ("codec", "form"),
    [("x264", "yuv420p"), ("x264", "yuv420p10le"), ("x264", "gray"), ("x265", "yuv422p"), ("x265", "yuv420p12le"),
     ("x265", "gray10le")],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_lossless_keeps_luma_and_chroma(film: Film, codec: str, form: str, suffix: str) -> None:
    source = film(form=form)
    output = source.with_name(f"out{suffix}")
    plain_transcode(source, output, codec=codec, lossless=True, preset="ultrafast")
    frames, found = read(source), read(output)
    assert same_luma(frames, found)
    for a, b in zip(frames, found, strict=True):
        if a.source_chroma is not None:
            assert b.source_chroma is not None
            assert np.array_equal(a.source_chroma.cb, b.source_chroma.cb)
            assert np.array_equal(a.source_chroma.cr, b.source_chroma.cr)


def test_new_chroma_is_written_as_given_and_luma_is_not_touched(film: Film) -> None:
    source = film(codec="libx264", preset="ultrafast", size=(64, 48))
    output = source.with_name("out.mkv")
    rng = np.random.default_rng(1)
    given = []
    with VideoReader(source) as reader, VideoWriter(output, source=reader.info, lossless=True) as writer:
        form = writer.chroma_format
        for frame in reader:
            cb, cr = rng.integers(0, 256, (2, form.height, form.width), dtype=np.uint8)
            given.append(ChromaPlanes(cb, cr))
            writer.write(frame, given[-1])
    found = read(output)
    assert same_luma(read(source), found)
    for wanted, frame in zip(given, found, strict=True):
        assert frame.source_chroma is not None
        assert np.array_equal(wanted.cb, frame.source_chroma.cb)
        assert np.array_equal(wanted.cr, frame.source_chroma.cr)


def test_a_frame_without_its_decoded_picture_is_written_alike(film: Film) -> None:
    source = film()
    output = source.with_name("out.mkv")
    with VideoReader(source) as reader, VideoWriter(output, source=reader.info, lossless=True) as writer:
        form = writer.chroma_format
        neutral = np.full((form.height, form.width), 128, np.uint8)
        for frame in reader:
            inverted = 255 - frame.luma
            changed = replace(frame, luma=inverted, picture=frame.picture if frame.index % 2 else None)
            writer.write(changed, ChromaPlanes(neutral, neutral))
    for a, b in zip(read(source), read(output), strict=True):
        assert np.array_equal(255 - a.luma, b.luma)


@pytest.mark.parametrize("grey", [True, False])
def test_grey_rgb_is_read_exactly_and_colour_rgb_is_named(film: Film, grey: bool) -> None:
    """Checklist 26."""

    def level(picture: av.VideoFrame) -> av.VideoFrame:
        if grey:
            rows = np.frombuffer(memoryview(picture.planes[0]), np.uint8)
            rows[:] = np.repeat(rows[: rows.size // 3], 3)
        return picture

    source = film("film.nut", codec="rawvideo", form="rgb24", change=level)
    output = source.with_name("out.mkv")
    warnings = plain_transcode(source, output, lossless=True)
    assert any("converted" in line for line in warnings) is not grey
    with VideoReader(output) as reader:
        assert (reader.info.full_range, reader.info.matrix, reader.info.matrix_tagged) == (True, "bt709", True)
        frames = list(reader)
    assert same_luma(read(source), frames)
    if grey:
        rgb = read(source)[0].luma
        stored = np.frombuffer(memoryview(level(random_picture(64, 48, "rgb24", 0)).planes[0]), np.uint8)
        assert np.array_equal(rgb, stored.reshape(48, -1)[:, : 64 * 3 : 3])


def test_monochrome_bits_become_black_and_white(film: Film) -> None:
    frames = read(film("film.nut", codec="rawvideo", form="monow"))
    assert {int(value) for value in np.unique(frames[0].luma)} == {0, 255}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_variable_frame_rate_and_start_offset(film: Film, suffix: str) -> None:
    """Checklist 16, 17."""
    source = film("film.mp4", codec="libx264", pts=[3000, 6003, 6100, 15000, 90001], time_base=Fraction(1, 30000))
    output = source.with_name(f"out{suffix}")
    plain_transcode(source, output)
    error = Fraction(1, 2000) if suffix == ".mkv" else 0
    assert all(abs(a - b) <= error for a, b in zip(times(source), times(output), strict=True))


@pytest.mark.parametrize(("codec", "suffix"), [("x264", ".mkv"), ("x264", ".mp4"), ("ffv1", ".mkv")])
@pytest.mark.parametrize("color_range", [0, 1, 2])
def test_colour_tags_stay_as_they_are(film: Film, codec: str, suffix: str, color_range: int) -> None:
    for matrix, primaries, transfer in ((2, 2, 2), (1, 1, 1), (6, 6, 6), (9, 9, 16)):

        def tag(container: Any, stream: Any, values: tuple[int, ...] = (matrix, primaries, transfer)) -> None:
            context = stream.codec_context
            context.color_range = color_range
            context.colorspace, context.color_primaries, context.color_trc = values

        def tag_frame(picture: av.VideoFrame, values: tuple[int, ...] = (matrix, primaries, transfer)) -> av.VideoFrame:
            picture.color_range = color_range
            picture.colorspace, picture.color_primaries, picture.color_trc = values
            return picture

        source = film(codec="libx264", setup=tag, change=tag_frame, pts=range(2))
        output = source.with_name(f"out{suffix}")
        plain_transcode(source, output, codec=codec, overwrite=True)
        found = VideoReader(output).info
        expected = VideoReader(source).info
        assert (expected.tags.matrix, expected.tags.transfer) == (matrix, transfer)
        # mp4 says nothing about the range of a film whose other tags are unspecified; limited is what that means.
        silent = suffix == ".mp4" and matrix == 2 and color_range == 1
        assert found.tags == (replace(expected.tags, range=0) if silent else expected.tags)
        assert found.full_range == expected.full_range
        assert found.matrix == {2: "bt601", 1: "bt709", 6: "bt601", 9: "bt2020"}[matrix]


@pytest.mark.parametrize("codec", ["x264", "x265", "ffv1"])
def test_static_hdr_metadata_is_kept_or_named(film: Film, codec: str) -> None:
    """Checklist 28."""
    parameters = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400"
    source = film(codec="libx265", form="yuv420p10le", **{"x265-params": f"log-level=none:{parameters}"})
    output = source.with_name("out.mkv")
    notes = plain_transcode(source, output, codec=codec, lossless=True)
    before, after = VideoReader(source).info.hdr, VideoReader(output).info.hdr
    assert before is not None
    assert before.light == (1000, 400)
    assert before.display is not None
    assert before.display[8:] == (Fraction(5, 1000), Fraction(1000))
    if codec == "ffv1":
        assert any("mastering display" in note for note in notes)
    else:
        assert after == before
        assert same_luma(read(source), read(output))


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_pixel_aspect_and_rotation_are_kept(film: Film, suffix: str) -> None:
    """Checklist 19, 20."""

    def setup(container: Any, stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(8, 9)
        stream.set_display_rotation(90)

    source = film("film.mp4", codec="libx264", setup=setup)
    output = source.with_name(f"out{suffix}")
    plain_transcode(source, output)
    before, after = VideoReader(source).info, VideoReader(output).info
    assert (before.sar, before.rotation) == (Fraction(8, 9), 90)
    assert (after.sar, after.rotation) == (before.sar, before.rotation)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize(
    "matrix",
    [
        (1, 0, 0, 1),
        (0, -1, 1, 0),
        (-1, 0, 0, -1),
        (0, 1, -1, 0),
        (-1, 0, 0, 1),
        (1, 0, 0, -1),
        (0, 1, 1, 0),
        (0, -1, -1, 0),
    ],
    ids=["plain", "turned left", "upside down", "turned right", "mirrored", "flipped", "transposed", "transversed"],
)
def test_a_film_is_upright_as_its_display_matrix_says(
    film: Film, suffix: str, matrix: tuple[int, int, int, int]
) -> None:
    """Checklist 20."""
    a, b, c, d = matrix

    def setup(container: Any, stream: Any) -> None:
        one = 1 << 16
        stream.set_display_matrix((a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30))

    source = film("film.mp4", codec="libx264", setup=setup)
    output = source.with_name(f"out{suffix}")
    plain_transcode(source, output)
    for path in (source, output):
        with VideoReader(path) as reader:
            stored = next(iter(reader)).luma
            info = reader.info
        y, x = np.indices(stored.shape)
        columns, rows = a * x + c * y, b * x + d * y
        columns, rows = columns - columns.min(), rows - rows.min()
        shown = np.empty((rows.max() + 1, columns.max() + 1), stored.dtype)
        shown[rows, columns] = stored
        np.testing.assert_array_equal(info.upright(stored), shown)
        np.testing.assert_array_equal(info.as_stored(shown), stored)


@pytest.mark.parametrize("codec", ["ffv1", "svtav1", "prores"])
def test_a_codec_that_loses_the_pixel_aspect_is_refused(film: Film, codec: str) -> None:
    """Checklist 19."""

    def setup(container: Any, stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(8, 9)

    source = film(codec="libx264", setup=setup)
    with pytest.raises(VideoError, match="8:9"):
        plain_transcode(source, source.with_name("out.mkv"), codec=codec)


@pytest.mark.parametrize("size", [(161, 119), (426, 239), (75, 75), (1279, 721), (96, 2)])
def test_ffv1_takes_any_size(film: Film, size: tuple[int, int]) -> None:
    """Checklist 21."""
    source = film(size=size, pts=range(2))
    output = source.with_name("out.mkv")
    plain_transcode(source, output, codec="ffv1")
    assert same_luma(read(source), read(output))


def test_hint_names_each_container_once(film: Film) -> None:
    source = film()
    with pytest.raises(VideoError) as caught:
        VideoWriter(source.with_name("out.mp4"), source=VideoReader(source).info, codec="ffv1")
    assert caught.value.hint == "name the output .mkv"


@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize("codec", ["x264", "ffv1"])
def test_interlacing_and_field_order_are_kept(film: Film, order: str, codec: str) -> None:
    """Checklist 18."""
    graph = av.filter.Graph()
    buffer = graph.add("buffer", video_size="64x48", pix_fmt="yuv420p", time_base="1/25", pixel_aspect="1/1")
    sink = graph.add("buffersink")
    graph.link_nodes(buffer, graph.add("setfield", order), sink).configure()

    def weave(picture: av.VideoFrame) -> av.VideoFrame:
        buffer.push(picture)
        return sink.pull()  # type: ignore[return-value]

    def setup(container: Any, stream: Any) -> None:
        stream.codec_context.field_order = 2 if order == "tff" else 3
        stream.codec_context.flags |= 1 << 18 | 1 << 29

    source = film(codec="libx264", setup=setup, change=weave)
    output = source.with_name("out.mkv")
    info = VideoReader(source).info
    assert (info.interlaced, info.top_field_first) == (True, order == "tff")
    with VideoReader(source) as reader, VideoWriter(output, source=info, codec=codec, lossless=True) as writer:
        assert writer.chroma_format.interlaced
        for frame in reader:
            assert frame.source_chroma is not None
            writer.write(replace(frame, picture=frame.picture if frame.index % 2 else None), frame.source_chroma)
    after = VideoReader(output).info
    assert (after.interlaced, after.top_field_first) == (True, order == "tff")
    assert all(frame.picture is not None and frame.picture.interlaced_frame for frame in read(output))
    assert same_luma(read(source), read(output))


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_audio_packets_are_copied(film: Film, suffix: str) -> None:
    source = film("film.mp4", codec="libx264", pts=range(25), extra=add_audio)
    output = source.with_name(f"out{suffix}")
    notes = plain_transcode(source, output)
    # AAC begins one frame before zero, which Matroska cannot say: there everything starts that much later.
    delay = times(output)[0] - times(source)[0]
    assert any("later" in note for note in notes) is (delay > 0) is (suffix == ".mkv")
    before, after = packets(source, "audio"), packets(output, "audio")
    assert [data for _, data in before] == [data for _, data in after]
    assert all(abs(a + delay - b) <= Fraction(1, 1000) for (a, _), (b, _) in zip(before, after, strict=True))
    assert VideoReader(output).info.streams[0].language == ("ger" if suffix == ".mov" else "deu")
    assert default_output(VideoReader(source).info) == source.with_name("film.color.mp4")


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le", "flac", "libopus", "ac3"])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_sound_of_any_codec_is_copied_or_named(film: Film, codec: str, suffix: str) -> None:
    source = film(codec="libx264", pts=range(25), extra=lambda container: add_audio(container, codec))
    output = source.with_name(f"out{suffix}")
    notes = plain_transcode(source, output)
    dropped = any("dropped" in note for note in notes)
    assert dropped is (suffix == ".mov" and codec in ("flac", "libopus"))
    if dropped:
        assert VideoReader(output).info.streams == ()
    else:
        assert [data for _, data in packets(output, "audio")] == [data for _, data in packets(source, "audio")]


def test_subtitles_are_converted_and_attachments_dropped_by_name(film: Film) -> None:
    """Checklist 30."""

    def extra(container: Any) -> Callable[[], None]:
        container.add_attachment("font.ttf", "application/x-truetype-font", b"not a font")
        return add_text(container, "subrip")

    source = film(codec="libx264", pts=range(25), extra=extra)
    kept, converted, back = (source.with_name(name) for name in ("kept.mkv", "out.mp4", "back.mkv"))
    plain_transcode(source, kept)
    assert packets(kept, "subtitles") == packets(source, "subtitles")
    with av.open(str(kept)) as container:
        assert container.streams.attachments[0].data == b"not a font"
    notes = plain_transcode(source, converted)
    assert any("converted to mov_text" in note for note in notes)
    assert any("font.ttf" in note and "dropped" in note for note in notes)
    shown = [(time, data[2:8]) for time, data in packets(converted, "subtitles") if len(data) > 2]
    assert shown == [(Fraction(1, 10), b"line 0"), (Fraction(4, 10), b"line 1")]
    notes = plain_transcode(converted, back)
    assert any("converted to subrip" in note for note in notes)
    assert [data for _, data in packets(back, "subtitles")] == [b"line 0", b"line 1"]
    assert [time for time, _ in packets(back, "subtitles")] == [Fraction(1, 10), Fraction(4, 10)]
    assert default_output(VideoReader(source).info) == source.with_name("film.color.mkv")


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_chapters_and_tags_are_kept(film: Film, suffix: str) -> None:
    def setup(container: Any, stream: Any) -> None:
        container.metadata["title"] = "Ein Tag am Meer"
        container.metadata["reel"] = "7"
        container.set_chapters(
            [
                {"id": n, "start": n * 100, "end": n * 100 + 100, "time_base": Fraction(1, 1000),
                 "metadata": {"title": f"part {n}"}}
                for n in range(2)
            ]
        )  # fmt: skip

    source = film(codec="libx264", setup=setup)
    output = source.with_name(f"out{suffix}")
    notes = plain_transcode(source, output)
    with av.open(str(output)) as container:
        assert container.metadata["title"] == "Ein Tag am Meer"
        chapters = [(c["start"] * c["time_base"], c["metadata"]["title"]) for c in container.chapters()]  # type: ignore
    assert chapters == [(0, "part 0"), (Fraction(1, 10), "part 1")]
    assert any("REEL" in note.upper() for note in notes) is (suffix == ".mp4")


def test_cover_art_is_not_the_film(film: Film) -> None:
    """Checklist 10."""

    def extra(container: Any) -> Callable[[], None]:
        cover = container.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic

        def finish() -> None:
            container.mux(cover.encode(random_picture(32, 32, "yuvj420p", 0)))
            container.mux(cover.encode(None))

        return finish

    source = film("film.mp4", codec="libx264", extra=extra)
    with VideoReader(source) as reader:
        assert reader.info.streams[0].cover
        assert (reader.info.width, len(list(reader))) == (64, 6)
    output = source.with_name("out.mp4")
    plain_transcode(source, output)
    assert VideoReader(output).info.streams[0].cover


@pytest.mark.parametrize("name", ["film.mkv", "film.mp4", "film.ts", "film.avi"])
def test_a_segment_is_the_same_pictures_as_in_the_whole_film(film: Film, name: str) -> None:
    source = film(name, codec="libx264", pts=range(60), g="12", bf="2", preset="veryfast")
    with VideoReader(source) as reader:
        info, whole = reader.info, list(reader)
        assert list(reader)[-1].pts == whole[-1].pts
    for first, last in ((0, 5), (13, 14), (30, 47), (55, 60)):
        start = info.time(whole[first].pts)
        end = info.time(whole[last].pts) if last < len(whole) else None
        found = list(VideoReader(source, start=start, end=end))
        assert [frame.pts for frame in found] == [frame.pts for frame in whole[first:last]]
        assert same_luma(found, whole[first:last])
    assert len(whole) == info.frames


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts", "film.avi"])
@pytest.mark.parametrize(("first", "last"), [(10, 20), (60, 70)])
def test_a_written_segment_starts_at_zero_with_its_sound(film: Film, name: str, first: int, last: int) -> None:
    source = film(name, codec="libx264", pts=range(75), g="10", extra=lambda c: add_audio(c, "ac3", 3))
    output = source.with_name("out.mp4")
    info = VideoReader(source).info
    whole = times(source)
    start, end = whole[first], whole[last]
    plain_transcode(source, output, start=start, end=end)
    assert [round(time * 25) for time in times(output)] == list(range(last - first))
    tick = Fraction(1, 1000)
    inside = [(time - start, data) for time, data in packets(source, "audio") if start <= time < end]
    found = packets(output, "audio")
    assert [data for _, data in found] == [data for _, data in inside]
    assert all(abs(a - b) <= tick for (a, _), (b, _) in zip(inside, found, strict=True))
    assert info.frames == 75


@pytest.mark.parametrize("name", ["film.avi", "film.mkv"])
@pytest.mark.parametrize("before", [Fraction(1, 75), Fraction(1, 50), Fraction(1, 30)])
def test_a_segment_that_starts_between_frames_keeps_sound_and_picture_together(
    film: Film, name: str, before: Fraction
) -> None:
    source = film(name, codec="libx264", pts=range(75), g="10", extra=lambda c: add_audio(c, "ac3", 3))
    output = source.with_name("out.mkv")
    plain_transcode(source, output, start=times(source)[38] - before)
    sound, tick = packets(source, "audio"), Fraction(1, 1000)
    moved_sound = {data: time for time, data in sound}
    picture_by = times(source)[38] - times(output)[0]
    for time, data in packets(output, "audio"):
        assert abs(moved_sound[data] - time - picture_by) <= tick


def test_a_second_picture_with_b_frames_is_copied(film: Film) -> None:
    def extra(container: Any) -> Callable[[], None]:
        second = container.add_stream("libx264", rate=25)
        second.width, second.height, second.pix_fmt = 32, 32, "yuv420p"
        second.codec_context.time_base = Fraction(1, 25)

        def finish() -> None:
            for stamp in range(25):
                picture = random_picture(32, 32, "yuv420p", stamp)
                picture.pts = stamp
                container.mux(second.encode(picture))
            container.mux(second.encode(None))

        return finish

    source = film(codec="libx264", pts=range(25), extra=extra)
    output = source.with_name("out.mkv")
    notes = plain_transcode(source, output)
    assert not any("repaired" in note for note in notes)
    assert any("took #0" in note for note in notes)

    def second(path: Path) -> list[tuple[int | None, bytes]]:
        with av.open(str(path)) as container:
            return [(packet.pts, bytes(packet)) for packet in container.demux(container.streams[1]) if packet.size]

    assert second(output) == second(source)
    with VideoReader(source, stream=1) as reader:
        assert (reader.info.width, len(list(reader))) == (32, 25)


def test_edit_list_shows_the_same_frames(film: Film) -> None:
    """Checklist 17."""
    source = film("film.mp4", codec="libx264", pts=range(-12, 30), g="6")
    output = source.with_name("out.mp4")
    plain_transcode(source, output, lossless=True)
    assert times(source) == times(output)
    assert same_luma(read(source), read(output))


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (16, 16), (17, 31)])
@pytest.mark.parametrize("codec", ["x264", "x265", "ffv1", "svtav1", "prores"])
def test_small_sizes_work_or_are_refused(film: Film, size: tuple[int, int], codec: str) -> None:
    """Checklist 22."""
    source = film(size=size, pts=range(2))
    output = source.with_name("out.mkv")
    refused = (codec == "svtav1" and size != (16, 16)) or (codec == "x265" and size[0] < 16)
    with pytest.raises(VideoError) if refused else nullcontext():
        plain_transcode(source, output, codec=codec)
    assert output.exists() is not refused
    assert refused or times(output) == times(source)


@pytest.mark.parametrize("size", [(66, 16), (24, 200)])
def test_strips_on_which_an_encoder_hangs_are_refused(film: Film, size: tuple[int, int]) -> None:
    source = film(size=size, pts=range(2))
    with pytest.raises(VideoError, match="hangs"):
        VideoWriter(source.with_name("out.mkv"), source=probe(source), codec="svtav1")


@pytest.mark.parametrize(
    ("form", "planar"),
    [("v30xle", "yuv444p10le"), ("vyu444", "yuv444p"), ("xv48le", "yuv444p16le"), ("y216le", "yuv422p16le"),
     ("ayuv64le", "yuv444p16le"), ("xv30le", "yuv444p10le"), ("uyva", "yuv444p")],
)  # fmt: skip
def test_packed_formats_give_their_own_values(form: str, planar: str) -> None:
    picture = random_picture(64, 48, planar, seed=3)
    luma, chroma, _ = read_planes(picture.reformat(format=form), pixel_layout(form))
    wanted, own, _ = read_planes(picture, pixel_layout(planar))
    assert chroma is not None
    assert own is not None
    assert np.array_equal(luma, wanted)
    assert np.array_equal(chroma.cb, own.cb)
    assert np.array_equal(chroma.cr, own.cr)


def test_the_rate_is_the_films_own_where_a_demuxer_makes_one_up(film: Film) -> None:
    """DV and GXF count a frame a tick, elementary streams 25 a second."""
    tape = film("tape.dv", codec="dvvideo", size=(720, 576))
    assert probe(tape).average_rate == 25
    stream = film("film.h264", codec="libx264", time_base=Fraction(1, 50), setup=lambda _, stream: set_rate(stream, 50))
    assert probe(stream).average_rate == 50
    assert set(np.diff([float(time) for time in times(stream)]).round(6)) == {0.02}


def set_rate(stream: Any, rate: int) -> None:
    stream.codec_context.framerate = Fraction(rate)


def test_a_gap_that_mp4_does_not_hold_is_refused_and_kept_by_matroska(film: Film) -> None:
    hour = 3600 * 1_000_000
    source = film("film.nut", pts=(0, 40000, hour, hour + 40000), time_base=Fraction(1, 1_000_000))
    with pytest.raises(VideoError, match=r"one picture from 0\.040 to 3600\.000 s"):
        plain_transcode(source, source.with_name("out.mp4"), lossless=True)
    plain_transcode(source, source.with_name("out.mkv"), lossless=True)
    assert times(source.with_name("out.mkv")) == times(source)


def test_preview_pictures_become_a_film(tmp_path: Path) -> None:
    output = tmp_path / "preview.mp4"
    red = np.zeros((37, 53, 3), np.uint8)
    red[..., 0] = 200
    write_rgb(output, [red] * 5, rate=Fraction(24000, 1001))
    with av.open(str(output)) as container:
        shown = [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)]
    assert len(shown) == 5
    assert shown[0].shape == (38, 54, 3)
    assert np.abs(shown[0].astype(int)[5, 5] - (200, 0, 0)).max() < 12
