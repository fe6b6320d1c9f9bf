"""What a DPX file says of its picture (SMPTE 268M), so that none is read as something else.

Where a file is cut or its lines are padded, FFmpeg's decoder takes lines for shorter or longer than they are, and gives
a picture that is aslant, without a word.
"""

from __future__ import annotations

import struct

_ORDERS = {b"SDPX": ">", b"XPDS": "<"}
_DATA, _SIZE, _ORIENTATION, _WIDTH, _HEIGHT = 4, 16, 768, 772, 776
_DESCRIPTOR, _BITS, _PACKING, _PADDING = 800, 803, 804, 812
"""Where the header has these, the last four of its first element."""
_HEADER = 816
_UNSAID = 0xFFFFFFFF
_TRANSFER, _DENSITIES = 801, (1, 3)
"""Where the header says what its first element holds, and what it calls densities of film."""
_CHANNELS = {50: 3, 51: 4, 52: 4}
_TURNED = range(1, 8)


def unread(data: bytes) -> str:
    """Return why a DPX file cannot be read; empty where nothing in its header is against it."""
    order = _order(data)
    if not order:
        return ""
    start, size, width, height, padding = (
        int(struct.unpack_from(f"{order}I", data, at)[0]) for at in (_DATA, _SIZE, _WIDTH, _HEIGHT, _PADDING)
    )
    if len(data) < size < _UNSAID:
        return f"is cut short: {len(data)} of {size} bytes are there"
    (packing,) = struct.unpack_from(f"{order}H", data, _PACKING)
    line = _line(width * _CHANNELS.get(data[_DESCRIPTOR], 1), data[_BITS], packed=packing == 0)
    # Some write anything there, and no padding.
    if 0 < padding < _UNSAID and start + height * (line + padding) <= len(data):
        return f"has {padding} bytes of padding after each line"
    return ""


def is_logarithmic(data: bytes) -> bool:
    """Tell whether a DPX file says that it holds densities of film."""
    return bool(_order(data)) and data[_TRANSFER] in _DENSITIES


def is_turned(data: bytes) -> bool:
    """Tell whether a DPX file says that its picture does not lie from left to right, from top to bottom."""
    order = _order(data)
    return bool(order) and struct.unpack_from(f"{order}H", data, _ORIENTATION)[0] in _TURNED


def _order(data: bytes) -> str:
    return _ORDERS.get(data[:4], "") if len(data) >= _HEADER else ""


def _line(samples: int, bits: int, *, packed: bool) -> int:
    """Return the bytes of a line, which ends with a word of four."""
    if bits == 10 and not packed:
        return -(-samples // 3) * 4
    if bits == 12 and not packed:
        bits = 16
    return -(-samples * bits // 32) * 4
