"""Scans of frames that become one film: every sample kept, sound copied, nothing missing without a word."""

import json
from collections.abc import Sequence
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from films import Film, render
from numpy.typing import NDArray
from PIL import Image
from terminal import run

from vidcolor.errors import VideoError
from vidcolor.pipeline import Colorizer
from vidcolor.verification import verify
from vidcolor.video import Frame, VideoReader, probe, wrap_scans
from vidcolor.video.scans import find_scans
from vidcolor.video.wrapping import _check

Array = NDArray[Any]

WIDTH, HEIGHT = 66, 47


def noise(seed: int, *, deep: bool = False, channels: int | None = None) -> Array:
    shape = (HEIGHT, WIDTH) if channels is None else (HEIGHT, WIDTH, channels)
    return np.random.default_rng(seed).integers(0, 65536 if deep else 256, shape, np.uint16 if deep else np.uint8)


def save(folder: Path, arrays: Sequence[Array], *, suffix: str = ".png") -> Path:
    """Write grey or RGB pictures as scans."""
    folder.mkdir(exist_ok=True)
    for number, array in enumerate(arrays):
        assert cv2.imwrite(str(folder / f"scan_{number:06d}{suffix}"), array if array.ndim == 2 else array[..., ::-1])
    return folder


def save_dpx(path: Path, planes: Sequence[Array], *, form: str) -> None:
    """Write a picture as DPX from its planes, G, B, R or grey."""
    height, width = planes[0].shape
    picture = av.VideoFrame(width, height, form)
    for plane, values in zip(picture.planes, planes, strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint16).reshape(height, plane.line_size // 2)
        rows[:, :width] = values
    encoder = av.VideoCodecContext.create("dpx", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, form, Fraction(1, 25)
    picture.pts = 0
    path.write_bytes(b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)]))


def shown(film: Path, form: str) -> list[Array]:
    """Decode a film into pictures (h, w) or (h, w, 3) of a format."""
    with av.open(str(film)) as container:
        return [picture.to_ndarray(format=form) for picture in container.decode(video=0)]


def wrapped(folder: Path, **options: Any) -> Path:
    return wrap_scans([folder], folder.with_suffix(".mkv"), rate=Fraction(18), **options).output


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".pgm", ".jp2"])
def test_grey_scans_become_the_films_luma(tmp_path: Path, suffix: str) -> None:
    scans = [noise(seed) for seed in range(3)]
    film = wrapped(save(tmp_path / "reel", scans, suffix=suffix))
    # OpenCV writes JPEG 2000 with a loss, which is none of ours.
    expected = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted((tmp_path / "reel").iterdir())]
    with VideoReader(film) as reader:
        frames = list(reader)
        assert reader.info.full_range
    for frame, scan in zip(frames, expected, strict=True):
        np.testing.assert_array_equal(frame.luma, scan)
        assert frame.source_chroma is None
    assert suffix == ".jp2" or np.array_equal(np.stack(scans), np.stack([frame.luma for frame in frames]))
    assert [float(probe(film).time(frame.pts)) for frame in frames] == pytest.approx([0, 1 / 18, 2 / 18], abs=6e-4)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_scans_of_16_bit_keep_them(tmp_path: Path, suffix: str) -> None:
    scans = [noise(seed, deep=True) for seed in range(3)]
    with VideoReader(wrapped(save(tmp_path / "reel", scans, suffix=suffix))) as reader:
        assert reader.info.bit_depth == 16
        for frame, scan in zip(reader, scans, strict=True):
            np.testing.assert_array_equal(frame.luma, scan)


@pytest.mark.parametrize("deep", [False, True])
def test_rgb_scans_stay_rgb(tmp_path: Path, deep: bool) -> None:
    scans = [noise(seed, deep=deep, channels=3) for seed in range(3)]
    film = wrapped(save(tmp_path / "reel", scans))
    assert probe(film).pixel_format == ("gbrp16le" if deep else "bgr0")
    np.testing.assert_array_equal(np.stack(shown(film, "rgb48le" if deep else "rgb24")), np.stack(scans))


@pytest.mark.parametrize(("form", "bits"), [("gbrp10le", 10), ("gbrp12le", 12), ("gray16le", 16)])
def test_dpx_keeps_its_depth(tmp_path: Path, form: str, bits: int) -> None:
    greys = [noise(seed, deep=True) >> (16 - bits) for seed in range(3)]
    folder = tmp_path / "reel"
    folder.mkdir()
    planes = 3 if form.startswith("gbr") else 1
    for number, grey in enumerate(greys):
        save_dpx(folder / f"reel.{86400 + number:07d}.dpx", [grey] * planes, form=form)
    with VideoReader(wrapped(folder)) as reader:
        assert reader.info.bit_depth == bits
        for frame, grey in zip(reader, greys, strict=True):
            np.testing.assert_array_equal(frame.luma, grey)
            assert frame.source_chroma is None  # RGB whose channels agree is grey film


@pytest.mark.parametrize(("transfer", "warned"), [(1, True), (2, False), (3, True), (6, False)])
def test_scans_of_densities_are_warned_of(tmp_path: Path, transfer: int, warned: bool) -> None:
    folder = tmp_path / "reel"
    folder.mkdir()
    scan = folder / "scan_1.dpx"
    save_dpx(scan, [noise(0, deep=True) >> 6] * 3, form="gbrp10le")
    data = bytearray(scan.read_bytes())
    data[801] = transfer
    scan.write_bytes(data)
    found = wrap_scans([folder], tmp_path / "reel.mkv", rate=Fraction(24))
    assert any("densities" in line for line in found.warnings) == warned
    assert len(found.warnings) == warned


def test_jpeg_scans_keep_their_samples(tmp_path: Path) -> None:
    folder = save(
        tmp_path / "reel", [cv2.GaussianBlur(noise(seed, channels=3), (0, 0), 3) for seed in range(3)], suffix=".jpg"
    )
    film = wrapped(folder)
    with VideoReader(film) as reader:
        for path, frame in zip(sorted(folder.iterdir()), reader, strict=True):
            with av.open(str(path)) as scan:
                (truth,) = scan.decode(video=0)
            for own, plane in zip([frame.luma, *_planes(frame)], truth.planes, strict=True):
                rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
                np.testing.assert_array_equal(own, rows[:, : plane.width])
    assert (probe(film).full_range, probe(film).matrix) == (True, "bt601")


def _planes(frame: Frame) -> list[Array]:
    assert frame.source_chroma is not None
    return [frame.source_chroma.cb, frame.source_chroma.cr]


def test_a_wrapped_film_is_coloured_without_a_change_of_its_samples(tmp_path: Path, untrained: Path) -> None:
    film = wrapped(save(tmp_path / "reel", [noise(seed, deep=True) for seed in range(4)]))
    output = tmp_path / "out.mkv"
    Colorizer.load(untrained).colorize(film, output=output, codec="ffv1")
    assert verify(film, output).ok


def test_numbers_give_the_order_and_gaps_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "reel"
    folder.mkdir()
    for number in (2, 10, 9, 12, 1, 100):
        cv2.imwrite(str(folder / f"a4_{number}_v2.png"), np.full((32, 32), number, np.uint8))
    (folder / "notes.txt").write_text("reel 4")
    (folder / ".a4_3_v2.png").write_bytes(b"of another program")
    found = wrap_scans([folder], tmp_path / "reel.mkv", rate=Fraction(16))
    assert [int(picture[0, 0]) for picture in shown(found.output, "gray")] == [1, 2, 9, 10, 12, 100]
    assert found.warnings == ("94 scans are missing: 3 to 8, 11, 13 to 99",)
    with pytest.raises(VideoError, match="94 scans are missing"):
        wrap_scans([folder], tmp_path / "strict.mkv", rate=Fraction(16), strict=True)
    assert not (tmp_path / "strict.mkv").exists()


def test_files_may_be_named_one_by_one(tmp_path: Path) -> None:
    folder = save(tmp_path / "reel", [noise(seed) for seed in range(4)])
    some = sorted(folder.iterdir())[1:3]
    assert find_scans(some[::-1]).files == tuple(some)
    assert find_scans([*some, folder / some[0].name]).files == tuple(some)


def test_sound_is_copied_packet_by_packet(tmp_path: Path) -> None:
    sound = render(tmp_path / "sound.mkv", Film(frames=25, audio=("aac",)))
    folder = save(tmp_path / "reel", [noise(seed) for seed in range(25)])
    film = wrap_scans([folder], tmp_path / "reel.mkv", rate=Fraction(25), sound=sound)

    def packets(path: Path) -> list[tuple[bytes, float]]:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            found = [packet for packet in container.demux(stream) if packet.pts is not None]
            return [(bytes(packet), round(float((packet.pts or 0) * (packet.time_base or 0)), 2)) for packet in found]

    assert packets(film.output) == packets(sound)
    assert film.warnings == ()
    slow = wrap_scans([folder], tmp_path / "slow.mkv", rate=Fraction(18), sound=sound)
    (warning,) = slow.warnings
    assert "picture 1.39 s: check the rate" in warning
    with pytest.raises(VideoError, match="check the rate"):
        wrap_scans([folder], tmp_path / "strict.mkv", rate=Fraction(18), sound=sound, strict=True)
    assert not (tmp_path / "strict.mkv").exists()


def test_sound_that_matroska_does_not_hold_is_refused(tmp_path: Path) -> None:
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_alaw", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        silence.sample_rate = 8000
        container.mux([*stream.encode(silence), *stream.encode(None)])
    folder = save(tmp_path / "reel", [noise(0)])
    with pytest.raises(VideoError, match="does not hold sound of pcm_alaw"):
        wrapped(folder, sound=sound)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reel", "sound.wav"]


def test_sound_that_begins_late_is_said_to(tmp_path: Path) -> None:
    sound = tmp_path / "sound.mkv"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        silence.sample_rate, silence.pts, silence.time_base = 8000, 8000 * 10, Fraction(1, 8000)
        container.mux([*stream.encode(silence), *stream.encode(None)])
    found = wrap_scans(
        [save(tmp_path / "reel", [noise(seed) for seed in range(20)])],
        tmp_path / "reel.mkv",
        rate=Fraction(1),
        sound=sound,
    )
    assert found.warnings == (
        "the sound lasts from 10.00 to 11.00 s, the picture from 0 to 20.00 s: check when it begins, and the rate",
    )


def test_a_link_to_nothing_is_no_scan_less(tmp_path: Path) -> None:
    folder = save(tmp_path / "reel", [noise(seed) for seed in range(3)])
    (folder / "scan_000003.png").symlink_to("nothing.png")
    with pytest.raises(VideoError, match=r"scan_000003\.png: No such file"):
        wrapped(folder)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _other_size(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((HEIGHT, WIDTH + 2), np.uint8))


def _other_depth(path: Path) -> None:
    cv2.imwrite(str(path), noise(0, deep=True))


def _damaged(path: Path) -> None:
    path.unlink()
    scan = path.with_suffix(".tif")
    Image.fromarray(noise(0)).save(scan, compression="tiff_deflate")
    data = bytearray(scan.read_bytes())
    data[len(data) // 2] ^= 0xFF  # and the checksum of the picture is another
    scan.write_bytes(data)


def _pages(path: Path) -> None:
    path.unlink()
    pages = [Image.fromarray(noise(seed)) for seed in range(3)]
    pages[0].save(path.with_suffix(".tif"), save_all=True, append_images=pages[1:])


def _see_through(path: Path) -> None:
    cv2.imwrite(str(path), noise(0, channels=4))


def _same_number(path: Path) -> None:
    path.with_name("scan_1.png").write_bytes(path.read_bytes())


def _second_sequence(path: Path) -> None:
    path.with_name("test_000001.png").write_bytes(path.read_bytes())


def _no_number(path: Path) -> None:
    path.rename(path.with_name("title.png"))


def _two_numbers(path: Path) -> None:
    for number, scan in enumerate(sorted(path.parent.iterdir())):
        scan.rename(scan.with_name(f"reel{number}_{scan.name}"))


@pytest.mark.parametrize(
    ("spoil", "at", "message"),
    [
        (_cut, 2, "scan_000002.png is not a whole picture"),
        (_other_size, 2, f"is {WIDTH + 2}x{HEIGHT} gray, the scans before it are {WIDTH}x{HEIGHT} gray"),
        (_other_depth, 1, "gray16be, the scans before it are"),
        (_damaged, None, "scan_000000.tif is damaged"),
        (_pages, None, "scan_000000.tif holds 3 pictures"),
        (_see_through, None, "is transparent in places"),
        (_same_number, 1, "have the same number"),
        (_second_sequence, 1, "there are 2 sequences"),
        (_no_number, 1, "there are 2 sequences"),
        (_no_number, None, "its name has no number"),
        (_two_numbers, 1, "differ in more than one number"),
        (Path.unlink, None, "there are no scans"),
    ],
)
def test_scans_that_are_no_film_are_refused_and_nothing_is_left(
    tmp_path: Path, spoil: Any, at: int | None, message: str
) -> None:
    folder = save(tmp_path / "reel", [noise(seed) for seed in range(3 if at is not None else 1)])
    spoil(folder / f"scan_{at or 0:06d}.png")
    with pytest.raises(VideoError, match=message) as caught:
        wrapped(folder)
    assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["reel"]


@pytest.mark.parametrize("rate", [Fraction(0), Fraction(1001)])
def test_a_rate_out_of_range_is_refused(tmp_path: Path, rate: Fraction) -> None:
    with pytest.raises(VideoError, match="is not in 0 to 1000"):
        wrap_scans([tmp_path], tmp_path / "reel.mkv", rate=rate)


@pytest.mark.parametrize("change", ["another sample", "one scan more", "one scan less"])
def test_what_came_back_otherwise_is_found(tmp_path: Path, change: str) -> None:
    scans = [noise(seed) for seed in range(3)]
    folder = save(tmp_path / "reel", scans)
    film = wrapped(folder)
    files = find_scans([folder]).files
    digests = [blake2b(scan.tobytes(), digest_size=16).digest() for scan in scans]
    _check(film, files, digests, lambda *_: None)
    wrong = {
        "another sample": [*digests[:2], bytes(16)],
        "one scan more": [*digests, bytes(16)],
        "one scan less": digests[:2],
    }
    with pytest.raises(VideoError, match="back"):
        _check(film, files, wrong[change], lambda *_: None)


def test_the_command_names_the_film_and_what_it_holds(tmp_path: Path) -> None:
    folder = save(tmp_path / "reel.4", [noise(seed) for seed in range(3)])
    status, out, err = run("wrap", folder, "--rate", "23.976")
    assert (status, out.strip()) == (0, str(tmp_path / "reel.4.mkv"))
    assert "3 frames of 66x47, gray, 23.976 frames/s: every sample came back as it was" in err
    assert run("wrap", folder, "--rate", "18")[0] == 2
    status, out, _ = run("wrap", *sorted(folder.iterdir()), "--rate", "18", "-y", "--json")
    assert json.loads(out) == {
        "output": str(tmp_path / "reel.4.mkv"), "frames": 3, "width": 66, "height": 47, "pixel_format": "gray",
        "rate": "18", "warnings": [],
    }  # fmt: skip
    assert run("wrap", folder, "--rate", "fast")[0] == 2
    status, _, err = run("wrap", "/", "--rate", "18")
    assert (status, "nothing can be written beside /" in err) == (2, True)
    status, out, err = run("scenes", folder / "scan_000000.png")
    assert status == 1
    assert "`vidcolor wrap`" in err
