from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from PIL import Image

from vidcolor.errors import VideoError
from vidcolor.stills import write_stills


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Six lossless 10-bit frames of even grey: 64 + 100 n, and an odd corner."""
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p10le"
        stream.codec_context.color_range = 1
        for number in range(6):
            plane = np.full((16, 32), 64 + 100 * number, np.uint16)
            plane[0, 0] = 940
            chroma = np.full((8, 32), 512, np.uint16)
            frame = VideoFrame.from_ndarray(np.vstack([plane, chroma]), format="yuv420p10le")
            frame.pts, frame.time_base, frame.color_range = number, Fraction(1, 25), 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_stills_are_full_range_grey_and_named_after_their_frames(film: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    written = write_stills(film, [4, 1], tmp_path / "paint", progress=lambda done, total: calls.append((done, total)))
    assert [path.name for path in written] == ["film_000001.png", "film_000004.png"]
    assert calls == [(1, 2), (2, 2)]
    assert sorted((tmp_path / "paint").iterdir()) == written
    for path, number in zip(written, (1, 4), strict=True):
        picture = np.asarray(Image.open(path))
        assert picture.shape == (16, 32, 3)
        assert (picture[1:] == round(255 * 100 * number / 876)).all()
        assert (picture[0, 0] == 255).all()


def test_painted_still_is_never_replaced_unasked(film: Path, tmp_path: Path) -> None:
    (still,) = write_stills(film, [2], tmp_path)
    still.write_bytes(b"painted for hours")
    with pytest.raises(VideoError, match="exists already"):
        write_stills(film, [1, 2], tmp_path)
    assert still.read_bytes() == b"painted for hours"
    assert not (tmp_path / "film_000001.png").exists()


def test_frame_past_the_end_is_an_error(film: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no frame 6"):
        write_stills(film, [6], tmp_path)


@pytest.mark.parametrize("way", ["all of it", "a little", "cut short", "no picture", "empty", "too large"])
def test_what_may_be_painted_is_never_replaced(film: Path, tmp_path: Path, way: str) -> None:
    (still, grey) = write_stills(film, [1, 2], tmp_path)
    rgb = np.asarray(Image.open(still)).copy()
    rgb[4, 7:9] = (200, 80, 40)
    Image.fromarray(rgb).save(still)
    if way == "all of it":
        Image.new("RGB", (32, 16), (200, 80, 40)).save(still)
    elif way == "cut short":
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(still)
        still.write_bytes(still.read_bytes()[:-200])
    elif way == "too large":
        Image.new("L", (10_000, 9_000)).save(still)
    elif way != "a little":
        still.write_bytes(b"no picture" if way == "no picture" else b"")
    before = still.read_bytes()
    Image.new("L", (8, 8), 90).save(grey)
    assert write_stills(film, [1, 2, 3], tmp_path, overwrite=True) == [grey, tmp_path / "film_000003.png"]
    assert still.read_bytes() == before
    assert Image.open(grey).size == (32, 16)


def test_a_run_that_was_interrupted_goes_on(film: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_stills(film, [1, 2, 3], tmp_path, progress=interrupt)
    first = tmp_path / "film_000001.png"
    before = first.stat().st_mtime_ns
    assert sorted(tmp_path.glob("*.png")) == [first]
    assert [path.name for path in write_stills(film, [1, 2, 3], tmp_path)] == ["film_000002.png", "film_000003.png"]
    assert first.stat().st_mtime_ns == before
    assert write_stills(film, [1, 2, 3], tmp_path) == []


def test_a_grey_still_of_another_frame_is_not_taken_for_this_one(film: Path, tmp_path: Path) -> None:
    (still,) = write_stills(film, [1], tmp_path)
    still.rename(tmp_path / "film_000003.png")
    with pytest.raises(VideoError, match=r"film_000003\.png exists already, and is not frame 3 in grey"):
        write_stills(film, [2, 3], tmp_path)
    assert not (tmp_path / "film_000002.png").exists()


def test_stills_that_exist_can_be_kept(film: Path, tmp_path: Path) -> None:
    (still,) = write_stills(film, [1], tmp_path)
    still.write_bytes(b"mine")
    assert write_stills(film, [1, 4], tmp_path, keep=True) == [tmp_path / "film_000004.png"]
    assert still.read_bytes() == b"mine"
    assert write_stills(film, [1, 4], tmp_path, keep=True) == []
