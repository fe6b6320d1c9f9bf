"""Pictures for people to judge by: side-by-side frames and contact sheets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vidcolor.errors import VideoError, unwritten
from vidcolor.partfile import written_whole

Bytes = NDArray[np.uint8]

PICTURES = (".png", ".jpg", ".jpeg")
"""Suffixes of the pictures that are written."""
_JPEG_SIDE = 65500
_JPEG_QUALITY = 95
_GAP = 8
_PAPER = 24
_CAPTION = 22
_CELL_HEIGHT = 180
_CELL_WIDTH = 8 * _CELL_HEIGHT
_MOST_HEIGHT = 32_000
"""Of a column: browsers and many viewers show no picture with more than 32,767 pixels a side."""


@dataclass(frozen=True, eq=False)
class SheetRow:
    """One shot on a contact sheet.

    Attributes:
        caption: One line above the row.
        pictures: RGB uint8 (h, w, 3) each, of any size: the film, the still if any, the result.
        labels: A few words under each picture, or none at all.
    """

    caption: str
    pictures: tuple[Bytes, ...]
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.labels and len(self.labels) != len(self.pictures):
            raise ValueError(f"{len(self.labels)} labels for {len(self.pictures)} pictures; expected as many, or none")

    def __repr__(self) -> str:
        return f"SheetRow({self.caption!r}, {[picture.shape for picture in self.pictures]})"


def place_side_by_side(first: Bytes, *others: Bytes) -> Bytes:
    """Put RGB pictures of one size next to each other; even width and height, as 4:2:0 video wants them."""
    gap = np.full((first.shape[0], 4, 3), _PAPER, np.uint8)
    row = np.hstack([first, *(part for other in others for part in (gap, other))])
    return row[: row.shape[0] // 2 * 2, : row.shape[1] // 2 * 2]


def lay_out(rows: Sequence[SheetRow]) -> Bytes:
    """Lay out rows of pictures under their captions, from the top down, in as many columns as long sheets need.

    Returns:
        RGB uint8 (h, w, 3).
    """
    # Strips are made twice: once to be measured, so that a sheet of thousands of rows is in memory once only.
    sizes = [_strip(row).shape[:2] for row in rows]
    most = max(1, _MOST_HEIGHT // max((height for height, _ in sizes), default=_GAP))
    columns = [range(first, min(first + most, len(rows))) for first in range(0, len(rows), most)]
    widths = [max(sizes[number][1] for number in column) for column in columns]
    heights = [sum(sizes[number][0] for number in column) for column in columns]
    sheet = np.full((max(heights, default=_GAP), sum(widths) or _GAP, 3), _PAPER, np.uint8)
    left = 0
    for column, width in zip(columns, widths, strict=True):
        top = 0
        for number in column:
            strip = _strip(rows[number])
            sheet[top : top + strip.shape[0], left : left + strip.shape[1]] = strip
            top += strip.shape[0]
        left += width
    return sheet


def _strip(row: SheetRow) -> Bytes:
    """Return a row as it is on a sheet."""
    cells = [cell(picture) for picture in row.pictures]
    if row.labels:
        lines = [_line(label, cell.shape[1]) for label, cell in zip(row.labels, cells, strict=True)]
        cells = [np.vstack(part) for part in zip(cells, lines, strict=True)]
    gap = np.full((cells[0].shape[0], _GAP, 3), _PAPER, np.uint8)
    strip = np.hstack([part for cell in cells for part in (gap, cell)] + [gap])
    below = np.full((_GAP, strip.shape[1], 3), _PAPER, np.uint8)
    return np.vstack([_line(row.caption, strip.shape[1], indent=_GAP), strip, below])


def check_picture(path: Path) -> None:
    """Refuse a name that does not end as a picture that can be written.

    Raises:
        VideoError: Its suffix is not one of PICTURES.
    """
    if path.suffix.lower() not in PICTURES:
        raise VideoError(
            f"{path}: a picture ends in {', '.join(PICTURES)}, not {path.suffix or 'nothing'}",
            hint=f"try {path.with_suffix('.png')}",
        )


def write_picture(path: Path, picture: Bytes, *, final: Path | None = None) -> None:
    """Write an RGB picture as PNG or JPEG, whole or not at all.

    Args:
        path: The file.
        picture: RGB uint8 (h, w, 3).
        final: Its name in the end, where `path` is a temporary one.

    Raises:
        VideoError: The folder is missing or cannot be written, or the picture is too large for a JPEG.
    """
    name = final or path
    kind = name.suffix.lower()
    height, width = picture.shape[:2]
    if kind != ".png" and max(height, width) > _JPEG_SIDE:
        raise VideoError(
            f"{name}: a JPEG has at most {_JPEG_SIDE} pixels a side, the sheet is {width}x{height}",
            hint="name a .png",
        )
    try:
        with written_whole(path) as part:
            image = Image.fromarray(picture)
            if kind == ".png":
                image.save(part, format="PNG", compress_level=1)
            else:
                image.save(part, format="JPEG", quality=_JPEG_QUALITY)
    except OSError as error:
        reason, hint = unwritten(name, error)
        raise VideoError(reason, hint=hint) from error


def _line(text: str, width: int, *, indent: int = 0) -> Bytes:
    """Return a line of text as a picture; what does not fit is cut off."""
    line = np.full((_CAPTION, width, 3), _PAPER, np.uint8)
    shown = text.encode("ascii", "replace").decode()  # the font has no other letters
    cv2.putText(line, shown, (indent, _CAPTION - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (210, 210, 210), 1, cv2.LINE_AA)
    return line


def cell(picture: Bytes) -> Bytes:
    """Return a picture at the size that it has on a sheet, so that long sheets are made of small pictures."""
    scale = min(_CELL_HEIGHT / picture.shape[0], _CELL_WIDTH / picture.shape[1])
    width, height = (max(1, round(side * scale)) for side in picture.shape[1::-1])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return np.pad(small, ((0, _CELL_HEIGHT - height), (0, 0), (0, 0)), constant_values=_PAPER)
