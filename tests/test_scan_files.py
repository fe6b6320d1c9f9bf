"""Single scans as programs write them: read as they are, or refused; never taken for something else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from vidcolor.errors import VideoError
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
