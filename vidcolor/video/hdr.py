"""Static HDR metadata (SMPTE ST 2086, CTA-861.3): read from a decoded picture, handed on as encoder parameters."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

_PARAMETERS = {
    "libx264": ("x264-params", "mastering-display", "cll"),
    "libx265": ("x265-params", "master-display", "max-cll"),
}


@dataclass(frozen=True)
class StaticHdr:
    """What a mastering display could show, and how bright the film gets.

    Args:
        display: Chromaticities x, y of red, green, blue and white, then the lowest and highest luminance in cd/m2.
        light: Maximum content and frame-average light level in cd/m2.
    """

    display: tuple[Fraction, ...] | None = None
    light: tuple[int, int] | None = None

    def options(self, codec: str, options: Mapping[str, str]) -> dict[str, str] | None:
        """Return `options` with this metadata for FFmpeg's encoder `codec`, or None where it cannot carry any."""
        if codec not in _PARAMETERS:
            return None
        key, display_name, light_name = _PARAMETERS[codec]
        parts = [options[key]] if key in options else []
        if self.display is not None:
            red, green, blue, white = (
                f"({round(self.display[n] * 50000)},{round(self.display[n + 1] * 50000)})" for n in (0, 2, 4, 6)
            )
            low, high = (round(value * 10000) for value in self.display[8:])
            parts.append(f"{display_name}=G{green}B{blue}R{red}WP{white}L({high},{low})")
        if self.light is not None:
            parts.append(f"{light_name}={self.light[0]},{self.light[1]}")
        return {**options, key: ":".join(parts)}


def static_hdr(side_data: Mapping[str, bytes]) -> StaticHdr | None:
    """Read AVMasteringDisplayMetadata and AVContentLightMetadata by their C layouts."""
    display = light = None
    raw = side_data.get("MASTERING_DISPLAY_METADATA", b"")
    if len(raw) >= 88:
        numbers = struct.unpack("=22i", raw[:88])
        if all(numbers[20:]) and all(numbers[1:20:2]):
            display = tuple(Fraction(numbers[n], numbers[n + 1]) for n in range(0, 20, 2))
    raw = side_data.get("CONTENT_LIGHT_LEVEL", b"")
    if len(raw) >= 8:
        light = struct.unpack("=2I", raw[:8])
    return StaticHdr(display, light) if display or light else None
