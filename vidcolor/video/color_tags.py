"""Colour tags by their ISO/IEC 23091 numbers, and what untagged films mean."""

from __future__ import annotations

from pathlib import Path

from vidcolor.errors import VideoError

_MATRICES = {1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
_UNTAGGED_MATRICES = (0, 2, 3)
PRIMARIES = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020", 10: "smpte428",
    11: "smpte431", 12: "smpte432", 22: "ebu3213",
}  # fmt: skip
TRANSFERS = {
    1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100", 10: "log316",
    11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084",
    17: "smpte428", 18: "arib-std-b67",
}  # fmt: skip


_UNLIKE_BT709 = ("bt2020", "smpte431", "smpte432", "smpte2084", "arib-std-b67", "linear", "log100", "log316")


def unlike_bt709(primaries: str, transfer: str) -> str | None:
    """Return a note where players show a film's colours unlike those of bt709, for which colours are made, else None.

    A still's colours differ by CIEDE2000 6 to 8 where they are shown by the primaries of bt2020 (four colours).
    """
    if tags := [tag for tag in (primaries, transfer) if tag in _UNLIKE_BT709]:
        return f"the film is tagged {', '.join(tags)}: colours are made as for bt709, and players show them otherwise"
    return None


def resolve_matrix(tag: int, width: int, height: int, *, rgb: bool, path: Path) -> tuple[str, bool]:
    """Return the matrix that a film means, and whether it says so itself.

    Raises:
        VideoError: The matrix is none of those that chroma can be computed for.
    """
    if rgb:
        return "bt709", False
    if tag in _UNTAGGED_MATRICES:
        return ("bt709" if height >= 720 or width >= 1280 else "bt601"), False
    if tag not in _MATRICES:
        raise VideoError(
            f"{path}: colour matrix {tag} (ISO/IEC 23091) cannot be written exactly",
            hint="convert the film to bt709, bt601 or bt2020 non-constant luminance first",
        )
    return _MATRICES[tag], True


def resolve_siting(codec: str, log2_y: int, primaries: int) -> str:
    """Return where subsampled chroma lies: left, center or topleft."""
    # PyAV does not show AVFrame.chroma_location: these are the codecs' own conventions.
    if codec in ("mpeg1video", "mjpeg", "ljpeg"):
        return "center"
    return "topleft" if primaries == 9 and log2_y == 1 else "left"
