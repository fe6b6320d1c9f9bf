"""The film's own chroma in a writer's planes."""

from dataclasses import replace

import numpy as np
import pytest
from films import Film, render

from vidcolor.errors import VideoError
from vidcolor.video import ChromaFormat, ChromaPlanes, Frame, VideoInfo, probe
from vidcolor.video.own_chroma import OwnChroma


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    return probe(render(tmp_path_factory.mktemp("own") / "film", Film(look="color")))


def form(width: int, height: int, log2_x: int, log2_y: int, *, depth: int = 8, siting: str = "left") -> ChromaFormat:
    size = -(-width >> log2_x), -(-height >> log2_y)
    return ChromaFormat(*size, depth, False, "bt601", siting, log2_x, log2_y, False)


def of_size(info: VideoInfo, log2_x: int, log2_y: int, *, siting: str = "left", interlaced: bool = False) -> VideoInfo:
    return replace(info, log2_x=log2_x, log2_y=log2_y, siting=siting, interlaced=interlaced)


def gradient(width: int, height: int, log2_x: int, log2_y: int, siting: str) -> np.ndarray:
    """Return what Cb is where each chroma sample lies if it grows by 1 a luma column and by 2 a row."""
    x = np.arange(-(-width >> log2_x)) * 2**log2_x + (0 if siting in ("left", "topleft") else (2**log2_x - 1) / 2)
    y = np.arange(-(-height >> log2_y)) * 2**log2_y + (0 if siting == "topleft" else (2**log2_y - 1) / 2)
    return x[None] + 2 * y[:, None]


def frame(cb: np.ndarray) -> Frame:
    return Frame(0, 0, np.zeros((32, 48), np.uint8), ChromaPlanes(cb, np.ascontiguousarray(cb[::-1])))


@pytest.mark.parametrize(("log2_x", "log2_y"), [(1, 1), (1, 0), (0, 0), (2, 0)])
def test_planes_of_one_format_pass_bit_for_bit(info: VideoInfo, log2_x: int, log2_y: int) -> None:
    cb = np.random.default_rng(0).integers(0, 256, (32 >> log2_y, 48 >> log2_x), np.uint8)
    own = OwnChroma(of_size(info, log2_x, log2_y), form(48, 32, log2_x, log2_y))
    planes = own(frame(cb))
    assert own.note is None
    np.testing.assert_array_equal(planes.cb, cb)
    np.testing.assert_array_equal(planes.cr, cb[::-1])


def test_a_greater_depth_is_filled_exactly(info: VideoInfo) -> None:
    cb = np.arange(48 * 32, dtype=np.uint8).reshape(32, 48)
    planes = OwnChroma(of_size(info, 0, 0), form(48, 32, 0, 0, depth=10))(frame(cb))
    assert planes.cb.dtype == np.uint16
    np.testing.assert_array_equal(planes.cb, cb.astype(int) * 4)


@pytest.mark.parametrize("depth", [8, 10])
def test_grey_frames_get_neutral_planes(info: VideoInfo, depth: int) -> None:
    planes = OwnChroma(replace(info, grey=True, log2_x=0, log2_y=0), form(48, 32, 1, 1, depth=depth))(
        Frame(0, 0, np.zeros((32, 48), np.uint8))
    )
    assert planes.cb.shape == (16, 24)
    assert (planes.cb == 1 << (depth - 1)).all()
    assert (planes.cr == 1 << (depth - 1)).all()


@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((1, 1), (1, 0)),
        ((1, 1), (0, 0)),
        ((1, 0), (0, 0)),
        ((0, 0), (1, 1)),
        ((2, 0), (1, 0)),
        ((1, 0), (1, 1)),
        ((0, 0), (2, 2)),
    ],
)
def test_other_subsamplings_keep_colours_in_place(
    info: VideoInfo, source: tuple[int, int], target: tuple[int, int], siting: str
) -> None:
    # Inside the picture, a plane that grows evenly has one right value at every place.
    cb = gradient(48, 32, *source, siting)
    own = OwnChroma(of_size(info, *source, siting=siting), form(48, 32, *target, siting=siting))
    got = own(frame(np.rint(cb * 1.5).astype(np.uint8))).cb.astype(float)
    want = gradient(48, 32, *target, siting) * 1.5
    assert got.shape == want.shape
    inner = (slice(4 >> target[1], -(4 >> target[1]) or None), slice(4 >> target[0], -(4 >> target[0]) or None))
    assert np.abs(got - want)[inner].max() <= 1.01
    assert own.note is not None
    assert own.note.startswith("chroma that is kept is resampled from 4:")


def test_fields_are_not_mixed_unless_they_may_be(info: VideoInfo) -> None:
    film = of_size(info, 1, 1, interlaced=True)
    OwnChroma(film, form(48, 32, 1, 1))
    with pytest.raises(VideoError, match="interlaced film in 4:2:0 cannot be kept in 4:2:2") as caught:
        OwnChroma(film, form(48, 32, 1, 0))
    assert caught.value.hint
    planes = OwnChroma(film, form(48, 32, 1, 0), mix_fields=True)(frame(np.full((16, 24), 90, np.uint8)))
    np.testing.assert_array_equal(planes.cb, np.full((32, 24), 90))
