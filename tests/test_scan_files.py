"""Single scans as programs write them: read as they are, or refused; never taken for something else."""

import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from vidcolor.errors import VideoError
from vidcolor.video import wrap_scans
from vidcolor.video.scans import read_scan

Array = NDArray[Any]

SIZE = (47, 66)


def noise(seed: int, *, bits: int = 8, channels: Sequence[int] = ()) -> Array:
    dtype = np.uint8 if bits <= 8 else np.uint16
    return np.random.default_rng(seed).integers(0, 1 << bits, (*SIZE, *channels), dtype)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_in_strips_is_read_as_it_is(tmp_path: Path, bits: int, channels: tuple[int, ...], order: Any) -> None:
    scan, values = tmp_path / "scan_1.tif", noise(0, bits=bits, channels=channels)
    tifffile.imwrite(scan, values, photometric="rgb" if channels else "minisblack", byteorder=order, rowsperstrip=7)
    form = {(8, False): "gray", (8, True): "rgb24", (16, False): "gray16le", (16, True): "rgb48le"}
    found = read_scan(scan).to_ndarray(format=form[bits, bool(channels)])
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        (noise(0), {"tile": (16, 16)}, "is stored in tiles"),
        (noise(0, bits=16, channels=(3,)), {"tile": (16, 16), "photometric": "rgb"}, "is stored in tiles"),
        (noise(0), {"bigtiff": True}, "is a BigTIFF"),
        (noise(0, channels=(4,)), {"photometric": "separated"}, "is neither grey nor RGB"),
        (noise(0, bits=16).astype(np.int16), {}, "signed or floating-point"),
        (noise(0).astype(np.float16), {}, "signed or floating-point"),
        (np.stack([noise(seed, bits=16) for seed in range(5)]), {}, "holds 5 pictures"),
    ],
)
def test_tiff_that_would_come_out_otherwise_is_refused(
    tmp_path: Path, values: Array, kind: dict[str, Any], message: str
) -> None:
    scan = tmp_path / "scan_1.tif"
    tifffile.imwrite(scan, values, **{"photometric": "minisblack", **kind})
    with pytest.raises(VideoError, match=message) as caught:
        read_scan(scan)
    assert "save it in strips" in (caught.value.hint or "")


def test_jpeg_in_tiff_is_refused(tmp_path: Path) -> None:
    Image.fromarray(noise(0)).save(tmp_path / "scan_1.tif", compression="jpeg")
    with pytest.raises(VideoError, match=r"compressed in a way that is not read \(TIFF's number 7\)"):
        read_scan(tmp_path / "scan_1.tif")


def test_the_same_damage_is_found_again(tmp_path: Path) -> None:
    scan = tmp_path / "scan_1.tif"
    Image.fromarray(noise(0)).save(scan, compression="tiff_deflate")
    data = bytearray(scan.read_bytes())
    data[len(data) // 2] ^= 0xFF
    for copy in (scan, tmp_path / "scan_2.tif"):
        copy.write_bytes(data)
    for each in (scan, scan, tmp_path / "scan_2.tif"):
        with pytest.raises(VideoError, match="is damaged"):
            read_scan(each)


def save_dpx(path: Path, values: Array, *, bits: int = 8, padding: int = 0, orientation: int = 0) -> None:
    """Write 8 bit grey, RGB or RGBA, or 12 bit in words of 16, as DPX of one element."""
    height, width = values.shape[:2]
    rows = (values.astype(np.uint16) << 4).astype(">u2") if bits == 12 else values
    lines = [row.tobytes() + bytes(-row.nbytes % 4 + padding) for row in rows]
    head = bytearray(b"\xff" * 2048)
    head[:16] = b"SDPX" + struct.pack(">I", len(head)) + b"V2.0\0\0\0\0"
    struct.pack_into(">I", head, 16, len(head) + sum(map(len, lines)))
    struct.pack_into(">HHII", head, 768, orientation, 1, width, height)
    descriptor = {1: 6, 3: 50, 4: 51}[values.shape[2] if values.ndim == 3 else 1]
    head[800:804] = bytes([descriptor, 2, 2, bits])
    struct.pack_into(">HHII", head, 804, int(bits == 12), 0, len(head), padding)
    path.write_bytes(head + b"".join(lines))


@pytest.mark.parametrize("channels", [(), (3,)])
def test_dpx_that_is_cut_is_refused(tmp_path: Path, channels: tuple[int, ...]) -> None:
    scan, values = tmp_path / "scan_1.dpx", noise(0, channels=channels)
    save_dpx(scan, values)
    np.testing.assert_array_equal(read_scan(scan).to_ndarray(format="rgb24" if channels else "gray"), values)
    scan.write_bytes(scan.read_bytes()[:-8])  # which leaves enough bytes for lines without their last word
    with pytest.raises(VideoError, match="is cut short"):
        read_scan(scan)


def test_dpx_with_padded_lines_is_refused(tmp_path: Path) -> None:
    scan, values = tmp_path / "scan_1.dpx", noise(0)
    save_dpx(scan, values, padding=8)
    with pytest.raises(VideoError, match="has 8 bytes of padding after each line"):
        read_scan(scan)
    save_dpx(scan, values)
    data = bytearray(scan.read_bytes())
    struct.pack_into(">I", data, 812, 8)  # which is not so
    scan.write_bytes(data)
    np.testing.assert_array_equal(read_scan(scan).to_ndarray(format="gray"), values)


def test_dpx_of_12_bit_with_alpha_keeps_its_samples(tmp_path: Path) -> None:
    values = noise(0, bits=12, channels=(4,))
    values[..., 3] = 4095
    save_dpx(tmp_path / "scan_1.dpx", values, bits=12)
    film = wrap_scans([tmp_path / "scan_1.dpx"], tmp_path / "reel.mkv", rate=Fraction(24))
    assert film.pixel_format == "gbrp12le"
    with av.open(str(film.output)) as container:
        (picture,) = container.decode(video=0)
    green, blue, red = (
        np.frombuffer(memoryview(plane), np.uint16).reshape(SIZE[0], -1)[:, : SIZE[1]] for plane in picture.planes
    )
    np.testing.assert_array_equal(np.dstack([red, green, blue]), values[..., :3])
    values[3, 4, 3] = 2000
    save_dpx(tmp_path / "scan_1.dpx", values, bits=12)
    with pytest.raises(VideoError, match="is transparent in places"):
        wrap_scans([tmp_path / "scan_1.dpx"], tmp_path / "seen.mkv", rate=Fraction(24))


@pytest.mark.parametrize("channels", [(), (3,)])
def test_jpeg_without_its_end_is_refused(tmp_path: Path, channels: tuple[int, ...]) -> None:
    scan = tmp_path / "scan_1.jpg"
    Image.fromarray(noise(0, channels=channels)).save(scan)
    read_scan(scan)
    scan.write_bytes(scan.read_bytes()[:-2])
    with pytest.raises(VideoError, match="is damaged: EOI missing"):
        read_scan(scan)


def test_jpeg_of_four_inks_is_refused(tmp_path: Path) -> None:
    scan = tmp_path / "scan_1.jpg"
    Image.fromarray(noise(0, channels=(3,))).convert("CMYK").save(scan)
    with pytest.raises(VideoError, match="is CMYK"):
        read_scan(scan)


def test_damage_that_deflate_shows_by_its_checksum_alone_is_found(tmp_path: Path) -> None:
    scan, values = tmp_path / "scan_1.tif", np.arange(47 * 66, dtype=np.uint8).reshape(SIZE)
    # Stored as it is, so that a change leaves it readable; the decoder stops where the picture is full.
    stored = zlib.compress(values.tobytes() + bytes(8), level=0)
    tifffile.imwrite(scan, values, photometric="minisblack", rowsperstrip=SIZE[0])
    with tifffile.TiffFile(scan, mode="r+") as file:
        tags = file.pages.first.tags
        tags["Compression"].overwrite(8)
        tags["StripOffsets"].overwrite(scan.stat().st_size)
        tags["StripByteCounts"].overwrite(len(stored))
    whole = scan.read_bytes()
    scan.write_bytes(whole + stored)
    np.testing.assert_array_equal(read_scan(scan).to_ndarray(format="gray"), values)
    for spoilt in (bytearray(stored), bytearray(stored[:-4] + bytes(4))):
        spoilt[1000] ^= 0xFF
        scan.write_bytes(whole + spoilt)
        with pytest.raises(VideoError, match="is damaged: its checksum does not hold"):
            read_scan(scan)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("suffix", [".dpx", ".jpg", ".png", ".tif"])
def test_scans_that_are_to_be_turned_are_warned_of(tmp_path: Path, suffix: str, turned: bool) -> None:
    scan = tmp_path / f"scan_1{suffix}"
    if suffix == ".dpx":
        save_dpx(scan, noise(0), orientation=2 if turned else 0)
    else:
        exif = Image.Exif()
        exif[274] = 6 if turned else 1
        Image.fromarray(noise(0)).save(scan, exif=exif)
    found = wrap_scans([scan], tmp_path / "reel.mkv", rate=Fraction(24))
    assert (found.width, found.height) == SIZE[::-1]
    assert any("to be turned" in line for line in found.warnings) == turned
    assert len(found.warnings) == turned
