"""Small films rendered for the tests: moving textured shapes, two cuts, a tone, and every oddity that files have."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av import AudioFrame, Packet, VideoFrame
from av.codec.context import Flags
from av.container import OutputContainer
from av.filter import Graph
from av.stream import Disposition
from numpy.typing import NDArray

from vidcolor.video import RgbVideoWriter, VideoReader

MUXERS = {
    ".rm": "rm",
    ".mkv": "matroska",
    ".mp4": "mp4",
    ".mov": "mov",
    ".avi": "avi",
    ".ts": "mpegts",
    ".nut": "nut",
    ".h264": "h264",
    ".mpg": "mpeg",
}

ROOT = Path(__file__).parent.parent

Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class Film:
    """What to render.

    Args:
        look: grey (R == G == B), sepia or color.
        times: Presentation times in ticks of `time_base`; None spaces frames by `rate`.
        edit_from: Ticks that the file holds before time zero, hidden by an edit list.
        subtitles: None, "srt" or "mov_text".
        texts: When each text begins and how long it is shown, in milliseconds.
        time_code: Of the first frame, which MOV and MP4 keep in a track.
    """

    suffix: str = ".mkv"
    codec: str = "ffv1"
    pixel_format: str = "yuv420p"
    width: int = 96
    height: int = 64
    frames: int = 12
    look: str = "grey"
    options: tuple[tuple[str, str], ...] = ()
    rate: Fraction = Fraction(24)
    time_base: Fraction | None = None
    times: tuple[int, ...] | None = None
    edit_from: int = 0
    color_range: int = 0
    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    sar: Fraction = Fraction(1)
    rotation: int = 0
    field_order: int = 0
    audio: tuple[str, ...] = ()
    audio_start: Fraction = Fraction(0)
    subtitles: str | None = None
    texts: tuple[tuple[int, int], ...] = ((20, 120), (170, 120))
    chapters: bool = False
    attachment: bool = False
    cover: bool = False
    tags: tuple[tuple[str, str], ...] = ()
    time_code: str | None = None


def picture(index: int, frames: int, width: int, height: int, look: str = "color") -> Rgb:
    """Return frame `index` of `frames`: a textured scene with two moving shapes; the scene changes twice."""
    scene = 3 * index // frames
    rng = np.random.default_rng(scene)
    texture = cv2.resize(rng.random((9, 13, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
    rgb = (60 + 40 * scene + 90 * texture).clip(0, 255)
    side = max(1, height // 3)
    for shape in range(2):
        x = int(rng.integers(0, max(1, width - side)) + (2 * shape - 1) * index) % max(1, width - side + 1)
        y = int(rng.integers(0, max(1, height - side)) + index) % max(1, height - side + 1)
        patch = cv2.resize(rng.random((4, 4, 3)), (side, side), interpolation=cv2.INTER_CUBIC) * 200 + 20
        rgb[y : y + side, x : x + side] = patch[: height - y, : width - x].clip(0, 255)
    if look != "color":
        grey = rgb @ (0.299, 0.587, 0.114)
        rgb = np.repeat(grey[:, :, None], 3, axis=2)
    if look == "sepia":
        rgb = rgb * (1.0, 0.85, 0.62)
    return np.ascontiguousarray(rgb.round().astype(np.uint8))


def render(path: Path, film: Film, *, pictures: Sequence[Rgb] | Callable[[int], Rgb] | None = None) -> Path:
    """Write a film. `path` takes the film's suffix.

    Args:
        path: Where, the suffix aside.
        film: What.
        pictures: RGB frames instead of the usual scenes.
    """
    path = path.with_suffix(film.suffix)
    muxing = {"avoid_negative_ts": "disabled"} if film.edit_from else {}
    with av.open(str(path), "w", format=MUXERS[film.suffix], options=muxing) as output:
        output.metadata.update(dict(film.tags))
        encode = _add_picture(output, film)
        tones = [_add_tone(output, codec, number) for number, codec in enumerate(film.audio)]
        words = _add_words(output, film)
        if film.attachment:
            output.add_attachment("font.ttf", "application/x-truetype-font", bytes(range(256)) * 4)
        cover = _add_cover(output) if film.cover else None
        if film.chapters:
            half = 500 * film.frames // film.rate // 1
            for number, (start, end) in enumerate([(0, half), (half, 2 * half)]):
                chapter: Any = {
                    "id": number + 1, "start": start, "end": end, "time_base": Fraction(1, 1000),
                    "metadata": {"title": f"reel {number + 1}"},
                }  # fmt: skip
                output.set_chapters([*output.chapters(), chapter])
        if cover is not None:
            output.mux(cover())
        if words is not None:
            output.mux(words())
        make = pictures if callable(pictures) else (pictures.__getitem__ if pictures is not None else None)
        for index in range(film.frames):
            rgb = make(index) if make else picture(index, film.frames, film.width, film.height, film.look)
            output.mux(encode(rgb, index))
            for tone in tones:
                output.mux(tone(film, index))
        output.mux(encode(None, film.frames))
        for tone in tones:
            output.mux(tone(film, film.frames))
    return path


def write_rgb(path: Path, pictures: Iterable[Rgb], *, rate: Fraction = Fraction(25)) -> Path:
    """Write pictures as a film to look at."""
    with RgbVideoWriter(path, rate=rate) as writer:
        for rgb in pictures:
            writer.write(rgb)
    return path


def without_times(path: Path, *, frames: int) -> Path:
    """Write a transport stream whose times start anew in its middle, so that no frame is found by its time."""
    film = render(path, Film(suffix=".ts", codec="libx264", frames=frames // 2))
    film.write_bytes(2 * film.read_bytes())
    return film


def our_threads() -> set[threading.Thread]:
    """Return the library's threads that run."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("vidcolor-")}


def coded(rgb: Rgb, film: Film, *, seed: int = 0) -> VideoFrame:
    """Return a picture in the film's pixel format, with random low bits where luma has more than 8."""
    full = film.color_range == 2 or film.pixel_format.startswith(("gray", "yuvj", "ya", "mono"))
    frame = VideoFrame.from_ndarray(rgb, "rgb24")
    if not film.pixel_format.startswith("rgb24"):
        frame = frame.reformat(format=film.pixel_format, dst_color_range=2 if full else 1)
    depth = frame.format.components[0].bits
    if depth > 8 and not frame.format.is_rgb:
        plane = frame.planes[0]
        dtype = np.dtype(">u2" if frame.format.is_big_endian else "<u2")
        buffer: Any = plane
        luma = np.frombuffer(buffer, dtype).reshape(plane.height, -1)
        noise = np.random.default_rng(seed).integers(0, 1 << (depth - 8), luma.shape)
        luma[:] = (luma.astype(int) // (1 << (depth - 8)) * (1 << (depth - 8)) + noise).astype(dtype)
    return frame


def _add_picture(output: OutputContainer, film: Film) -> Callable[[Rgb | None, int], list[Packet[Any]]]:
    base = film.time_base or 1 / film.rate
    options = dict(film.options)
    stream: Any = output.add_stream(film.codec, rate=film.rate, options=options)
    stream.width, stream.height, stream.pix_fmt = film.width, film.height, film.pixel_format
    context = stream.codec_context
    context.time_base = stream.time_base = base
    context.sample_aspect_ratio = film.sar
    context.color_range, context.colorspace = film.color_range, film.matrix
    context.color_primaries, context.color_trc = film.primaries, film.transfer
    if film.field_order:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        context.field_order = film.field_order
    if film.time_code:
        stream.metadata["timecode"] = film.time_code
    if film.rotation:
        stream.set_display_rotation(film.rotation)

    def encode(rgb: Rgb | None, index: int) -> list[Packet[Any]]:
        if rgb is None:
            return list(stream.encode(None))
        frame = coded(rgb, film, seed=index)
        frame.pts = (film.times[index] if film.times else round(index / film.rate / base)) - film.edit_from
        frame.time_base = base
        frame.color_range, frame.colorspace = film.color_range, film.matrix
        frame.color_primaries, frame.color_trc = film.primaries, film.transfer
        return list(stream.encode(_as_fields(frame, film.field_order) if film.field_order else frame))

    return encode


def _as_fields(frame: VideoFrame, order: int) -> VideoFrame:
    graph = Graph()
    size = f"{frame.width}x{frame.height}"
    buffer = graph.add("buffer", video_size=size, pix_fmt=frame.format.name, time_base="1/1000", pixel_aspect="1/1")
    sink = graph.add("buffersink")
    graph.link_nodes(buffer, graph.add("setfield", {2: "tff", 3: "bff"}[order]), sink).configure()
    pts, base = frame.pts, frame.time_base
    buffer.push(frame)
    flagged: Any = sink.pull()
    flagged.pts, flagged.time_base = pts, base
    return flagged


def _add_tone(output: OutputContainer, codec: str, number: int) -> Callable[[Film, int], list[Packet[Any]]]:
    stream: Any = output.add_stream(codec, rate=48000, layout="mono")
    stream.metadata["language"] = ("eng", "fra", "deu")[number]
    stream.metadata["title"] = f"track {number + 1}"
    made = 0

    def tone(film: Film, index: int) -> list[Packet[Any]]:
        nonlocal made
        wanted = int(index / film.rate * 48000)
        packets: list[Packet[Any]] = []
        size = stream.codec_context.frame_size or 1024
        while made + size <= wanted:
            time = np.arange(made, made + size) / 48000
            wave = (8000 * np.sin(2 * np.pi * 440 * (number + 1) * time)).astype(np.int16)[None]
            frame = AudioFrame.from_ndarray(wave, format="s16", layout="mono")
            frame.sample_rate = 48000
            frame.pts = made + round(film.audio_start * 48000)
            frame.time_base = Fraction(1, 48000)
            packets += stream.encode(frame)
            made += size
        return packets + (list(stream.encode(None)) if index == film.frames else [])

    return tone


def _add_words(output: OutputContainer, film: Film) -> Callable[[], list[Packet[Any]]] | None:
    if film.subtitles is None:
        return None
    stream: Any = output.add_stream({"srt": "subrip", "mov_text": "mov_text"}[film.subtitles])
    stream.time_base = Fraction(1, 1000)
    stream.metadata["language"] = "eng"
    stream.codec_context.time_base = Fraction(1, 1000)
    stream.codec_context.subtitle_header = (
        b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\n"
        b"Style: Default,Arial,16\n\n"
        b"[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    )

    def words() -> list[Packet[Any]]:
        packets = []
        for number, (begin, duration) in enumerate(film.texts):
            data = ("A kitchen.", "Où est-il ?")[number % 2].encode()
            packet = Packet(len(data).to_bytes(2, "big") + data if film.subtitles == "mov_text" else data)
            packet.stream = stream
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = begin
            packet.duration = duration
            packet.is_keyframe = True
            packets.append(packet)
        return packets

    return words


def _add_cover(output: OutputContainer) -> Callable[[], list[Packet[Any]]] | None:
    _, file = cv2.imencode(".jpg", picture(0, 3, 32, 32))
    if output.format.name == "matroska":
        # Matroska stores cover art as an attachment.
        output.add_attachment("cover.jpg", "image/jpeg", file.tobytes())
        return None
    stream: Any = output.add_stream("mjpeg", rate=1)
    stream.width = stream.height = 32
    stream.pix_fmt = "yuvj420p"
    stream.disposition = Disposition.attached_pic

    def cover() -> list[Packet[Any]]:
        packet = Packet(file.tobytes())
        packet.stream = stream
        packet.pts = packet.dts = 0
        packet.is_keyframe = True
        return [packet]

    return cover


def hashes(path: Path) -> list[str]:
    """Return a hash of each frame's luma and chroma, and of its time."""
    found = []
    with VideoReader(path) as reader:
        for frame in reader:
            assert frame.source_chroma is not None
            planes = frame.luma, frame.source_chroma.cb, frame.source_chroma.cr
            found.append(blake2b(b"".join(plane.tobytes() for plane in planes) + str(frame.pts).encode()).hexdigest())
    return found


def without_packet(source: Path, output: Path, *, number: int) -> Path:
    """Copy a film but for audio packet `number`, which is left out."""
    with av.open(str(source)) as film, av.open(str(output), "w") as copy:
        streams = {each.index: copy.add_stream_from_template(each, opaque=True) for each in film.streams}
        copy.metadata.update(film.metadata)
        copy.set_chapters(film.chapters())
        for each in film.streams:
            streams[each.index].metadata.update(each.metadata)
        seen = 0
        for packet in film.demux():
            if not packet.size:
                continue
            if packet.stream.type == "audio":
                seen += 1
                if seen == number + 1:
                    continue
            packet.stream = streams[packet.stream_index]
            copy.mux_one(packet)
    return output


def with_dvd_texts(source: Path, output: Path, *, after: Collection[int], muxer: str | None = None) -> Path:
    """Write a film's picture and, after the packets of these numbers, a DVD's subtitle without a duration."""
    with av.open(str(source)) as plain, av.open(str(output), "w", format=muxer) as disc:
        video, words = disc.add_stream_from_template(plain.streams[0], opaque=True), disc.add_stream("dvdsub")
        for number, packet in enumerate(each for each in plain.demux() if each.size):
            text: Any = Packet(bytes([0, 20, 0, 10, *[number] * 16]))
            packet.stream, text.stream, text.time_base = video, words, packet.time_base
            text.pts = text.dts = packet.dts
            disc.mux_one(packet)
            if number in after:
                disc.mux_one(text)
    return output


def as_jpeg(rgb: Rgb, *, quality: int) -> Rgb:
    """Return a picture as JPEG compression leaves it."""
    _, file = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(file, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.ascontiguousarray(decoded[..., ::-1]).astype(np.uint8)


def captioned(folder: Path) -> Path:
    """Write a film of 12 pictures, each with a pair of bytes of closed captions (ANSI/SCTE 128) in its stream."""
    plain = render(folder / "plain", Film(suffix=".h264", codec="libx264", options=(("preset", "ultrafast"),)))
    head, *units = plain.read_bytes().replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    data = head
    for number, unit in enumerate(units):
        if unit[0] & 31 in (1, 5):  # a slice, here a whole picture
            pair = bytes([0x41 + number % 26, 0x42])
            words = b"\xb5\0\x31GA94\3\x41\xff\xfc" + pair + b"\xff"
            data += b"\0\0\1\6\4" + bytes([len(words)]) + words + b"\x80"
        data += b"\0\0\1" + unit
    path = folder / "captioned.h264"
    path.write_bytes(data)
    return path


def colorize_alone(film: Path, output: Path, *options: object, weights: Path) -> Path:
    """Colour a film without loss by `vidcolor colorize`, with one thread for the networks, as workers of a batch have.

    With more, ab differs by less than what it is rounded to, but it differs.
    """
    words = [film, "-o", output, "--weights", weights, "--device", "cpu", "--lossless", "--no-job", "-q", *options]
    command = [sys.executable, "-m", "vidcolor", "colorize", *(str(word) for word in words)]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return output


def two_pictures(path: Path, *, lengths: tuple[int, int] = (6, 9)) -> Path:
    """Write a film of two video streams: frames of 64x48, and of 32x48."""
    with av.open(str(path), "w") as container:
        streams: list[Any] = []
        for width in (64, 32):
            streams.append(container.add_stream("ffv1", rate=25))
            streams[-1].width, streams[-1].height, streams[-1].pix_fmt = width, 48, "yuv420p"
        for index in range(max(lengths)):
            for stream, frames in zip(streams, lengths, strict=True):
                if index < frames:
                    frame = coded(picture(index, frames, stream.width, 48, "grey"), Film())
                    frame.pts, frame.time_base = index, Fraction(1, 25)
                    container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path
