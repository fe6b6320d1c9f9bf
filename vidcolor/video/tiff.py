"""What a TIFF file says of its picture, so that none is read as something else.

FFmpeg's decoder leaves pictures in tiles and JPEG in strips black, and takes signed and floating-point samples for
counts, all without a word. Of Deflate it checks no sum where the picture is full before.
"""

from __future__ import annotations

import struct
import zlib

_PHOTOMETRIC, _COMPRESSION, _SAMPLE_FORMAT, _ORIENTATION = 262, 259, 339, 274
_FILL_ORDER, _STRIPS, _STRIP_BYTES = 266, 273, 279
_TILES = (322, 324)
_READ_COMPRESSIONS = {1, 2, 3, 4, 5, 8, 32773, 32946}
"""None, fax, LZW, Deflate and PackBits."""
_DEFLATE = (8, 32946)
_READ_COLOURS = {0, 1, 2, 3}
"""Grey of both directions, RGB and palette."""
_COUNTS = {1, 4}
"""Without a sign, and unsaid."""
_NUMBERS = {3: "H", 4: "I"}
"""TIFF's types of whole numbers, and those of `struct`."""
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_BIG = (b"II+\0", b"MM\0+")

_Page = dict[int, tuple[int, ...]]  # the numbers of each tag that has some
_ONE = (1,)
_INFLATED = 1 << 20


def unread(data: bytes) -> str:
    """Return why a TIFF file cannot be read as one picture; empty where nothing in its tags is against it."""
    if data[:4] in _BIG:
        return "is a BigTIFF"
    pages = _pages(data)
    if len(pages) > 1:
        return f"holds {len(pages)} pictures"
    return _unread_kind(pages[0]) if pages else ""


def is_damaged(data: bytes) -> bool:
    """Tell whether a strip that was compressed with Deflate has another checksum than it says, or no end."""
    pages = _pages(data)
    if not pages or pages[0].get(_COMPRESSION, _ONE)[0] not in _DEFLATE or pages[0].get(_FILL_ORDER, _ONE) != _ONE:
        return False
    strips = zip(pages[0].get(_STRIPS, ()), pages[0].get(_STRIP_BYTES, ()), strict=False)
    return not all(_is_whole(data[start : start + size]) for start, size in strips)


def orientation(data: bytes) -> int:
    """Return how a TIFF file says that its picture is to be turned, as in EXIF: 1 for not at all."""
    pages = _pages(data)
    return pages[0].get(_ORIENTATION, _ONE)[0] if pages else 1


def _unread_kind(page: _Page) -> str:
    if any(tag in page for tag in _TILES):
        return "is stored in tiles"
    if (compression := page.get(_COMPRESSION, _ONE)[0]) not in _READ_COMPRESSIONS:
        return f"is compressed in a way that is not read (TIFF's number {compression})"
    if page.get(_PHOTOMETRIC, _ONE)[0] not in _READ_COLOURS:
        return "is neither grey nor RGB"
    if page.get(_SAMPLE_FORMAT, _ONE)[0] not in _COUNTS:
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
                    pages[at][tag] = _values(data, entry + 8, order, _NUMBERS[kind], count)
            (at,) = struct.unpack_from(f"{order}I", data, at + 2 + 12 * tags)
    except struct.error:
        pass
    return list(pages.values())


def _values(data: bytes, at: int, order: str, kind: str, count: int) -> tuple[int, ...]:
    """Return the numbers of a tag, which lie elsewhere where all of them take more than four bytes."""
    if count * struct.calcsize(kind) > 4:
        (at,) = struct.unpack_from(f"{order}I", data, at)
    return struct.unpack_from(f"{order}{count}{kind}", data, at)


def _is_whole(deflated: bytes) -> bool:
    stream = zlib.decompressobj()
    try:
        while deflated and not stream.eof:
            stream.decompress(deflated, _INFLATED)
            deflated = stream.unconsumed_tail
    except zlib.error:
        return False
    return stream.eof
