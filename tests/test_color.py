from typing import Any

import numpy as np
import pytest
import skimage.color
import skimage.data

from vidcolor.color import (
    Array,
    Chroma,
    ab_to_chroma,
    chroma_to_rgb,
    lab_to_rgb,
    luma_coefficients,
    normalize_chroma,
    normalize_luma,
    rgb_to_ab,
    rgb_to_chroma,
    rgb_to_lab,
    rgb_to_luma,
    working_size,
)
from vidcolor.errors import VidcolorError

oracle: Any = skimage.color
pictures: Any = skimage.data
MATRICES = ("bt601", "bt709", "bt2020", "smpte240m")
TOLERANCE = {np.dtype(np.float32): 2e-4, np.dtype(np.float64): 1e-9}


def photograph() -> Array:
    return np.asarray(pictures.astronaut()[:224, :384] / 255.0)


def ciede2000(first: Array, second: Array) -> Array:
    to_lab = oracle.rgb2lab
    return np.asarray(oracle.deltaE_ciede2000(to_lab(first.astype(np.float64)), to_lab(second.astype(np.float64))))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lab_agrees_with_scikit_image(dtype: type) -> None:
    rgb: Array = photograph().astype(dtype)
    lab = rgb_to_lab(rgb)
    assert lab.dtype == dtype
    np.testing.assert_allclose(lab, oracle.rgb2lab(photograph()), atol=TOLERANCE[lab.dtype])
    np.testing.assert_allclose(lab_to_rgb(lab), rgb, atol=TOLERANCE[lab.dtype] / 10)
    np.testing.assert_allclose(rgb_to_ab(rgb), oracle.rgb2lab(photograph())[..., 1:], atol=1e-3)


@pytest.mark.parametrize("matrix", MATRICES)
def test_chroma_round_trip_returns_the_colours(matrix: str) -> None:
    rgb = photograph()
    luma = rgb_to_luma(rgb, matrix)
    cb, cr = rgb_to_chroma(rgb, matrix=matrix)
    assert cb.dtype == cr.dtype == luma.dtype == np.float32
    assert max(np.abs(cb).max(), np.abs(cr).max()) <= 0.5
    np.testing.assert_allclose(chroma_to_rgb(luma, cb, cr, matrix=matrix), rgb, atol=1e-5)


@pytest.mark.parametrize("matrix", MATRICES)
def test_true_ab_gives_the_true_colours(matrix: str) -> None:
    rgb = photograph()
    luma = rgb_to_luma(rgb, matrix)
    cb, cr = ab_to_chroma(rgb_to_ab(rgb), luma, matrix=matrix)
    shown = chroma_to_rgb(luma, cb, cr, matrix=matrix)
    assert cb.shape == luma.shape
    assert ciede2000(shown, rgb).mean() < 0.06


def by_bisection(ab: Array, luma: Array, matrix: str) -> tuple[Array, Array]:
    """The definition, on scikit-image: L by bisection on Y', share of the chroma by bisection on the gamut."""
    kr, kb = luma_coefficients(matrix)
    weights = np.array([kr, 1 - kr - kb, kb])

    def rgb_at(share: Array) -> Array:
        low, high = np.zeros_like(luma), np.full_like(luma, 100.0)
        for _ in range(30):
            middle = (low + high) / 2
            rgb = lab_to_rgb(np.concatenate([middle[..., None], ab * share[..., None]], axis=-1))
            low, high = np.where(rgb @ weights < luma, middle, low), np.where(rgb @ weights < luma, high, middle)
        return rgb

    inside, outside = np.zeros_like(luma), np.ones_like(luma)
    rgb = rgb_at(outside)
    whole = (rgb.min(axis=-1) >= -1e-5) & (rgb.max(axis=-1) <= 1 + 1e-5)
    for _ in range(14):
        share = (inside + outside) / 2
        rgb = rgb_at(share)
        fits = (rgb.min(axis=-1) >= -1e-5) & (rgb.max(axis=-1) <= 1 + 1e-5)
        inside, outside = np.where(fits, share, inside), np.where(fits, outside, share)
    rgb = rgb_at(np.where(whole, 1.0, inside))
    return (rgb[..., 2] - luma) / (2 - 2 * kb), (rgb[..., 0] - luma) / (2 - 2 * kr)


@pytest.mark.parametrize("matrix", MATRICES)
def test_table_agrees_with_direct_solution_in_and_out_of_gamut(matrix: str) -> None:
    random = np.random.default_rng(7)
    luma = random.random((20, 100))
    ab = random.normal(0.0, 40.0, (20, 100, 2))
    fast = chroma_to_rgb(luma, *ab_to_chroma(ab, luma, matrix=matrix), matrix=matrix)
    direct = chroma_to_rgb(luma, *by_bisection(ab, luma, matrix), matrix=matrix)
    error = ciede2000(fast, direct)
    assert error.mean() < 0.05
    assert np.percentile(error, 99) < 0.4


@pytest.mark.parametrize("matrix", MATRICES)
def test_grey_black_and_white_are_exactly_neutral(matrix: str) -> None:
    ramp = np.linspace(0.0, 1.0, 256, dtype=np.float32).reshape(16, 16)
    for plane in ab_to_chroma(np.zeros((16, 16, 2), dtype=np.float32), ramp, matrix=matrix):
        assert not plane.any()
    loud = np.random.default_rng(1).uniform(-300, 300, (16, 16, 2)).astype(np.float32)
    for end in (0.0, 1.0):
        for plane in ab_to_chroma(loud, np.full((16, 16), end, dtype=np.float32), matrix=matrix):
            assert not plane.any()


@pytest.mark.parametrize("matrix", MATRICES)
def test_any_prediction_stays_in_gamut_and_keeps_luma(matrix: str) -> None:
    random = np.random.default_rng(2)
    luma = random.random((64, 64)).astype(np.float32)
    ab = random.normal(0.0, 120.0, (64, 64, 2)).astype(np.float32)
    cb, cr = ab_to_chroma(ab, luma, matrix=matrix)
    kr, kb = luma_coefficients(matrix)
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    for channel in (red, green, blue):
        assert channel.min() > -0.01
        assert channel.max() < 1.01
    np.testing.assert_allclose(rgb_to_luma(chroma_to_rgb(luma, cb, cr, matrix=matrix), matrix), luma, atol=5e-3)


def test_magnitude_beyond_the_gamut_does_not_matter() -> None:
    luma = np.full((1, 36), 0.5, dtype=np.float32)
    turn = np.linspace(0.0, 2 * np.pi, 36)
    hue = np.stack([np.cos(turn), np.sin(turn)], axis=-1)[None].astype(np.float32)
    far, farther = (ab_to_chroma(hue * radius, luma, matrix="bt709") for radius in (200.0, 5000.0))
    np.testing.assert_allclose(far, farther, atol=1e-4)


def test_holding_luma_beats_lightness_plus_ab() -> None:
    """DESIGN section 6: with perfect ab, rendering at the film's Y' halves the error of "L = 100 Y', plus ab"."""
    rgb = photograph()
    luma, ab = rgb_to_luma(rgb, "bt601"), rgb_to_ab(rgb)
    held = chroma_to_rgb(luma, *ab_to_chroma(ab, luma, matrix="bt601"), matrix="bt601")
    grey = np.repeat(luma[..., None], 3, axis=-1)
    lightness = rgb_to_lab(grey)[..., :1]
    usual = np.clip(lab_to_rgb(np.concatenate([lightness, ab], axis=-1)), 0.0, 1.0)
    assert ciede2000(held, rgb).mean() < 0.5 * ciede2000(usual, rgb).mean()


def test_luma_is_normalised_by_range_and_depth() -> None:
    eight = np.array([[0, 16, 126, 235, 255]], dtype=np.uint8)
    np.testing.assert_allclose(
        normalize_luma(eight, bit_depth=8, full_range=False), [[0, 0, 110 / 219, 1, 1]], atol=1e-6
    )
    np.testing.assert_allclose(normalize_luma(eight, bit_depth=8, full_range=True), eight / 255, atol=1e-6)
    ten = eight.astype(np.uint16) * 4
    np.testing.assert_allclose(
        normalize_luma(ten, bit_depth=10, full_range=False),
        normalize_luma(eight, bit_depth=8, full_range=False),
        atol=1e-6,
    )
    assert normalize_luma(ten, bit_depth=10, full_range=False).dtype == np.float32


@pytest.mark.parametrize(("depth", "codes"), [(8, [128, 240, 16]), (10, [512, 960, 64])])
def test_chroma_is_normalised_by_range_and_depth(depth: int, codes: list[int]) -> None:
    plane = np.array([codes], dtype=np.uint16)
    np.testing.assert_array_equal(normalize_chroma(plane, bit_depth=depth, full_range=False), [[0, 0.5, -0.5]])


@pytest.mark.parametrize("depth", [8, 10, 16])
def test_chroma_of_full_range_spans_all_codes(depth: int) -> None:
    ends = np.array([[0, (1 << depth) - 1]], dtype=np.uint16)
    low, high = normalize_chroma(ends, bit_depth=depth, full_range=True)[0]
    assert high - low == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("film", "expected"),
    [
        ((1920, 1080), (384, 224)),
        ((1440, 1080), (384, 288)),
        ((1080, 1920), (224, 384)),
        ((720, 576), (384, 320)),
        ((4096, 40), (384, 32)),
        ((1, 1), (384, 384)),
    ],
)
def test_working_size(film: tuple[int, int], expected: tuple[int, int]) -> None:
    assert working_size(*film) == expected


def test_unknown_matrix_names_the_allowed_ones() -> None:
    with pytest.raises(VidcolorError, match="bt601, bt709") as caught:
        luma_coefficients("ycgco")
    assert caught.value.hint


def test_chroma_checks_itself_and_prints_shapes() -> None:
    ab, confidence = np.zeros((4, 6, 2), dtype=np.float32), np.ones((4, 6), dtype=np.float32)
    assert repr(Chroma(ab, confidence)) == "Chroma(ab=float32(4, 6, 2), confidence=float32(4, 6))"
    with pytest.raises(ValueError, match="ab is"):
        Chroma(ab[..., :1], confidence)
    with pytest.raises(ValueError, match="confidence is"):
        Chroma(ab, confidence[:2])
    with pytest.raises(ValueError, match="leaves"):
        Chroma(ab, confidence * 2)
    with pytest.raises(ValueError, match="finite"):
        Chroma(ab * np.float32(np.nan), confidence)
