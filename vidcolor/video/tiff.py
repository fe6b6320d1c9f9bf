"""What a TIFF file says of its picture, so that none is read as something else.

FFmpeg's decoder leaves pictures in tiles and JPEG in strips black, and takes signed and floating-point samples for
counts, all without a word.
"""

from __future__ import annotations

import struct

_PHOTOMETRIC, _COMPRESSION, _SAMPLE_FORMAT, _ORIENTATION = 262, 259, 339, 274
_TILES = (322, 324)
_READ_COMPRESSIONS = {1, 2, 3, 4, 5, 8, 32773, 32946}
"""None, fax, LZW, Deflate and PackBits."""
_READ_COLOURS = {0, 1, 2, 3}
"""Grey of both directions, RGB and palette."""
_COUNTS = {1, 4}
"""Without a sign, and unsaid."""
_NUMBERS = {3: "H", 4: "I"}
"""TIFF's types of whole numbers, and those of `struct`."""
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_BIG = (b"II+\0", b"MM\0+")

_Page = dict[int, int]  # the first number of each tag that has some


def unread(data: bytes) -> str:
    """Return why a TIFF file cannot be read as one picture; empty where nothing in its tags is against it."""
    if data[:4] in _BIG:
        return "is a BigTIFF"
    pages = _pages(data)
    if len(pages) > 1:
        return f"holds {len(pages)} pictures"
    return _unread_kind(pages[0]) if pages else ""


def orientation(data: bytes) -> int:
    """Return how a TIFF file says that its picture is to be turned, as in EXIF: 1 for not at all."""
    pages = _pages(data)
    return pages[0].get(_ORIENTATION, 1) if pages else 1


def _unread_kind(page: _Page) -> str:
    if any(tag in page for tag in _TILES):
        return "is stored in tiles"
    if (compression := page.get(_COMPRESSION, 1)) not in _READ_COMPRESSIONS:
        return f"is compressed in a way that is not read (TIFF's number {compression})"
    if page.get(_PHOTOMETRIC, 1) not in _READ_COLOURS:
        return "is neither grey nor RGB"
    if page.get(_SAMPLE_FORMAT, 1) not in _COUNTS:
        return "holds signed or floating-point samples"
    return ""


def _pages(data: bytes) -> list[_Page]:
    """Return the directories of a TIFF file, as far as they can be read: of one that is cut the decoder says more."""
    pages: dict[int, _Page] = {}
    order = _ORDERS.get(data[:4])
    if order is None:
        return []
    try:
        (at,) = struct.unpack_from(f"{order}I", data, 4)
        while at and at not in pages:
            (tags,) = struct.unpack_from(f"{order}H", data, at)
            pages[at] = {}
            for entry in range(at + 2, at + 2 + 12 * tags, 12):
                tag, kind, count = struct.unpack_from(f"{order}HHI", data, entry)
                if kind in _NUMBERS and count:
                    pages[at][tag] = _first(data, entry + 8, order, _NUMBERS[kind], count)
            (at,) = struct.unpack_from(f"{order}I", data, at + 2 + 12 * tags)
    except struct.error:
        pass
    return list(pages.values())


def _first(data: bytes, at: int, order: str, kind: str, count: int) -> int:
    """Return the first number of a tag, which lies elsewhere where all of them take more than four bytes."""
    if count * struct.calcsize(kind) > 4:
        (at,) = struct.unpack_from(f"{order}I", data, at)
    return int(struct.unpack_from(order + kind, data, at)[0])
