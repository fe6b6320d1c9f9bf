"""Nearest neighbour in untrained features: what matching patches by their looks gives without any learning.

A place is a cell of 8x8 pixels at the working size. Its feature is made by hand, nothing in it is learned: 32x32 pixels
of luma around it, brought to 8x8 and standardised, and their mean and deviation. A method that matches by learned
features has to beat this to show that learning them was worth it.
"""

from collections.abc import Callable

import cv2
import numpy as np

from vidcolor.color import Floats

_STRIDE = 8
_REDUCED = 4  # pixels to a value of a patch
_SIDE = 8  # values to a side of a patch


def nearest_neighbour(luma: Floats, ab: Floats) -> Callable[[Floats], Floats]:
    """Return what gives each place of a frame the mean ab of the reference's place with the most alike feature.

    The returned function takes a frame's Y' (h, w), needs 7 ms for it at 384x224, and returns Lab ab (h, w, 2), brought
    up bilinearly.

    Args:
        luma: The reference's Y' (h, w) in [0, 1], sides multiples of 8.
        ab: Its Lab ab (h, w, 2).
    """
    known = describe(luma)
    rows, columns = luma.shape[0] // _STRIDE, luma.shape[1] // _STRIDE
    means = cv2.resize(ab, (columns, rows), interpolation=cv2.INTER_AREA).reshape(-1, 2)

    def transfer(other: Floats) -> Floats:
        best = (describe(other) @ known.T).argmax(axis=1)
        grid = means[best].reshape(rows, columns, 2)
        return np.asarray(cv2.resize(grid, other.shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)

    return transfer


def describe(luma: Floats) -> Floats:
    """Return the features of a frame's places, row by row: (h / 8 * w / 8, 68), each of length 1.

    A patch without texture fades to 0 instead of standardising its noise. Mean and deviation are angles on a circle, so
    that the product of two features falls with their difference. On 12 validation clips, 5 to 30 frames after the
    reference, the mean distance from the true ab is 5.7; without mean and deviation 8.3, without the patch 7.9, of grey
    16.7.

    Args:
        luma: Y' (h, w) in [0, 1], sides multiples of 8.
    """
    step = _STRIDE // _REDUCED
    before = (_SIDE - step) // 2
    after = _SIDE - step - before
    small = cv2.resize(luma, (luma.shape[1] // _REDUCED, luma.shape[0] // _REDUCED), interpolation=cv2.INTER_AREA)
    # Enough to either side for a whole patch at every place, the frame's edge mirrored.
    wide = cv2.copyMakeBorder(small, before, after, before, after, cv2.BORDER_REFLECT_101)
    windows = np.lib.stride_tricks.sliding_window_view(wide, (_SIDE, _SIDE))[::step, ::step]
    patches: Floats = windows.reshape(-1, _SIDE * _SIDE).astype(np.float32)
    mean, deviation = patches.mean(axis=1, keepdims=True), patches.std(axis=1, keepdims=True)
    looks = (patches - mean) / (deviation + np.float32(0.02)) / np.float32(_SIDE)
    features = np.concatenate([looks, 2 * _on_circle(mean), _on_circle(2 * deviation)], axis=1)
    return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True), dtype=np.float32)


def _on_circle(values: Floats) -> Floats:
    """Return values (n, 1) in [0, 1] as points (n, 2) on half a circle."""
    angles = np.float32(np.pi) * values
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
