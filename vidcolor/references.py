"""Colour stills, read into upright 8-bit sRGB whatever file they come in.

A still's size is read from its header and checked before any pixel is decoded. Only formats that Pillow decodes itself
are opened, so that no file can start another program.
"""

import re
import struct
import warnings
import zlib
from collections.abc import Iterable
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from vidcolor.color import rgb_to_luma
from vidcolor.errors import ReferenceImageError
from vidcolor.heldpictures import HeldPictures
from vidcolor.profiles import to_srgb

Bytes = NDArray[np.uint8]

MAX_PIXELS = 80_000_000
"""Largest still: 80 megapixels, 240 MB in RGB."""
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "TGA", "AVIF")
READ_ANEW = "run the same command again for its new colours"
"""Hint where a still changes while it is in use."""
_RGB_HINT = "of a Pillow picture, np.asarray(picture.convert('RGB')); of values from 0 to 1, np.uint8(rgb * 255 + 0.5)"
_KEY_IN_MEMORY = re.compile(r"still-[0-9a-f]{16}(_\d{6,})?", re.ASCII)
_FRAME_NUMBER = re.compile(r"_(\d{4,})$", re.ASCII)
_GREY_SPREAD = 6
"""Largest difference between the channels (8 bit) of the mean of 3 x 3 pixels that counts as grey in 99.5 % of them."""
_GREY_PATCH = 18
"""The same in every pixel. Grey as JPEG of quality 90 with a noise of 6 in each channel reaches 14 on 640x272 and 18 on
3000x1275; without noise JPEG, AVIF and JPEG 2000 make 0 of grey and WebP 1."""
_NEUTRAL = (128, 128, 128)
BROKEN = (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, struct.error, zlib.error)
"""What Pillow raises on damaged files, by format."""

_pictures = HeldPictures(256 << 20)
"""Of all stills: some fifty-five of 1440x1080."""
_warnings_held = Lock()
"""Warnings are held back for the whole program: of two threads that did so, the first to end would bring them back for
both, and the last would leave them held back for ever."""


class Reference:
    """A colour still. Pixels that came from a file are read from it again where they were not asked for in long.

    Args:
        path: Its file, or None for one made in memory.
        rgb: uint8 (h, w, 3), sRGB, upright.
        frame: Frame of the film that it was painted on according to its name, or None.
        grey: It has no colour to give.
        notes: What was converted on reading, one line each.

    Raises:
        ReferenceImageError: `rgb` is no such array, or `frame` negative.
    """

    def __init__(
        self, path: Path | None, rgb: Bytes, frame: int | None = None, grey: bool = False, notes: tuple[str, ...] = ()
    ) -> None:
        if not isinstance(rgb, np.ndarray):
            raise ReferenceImageError(f"rgb is a {type(rgb).__name__}; expected an array", hint=_RGB_HINT)
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            raise ReferenceImageError(
                f"rgb is {rgb.dtype} {rgb.shape}; expected uint8 (h, w, 3), not empty", hint=_RGB_HINT
            )
        if frame is not None and frame < 0:
            raise ReferenceImageError(
                f"frame is {frame}; expected 0 or more, or None", hint="frames are counted from 0"
            )
        self.path, self.frame, self.grey, self.notes = path, frame, grey, notes
        self.size = rgb.shape[1], rgb.shape[0]
        self._rgb: Bytes | None = rgb

    def __repr__(self) -> str:
        width, height = self.size
        return f"Reference({self.name!r}, rgb=uint8{(height, width, 3)}, frame={self.frame}, grey={self.grey})"

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.name if self.path else "still"

    @property
    def rgb(self) -> Bytes:
        """Pixels uint8 (h, w, 3), sRGB, upright.

        Raises:
            ReferenceImageError: They must be read again, and the file is another one now, or gone.
        """
        if self._rgb is not None:
            return self._rgb
        assert self.path is not None, "only pixels that came from a file are let go"
        if (held := _pictures.get(self.identity)) is not None:
            return held
        again = _read(self.path, [])
        if _identity(again) != self.identity:
            raise ReferenceImageError(f"{self.path}: changed while it was in use", hint=READ_ANEW)
        return _pictures.hold(self.identity, again)

    @cached_property
    def identity(self) -> str:
        """What stands for its pixels."""
        return _identity(self.rgb)

    @cached_property
    def key(self) -> str:
        """What a plan calls it: its path; of one made in memory a name from its pixels and frame."""
        if self.path is not None:
            return str(self.path)
        digest = blake2b(self.rgb.tobytes(), digest_size=8).hexdigest()
        return f"still-{digest}" if self.frame is None else f"still-{digest}_{self.frame:06d}"

    def let_go(self) -> Self:
        """Hold the pixels, which the file has, only among those asked for last; return the still."""
        _pictures.hold(self.identity, self.rgb)
        self._rgb = None
        return self

    def luma(self, size: tuple[int, int], *, matrix: str) -> NDArray[np.float32]:
        """Return Y' in [0, 1], float32 (h, w), at a (width, height), as a film of this matrix would have it."""
        rgb = self.rgb
        if size != self.size:
            shrinks = size[0] <= self.size[0] and size[1] <= self.size[1]
            # Before it becomes float32, in which a large still takes a gigabyte.
            rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))
        return rgb_to_luma(rgb.astype(np.float32) / np.float32(255), matrix)


def load_reference(path: str | Path) -> Reference:
    """Read a still from a file.

    Raises:
        ReferenceImageError: The file is missing, may not be read, is no picture, is damaged, or is larger than
            `MAX_PIXELS`.
    """
    path, notes = Path(path), list[str]()
    rgb = _read(path, notes)
    grey = is_grey(rgb)
    if grey:
        notes.append("it is grey: it has no colour to give")
    return Reference(path, rgb, frame=frame_from_name(path), grey=grey, notes=tuple(notes)).let_go()


def load_references(given: Iterable[str | Path | Reference]) -> list[Reference]:
    """Read those stills that are given by their paths.

    Raises:
        ReferenceImageError: A still cannot be read, or one alone is given in place of several.
    """
    if isinstance(given, (str, Path, Reference)):  # a text is a sequence, too: of names of one letter
        raise ReferenceImageError(f"references are {given!r}; expected a list of stills", hint="give a list of one")
    return [each if isinstance(each, Reference) else load_reference(each) for each in given]


def reading_notes(references: Iterable[Reference]) -> list[str]:
    """Return what was converted when stills were read, one line each, with their names."""
    return [f"{each.name}: {note}" for each in references for note in each.notes]


def suffixes() -> tuple[str, ...]:
    """Return the endings of the names of files that can be read as stills, in small letters, common ones first."""
    endings = Image.registered_extensions()
    return tuple(suffix for name in _formats() for suffix, written in endings.items() if written == name)


def frame_from_name(path: Path) -> int | None:
    """Return 123 for a name such as `kitchen_000123.png`: four or more digits after an underscore end the stem."""
    found = _FRAME_NUMBER.search(path.stem)
    return int(found.group(1)) if found else None


def names_no_file(key: str) -> bool:
    """Tell whether a plan calls a still so that was made in memory."""
    return _KEY_IN_MEMORY.fullmatch(key) is not None


def is_grey(rgb: Bytes) -> bool:
    """Tell whether a picture uint8 (h, w, 3) has no colour but what compression and conversions make of grey."""
    # Noise is even over the picture and mostly gone from a mean of 3 x 3; of what is painted, a few pixels suffice.
    r, g, b = np.moveaxis(cv2.blur(rgb, (3, 3)), 2, 0)
    spread = np.maximum(np.maximum(r, g), b) - np.minimum(np.minimum(r, g), b)
    step = max(1, round((spread.size / 1_000_000) ** 0.5))
    return bool(spread.max() <= _GREY_PATCH and np.percentile(spread[::step, ::step], 99.5) <= _GREY_SPREAD)


def _identity(rgb: Bytes) -> str:
    return blake2b(str(rgb.shape).encode() + rgb.tobytes(), digest_size=16).hexdigest()


def _read(path: Path, notes: list[str]) -> Bytes:
    """Read a still's pixels, and note what was converted; raises as `load_reference`."""
    if not path.exists():
        raise ReferenceImageError(f"{path}: no such still", hint="check the path")
    if not path.is_file():
        raise ReferenceImageError(f"{path}: not a file", hint="give one picture, or several with -r each")
    try:
        file = path.open("rb")
    except OSError as error:
        raise ReferenceImageError(
            f"{path}: cannot be read ({error.strerror})", hint="check that you may read the file"
        ) from error
    try:
        with file, _warnings_held, warnings.catch_warnings():
            # Our own limit is below the size that Pillow warns of; its other warnings concern metadata.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=_formats()) as image:
                _check_size(path, *image.size)
                rgb = _decode(path, image, notes)
    except ReferenceImageError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, "more pixels than Pillow opens") from error
    except UnidentifiedImageError as error:
        raise ReferenceImageError(
            f"{path}: not a picture that can be read", hint="save it as PNG, JPEG, WebP or TIFF"
        ) from error
    except BROKEN as error:
        raise ReferenceImageError(f"{path}: damaged picture ({error})", hint="save it again as PNG") from error
    return rgb


def _formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]  # AVIF depends on how Pillow was built


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _too_large(path, f"{width}x{height}")


def _too_large(path: Path, size: str) -> ReferenceImageError:
    return ReferenceImageError(
        f"{path}: {size}; a still may have {MAX_PIXELS // 1_000_000} megapixels",
        hint="scale it down: a still need not be larger than the film",
    )


def _decode(path: Path, image: ImageFile.ImageFile, notes: list[str]) -> Bytes:
    # The raw mode names the stored depth; Pillow itself reduces 16 bit RGB to 8 while decoding.
    deep = image.mode.startswith("I") or ";16" in str(image.tile)
    if getattr(image, "n_frames", 1) > 1:
        notes.append("it holds several pictures: the first is used")
    upright = ImageOps.exif_transpose(image)
    if deep:
        notes.append("16 bit is reduced to 8")
        upright = _reduce(upright)
    if upright.mode == "F":
        raise ReferenceImageError(f"{path}: floating-point pixels of unknown range", hint="save it as 8 bit PNG")
    if upright.mode == "CMYK":
        notes.append("CMYK is converted to RGB")
    return np.ascontiguousarray(_flatten(to_srgb(upright, image.info.get("icc_profile"), notes), notes))


def _reduce(image: Image.Image) -> Image.Image:
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    return Image.fromarray(np.clip(values >> 8, 0, 255).astype(np.uint8), "L")


def _flatten(image: Image.Image, notes: list[str]) -> Bytes:
    if (flat := on_grey(image)) is None:
        return np.asarray(image.convert("RGB"))
    notes.append("transparent parts are read as neutral grey")
    return flat


def on_grey(image: Image.Image) -> Bytes | None:
    """Return a partly transparent picture on neutral grey, RGB uint8 (h, w, 3), None where it is not transparent.

    What lies under transparent pixels is seen by nobody, and often any colour.
    """
    if not image.has_transparency_data:
        return None
    layered = image.convert("RGBA")
    lowest, _ = layered.getchannel("A").getextrema()
    if lowest == 255:
        return None
    ground = Image.new("RGBA", layered.size, (*_NEUTRAL, 255))
    return np.asarray(Image.alpha_composite(ground, layered).convert("RGB"))
