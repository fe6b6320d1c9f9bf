"""Colour profiles that stills carry, brought to sRGB."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_GREY = 128
_MOST_OFF = 24
"""Levels by which a profile that is called sRGB may change the middle grey, which one of linear light makes 188."""


def to_srgb(image: Image.Image, profile: bytes | None, notes: list[str]) -> Image.Image:
    """Return a picture in sRGB, as it is where it has no other profile; add to the notes what was done.

    Args:
        image: The picture, in any mode; what cannot have a profile stays as it is.
        profile: ICC, or None.
        notes: One line is added where the profile is another, or cannot be used.
    """
    if profile and image.mode in ("P", "PA"):  # the profile is that of the palette's colours
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        name = ImageCms.getProfileDescription(source).strip()
        if "sRGB" in name and not (image.mode in ("RGB", "RGBA") and _has_other_tones(source)):
            return image
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        notes.append(f"its colour profile cannot be used ({error}): read as sRGB")
        return image
    if converted is None:
        return image
    notes.append(f"converted from its colour profile ({name}) to sRGB")
    return converted


def _has_other_tones(profile: ImageCms.ImageCmsProfile) -> bool:
    """Tell whether greys of a profile are other ones in sRGB: painting programs that work in linear light write such.

    They call it sRGB all the same, for its primaries: `GIMP built-in Linear sRGB`.
    """
    grey = Image.new("RGB", (1, 1), (_GREY, _GREY, _GREY))
    shown = ImageCms.profileToProfile(grey, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    return shown is not None and bool(np.abs(np.asarray(shown, np.int64) - _GREY).max() > _MOST_OFF)
