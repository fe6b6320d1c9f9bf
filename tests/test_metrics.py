import math
from typing import Any

import numpy as np
import pytest
import skimage.color
import skimage.data
import skimage.metrics

from vidcolor.flow import Flow
from vidcolor.metrics import (
    Array,
    ab_psnr,
    bootstrap_interval,
    cdc,
    ciede2000,
    colourfulness,
    histograms,
    lab_of,
    psnr,
    ssim,
    static_flicker,
    still_places,
    warp_error,
)

oracle: Any = skimage.metrics
colours: Any = skimage.color
pictures: Any = skimage.data


def photograph() -> Array:
    return np.ascontiguousarray(pictures.astronaut()[:160, 100:300])


def noisy(deviation: float) -> Array:
    noise = np.random.default_rng(0).normal(0, deviation, photograph().shape)
    return np.clip(photograph() + noise, 0, 255).astype(np.uint8)


def grey(rgb: Array) -> Array:
    return np.repeat(rgb[..., 1:2], 3, axis=-1)


@pytest.mark.parametrize("deviation", [2, 20, 80])
def test_psnr_and_ssim_agree_with_scikit_image(deviation: float) -> None:
    result, truth = noisy(deviation), photograph()
    assert psnr(result, truth) == pytest.approx(oracle.peak_signal_noise_ratio(truth, result), abs=1e-9)
    assert ssim(result, truth) == pytest.approx(oracle.structural_similarity(truth, result, channel_axis=-1), abs=1e-9)


def test_identical_pictures_reach_the_caps() -> None:
    assert psnr(photograph(), photograph()) == 100.0
    assert ssim(photograph(), photograph()) == pytest.approx(1.0)
    assert ab_psnr(np.zeros((4, 4, 2)), np.zeros((4, 4, 2))) == 100.0


def test_ab_psnr_has_peak_255() -> None:
    assert ab_psnr(np.full((8, 8, 2), 10.0), np.zeros((8, 8, 2))) == pytest.approx(20 * math.log10(25.5))


def test_byte_differences_do_not_wrap() -> None:
    """Regression from the field: subtracting and squaring uint8 prints 27.9 dB for pure noise (PEERS 3, caveat 1)."""
    random = np.random.default_rng(4)
    first, second = random.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    wrapped = 10 * math.log10(255**2 / np.square(first - second).mean())
    assert wrapped > 27
    assert psnr(first, second) < 8


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, -1.0, 2.0), (50, 0, 0), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_of_sharmas_pairs(first: tuple[float, ...], second: tuple[float, ...], expected: float) -> None:
    assert float(ciede2000(np.array(first), np.array(second))) == pytest.approx(expected, abs=5e-5)
    assert float(ciede2000(np.array(second), np.array(first))) == pytest.approx(expected, abs=5e-5)


def test_ciede2000_agrees_with_scikit_image() -> None:
    random = np.random.default_rng(5)
    first, second = random.uniform((0, -110, -110), (100, 110, 110), (2, 5000, 3))
    np.testing.assert_allclose(ciede2000(first, second), colours.deltaE_ciede2000(first, second), atol=1e-9)
    assert not ciede2000(first, first).any()
    np.testing.assert_allclose(lab_of(photograph()), colours.rgb2lab(photograph()), atol=1e-9)


def test_colourfulness_is_signed() -> None:
    assert colourfulness(grey(photograph())) == 0.0
    halves = np.zeros((2, 2, 3), dtype=np.uint8)
    halves[0, :, 0], halves[1, :, 1] = 100, 100  # red above green: R - G is +100 and -100, (R + G) / 2 - B is 50
    assert colourfulness(halves) == pytest.approx(100 + 0.3 * 50)


def test_grey_wins_cdc_so_colourfulness_stands_beside_it() -> None:
    truth = [np.roll(photograph(), 3 * step, axis=1)[:, :120] for step in range(8)]
    flicker = [np.clip(frame * (1.0 + 0.2 * (-1) ** i), 0, 255).astype(np.uint8) for i, frame in enumerate(truth)]
    faded = [(0.5 * frame + 0.5 * grey(frame)).astype(np.uint8) for frame in truth]

    def score(frames: list[Array]) -> float:
        return cdc([histograms(frame) for frame in frames])

    assert score([truth[0]] * 8) == 0.0
    assert score([grey(frame) for frame in truth]) < min(score(truth), score(faded))
    assert score(flicker) > 3 * score(truth)
    assert colourfulness(grey(truth[0])) == 0 < colourfulness(faded[0]) < 0.6 * colourfulness(truth[0])


def test_cdc_is_the_divergence_over_three_steps() -> None:
    black, white = (histograms(np.full((2, 2, 3), level, dtype=np.uint8)) for level in (0, 255))
    assert cdc([black, white]) == pytest.approx(math.log(2))
    assert cdc([black, white, black]) == pytest.approx(math.log(2) / 2)
    assert cdc([black]) == 0.0


def test_warp_error_follows_the_motion() -> None:
    random = np.random.default_rng(6)
    before = random.random((32, 48, 2)).astype(np.float32)
    after = np.roll(before, 4, axis=1)
    there = np.zeros((32, 48, 2), dtype=np.float32)
    there[..., 0] = 4
    assert warp_error(before, after, Flow(there), Flow(-there)) == pytest.approx(0.0, abs=1e-12)
    assert warp_error(before, after + np.float32(0.1), Flow(there), Flow(-there)) == pytest.approx(0.01, rel=1e-3)
    assert warp_error(before, after, Flow.identity(32, 48), Flow.identity(32, 48)) > 0.1
    assert math.isnan(warp_error(before, after, Flow(there * 100), Flow(-there * 100)))


def test_static_flicker_looks_only_where_luma_stays() -> None:
    luma = np.full((16, 24), 0.5, dtype=np.float32)
    moved = luma.copy()
    moved[4:8, 4:8] += np.float32(0.1)
    still = still_places(luma, moved)
    expected = np.ones((16, 24), dtype=bool)
    expected[3:9, 3:9] = False  # the neighbours of what moved are not sure, either
    np.testing.assert_array_equal(still, expected)
    assert still_places(luma, luma + np.float32(0.9 / 255)).all()
    before = np.random.default_rng(8).random((16, 24, 2)).astype(np.float32)
    after = before + np.float32(0.02)
    after[5:7, 5:7] = 9
    assert static_flicker(before, after, still) == pytest.approx(0.02, rel=1e-4)
    assert static_flicker(before, before, still) == 0.0
    assert math.isnan(static_flicker(before, after, still_places(luma, luma + np.float32(0.1))))


def test_bootstrap_interval_holds_the_mean_and_repeats() -> None:
    values = np.random.default_rng(7).normal(30, 2, 200)
    low, high = bootstrap_interval(list(values))
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * 2 / math.sqrt(200), rel=0.25)
    assert bootstrap_interval(list(values)) == (low, high)
    assert bootstrap_interval([3.0]) == (3.0, 3.0)
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_interval([])


def test_scores_refuse_pictures_of_two_shapes() -> None:
    with pytest.raises(ValueError, match="one shape"):
        psnr(photograph(), photograph()[:-1])
    with pytest.raises(ValueError, match="at least 7"):
        ssim(photograph()[:6], photograph()[:6])
