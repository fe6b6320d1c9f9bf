"""Stills in every kind of file come out as upright sRGB; what is no still is refused before memory is spent."""

import struct
import tracemalloc
import warnings
import weakref
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from vidcolor.errors import ReferenceImageError
from vidcolor.heldpictures import HeldPictures
from vidcolor.references import MAX_PIXELS, Reference, frame_from_name, is_grey, load_reference

RED, GREEN, BLUE, WHITE = (200, 30, 40), (20, 180, 60), (30, 40, 210), (240, 240, 240)


def quadrants(width: int = 48, height: int = 32) -> NDArray[np.uint8]:
    """Red top left, green top right, blue bottom left, white bottom right."""
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2], rgb[: height // 2, width // 2 :] = RED, GREEN
    rgb[height // 2 :, : width // 2], rgb[height // 2 :, width // 2 :] = BLUE, WHITE
    return rgb


def error_of(reference: Reference, expected: NDArray[np.uint8]) -> int:
    assert reference.rgb.shape == expected.shape
    return int(np.abs(reference.rgb.astype(int) - expected).max())


@pytest.mark.parametrize(
    ("suffix", "tolerance"), [("png", 0), ("bmp", 0), ("tiff", 0), ("ppm", 0), ("tga", 0), ("webp", 0), ("jpg", 2)]
)
@pytest.mark.parametrize("size", [(48, 32), (33, 17), (2, 2)])
def test_formats_and_sizes(tmp_path: Path, suffix: str, tolerance: int, size: tuple[int, int]) -> None:
    path = tmp_path / f"still.{suffix}"
    Image.fromarray(quadrants(*size)).save(path, lossless=True, quality=98, subsampling=0)
    reference = load_reference(path)
    assert np.abs(reference.rgb.astype(int) - quadrants(*size)).mean() <= tolerance
    assert not reference.grey
    assert reference.notes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    """Checklist 42."""
    upright = quadrants()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "still.png"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    assert error_of(load_reference(path), upright) == 0


def test_alpha_is_laid_on_neutral_grey(tmp_path: Path) -> None:
    """Checklist 42."""
    rgba = np.dstack([quadrants(), np.full((32, 48), 255, np.uint8)])
    path = tmp_path / "still.png"
    Image.fromarray(rgba).save(path)
    assert load_reference(path).notes == ()
    rgba[:16, :24, 3] = 0
    Image.fromarray(rgba).save(path)
    reference = load_reference(path)
    assert (reference.rgb[:16, :24] == 128).all()
    assert (reference.rgb[:16, 24:] == GREEN).all()
    assert "transparent" in reference.notes[0]


@pytest.mark.parametrize("transparency", [False, True])
def test_palette(tmp_path: Path, transparency: bool) -> None:
    """Checklist 42."""
    image = Image.fromarray(quadrants()).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    path = tmp_path / "still.png"
    red = int(np.asarray(image)[0, 0])
    image.save(path, transparency=red if transparency else None)
    reference = load_reference(path)
    assert (reference.rgb[0, 0] == ((128,) * 3 if transparency else RED)).all()
    assert (reference.rgb[-1, 0] == BLUE).all()


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm"])
def test_grey_16_bit_is_reduced(tmp_path: Path, suffix: str) -> None:
    ramp = np.tile(np.linspace(0, 65535, 48).astype(np.uint16), (32, 1))
    path = tmp_path / f"still.{suffix}"
    assert cv2.imwrite(str(path), ramp)
    reference = load_reference(path)
    assert (reference.rgb[..., 0] == ramp >> 8).all()
    assert reference.grey
    assert "16 bit is reduced to 8" in reference.notes


def test_rgb_16_bit_is_reduced(tmp_path: Path) -> None:
    """Checklist 42."""
    path = tmp_path / "still.png"
    assert cv2.imwrite(str(path), quadrants()[..., ::-1].astype(np.uint16) * 257)
    reference = load_reference(path)
    assert error_of(reference, quadrants()) <= 1
    assert reference.notes == ("16 bit is reduced to 8",)


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_cmyk_is_converted(tmp_path: Path, suffix: str) -> None:
    """Checklist 42."""
    path = tmp_path / f"still.{suffix}"
    Image.fromarray(quadrants()).convert("CMYK").save(path, quality=98)
    reference = load_reference(path)
    assert np.abs(reference.rgb[4, 4].astype(int) - RED).max() <= 6
    assert reference.notes == ("CMYK is converted to RGB",)


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_grey_stills_are_read_and_noted(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "still.png"
    Image.fromarray(quadrants()).convert(mode).save(path)
    reference = load_reference(path)
    assert reference.grey
    assert reference.rgb.shape == (32, 48, 3)
    assert "it is grey: it has no colour to give" in reference.notes


def test_grey_in_a_colour_jpeg_is_still_grey(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    luma = cv2.GaussianBlur(rng.integers(0, 256, (64, 64), dtype=np.uint8), (0, 0), 2)
    path = tmp_path / "still.jpg"
    Image.fromarray(np.dstack([luma] * 3)).save(path, quality=60)
    assert load_reference(path).grey
    assert not is_grey(quadrants())


@pytest.mark.parametrize("size", [(96, 64), (1920, 1080), (6000, 4000)])
@pytest.mark.parametrize("place", [(0, 0), (31, 17), (-2, -2)])
def test_a_few_painted_pixels_are_colour(size: tuple[int, int], place: tuple[int, int]) -> None:
    rgb = np.full((*size[::-1], 3), 120, np.uint8)
    assert is_grey(rgb)
    rgb[place[0] :, place[1] :][:2, :2] = (190, 110, 110)
    assert not is_grey(rgb)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (300, 200)])
@pytest.mark.parametrize("quality", [None, 40, 80, 95])
def test_grey_with_noise_is_grey(tmp_path: Path, size: tuple[int, int], quality: int | None) -> None:
    noise = np.random.default_rng(0).normal(120, 1.2, (*size[::-1], 3))
    path = tmp_path / ("still.jpg" if quality else "still.png")
    Image.fromarray(noise.round().astype(np.uint8)).save(path, quality=quality or 0, subsampling=0)
    assert load_reference(path).grey


def test_a_noisy_scan_is_grey_and_a_pale_one_is_not(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(120, 6, (1275, 3000, 3))
    for name, tint in (("grey.jpg", 0), ("pale.jpg", 9)):
        rgb = (noise + np.array([tint, 0, 0])).round().astype(np.uint8)
        Image.fromarray(rgb).save(tmp_path / name, quality=90)
    assert load_reference(tmp_path / "grey.jpg").grey
    assert not load_reference(tmp_path / "pale.jpg").grey


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colour_profile_is_converted(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "still.png"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ").replace(b"----", b"gXYZ")
    picture = Image.fromarray(quadrants()).convert(mode, palette=Image.Palette.ADAPTIVE)
    picture.save(path, icc_profile=swapped.replace("sRGB".encode("utf-16-be"), b"\0g\0r\0b\0x"))
    reference = load_reference(path)
    assert np.abs(reference.rgb[4, 4].astype(int) - (RED[1], RED[0], RED[2])).max() <= 2
    assert "converted from its colour profile" in reference.notes[0]


def test_colour_profile_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    Image.fromarray(quadrants()).save(path, icc_profile=lab)
    reference = load_reference(path)
    assert error_of(reference, quadrants()) == 0
    assert "colour profile cannot be used" in reference.notes[0]


def test_srgb_profile_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(quadrants()).save(path, icc_profile=profile)
    reference = load_reference(path)
    assert error_of(reference, quadrants()) == 0
    assert reference.notes == ()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_profile_of_linear_light_is_heeded_though_it_is_called_srgb(tmp_path: Path, mode: str) -> None:
    """As `GIMP built-in Linear sRGB` is."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    curve = profile.index(b"para")  # of all three channels: gamma 1 in place of sRGB's curve
    profile[curve : curve + 16] = b"para" + bytes(8) + (1 << 16).to_bytes(4, "big")
    shown = np.full((8, 8, 3), (188, 99, 50), np.uint8)
    unit = shown / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    path = tmp_path / "still.png"
    picture = Image.fromarray(np.rint(linear * 255).astype(np.uint8))
    picture.convert(mode).save(path, icc_profile=bytes(profile))
    reference = load_reference(path)
    assert np.abs(reference.rgb.astype(int) - shown).max() <= 4
    assert "converted from its colour profile (sRGB" in reference.notes[0]


def test_first_picture_of_several_is_used(tmp_path: Path) -> None:
    path = tmp_path / "still.tiff"
    pages = [Image.fromarray(quadrants()), Image.fromarray(quadrants()[::-1].copy())]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    reference = load_reference(path)
    assert error_of(reference, quadrants()) == 0
    assert "first" in reference.notes[0]


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [9_000, 16_000, 60_000])
def test_bomb_is_refused_without_its_memory(tmp_path: Path, side: int) -> None:
    """Checklist 42."""
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(side, side))
    assert side * side > MAX_PIXELS
    tracemalloc.start()
    with pytest.raises(ReferenceImageError, match="megapixels") as caught:
        load_reference(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["missing", "directory", "empty", "text", "half a PNG", "half a JPEG", "EPS"])
def test_what_is_no_still_is_refused(tmp_path: Path, kind: str) -> None:
    """Checklist 42."""
    path = tmp_path / "still.png"
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    if kind == "directory":
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("a still\n" * 50)
    elif kind.startswith("half"):
        noise.save(path, format=kind.split()[-1])
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind == "EPS":
        noise.save(path, format="EPS")
    with pytest.raises(ReferenceImageError) as caught:
        load_reference(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("kitchen_000123.png", 123),
        ("a_0000.jpg", 0),
        ("a_b_1234567.webp", 1234567),
        ("a_123.png", None),
        ("000123.png", None),
        ("a_000123_painted.png", None),
        ("a-000123.png", None),
    ],
)
def test_frame_number_in_a_name(name: str, frame: int | None) -> None:
    assert frame_from_name(Path(name)) == frame


@pytest.mark.parametrize(("matrix", "red"), [("bt601", 0.299), ("bt709", 0.2126)])
def test_luma_at_a_size_is_that_of_the_films_matrix(matrix: str, red: float) -> None:
    rgb = np.zeros((32, 48, 3), np.uint8)
    rgb[:16, :, 0], rgb[16:] = 255, 240
    luma = Reference(None, rgb).luma((24, 16), matrix=matrix)
    assert luma.shape == (16, 24)
    assert luma.dtype == np.float32
    assert luma[0, 0] == pytest.approx(red, abs=1e-3)
    assert luma[-1, -1] == pytest.approx(240 / 255, abs=1e-3)


@pytest.fixture
def crowded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Reference]:
    """Three stills in files, where there is room for the pixels of one."""
    monkeypatch.setattr("vidcolor.references._pictures", HeldPictures(48 * 32 * 3))
    for number in range(3):
        Image.fromarray(np.roll(quadrants(), number, axis=0)).save(tmp_path / f"{number}.png")
    return [load_reference(tmp_path / f"{number}.png") for number in range(3)]


def test_pixels_of_many_files_are_let_go_and_read_again(crowded: list[Reference]) -> None:
    gone = weakref.ref(crowded[0].rgb)
    for number, reference in enumerate(crowded):
        np.testing.assert_array_equal(reference.rgb, np.roll(quadrants(), number, axis=0))
    assert gone() is None
    assert crowded[2].rgb is crowded[2].rgb


def test_a_still_that_changes_while_it_is_in_use_is_refused(crowded: list[Reference]) -> None:
    path = crowded[0].path
    assert path is not None
    Image.fromarray(quadrants()[::-1]).save(path)
    with pytest.raises(ReferenceImageError, match="changed while it was in use"):
        _ = crowded[0].rgb
    path.unlink()
    with pytest.raises(ReferenceImageError, match="no such still"):
        _ = crowded[0].rgb


def test_stills_read_in_two_threads_leave_the_warnings_of_the_program_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(quadrants()).save(tmp_path / "still.png")
    first_reads, second_reads, first_is_done = Event(), Event(), Event()

    def decode(*_: object) -> NDArray[np.uint8]:
        if first_reads.is_set():
            second_reads.set()
            first_is_done.wait(5)
        else:
            first_reads.set()
            second_reads.wait(0.3)  # in vain, where stills are read one after the other
        return quadrants()

    monkeypatch.setattr("vidcolor.references._decode", decode)
    before = list(warnings.filters)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(load_reference, tmp_path / "still.png")
        first.add_done_callback(lambda _: first_is_done.set())
        assert first_reads.wait(5)
        second = threads.submit(load_reference, tmp_path / "still.png")
        assert first.result().size == second.result().size
    assert warnings.filters == before


def test_reference_checks_and_prints_itself() -> None:
    with pytest.raises(ValueError, match="uint8"):
        Reference(None, np.zeros((4, 4), np.uint8))
    assert repr(Reference(None, quadrants())) == "Reference('still', rgb=uint8(32, 48, 3), frame=None, grey=False)"


def test_a_large_still_is_made_small_before_it_becomes_floating_point() -> None:
    still = Reference(None, np.zeros((4000, 6000, 3), np.uint8))
    tracemalloc.start()
    still.luma((480, 320), matrix="bt601")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6
