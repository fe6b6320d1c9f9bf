"""Scores of a coloured film against its truth, each by its published definition.

Everything is float64 (uint8 pictures are converted before any subtraction: differences of bytes wrap at 256). Pictures
are RGB, (h, w, 3), uint8 unless said otherwise, decoded by the film's own matrix and range.
"""

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor.color import rgb_to_lab
from vidcolor.flow import Flow, consistency, warp

Array = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]

PSNR_CAP = 100.0
CDC_STEPS = (1, 2, 4)
SSIM_WINDOW = 7
"""Side of the window in pixels: SSIM has no value for smaller pictures."""


def psnr(result: Array, truth: Array) -> float:
    """Return the peak signal-to-noise ratio in dB over all pixels and channels of 8-bit RGB, at most 100.

    Source: 10 log10(255^2 / MSE), as `skimage.metrics.peak_signal_noise_ratio`; identical pictures get the cap.
    """
    return _decibels(_mean_square(result, truth))


def ab_psnr(result: Array, truth: Array) -> float:
    """Return the PSNR of two Lab ab pictures (h, w, 2) in dB, peak 255, at most 100.

    Source: Zhang et al. 2016 report errors of ab; the peak is that of RGB so that the two PSNR read alike.
    """
    return _decibels(_mean_square(result, truth))


def lab_of(rgb: Array) -> Doubles:
    """Return Lab D65 (h, w, 3) in float64 of an 8-bit RGB picture."""
    levels = np.arange(256, dtype=np.float64) / 255.0
    return np.asarray(rgb_to_lab(levels[rgb]), dtype=np.float64)


def ciede2000(result: Array, truth: Array) -> Doubles:
    """Return the CIEDE2000 colour difference (...) of Lab pictures (..., 3), all parametric factors 1.

    Source: Sharma, Wu, Dalal 2005, "The CIEDE2000 color-difference formula: implementation notes".
    """
    lightness_1, a_1, b_1 = np.moveaxis(np.asarray(result, dtype=np.float64), -1, 0)
    lightness_2, a_2, b_2 = np.moveaxis(np.asarray(truth, dtype=np.float64), -1, 0)
    stretch = 1.5 - 0.5 * _saturation(0.5 * (np.hypot(a_1, b_1) + np.hypot(a_2, b_2)))
    a_1, a_2 = stretch * a_1, stretch * a_2
    chroma_1, chroma_2 = np.hypot(a_1, b_1), np.hypot(a_2, b_2)
    hue_1, hue_2 = np.arctan2(b_1, a_1), np.arctan2(b_2, a_2)
    neutral = (chroma_1 == 0) | (chroma_2 == 0)

    turn = (hue_2 - hue_1 + np.pi) % (2 * np.pi) - np.pi
    # A turn of exactly half a circle counts positive (Sharma's eq. 10), and rounding must not flip it.
    turn = np.where(turn <= -np.pi + 1e-12, np.pi, turn)
    turn = np.where(neutral, 0.0, turn)
    hue = np.where(neutral, np.where(chroma_1 == 0, hue_2, hue_1), hue_1 + 0.5 * turn)
    chroma = 0.5 * (chroma_1 + chroma_2)
    d_hue = 2.0 * np.sqrt(chroma_1 * chroma_2) * np.sin(0.5 * turn)

    t = (
        1.0
        - 0.17 * np.cos(hue - math.radians(30))
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + math.radians(6))
        - 0.20 * np.cos(4 * hue - math.radians(63))
    )
    offset = np.square(0.5 * (lightness_1 + lightness_2) - 50.0)
    term_l = (lightness_2 - lightness_1) / (1.0 + 0.015 * offset / np.sqrt(20.0 + offset))
    term_c = (chroma_2 - chroma_1) / (1.0 + 0.045 * chroma)
    term_h = d_hue / (1.0 + 0.015 * chroma * t)
    from_blue = ((np.degrees(hue) % 360.0) - 275.0) / 25.0
    rotation = -2.0 * _saturation(chroma) * np.sin(math.radians(60) * np.exp(-np.square(from_blue)))
    total = np.square(term_l) + np.square(term_c) + np.square(term_h) + rotation * term_c * term_h
    return np.asarray(np.sqrt(np.maximum(total, 0.0)), dtype=np.float64)


def ssim(result: Array, truth: Array) -> float:
    """Return the structural similarity of two 8-bit RGB pictures, at least 7 pixels a side.

    Source: Wang et al. 2004 with scikit-image's defaults: 7x7 uniform window, K1 0.01, K2 0.03, sample covariance, mean
    over channels and over the pixels whose window lies inside the picture.
    """
    x, y = np.asarray(result, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    _require_alike(x, y)
    if min(x.shape[:2]) < SSIM_WINDOW:
        raise ValueError(f"pictures of {x.shape[:2]}; SSIM needs at least {SSIM_WINDOW} pixels a side")

    def mean(values: Array) -> Array:
        return np.asarray(cv2.blur(values, (SSIM_WINDOW, SSIM_WINDOW)))

    mean_x, mean_y = mean(x), mean(y)
    sample = 49.0 / 48.0
    variance_x, variance_y = sample * (mean(x * x) - mean_x**2), sample * (mean(y * y) - mean_y**2)
    covariance = sample * (mean(x * y) - mean_x * mean_y)
    c_1, c_2 = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2
    value = ((2 * mean_x * mean_y + c_1) * (2 * covariance + c_2)) / (
        (mean_x**2 + mean_y**2 + c_1) * (variance_x + variance_y + c_2)
    )
    return float(value[3:-3, 3:-3].mean())


def colourfulness(rgb: Array) -> float:
    """Return the colourfulness of an 8-bit RGB picture; 0 is grey, about 80 very colourful.

    Source: Hasler and Suesstrunk 2003, metric M3, on signed opponent differences.
    """
    red, green, blue = np.moveaxis(np.asarray(rgb, dtype=np.float64), -1, 0)
    red_green, yellow_blue = red - green, 0.5 * (red + green) - blue
    return float(
        math.hypot(red_green.std(), yellow_blue.std()) + 0.3 * math.hypot(red_green.mean(), yellow_blue.mean())
    )


def histograms(rgb: Array) -> Doubles:
    """Return the share of each of 256 levels per channel, (3, 256), of an 8-bit RGB picture."""
    counts = [np.bincount(rgb[..., channel].ravel(), minlength=256) for channel in range(3)]
    return np.asarray(counts, dtype=np.float64) / (rgb.shape[0] * rgb.shape[1])


def cdc(frames: Sequence[Doubles]) -> float:
    """Return the colour distribution consistency of consecutive frames' `histograms`; 0 is steady.

    A grey film scores best: read it only beside colourfulness and CIEDE2000. Steps longer than the film are left out;
    a single frame scores 0.

    Source: Liu et al. 2021 (TCVC): Jensen-Shannon divergence (natural logarithm) of frames t and t + d per channel,
    mean over t, over d in 1, 2, 4 and over channels.
    """
    stack = np.asarray(frames, dtype=np.float64)
    steps = [step for step in CDC_STEPS if step < len(stack)]
    return float(np.mean([_divergence(stack[:-step], stack[step:]).mean() for step in steps])) if steps else 0.0


def warp_error(before: Array, after: Array, to_after: Flow, to_before: Flow) -> float:
    """Return the mean squared change of chroma along the motion between two frames, over trusted pixels.

    Report it beside the truth's own value, which is its floor.

    Source: Lai et al. 2018, E_warp, on (cb, cr) planes only and with flow from the true film.

    Args:
        before: Chroma (h, w, 2) of the earlier frame, unit range.
        after: Chroma (h, w, 2) of the later frame.
        to_after: True flow from the earlier frame to the later one.
        to_before: True flow from the later frame to the earlier one.

    Returns:
        Mean square per value; nan where no pixel can be trusted.
    """
    trusted = consistency(to_after, to_before) > 0
    if not trusted.any():
        return math.nan
    change = warp(after, to_after).astype(np.float64) - np.asarray(before, dtype=np.float64)
    return float(np.square(change[trusted]).mean())


def still_places(before: Array, after: Array) -> npt.NDArray[np.bool_]:
    """Return where luma stays the same between two frames: within 1/255 at a pixel and at all of its neighbours.

    In a moving thing single pixels often keep their luma by chance, whole neighbourhoods seldom. On 8 validation clips
    whose chroma was scaled by 0.95 and 1.05 in turn, static flicker was 6.2 times the truth's with the neighbours, 3.2
    times without (geometric means).

    Args:
        before: Luma (h, w) of the earlier frame, unit range.
        after: Luma (h, w) of the later frame.

    Returns:
        bool (h, w).
    """
    change = np.abs(np.asarray(after, dtype=np.float32) - np.asarray(before, dtype=np.float32))
    return np.asarray(cv2.dilate(change, np.ones((3, 3), dtype=np.uint8)) <= 1.0 / 255.0)


def static_flicker(before: Array, after: Array, still: npt.NDArray[np.bool_]) -> float:
    """Return the mean absolute change of chroma between two frames in still places; nan where there are none.

    Report it beside the truth's own value, which is its floor, and beside colourfulness: grey never flickers.

    Args:
        before: Chroma (h, w, 2) of the earlier frame, unit range.
        after: Chroma (h, w, 2) of the later frame.
        still: bool (h, w), as `still_places` returns it.
    """
    if not still.any():
        return math.nan
    change = np.asarray(after, dtype=np.float64)[still] - np.asarray(before, dtype=np.float64)[still]
    return float(np.abs(change).mean())


def bootstrap_interval(
    values: Sequence[float], *, level: float = 0.95, samples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean of `values`, for example one score per clip.

    Source: Efron 1979; percentile method.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        raise ValueError("no values; a bootstrap needs at least one")
    draws = np.random.default_rng(seed).integers(0, data.size, (samples, data.size))
    low, high = np.quantile(data[draws].mean(axis=1), [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def _require_alike(first: Array, second: Array) -> None:
    if first.shape != second.shape:
        raise ValueError(f"pictures of {first.shape} and {second.shape}; a score needs two of one shape")


def _mean_square(first: Array, second: Array) -> float:
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    _require_alike(x, y)
    return float(np.square(x - y).mean())


def _decibels(mean_square: float) -> float:
    return PSNR_CAP if mean_square == 0 else min(PSNR_CAP, 10 * math.log10(255.0**2 / mean_square))


def _saturation(chroma: Array) -> Array:
    seventh = chroma**7
    return np.asarray(np.sqrt(seventh / (seventh + 25.0**7)))


def _divergence(first: Doubles, second: Doubles) -> Doubles:
    middle = 0.5 * (first + second)

    def entropy(shares: Array) -> Array:
        return -np.sum(shares * np.log(np.where(shares > 0, shares, 1.0)), axis=-1)

    return np.asarray(entropy(middle) - 0.5 * (entropy(first) + entropy(second)), dtype=np.float64)
