"""A frame's picture is found in stills of it that somebody cropped, framed, stretched, zoomed or turned."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data

from vidcolor.color import rgb_to_luma
from vidcolor.placement import centred, place

Floats = npt.NDArray[np.float32]
SIZE = (384, 256)
PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket")


def luma(name: str) -> Floats:
    photograph = np.asarray(getattr(skimage.data, name)()[..., :3], np.float32) / 255
    return np.asarray(cv2.resize(rgb_to_luma(photograph), SIZE, interpolation=cv2.INTER_AREA), np.float32)


def grainy(picture: Floats) -> Floats:
    noise = np.random.default_rng(0).normal(0, 0.03, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 1), np.float32)


def toned(picture: Floats) -> Floats:
    return np.asarray(0.1 + 0.8 * picture**1.4, np.float32)


# Each maps pixels of a frame to those of a still of a size.
CHANGES = {
    "cropped": ([[1, 0, -64], [0, 1, 0]], (256, 256)),
    "cropped at a corner": ([[1, 0, -150], [0, 1, -90]], (234, 166)),
    "framed": ([[1, 0, 0], [0, 1, 64]], (384, 384)),
    "stretched": ([[2 / 3, 0, 0], [0, 1, 0]], (256, 256)),
    "nearer": ([[1.4, 0, -80], [0, 1.4, -40]], SIZE),
    "farther": ([[0.7, 0, 50], [0, 0.7, 40]], SIZE),
    "turned": ([[0.996, -0.087, 10], [0.087, 0.996, -12]], SIZE),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_the_place_is_found_to_a_pixel(change: str) -> None:
    rows, size = CHANGES[change]
    matrix = np.array(rows, np.float64)
    frame = luma("coffee")
    still = np.asarray(cv2.warpAffine(toned(frame), matrix, size), np.float32)
    placement = place(grainy(frame), still)
    assert placement is not None
    y, x = np.mgrid[:256:16, :384:16].astype(np.float32)
    truth = np.einsum("ij,jyx->yxi", matrix, np.stack([x, y, np.ones_like(x)]))
    inside = ((truth >= 1) & (truth <= np.array(size) - 2)).all(2)
    places = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), 2).astype(np.float32)
    found = placement.seen(places, SIZE)[::16, ::16]
    assert np.abs(found - truth)[inside].max() < 1
    shown = placement.covered(SIZE)[::16, ::16] > 0
    clearly = (np.abs(truth + 0.5) > 2).all(2) & (np.abs(truth + 0.5 - size) > 2).all(2)
    np.testing.assert_array_equal(shown[clearly], inside[clearly])


def test_pixels_of_the_still_become_as_large_as_those_of_the_frame() -> None:
    frame = luma("coffee")
    placement = place(frame, np.ascontiguousarray(frame[64:192, 96:288]))
    assert placement is not None
    assert placement.still_size(SIZE, (1920, 1280)) == pytest.approx((192, 128), abs=1)


def test_how_far_a_frame_lies_from_a_still_is_told_at_its_corners() -> None:
    frame = luma("coffee")
    at_rest = place(grainy(frame), frame)
    assert at_rest is not None
    assert at_rest.distance(SIZE) < 1
    cropped = place(frame, np.ascontiguousarray(frame[:, 64:320]))
    assert cropped is not None
    assert cropped.distance(SIZE) == pytest.approx(96, abs=1)  # of the still stretched to it: 64 pixels of 256


def test_where_the_middle_was_kept_is_told_from_the_aspects() -> None:
    y, x = np.mgrid[:256, :384].astype(np.float32)
    places = np.stack([x, y], 2)
    cropped, framed = centred(384 / 256, 1)
    middle = cropped.seen(places[:, 64:320], SIZE)
    np.testing.assert_allclose(middle[:, 66:318], places[:, 66:318], atol=0.01)
    assert cropped.covered(SIZE).mean() == pytest.approx(2 / 3, abs=0.01)
    square = np.pad(places, ((64, 64), (0, 0), (0, 0)))
    np.testing.assert_allclose(framed.seen(square, SIZE), places, atol=0.01)
    assert framed.covered(SIZE).all()
    assert all(each.distance(SIZE) < 1e-6 for each in centred(1.5, 1.5))
    assert centred(1.5, 2 / 5000) == centred(1.5, 5000 / 2) == []


@pytest.mark.parametrize("other", PHOTOGRAPHS)
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_no_place_is_found_in_another_picture(name: str, other: str) -> None:
    still = luma(other) if other != name else luma(other)[:, ::-1]  # nobody mirrors what he paints
    assert place(luma(name), np.ascontiguousarray(still)) is None


def test_no_place_is_found_where_nothing_is_to_see() -> None:
    assert place(luma("coffee"), np.full((64, 96), 0.5, np.float32)) is None
    assert place(np.zeros((12, 12), np.float32), luma("coffee")) is None
