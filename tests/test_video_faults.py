"""Films that are damaged, missing or disguised, and outputs that must not or cannot be written."""

import os
import shutil
import struct
import threading
import zlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from films import Film, our_threads
from films import render as render_film

from vidcolor.errors import VideoError
from vidcolor.verification import verify
from vidcolor.video import ChromaPlanes, VideoReader, VideoWriter, plain_transcode, probe, source, writer
from vidcolor.video.checksums import check_film
from vidcolor.video.output import PartFile


def render(
    path: Path, *, codec: str = "libx264", frames: int = 100, size: tuple[int, int] = (96, 64), **options: str
) -> Path:
    """Write a film of moving noise, 25 frames a second."""
    rng = np.random.default_rng(3)
    width, height = size
    noise = rng.integers(0, 256, (height, width + frames), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height = width, height
        for index in range(frames):
            picture = av.VideoFrame(width, height, "yuv420p")
            for number, plane in enumerate(picture.planes):
                rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
                rows[:] = 128
                if number == 0:
                    rows[:, :width] = noise[:, index : index + width]
            picture.pts = index
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(tmp_path_factory.mktemp("films") / "good.mkv", preset="ultrafast", g="25")


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if "part" in path.name or path.name.startswith("out")]


def refusal(path: Path) -> VideoError:
    with pytest.raises(VideoError) as caught:
        VideoReader(path)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


def test_what_is_not_a_film_is_refused_in_one_line(tmp_path: Path) -> None:
    """Checklist 1, 2, 3, 4, 44."""
    (tmp_path / "empty.mkv").touch()
    (tmp_path / "text.mp4").write_text("this is not a film\n" * 100)
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(20000))
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\n/etc/hostname\n")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile /etc/hostname\n")
    os.mkfifo(tmp_path / "pipe.mkv")
    for name, reason in {
        "missing.mkv": "No such file",
        "empty.mkv": "empty",
        "text.mp4": "not a film",
        "noise.mp4": "not a film",
        "list.m3u8": "not a film",
        "list.mp4": "not a film",
        "pipe.mkv": "pipe",
        ".": "folder",
    }.items():
        assert reason in str(refusal(tmp_path / name))


def test_mp4_without_its_index_is_called_incomplete(tmp_path: Path) -> None:
    """Checklist 5."""
    whole = render(tmp_path / "whole.mp4", preset="ultrafast").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    assert "incomplete" in str(refusal(tmp_path / "cut.mp4"))


def test_sound_without_picture_is_refused_and_its_streams_are_named(tmp_path: Path) -> None:
    """Checklist 7."""
    path = tmp_path / "song.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), "s16", layout="stereo")
        sound.sample_rate, sound.pts = 8000, 0
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    assert "audio #0 (pcm_s16le)" in str(refusal(path))


@pytest.mark.parametrize(
    "name", ["clip %04d.mkv", "concat:x.mkv", "-leading.mkv", "a'b\"c;d\n.mkv", "http:.mkv", "ü.mkv"]
)
def test_odd_names_are_literal(tmp_path: Path, good: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checklist 43."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(good, name)
    assert len(list(VideoReader(name))) == 100
    plain_transcode(name, f"out {name}", preset="ultrafast")
    assert Path(f"out {name}").is_file()


def test_bytes_that_are_no_utf8_in_a_name(tmp_path: Path, good: Path) -> None:
    """Checklist 43."""
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/film\xff.mkv"))
    shutil.copy(good, odd)
    plain_transcode(odd, odd.with_suffix(".mp4"), preset="ultrafast")
    assert len(list(VideoReader(odd.with_suffix(".mp4")))) == 100


@pytest.mark.parametrize("codec", ["libx264", "ffv1"])
def test_truncated_matroska_is_read_and_named(tmp_path: Path, codec: str) -> None:
    """Checklist 6."""
    whole = render(tmp_path / "whole.mkv", codec=codec).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    reader = VideoReader(tmp_path / "cut.mkv")
    frames = list(reader)
    assert 10 < len(frames) < 70
    assert any("breaks off" in line and "4.000 s" in line for line in reader.warnings)
    intact = VideoReader(tmp_path / "whole.mkv")
    assert len(list(intact)) == 100
    assert intact.warnings == []


@pytest.mark.parametrize("name", ["film.mkv", "film.ts", "film.mp4"])
def test_bit_flips_are_counted_and_the_film_goes_on(tmp_path: Path, name: str) -> None:
    """Checklist 12."""
    path = render(tmp_path / name, preset="ultrafast", g="25")
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(5)
    for position in rng.integers(len(data) // 5, len(data) * 4 // 5, 30):
        data[position] ^= 1 << rng.integers(8)
    path.write_bytes(data)
    reader = VideoReader(path)
    frames = list(reader)
    assert len(frames) > 60
    assert all(a.pts < b.pts for a, b in pairwise(frames))
    marked = sum(frame.corrupt for frame in frames)
    assert marked
    assert any(line.startswith(f"{marked} of {len(frames)} frames are marked as corrupt") for line in reader.warnings)
    plain_transcode(path, tmp_path / "out.mkv", preset="ultrafast", overwrite=True)
    assert len(list(VideoReader(tmp_path / "out.mkv"))) == len(frames)


def test_a_change_of_size_names_its_time(tmp_path: Path) -> None:
    """Checklist 24."""
    render(tmp_path / "a.ts", codec="mpeg2video", frames=50)
    render(tmp_path / "b.ts", codec="mpeg2video", frames=50, size=(64, 96))
    path = tmp_path / "both.ts"
    path.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    with pytest.raises(VideoError, match=r"changes from 96x64 .* to 64x96"):
        list(VideoReader(path))
    with pytest.raises(VideoError, match="changes"):
        plain_transcode(path, tmp_path / "out.mkv")
    assert leftovers(tmp_path) == []


def test_pictures_over_the_limit_are_refused(tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checklist 23."""
    monkeypatch.setattr(source, "MAX_PIXELS", 96 * 64 - 1)
    assert "over the limit" in str(refusal(good))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 16000, 16000, 8, 0, 0, 0, 0)
    animation = chunk(b"acTL", struct.pack(">II", 1, 0)) + chunk(
        b"fcTL", struct.pack(">IIIIIHHBB", 0, 16000, 16000, 0, 0, 1, 25, 0, 0)
    )
    rows = chunk(b"IDAT", zlib.compress(bytes(16001) * 16000, 9)) + chunk(b"IEND", b"")
    bomb = tmp_path / "bomb.apng"
    bomb.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + animation + rows)
    refusal(bomb)


def test_reading_can_be_left_in_the_middle(good: Path) -> None:
    before = our_threads()
    for _ in range(5):
        with VideoReader(good) as reader:
            assert next(iter(reader)).index == 0
    assert our_threads() <= before


def test_a_film_that_is_replaced_after_it_was_opened_is_not_read(tmp_path: Path, good: Path) -> None:
    film = Path(shutil.copy(good, tmp_path / "film.mkv"))
    with VideoReader(film) as reader:
        assert list(reader)
        assert reader.warnings == []
        other = render(tmp_path / "other.mkv", frames=100, size=(96, 64), crf="40")
        other.replace(film)
        with pytest.raises(VideoError, match=r"film.mkv was changed or replaced after it was opened") as caught:
            list(reader)
    assert caught.value.hint


def test_a_film_that_grows_while_it_is_read_is_refused_and_one_that_is_touched_warned_of(
    tmp_path: Path, good: Path
) -> None:
    film = Path(shutil.copy(good, tmp_path / "film.mkv"))
    with VideoReader(film) as reader:
        frames = iter(reader)
        next(frames)
        os.utime(film, (1, 1))
        assert len(list(frames)) == 99
        assert [line for line in reader.warnings if "was written to while it was read" in line]
    with VideoReader(film) as reader:
        frames = iter(reader)
        next(frames)
        with film.open("ab") as file:
            file.write(bytes(1000))
        with pytest.raises(VideoError, match="changed or replaced"):
            list(frames)


def test_an_iteration_left_without_closing_ends_with_its_last_use(good: Path) -> None:
    before = our_threads()
    for frame in VideoReader(good):
        assert frame.index == 0
        break
    frames = iter(VideoReader(good))
    next(frames)
    del frames
    assert our_threads() <= before


def test_a_segment_beside_the_film_is_refused(good: Path) -> None:
    with pytest.raises(VideoError, match="no frame"):
        list(VideoReader(good, start=Fraction(100)))
    for end in (Fraction(7203, 2), Fraction(1)):
        with pytest.raises(VideoError, match=rf"ends at {float(end):.3f} s, not after its start at 3601\.500 s"):
            VideoReader(good, start=Fraction(7203, 2), end=end)


def test_the_film_itself_is_never_the_output(tmp_path: Path, good: Path) -> None:
    """Checklist 31."""
    film = tmp_path / "film.mkv"
    shutil.copy(good, film)
    (tmp_path / "link.mkv").symlink_to(film)
    (tmp_path / "hard.mkv").hardlink_to(film)
    content = film.read_bytes()
    for name in ("film.mkv", "link.mkv", "hard.mkv", "../" + tmp_path.name + "/film.mkv"):
        with pytest.raises(VideoError, match="the film itself"):
            plain_transcode(film, tmp_path / name, overwrite=True)
    assert film.read_bytes() == content


def test_outputs_that_cannot_be_written_are_refused_at_once(tmp_path: Path, good: Path) -> None:
    """Checklist 32, 33."""
    (tmp_path / "taken.mkv").write_text("mine")
    (tmp_path / "folder.mkv").mkdir()
    (tmp_path / "dangling.mkv").symlink_to(tmp_path / "nothing.mkv")
    for name, reason in {
        "taken.mkv": "exists already",
        "folder.mkv": "is a folder",
        "dangling.mkv": "link to nothing",
        "no/where.mkv": "not a folder",
        "film.avi": "ends in",
        "film": "ends in",
    }.items():
        with pytest.raises(VideoError, match=reason) as caught:
            plain_transcode(good, tmp_path / name)
        assert caught.value.hint
    assert (tmp_path / "taken.mkv").read_text() == "mine"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [({"codec": "h264"}, "unknown codec"), ({"codec": "ffv1", "crf": 3.0}, "no rate factor"), ({"crf": 0.0}, "outside"),
     ({"codec": "svtav1", "lossless": True}, "not exact"), ({"codec": "prores", "lossless": True}, "never lossless"),
     ({"preset": "warp"}, "no preset"), ({"lossless": True, "crf": 17.0}, "no rate factor")],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(
    tmp_path: Path, good: Path, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(VideoError, match=reason):
        plain_transcode(good, tmp_path / "out.mkv", **settings)
    assert leftovers(tmp_path) == []


def test_deep_luma_asks_for_a_codec_that_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "deep.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray16le"
        container.mux(stream.encode(av.VideoFrame(64, 48, "gray16le")))
        container.mux(stream.encode(None))
    with pytest.raises(VideoError, match="16 bit luma") as caught:
        plain_transcode(path, tmp_path / "out.mkv")
    assert "ffv1" in (caught.value.hint or "")


def test_an_exception_leaves_nothing_and_a_success_replaces(tmp_path: Path, good: Path) -> None:
    """Checklist 32."""
    output = tmp_path / "out.mkv"
    reader = VideoReader(good)

    def attempt(last: int) -> None:
        with VideoWriter(output, source=reader.info, preset="ultrafast", overwrite=True) as writer:
            for frame in reader:
                assert frame.source_chroma is not None
                if frame.index == last:
                    raise KeyboardInterrupt
                writer.write(frame, frame.source_chroma)

    output.write_text("the older film")
    with pytest.raises(KeyboardInterrupt):
        attempt(40)
    assert leftovers(tmp_path) == ["out.mkv"]
    assert output.read_text() == "the older film"
    attempt(1000)
    assert leftovers(tmp_path) == ["out.mkv"]
    assert len(list(VideoReader(output))) == 100
    (tmp_path / "usual").touch()
    assert output.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_an_encoder_that_begins_after_ctrl_c_makes_no_file(
    tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checklist 35."""
    late: list[threading.Thread] = []

    class LateThread(threading.Thread):
        """A thread that a busy machine lets begin only after Ctrl-C ended the wait for its beginning."""

        def start(self) -> None:
            late.append(self)
            raise KeyboardInterrupt

    monkeypatch.setattr(writer, "Thread", LateThread)
    film = VideoWriter(tmp_path / "out.mkv", source=VideoReader(good).info)
    with pytest.raises(KeyboardInterrupt), film:
        pytest.fail("the block must not begin")
    for thread in late:
        threading.Thread.start(thread)
        thread.join()
    assert len(late) == 1
    assert leftovers(tmp_path) == []


def test_wrong_planes_and_wrong_order_are_refused(tmp_path: Path, good: Path) -> None:
    frame = next(iter(VideoReader(good)))
    chroma = frame.source_chroma
    assert chroma is not None
    info = VideoReader(good).info
    wrong = ChromaPlanes(chroma.cb.astype(np.uint16), chroma.cr.astype(np.uint16))
    for write, reason in (
        (lambda writer: writer.write(frame, wrong), "chroma is"),
        (lambda writer: [writer.write(frame, chroma) for _ in range(2)], "does not follow"),
        (lambda writer: None, "no frame was written"),
    ):
        with pytest.raises(VideoError, match=reason), VideoWriter(tmp_path / "out.mkv", source=info) as writer:
            write(writer)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_full_disk_is_named_and_nothing_remains(
    tmp_path: Path, good: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checklist 34."""
    original = PartFile.__init__

    def on_full_disk(self: PartFile, path: Path, *, overwrite: bool, part: Path | None = None) -> None:
        original(self, path, overwrite=overwrite, part=part)
        self.path.unlink()
        self.path.symlink_to("/dev/full")

    monkeypatch.setattr(PartFile, "__init__", on_full_disk)
    with pytest.raises(VideoError, match="disk is full"):
        plain_transcode(good, tmp_path / f"out{suffix}", lossless=True, preset="ultrafast")
    assert leftovers(tmp_path) == []


def test_two_writers_of_one_name_do_not_tear_it(tmp_path: Path, good: Path) -> None:
    """Checklist 39."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            plain_transcode(good, tmp_path / "out.mkv", preset="ultrafast", overwrite=True)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(list(VideoReader(tmp_path / "out.mkv"))) == 100
    assert leftovers(tmp_path) == ["out.mkv"]


def test_what_lies_behind_a_packet_that_cannot_be_read_is_read(tmp_path: Path) -> None:
    film = render_film(tmp_path / "film", Film(suffix=".rm", codec="rv10", frames=150, audio=("ac3",)))
    data = bytearray(film.read_bytes())
    place = data.index(b"DATA") + 18  # each packet begins with two zeros and, in two bytes, its length
    for _ in range(12):
        place += int.from_bytes(data[place + 2 : place + 4], "big")
    data[place + 2] = 0x61
    film.write_bytes(data)
    with av.open(str(film)) as damaged, pytest.raises(av.error.FFmpegError):
        list(damaged.demux())

    frames = probe(film).frames
    with VideoReader(film) as reader:
        decoded = sum(1 for _ in reader)
    assert frames is not None
    assert 75 < decoded <= frames < 150
    copy = tmp_path / "copy.mkv"
    plain_transcode(film, copy, codec="ffv1")
    assert verify(film, copy).differences == ()
    listened = list[int]()
    assert check_film(probe(film), progress=lambda done, _: listened.append(done))
    assert listened[-1] >= 75
