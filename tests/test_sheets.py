"""Contact sheets."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vidcolor.errors import VideoError
from vidcolor.sheets import SheetRow, check_picture, lay_out, write_picture


def test_a_cell_of_a_contact_sheet_is_not_wider_than_eight_times_its_height() -> None:
    thin = np.full((1, 5000, 3), 200, np.uint8)
    sheet = lay_out([SheetRow("a thin still", (thin, thin.transpose(1, 0, 2)))])
    assert sheet.shape[1] < 10 * 180
    assert (sheet == 200).all(axis=2).any()


@pytest.mark.parametrize(("suffix", "kind"), [(".png", "PNG"), (".jpg", "JPEG"), (".JPEG", "JPEG")])
def test_a_picture_is_what_its_name_says(tmp_path: Path, suffix: str, kind: str) -> None:
    red = np.full((32, 48, 3), (200, 40, 30), np.uint8)
    path = tmp_path / f"sheet{suffix}"
    check_picture(path)
    write_picture(path, red)
    with Image.open(path) as read:
        assert read.format == kind
        assert np.abs(np.asarray(read).astype(int) - red).max() < 6


@pytest.mark.parametrize("name", ["sheet.txt", "sheet", "sheet.webp", ".png"])
def test_other_pictures_are_refused_with_those_that_are_allowed(name: str) -> None:
    with pytest.raises(VideoError, match=r"ends in \.png, \.jpg, \.jpeg, not") as refusal:
        check_picture(Path(name))
    assert refusal.value.hint == f"try {Path(name).with_suffix('.png')}"


def test_a_sheet_too_long_for_a_jpeg_asks_for_a_png(tmp_path: Path) -> None:
    long = np.zeros((65501, 8, 3), np.uint8)
    with pytest.raises(VideoError, match="at most 65500 pixels"):
        write_picture(tmp_path / "sheet.jpg", long)
    assert not list(tmp_path.iterdir())
    write_picture(tmp_path / "sheet.png", long)


def test_a_long_sheet_goes_on_in_another_column(tmp_path: Path) -> None:
    rows = [SheetRow("", (np.full((8, 8, 3), level, np.uint8),)) for level in (90, *[200] * 299, 150)]
    sheet = lay_out(rows)
    assert sheet.shape[0] <= 32_767
    assert sheet.shape[1] == 2 * lay_out(rows[:1]).shape[1]
    levels = [level for column in np.hsplit(sheet, 2) for level in column[:, column.shape[1] // 2, 0]]
    shown = [after for before, after in pairwise([0, *levels]) if after != before and after in (90, 150, 200)]
    assert (shown[0], shown[-1], len(shown)) == (90, 150, 301)
    write_picture(tmp_path / "sheet.jpg", sheet)
