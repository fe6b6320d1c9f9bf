"""Grading: the colours of a shot made stronger or weaker, turned in hue, warmer or cooler. Lightness stays.

In this order, pixel by pixel, on Lab ab:

1. Hue: the ab plane is turned by `hue` degrees, counter-clockwise with a to the right and b up: red towards yellow.
2. Temperature: the scene is lit by another daylight. D65 has 153.75 mired (10**6 over its temperature in kelvin); the
   new light has `temperature` mired more (warmer) or less (cooler), as conversion filters are counted, and its X and Z
   come from CIE 15's daylight locus with Y = 1. X and Z of each colour are scaled by that light's over D65's (von Kries
   in XYZ). With gx, gz the cube roots of these ratios and f = cbrt(Y), Lab's definition turns this into

       a' = gx a + 500 (gx - 1) f        b' = gz b + 200 (1 - gz) f

   so that whites and light greys take on more of the light than shadows do, and black nothing. Y is that of a grey with
   the pixel's luma.
3. Saturation: ab is multiplied. It comes last, so that 0 is always grey.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vidcolor.color import Chroma, rgb_to_lab

Floats = NDArray[np.float32]

MOST_SATURATION = 4.0
MOST_HUE = 180.0
MOST_TEMPERATURE = 90.0
"""The daylight locus reaches from 40 to 250 mired, about 100 to both sides of D65."""

_D65_MIRED = 1e6 / 6504
_D65_WHITE = 0.95047, 1.08883  # X and Z, as in `color`


@dataclass(frozen=True)
class Grading:
    """What is done to the colours of a shot; the defaults do nothing.

    Args:
        saturation: Factor of all chroma, 0 to 4.
        hue: Turn of hue in degrees, -180 to 180; 90 makes red yellow.
        temperature: Mired by which the light is warmer, -90 to 90; negative is cooler.
    """

    saturation: float = 1.0
    hue: float = 0.0
    temperature: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.saturation <= MOST_SATURATION:
            raise ValueError(f"saturation is {self.saturation}; allowed: 0 to {MOST_SATURATION:g}")
        for name, value, most in (("hue", self.hue, MOST_HUE), ("temperature", self.temperature, MOST_TEMPERATURE)):
            if not -most <= value <= most:
                raise ValueError(f"{name} is {value}; allowed: {-most:g} to {most:g}")

    def towards(self, other: "Grading", share: float) -> "Grading":
        """Return what lies between, `share` of the way to another grading; hue takes the shorter way around."""

        def between(a: float, b: float) -> float:
            return a + share * (b - a)

        turns = round((self.hue - other.hue) / 360)  # -170 is 190, which is nearer to 170
        hue = between(self.hue, other.hue + 360 * turns)
        return Grading(
            between(self.saturation, other.saturation),
            hue - 360 * round(hue / 360),
            between(self.temperature, other.temperature),
        )


def grade(chroma: Chroma, luma: Floats, grading: Grading) -> Chroma:
    """Return the colours as graded; the very same object where nothing is to do.

    Args:
        chroma: Colours as predicted, at any size.
        luma: Y' float32 (h, w) in [0, 1] of the same pixels.
        grading: What to do.
    """
    if grading == Grading():
        return chroma
    ab = chroma.ab
    if grading.hue:
        turn = np.deg2rad(grading.hue)
        ab = ab @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]], np.float32)
    if grading.temperature:
        x, z = daylight(grading.temperature)
        gains = np.cbrt(np.array([x / _D65_WHITE[0], z / _D65_WHITE[1]])).astype(np.float32)
        shift = (gains - 1) * np.array([500.0, -200.0], np.float32)
        ab = ab * gains + shift * cube_root_of_luminance(luma)[..., None]
    return Chroma(ab * np.float32(grading.saturation), chroma.confidence)


def daylight(shift: float) -> tuple[float, float]:
    """Return X and Z (Y = 1) of the CIE daylight that is `shift` mired warmer than D65.

    CIE 15:2004, equations 3.2 to 3.4. D65 itself is given as its tabulated white, of which the locus misses a trifle.
    """
    x, z = _on_the_locus(_D65_MIRED + shift)
    x65, z65 = _on_the_locus(_D65_MIRED)
    return x / x65 * _D65_WHITE[0], z / z65 * _D65_WHITE[1]


def _on_the_locus(mired: float) -> tuple[float, float]:
    kilo = mired / 1000.0  # 10**3 / T
    if mired >= 1e6 / 7000:
        x = -4.6070 * kilo**3 + 2.9678 * kilo**2 + 0.09911 * kilo + 0.244063
    else:
        x = -2.0064 * kilo**3 + 1.9018 * kilo**2 + 0.24748 * kilo + 0.237040
    y = -3.000 * x * x + 2.870 * x - 0.275
    return x / y, (1.0 - x - y) / y


@lru_cache(maxsize=1)
def _luminance_table() -> Floats:
    grey = np.repeat(np.linspace(0.0, 1.0, 1025)[:, None], 3, axis=1)
    lightness = rgb_to_lab(grey)[:, 0]
    # Lab is linear in Y below L = 8, where its "f" is 16/116 at black; there the cube root itself is meant.
    return np.asarray(np.where(lightness > 8, (lightness + 16) / 116, np.cbrt(lightness / 903.3)), np.float32)


def cube_root_of_luminance(luma: Floats) -> Floats:
    """Return cbrt(Y), from 0 to 1, of greys with this luma in [0, 1]."""
    table = _luminance_table()
    return table[np.rint(luma * np.float32(len(table) - 1)).astype(np.int32)]
