"""Contact sheets."""

import numpy as np

from vidcolor.sheets import SheetRow, lay_out


def test_a_cell_of_a_contact_sheet_is_not_wider_than_eight_times_its_height() -> None:
    thin = np.full((1, 5000, 3), 200, np.uint8)
    sheet = lay_out([SheetRow("a thin still", (thin, thin.transpose(1, 0, 2)))])
    assert sheet.shape[1] < 10 * 180
    assert (sheet == 200).all(axis=2).any()
