"""Which pictures of a data folder are trained on, and as what."""

import errno
import logging
import os
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from vidcolor.errors import VidcolorError
from vidcolor.references import load_reference
from vidcolor.training.data import PictureStore, load_pictures


def _plain(level: int) -> bytes:
    """A PNG of one grey level, by which it is known again."""
    return cv2.imencode(".png", np.full((8, 8, 3), level, np.uint8))[1].tobytes()


def _write(folder: Path, levels: dict[str, int]) -> None:
    for name, level in levels.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_plain(level))


def _tar(path: Path, levels: dict[str, int]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, level in levels.items():
            member = tarfile.TarInfo(name)
            data = _plain(level)
            member.size = len(data)
            tar.addfile(member, BytesIO(data))


def _levels(store: PictureStore) -> tuple[list[int], list[list[int]]]:
    """The grey levels of the photographs, and of the frames of each clip."""
    levels = store.pixels[:, 0, 0, 0].tolist()
    return levels[: len(store.weights)], [levels[start:stop] for start, stop in store.clips]


def test_frames_are_put_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    _write(tmp_path, {f"clips/street/frame{i}.png": i for i in (10, 9, 1, 100, 2)})
    assert _levels(load_pictures(tmp_path)) == ([], [[1, 2, 9, 10, 100]])


def test_clips_of_one_name_in_several_tar_files_are_several_clips(tmp_path: Path) -> None:
    for film in (0, 1):
        _tar(tmp_path / f"film{film}.tar", {f"clips/0000/{i:03d}.png": 100 * film + i for i in range(3)})
    assert _levels(load_pictures(tmp_path)) == ([], [[0, 1, 2], [100, 101, 102]])


@pytest.mark.parametrize("packed", [False, True])
def test_the_data_folder_may_be_the_one_of_the_clips(tmp_path: Path, packed: bool) -> None:
    names = {"street/1.png": 1, "street/2.png": 2}
    (tmp_path / "clips").mkdir()
    if packed:
        _tar(tmp_path / "clips" / "more.tar", names)
    else:
        _write(tmp_path / "clips", names)
    assert _levels(load_pictures(tmp_path / "clips")) == ([], [[1, 2]])


def test_tar_files_are_known_by_any_spelling_of_their_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _tar(tmp_path / "X.TAR", {"./a.png": 1, "b.png": 2})
    _tar(tmp_path / "val-x.tar", {"c.png": 3})
    (tmp_path / "index.csv").write_text("file,set\na.png,osie\nb.png,osie\n")
    with caplog.at_level(logging.INFO):
        store = load_pictures(tmp_path)
    assert _levels(store) == ([1, 2], [])
    assert store.weights.tolist() == [2.0, 2.0]
    assert "val-x.tar is left out: its pictures are for validation" in caplog.text


@pytest.mark.parametrize("name", ["photos.tar", "gone"])
def test_what_is_no_folder_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    _tar(tmp_path / "photos.tar", {"a.png": 1})
    with pytest.raises(VidcolorError, match=f"{name} is not a folder"):
        load_pictures(tmp_path / name)
    assert not caplog.text


def test_folders_that_are_left_out_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, {"data/a.png": 1, "data/closed/b.png": 2, "data/half/c.png": 3, "elsewhere/d.png": 4})
    (tmp_path / "data" / "link").symlink_to(tmp_path / "elsewhere")
    scan, status = os.scandir, Path.is_file

    def denied(path: object) -> PermissionError:
        return PermissionError(errno.EACCES, "Permission denied", str(path))

    def scandir(path: Any) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == "closed":
            raise denied(path)
        return scan(path)

    def is_file(path: Path) -> bool:
        if path.parent.name == "half":
            raise denied(path)
        return status(path)

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(os, "scandir", scandir)  # pytest itself lists the folder in the end, to remove it
        patched.setattr(Path, "is_file", is_file)
        assert _levels(load_pictures(tmp_path / "data")) == ([1], [])
    assert "closed cannot be read and is left out (Permission denied)" in caplog.text
    assert "c.png cannot be read and is left out (Permission denied)" in caplog.text
    assert "link is a link to a folder, and is left out" in caplog.text


@pytest.mark.parametrize("kind", ["rgba.png", "palette.png", "rgba.webp"])
def test_what_is_transparent_is_grey_as_in_a_still(tmp_path: Path, kind: str) -> None:
    rgba = np.full((64, 64, 4), (250, 10, 200, 0), np.uint8)
    rgba[:, :32] = (20, 200, 40, 255)
    picture = Image.fromarray(rgba)
    if kind == "palette.png":
        picture = picture.quantize(4)
    picture.save(tmp_path / kind, lossless=True)
    pixels = load_pictures(tmp_path).pixels[0, :, :64, :64]
    assert pixels[:, 10, 50].tolist() == [128, 128, 128]
    assert (pixels[:, 10, 10].float() - torch.tensor([20, 200, 40])).abs().max() < 4
    assert np.array_equal(pixels.permute(1, 2, 0).numpy(), load_reference(tmp_path / kind).rgb)


def test_a_picture_that_could_be_transparent_and_is_not_stays_as_it_is(tmp_path: Path) -> None:
    rgba = np.random.default_rng(0).integers(0, 255, (40, 50, 4), np.uint8)
    rgba[..., 3] = 255
    Image.fromarray(rgba).save(tmp_path / "a.png")
    store = load_pictures(tmp_path)
    assert np.array_equal(store.pixels[0, :, :40, :50].permute(1, 2, 0).numpy(), rgba[..., :3])
