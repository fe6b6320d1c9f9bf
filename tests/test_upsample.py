import numpy as np
import pytest

from vidcolor.color import Array, Chroma, ab_to_chroma, luma_coefficients, normalize_luma
from vidcolor.upsample import ChromaUpsampler, film_to_working
from vidcolor.video import ChromaFormat, ChromaPlanes

WIDTH, HEIGHT = 144, 96
SMALL = (48, 32)


def chroma_format(
    *,
    width: int = WIDTH,
    height: int = HEIGHT,
    shifts: tuple[int, int] = (1, 1),
    bit_depth: int = 8,
    full_range: bool = False,
    siting: str = "left",
    interlaced: bool = False,
) -> ChromaFormat:
    return ChromaFormat(
        width=-(-width // (1 << shifts[0])),
        height=-(-height // (1 << shifts[1])),
        bit_depth=bit_depth,
        full_range=full_range,
        matrix="bt709",
        siting=siting,
        log2_x=shifts[0],
        log2_y=shifts[1],
        interlaced=interlaced,
    )


def plain_chroma(ab: Array) -> Chroma:
    return Chroma(ab.astype(np.float32), np.ones(ab.shape[:2], dtype=np.float32))


def uniform(a: float, b: float) -> Chroma:
    return plain_chroma(np.broadcast_to(np.array([a, b]), (SMALL[1], SMALL[0], 2)))


def upsample(
    target: ChromaFormat, chroma: Chroma, luma_plane: Array, *, bit_depth: int = 8, full_range: bool = False
) -> ChromaPlanes:
    small = film_to_working(luma_plane, SMALL, bit_depth=bit_depth, full_range=full_range)
    return ChromaUpsampler(target, bit_depth=bit_depth, full_range=full_range)(chroma, luma_plane, small)


def decoded(plane: Array, target: ChromaFormat) -> Array:
    swing = (1 << target.bit_depth) - 1 if target.full_range else 224 << (target.bit_depth - 8)
    return np.asarray((plane.astype(np.float64) - (1 << (target.bit_depth - 1))) / swing)


@pytest.mark.parametrize("bit_depth", [8, 10, 12, 16])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("shifts", [(0, 0), (1, 0), (1, 1), (2, 0)])
def test_no_colour_gives_exactly_neutral_planes(bit_depth: int, full_range: bool, shifts: tuple[int, int]) -> None:
    target = chroma_format(bit_depth=bit_depth, full_range=full_range, shifts=shifts)
    luma = np.random.default_rng(0).integers(0, 1 << bit_depth, (HEIGHT, WIDTH))
    luma = luma.astype(np.uint8 if bit_depth == 8 else np.uint16)
    planes = upsample(target, uniform(0, 0), luma, bit_depth=bit_depth, full_range=full_range)
    assert planes.cb.shape == planes.cr.shape == (target.height, target.width)
    assert planes.cb.dtype == luma.dtype
    assert (planes.cb == 1 << (bit_depth - 1)).all()
    assert (planes.cr == 1 << (bit_depth - 1)).all()


@pytest.mark.parametrize("bit_depth", [8, 10, 16])
@pytest.mark.parametrize("full_range", [False, True])
def test_one_colour_fills_the_planes_at_the_code_of_its_range(bit_depth: int, full_range: bool) -> None:
    target = chroma_format(bit_depth=bit_depth, full_range=full_range)
    luma = np.full((HEIGHT, WIDTH), 120, dtype=np.uint8)
    planes = upsample(target, uniform(25, -30), luma)
    y = normalize_luma(luma[:1, :1], bit_depth=8, full_range=False)
    expected = ab_to_chroma(np.array([[[25.0, -30.0]]]), y, matrix="bt709")
    for plane, value in zip((planes.cb, planes.cr), expected, strict=True):
        assert np.abs(decoded(plane, target) - value).max() <= 0.51 / (1 << bit_depth) / (1 if full_range else 0.875)


@pytest.mark.parametrize("shifts", [(0, 0), (1, 0), (1, 1), (2, 0)])
@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
def test_chroma_is_sampled_where_its_siting_puts_it(shifts: tuple[int, int], siting: str) -> None:
    target = chroma_format(bit_depth=16, siting=siting, shifts=shifts)
    column = (np.arange(SMALL[0]) + 0.5) / SMALL[0]
    row = (np.arange(SMALL[1]) + 0.5) / SMALL[1]
    x, y = np.meshgrid(column, row)
    luma = np.full((HEIGHT, WIDTH), 128, dtype=np.uint8)
    planes = upsample(target, plain_chroma(np.stack([20 + 10 * x, 20 + 10 * y], axis=-1)), luma)

    step_x, step_y = 1 << shifts[0], 1 << shifts[1]
    inset_x = step_x / 2 if siting == "center" else 0.5
    inset_y = 0.5 if siting == "topleft" else step_y / 2
    at_x, at_y = np.meshgrid(
        (np.arange(target.width) * step_x + inset_x) / WIDTH, (np.arange(target.height) * step_y + inset_y) / HEIGHT
    )
    level = np.full(at_x.shape, normalize_luma(luma[:1, :1], bit_depth=8, full_range=False)[0, 0])
    expected = ab_to_chroma(np.stack([20 + 10 * at_x, 20 + 10 * at_y], axis=-1), level, matrix="bt709")
    inner = (slice(4, -4), slice(4, -4))
    for plane, value in zip((planes.cb, planes.cr), expected, strict=True):
        # Half a luma sample of misplacement moves one of them by 1e-4 or more everywhere.
        assert np.abs(decoded(plane, target) - value)[inner].mean() < 1e-5


@pytest.mark.parametrize("full_range", [False, True])
def test_delivered_colours_stay_in_gamut_at_the_films_own_luma(full_range: bool) -> None:
    random = np.random.default_rng(1)
    luma = random.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    target = chroma_format(shifts=(0, 0), full_range=full_range)
    chroma = plain_chroma(random.normal(0, 60, (SMALL[1], SMALL[0], 2)))
    planes = upsample(target, chroma, luma, full_range=full_range)
    kr, kb = luma_coefficients("bt709")
    y = normalize_luma(luma, bit_depth=8, full_range=full_range)
    red = y + 2 * (1 - kr) * decoded(planes.cr, target)
    blue = y + 2 * (1 - kb) * decoded(planes.cb, target)
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    for channel in (red, green, blue):
        assert channel.min() > -1.1 / 224
        assert channel.max() < 1 + 1.1 / 224


def test_reduction_keeps_hue() -> None:
    target = chroma_format(bit_depth=16)
    luma = np.full((HEIGHT, WIDTH), 110, dtype=np.uint8)
    dark = luma.copy()
    dark[40:56] = 24
    small = film_to_working(luma, SMALL, bit_depth=8, full_range=False)
    upsampler = ChromaUpsampler(target, bit_depth=8, full_range=False)
    planes, reduced = (upsampler(uniform(30, 40), plane, small) for plane in (luma, dark))
    whole, part = (np.hypot(decoded(p.cb, target), decoded(p.cr, target)) for p in (planes, reduced))
    assert part[24, 30] < 0.5 * whole[24, 30]
    np.testing.assert_allclose(
        np.arctan2(decoded(reduced.cb, target), decoded(reduced.cr, target)),
        np.arctan2(decoded(planes.cb, target), decoded(planes.cr, target)),
        atol=1e-2,
    )
    np.testing.assert_array_equal(reduced.cb[:18], planes.cb[:18])


@pytest.mark.parametrize("height", [HEIGHT, HEIGHT - 2, HEIGHT - 5])
def test_interlaced_rows_take_the_gamut_of_their_own_field(height: int) -> None:
    luma = np.full((height, WIDTH), 126, dtype=np.uint8)
    luma[::2] = 235  # white in the top field only: nothing there can be coloured
    target = chroma_format(height=height, interlaced=True)
    planes = upsample(target, uniform(20, 20), luma)
    assert (planes.cr[::2] == 128).all()
    assert (planes.cr[1::2] > 130).all()
    progressive = upsample(chroma_format(height=height), uniform(20, 20), luma)
    assert (progressive.cr[:-1] > 128).all()


@pytest.mark.parametrize("shifts", [(0, 0), (1, 0), (1, 1), (2, 0), (2, 2)])
@pytest.mark.parametrize("size", [(101, 75), (1, 1), (3, 200)])
def test_odd_sizes(shifts: tuple[int, int], size: tuple[int, int]) -> None:
    target = chroma_format(width=size[0], height=size[1], shifts=shifts)
    planes = upsample(target, uniform(10, 30), np.full(size[::-1], 128, dtype=np.uint8))
    assert planes.cb.shape == (target.height, target.width)
    assert np.ptp(planes.cb) == np.ptp(planes.cr) == 0
    assert planes.cb[0, 0] < 128 < planes.cr[0, 0]


@pytest.mark.parametrize("size", [(144, 96), (143, 95), (960, 540), (24, 20)])
def test_working_luma_is_the_mean_of_the_film(size: tuple[int, int]) -> None:
    width, height = size
    ramp = np.add.outer(np.linspace(16, 120, height), np.linspace(0, 110, width))
    plane = np.rint(ramp).astype(np.uint8)
    small = film_to_working(plane, SMALL, bit_depth=8, full_range=False)
    assert small.shape == (SMALL[1], SMALL[0])
    assert small.dtype == np.float32
    assert small.mean() == pytest.approx((plane.mean() - 16) / 219, abs=3e-3)
    deep = film_to_working(plane.astype(np.uint16) << 2, SMALL, bit_depth=10, full_range=False)
    np.testing.assert_allclose(deep, small, atol=2.5e-3)
    assert (np.diff(small, axis=0) >= -1e-3).all()
    assert (np.diff(small, axis=1) >= -1e-3).all()


def test_luma_of_another_size_is_refused() -> None:
    luma = np.full((HEIGHT, WIDTH), 128, dtype=np.uint8)
    with pytest.raises(ValueError, match="differ in size"):
        ChromaUpsampler(chroma_format(), bit_depth=8, full_range=False)(
            uniform(0, 0), luma, np.zeros((16, 16), dtype=np.float32)
        )
