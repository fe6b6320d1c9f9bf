"""Grading of colours: each step by its definition, checked against scikit-image where it has one."""

import numpy as np
import pytest
import skimage.color

from vidcolor.color import Chroma, lab_to_rgb, rgb_to_lab, rgb_to_luma
from vidcolor.grading import Grading, daylight, grade


def some_colors(seed: int = 0) -> tuple[Chroma, np.ndarray]:
    """Return ab of any hue and the luma of lightness 20 to 90."""
    rng = np.random.default_rng(seed)
    ab = rng.uniform(-60, 60, (24, 32, 2)).astype(np.float32)
    return Chroma(ab, np.ones(ab.shape[:2], np.float32)), rng.uniform(0.2, 0.9, ab.shape[:2]).astype(np.float32)


def test_nothing_to_do_gives_the_same_object_back() -> None:
    chroma, luma = some_colors()
    assert grade(chroma, luma, Grading()) is chroma


@pytest.mark.parametrize("degrees", [90.0, -30.0, 180.0])
def test_hue_turns_by_its_degrees_and_chroma_stays(degrees: float) -> None:
    chroma, luma = some_colors()
    before = skimage.color.lab2lch(np.dstack([np.full(luma.shape, 50.0), chroma.ab]))
    turned = grade(chroma, luma, Grading(hue=degrees))
    after = skimage.color.lab2lch(np.dstack([np.full(luma.shape, 50.0), turned.ab]))
    np.testing.assert_allclose(after[..., 1], before[..., 1], atol=1e-3)
    apart = (np.rad2deg(after[..., 2] - before[..., 2]) - degrees + 180) % 360 - 180
    assert np.abs(apart).max() < 0.01


def test_a_turn_by_90_degrees_makes_red_yellow() -> None:
    red = Chroma(np.full((1, 1, 2), (60, 0), np.float32), np.ones((1, 1), np.float32))
    ab = grade(red, np.full((1, 1), 0.5, np.float32), Grading(hue=90)).ab[0, 0]
    np.testing.assert_allclose(ab, (0, 60), atol=1e-4)


def test_saturation_scales_and_0_is_grey_whatever_else_is_asked_for() -> None:
    chroma, luma = some_colors()
    np.testing.assert_array_equal(grade(chroma, luma, Grading(saturation=1.5)).ab, chroma.ab * np.float32(1.5))
    assert not grade(chroma, luma, Grading(saturation=0, hue=40, temperature=60)).ab.any()


@pytest.mark.parametrize(("light", "kelvin"), [("D50", 5003), ("D55", 5503), ("D75", 7504)])
def test_the_lights_are_cie_daylights(light: str, kelvin: int) -> None:
    x, z = daylight(1e6 / kelvin - 1e6 / 6504)
    white = skimage.color.xyz_tristimulus_values(illuminant=light, observer="2")  # type: ignore[no-untyped-call]
    assert x == pytest.approx(white[0], abs=2e-3)
    assert z == pytest.approx(white[2], abs=2e-3)


@pytest.mark.parametrize("mired", [-90.0, -20.0, 35.0, 90.0])
def test_temperature_scales_x_and_z_at_the_pixels_own_lightness(mired: float) -> None:
    rng = np.random.default_rng(1)
    # Greys, where the luma tells the lightness exactly.
    grey = np.repeat(rng.uniform(0.15, 0.95, (16, 16, 1)), 3, axis=2)
    chroma = Chroma(np.zeros((16, 16, 2), np.float32), np.ones((16, 16), np.float32))
    got = grade(chroma, rgb_to_luma(grey), Grading(temperature=mired)).ab
    x, z = daylight(mired)
    lit = skimage.color.lab2xyz(skimage.color.rgb2lab(grey)) * (x / 0.95047, 1.0, z / 1.08883)
    assert np.abs(got - skimage.color.xyz2lab(lit)[..., 1:]).max() < 0.1


def test_temperature_of_colours_is_nearly_that_of_their_xyz() -> None:
    rgb = np.random.default_rng(2).uniform(0.3, 0.7, (16, 16, 3))
    lab = rgb_to_lab(rgb)
    chroma = Chroma(lab[..., 1:].astype(np.float32), np.ones((16, 16), np.float32))
    got = grade(chroma, rgb_to_luma(rgb), Grading(temperature=40)).ab
    x, z = daylight(40)
    lit = skimage.color.lab2xyz(lab) * (x / 0.95047, 1.0, z / 1.08883)
    # Luma stands for lightness: it is off by a few per cent for colours.
    assert np.abs(got - skimage.color.xyz2lab(lit)[..., 1:]).max() < 2.0


def test_warm_is_amber_cool_is_blue_and_black_stays_black() -> None:
    flat = Chroma(np.zeros((1, 3, 2), np.float32), np.ones((1, 3), np.float32))
    luma = np.array([[0.0, 0.5, 1.0]], np.float32)
    warm, cool = (grade(flat, luma, Grading(temperature=t)).ab for t in (60, -60))
    assert warm[0, 1, 1] > 10 > -10 > cool[0, 1, 1]
    assert np.abs(warm[0, 2]).max() > np.abs(warm[0, 1]).max()
    assert not warm[0, 0].any()
    red, _, blue = lab_to_rgb(np.array([60.0, *warm[0, 1]]))
    assert red > blue


@pytest.mark.parametrize("wrong", [{"saturation": 4.1}, {"hue": -181}, {"temperature": 91}, {"hue": float("nan")}])
def test_what_is_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="allowed"):
        Grading(**wrong)


@pytest.mark.parametrize(
    ("before", "after", "half"), [(170, -170, 180), (-170, 170, 180), (180, -180, 180), (90, -60, 15)]
)
def test_a_hue_turns_the_shorter_way_from_one_grading_to_another(before: float, after: float, half: float) -> None:
    hues = [Grading(hue=before).towards(Grading(hue=after), share / 8).hue for share in range(9)]
    assert (hues[0] - before) % 360 == (hues[-1] - after) % 360 == 0
    assert abs(hues[4]) == half
    way = (after - before + 180) % 360 - 180
    assert [(hue - before) % 360 for hue in hues] == pytest.approx([way * share / 8 % 360 for share in range(9)])


def test_saturation_and_temperature_are_mixed_as_they_are() -> None:
    between = Grading(saturation=1.0, temperature=-20).towards(Grading(saturation=2.0, temperature=60), 0.25)
    assert between == Grading(saturation=1.25, temperature=0)
