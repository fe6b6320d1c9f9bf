"""Is a shot a title: text on a plain ground, or the plain ground alone, as of leader?

The networks learned from photographs. Without a still they give text colours all the same, and vivid ones: a grey "The
End" came out red on blue.

A median over an eighth of the picture takes text and rules away and leaves the ground. What differs from it is ink. A
title's ground is even beside the contrast of its ink, which is all brighter or all darker than it; little else differs
from it, and most pieces of ink lie in lines with others of their height. Of 400 cards rendered with wear (22 fonts, 8
grounds, borders, vignettes, grain, scratches, dust, flicker, JPEG) 395 are found; the others hold one to three words.
Of 17,812 photographs and frames of clips 29 pass for titles: drawings and pictures of text, some lights at night, a
watch, and an aeroplane far off in an empty sky.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LOOKED_AT = 8
"""Frames of a shot, at most."""
_SHARE = 0.75
"""Of them that must look so: a title may fade in and out."""
_WINDOWS_ACROSS = 8

# In 8-bit units. Ink fainter than this is grain; on a ground that differs by no more there is nothing to see.
_FAINTEST = 30.0
_PLAIN = 16.0

# Shares of the contrast: the ground's unevenness, what counts as ink, and how far the rest may lie from the ground.
_UNEVEN = 0.8
_INK = 0.4
_REST = 0.2
_MOST_REST = 0.1
_ONE_SIDED = 0.95

# Pieces of ink: none is a letter that spans so much of the picture (a rule, a scratch, a frame) or has so few pixels
# (dust). A letter has two others of about its height in its line, not farther away than so much of the width. So many
# that nobody could read them are stars, rain or leaves.
_LONGEST, _TALLEST, _SMALLEST = 0.6, 0.5, 4
_MATES = 2
_ALIKE = np.log(2.5)
_REACH = 0.25
_FEWEST, _MOST = 3, 800
_IN_LINES = 0.5
_MOST_SPECKS = 0.005


def is_title(lumas: Sequence[Floats]) -> bool:
    """Tell whether a shot is a title, given some of its frames as luma (h, w) in [0, 1], upright, in order."""
    chosen = np.unique(np.linspace(0, len(lumas) - 1, min(_LOOKED_AT, len(lumas))).round().astype(int))
    missed = 0
    for number in chosen:
        first = min(max(0, number - 1), max(0, len(lumas) - 3))
        around = lumas[first : first + 3]
        missed += not (_has_text(lumas[number]) or _is_bare(lumas[number]) or _has_text(_median(around)))
        if missed > (1 - _SHARE) * len(chosen):
            return False
    return True


def _median(lumas: Sequence[Floats]) -> Floats:
    """Return the median of up to three frames: text stands still, dust and flying scratches are gone from it."""
    return np.asarray(np.median(lumas, axis=0), np.float32)


def _apart(luma: Floats) -> tuple[Floats, float]:
    """Return what lies apart from the ground (h, w), and the ground's unevenness, both in 8-bit units."""
    picture = np.clip(luma * 255, 0, 255).astype(np.uint8)
    height, width = picture.shape
    # At half the size, for the ground has no detail: a quarter of the work.
    half = cv2.resize(picture, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    ground = cv2.medianBlur(half, max(3, min(half.shape) // _WINDOWS_ACROSS | 1))
    low, high = np.percentile(ground, (2, 98))
    apart = cv2.subtract(picture, cv2.resize(ground, (width, height)), dtype=cv2.CV_32F)
    return np.asarray(apart, np.float32), float(high - low)


def _has_text(luma: Floats) -> bool:
    """Tell whether a frame shows text on a plain ground."""
    apart, uneven = _apart(luma)
    contrast = float(np.percentile(np.abs(apart), 99.8))
    if contrast < _FAINTEST or uneven > _UNEVEN * contrast:
        return False
    strong = np.abs(apart) > _INK * contrast
    ink = strong & ((apart > 0) == (apart[strong].sum() > 0))
    if ink.sum() < _ONE_SIDED * strong.sum():
        return False
    rest = np.abs(apart)[cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0]
    if (rest > _REST * contrast).mean() > _MOST_REST:
        return False
    letters = _letters(ink)
    if len(letters) > _MOST:
        return False
    left, top, _, height = letters.T[:4]
    middle = top + height / 2
    level = (top[None] <= middle[:, None]) & (middle[:, None] <= (top + height)[None])
    alike = np.abs(np.log(height[:, None] / height[None])) < _ALIKE
    near = np.abs(np.subtract.outer(left, left)) < _REACH * ink.shape[1]
    in_lines = int(((level & alike & near).sum(1) > _MATES).sum())  # each is level with itself
    return in_lines >= max(_FEWEST, _IN_LINES * len(letters))


def _is_bare(luma: Floats) -> bool:
    """Tell whether a frame shows a plain ground with no more than grain, dust and scratches on it."""
    apart, uneven = _apart(luma)
    if uneven > _PLAIN:
        return False
    apart = np.abs(apart)
    specks = apart > max(_PLAIN, 4 * 1.48 * float(np.median(apart)))
    return bool(_letters(specks)[:, 4].sum() <= _MOST_SPECKS * apart.size)


def _letters(ink: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return left, top, width, height and area (n, 5) of the pieces of ink that may be letters."""
    _, _, found, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    pieces = np.asarray(found[1:], np.int32)
    height, width = ink.shape
    kept = (pieces[:, 2] <= _LONGEST * width) & (pieces[:, 3] <= _TALLEST * height) & (pieces[:, 4] >= _SMALLEST)
    return pieces[kept]
