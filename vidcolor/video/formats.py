"""Where each pixel format keeps its luma and chroma, and views on them without a copy.

A component lies in a plane at `offset` and then at every `step`-th sample. Deep semi-planar formats (P010) hold their
bits at the top of 16; `shift` brings them down, exactly. Formats listed in `_EXACT_DETOURS` are first unpacked by
swscale into a planar format of the same values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from av import VideoFormat, VideoFrame

from vidcolor.errors import VideoError
from vidcolor.video.info import ChromaPlanes, Plane

_Place = tuple[int, int, int]  # plane, offset, step

_PLANAR: tuple[_Place, _Place, _Place] = ((0, 0, 1), (1, 0, 1), (2, 0, 1))
_CB_FIRST: tuple[_Place, _Place, _Place] = ((0, 0, 1), (1, 0, 2), (1, 1, 2))
_PACKED: dict[str, tuple[_Place, _Place, _Place]] = {
    "yuyv422": ((0, 0, 2), (0, 1, 4), (0, 3, 4)),
    "uyvy422": ((0, 1, 2), (0, 0, 4), (0, 2, 4)),
    "yvyu422": ((0, 0, 2), (0, 3, 4), (0, 1, 4)),
    "nv21": ((0, 0, 1), (1, 1, 2), (1, 0, 2)),
    "nv42": ((0, 0, 1), (1, 1, 2), (1, 0, 2)),
}
_EXACT_DETOURS = {
    "monow": "gray",
    "monob": "gray",
    "uyyvyy411": "yuv411p",
    "y210le": "yuv422p10le",
    "y212le": "yuv422p12le",
    "y216le": "yuv422p16le",
    "v30xle": "yuv444p10le",
    "xv30le": "yuv444p10le",
    "xv36le": "yuv444p12le",
    "xv48le": "yuv444p16le",
    "vyu444": "yuv444p",
    "ayuv64le": "yuv444p16le",
    "vuya": "yuv444p",
    "vuyx": "yuv444p",
    "ayuv": "yuv444p",
    "uyva": "yuv444p",
    "xyz12le": "gbrp12le",
    "xyz12be": "gbrp12le",
    "x2rgb10le": "gbrp10le",
    "x2bgr10le": "gbrp10le",
}


@dataclass(frozen=True)
class PixelLayout:
    """How one pixel format stores a picture.

    Args:
        name: FFmpeg's name of the format.
        bit_depth: Bits of one value.
        log2_x: Horizontal chroma subsampling as a power of two.
        log2_y: Vertical chroma subsampling as a power of two.
        grey: It has no chroma.
        rgb: Its components are G, B, R in planes 0, 1, 2 (after the detour).
        alpha: It has alpha.
        implied_full_range: The format means full range whatever the tag says.
        places: Plane, offset and step of Y, Cb, Cr.
        shift: Bits below the value in each sample.
        big_endian: Samples of two bytes are stored high byte first.
        detour: The planar format to unpack into first, or None.
    """

    name: str
    bit_depth: int
    log2_x: int
    log2_y: int
    grey: bool
    rgb: bool
    alpha: bool
    implied_full_range: bool
    places: tuple[_Place, ...]
    shift: int = 0
    big_endian: bool = False
    detour: str | None = None

    @property
    def dtype(self) -> np.dtype[np.uint8] | np.dtype[np.uint16]:
        """The type of a plane: uint8 up to 8 bit, uint16 above."""
        return np.dtype(np.uint8) if self.bit_depth <= 8 else np.dtype(np.uint16)


@lru_cache(maxsize=64)
def pixel_layout(name: str) -> PixelLayout:
    """Return the layout of the pixel format `name`.

    Raises:
        VideoError: Luma cannot be taken out of this format unchanged.
    """
    detour = _detour(name)
    base = VideoFormat(detour or name, 16, 16)
    stored = base.name
    components = base.components
    alpha = any(component.is_alpha for component in VideoFormat(name, 16, 16).components)
    grey = len([component for component in components if not component.is_alpha]) == 1
    depth = components[0].bits
    separate = len({component.plane for component in components}) == len(components)
    if "f16" in stored or "f32" in stored or base.is_bayer or depth < 8:
        raise _unsupported(name)
    places: tuple[_Place, ...]
    shift = 0
    if grey:
        places = ((0, 0, 1 if separate else 2),)
    elif separate:
        places = _PLANAR
        shift = 16 - depth if "msb" in stored else 0
    elif stored in _PACKED:
        places = _PACKED[stored]
    elif re.fullmatch(r"nv(12|16|24)|nv20[lb]e", stored):
        places = _CB_FIRST
    elif re.fullmatch(r"p[024]1[0246][lb]e", stored):
        places, shift = _CB_FIRST, 16 - depth
    else:
        raise _unsupported(name)
    return PixelLayout(
        name=name,
        bit_depth=depth,
        log2_x=0 if grey else (16 // base.chroma_width(16)).bit_length() - 1,
        log2_y=0 if grey else (16 // base.chroma_height(16)).bit_length() - 1,
        grey=grey,
        rgb=base.is_rgb,
        alpha=alpha,
        implied_full_range=grey or base.is_rgb or name.startswith("yuvj"),
        places=places,
        shift=shift,
        big_endian=base.is_big_endian,
        detour=detour,
    )


def read_planes(picture: VideoFrame, layout: PixelLayout) -> tuple[Plane, ChromaPlanes | None, bool]:
    """Return the luma (h, w), the chroma or None, and whether colour RGB had to be converted.

    Planes are read-only views on the picture wherever the format allows it. RGB whose three planes agree is grey film:
    its luma is G and it has no chroma. Other RGB becomes full-range bt709 4:4:4.
    """
    if layout.detour:
        picture = picture.reformat(format=layout.detour)
    if layout.rgb:
        return _read_rgb(picture, layout)
    width, height = picture.width, picture.height
    luma = _samples(picture, layout, layout.places[0], width, height)
    if luma.strides[1] != luma.itemsize:
        luma = np.ascontiguousarray(luma)
        luma.flags.writeable = False
    if layout.grey:
        return luma, None, False
    chroma_size = (-(-width >> layout.log2_x), -(-height >> layout.log2_y))
    cb, cr = (_samples(picture, layout, place, *chroma_size) for place in layout.places[1:3])
    return luma, ChromaPlanes(cb, cr), False


def writable_plane(picture: VideoFrame, plane: int, width: int, height: int, dtype: np.dtype[np.generic]) -> Plane:
    """Return a writable view (height, width) on one plane of a planar picture."""
    store = picture.planes[plane]
    return np.frombuffer(memoryview(store), dtype).reshape(height, store.line_size // dtype.itemsize)[:, :width]


def _samples(picture: VideoFrame, layout: PixelLayout, place: _Place, width: int, height: int) -> Plane:
    plane, offset, step = place
    store = picture.planes[plane]
    dtype = layout.dtype.newbyteorder(">") if layout.big_endian else layout.dtype
    rows = np.frombuffer(memoryview(store), dtype).reshape(height, store.line_size // dtype.itemsize)
    view = rows[:, offset : offset + step * (width - 1) + 1 : step]
    if layout.big_endian:
        view = view.astype(layout.dtype)
    if layout.shift:
        view = np.right_shift(view, layout.shift, dtype=layout.dtype)
    view.flags.writeable = False
    return view


def _read_rgb(picture: VideoFrame, layout: PixelLayout) -> tuple[Plane, ChromaPlanes | None, bool]:
    width, height = picture.width, picture.height
    green, blue, red = (_samples(picture, layout, (plane, 0, 1), width, height) for plane in range(3))
    if np.array_equal(green, blue) and np.array_equal(green, red):
        return green, None, False
    top = (1 << layout.bit_depth) - 1
    kr, kb = np.float32(0.2126), np.float32(0.0722)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    middle = 1 << (layout.bit_depth - 1)
    cb = np.rint((blue - luma) / (2 * (1 - kb)) + middle).clip(0, top).astype(layout.dtype)
    cr = np.rint((red - luma) / (2 * (1 - kr)) + middle).clip(0, top).astype(layout.dtype)
    luma = np.rint(luma).clip(0, top).astype(layout.dtype)
    luma.flags.writeable = False
    return luma, ChromaPlanes(cb, cr), True


def _detour(name: str) -> str | None:
    if name in _EXACT_DETOURS:
        return _EXACT_DETOURS[name]
    form = VideoFormat(name, 16, 16)
    if form.has_palette:
        return "gbrp"
    if form.is_rgb and not form.is_bayer and not name.startswith("gbr") and "f16" not in name and "f32" not in name:
        return "gbrp16le" if form.components[0].bits > 8 else "gbrp"
    return None


def _unsupported(name: str) -> VideoError:
    return VideoError(
        f"pixel format {name} cannot be read without changing its luma",
        hint="convert the film to an 8 to 16 bit Y'CbCr, grey or RGB format first",
    )
