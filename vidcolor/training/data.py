"""Training pictures, decoded once and kept as one block of bytes, so that sampling is indexing on the device.

A data folder holds pictures anywhere, and clips as folders of numbered frames under a folder named `clips`; both may
be packed in tar files. It may itself be named `clips`. Tar files named `val-...` are kept for validation. A file
`index.csv` (columns `file,set`) says which collection a picture comes from.
"""

import csv
import logging
import lzma
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from vidcolor.errors import VidcolorError
from vidcolor.references import BROKEN, MAX_PIXELS, on_grey

_log = logging.getLogger(__name__)
_SUFFIXES = {".webp", ".jpg", ".jpeg", ".png"}
_JPEG = b"\xff\xd8"
"""How every JPEG begins: it has no transparency."""
_AT_ONCE = 16
"""Files read before they are decoded."""
_BROKEN_TAR = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError)
"""What reading a damaged tar file raises, compressed or not, besides an OSError."""
CANVAS = (208, 256)
"""Height and width that pictures are fitted into; 17,000 of them take 2.7 GB."""

# Films show people, streets and landscapes. Collections of single centred objects, drawn pictures and many alike
# frames of one drive are drawn less often; the numbers are weights relative to 1.
_SET_WEIGHTS = {
    "caltech101": 0.35,
    "pacs_photo": 0.5,
    "cats_dogs": 0.5,
    "camvid": 0.6,
    "faces_without_mask": 0.7,
    "mosaic_nikita": 0.5,
    "clothing_small": 0.4,
    "flickr8k_1k": 2.0,
    "osie": 2.0,
    "bsds500": 2.0,
    "coco_bits": 2.0,
    "human_seg": 1.5,
    "u2net_test": 1.5,
    "weather_img": 0.8,
}


@dataclass(frozen=True, eq=False)
class PictureStore:
    """All training pictures.

    Attributes:
        pixels: (N, 3, H, W) uint8 RGB, each picture in the upper left corner of its canvas.
        sizes: (N, 2) width and height of each picture in pixels.
        weights: (P,) sampling weight of the P photographs, which come first.
        clips: Half-open ranges of the frames of each clip.
    """

    pixels: Tensor
    sizes: Tensor
    weights: Tensor
    clips: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        assert self.pixels.dtype == torch.uint8
        assert len(self.pixels) == len(self.sizes)

    def __repr__(self) -> str:
        return f"PictureStore({len(self.weights)} photographs, {len(self.clips)} clips, {tuple(self.pixels.shape)})"

    def marks(self) -> Tensor:
        """Numbers (P,) int64 that tell the photographs from others, or from the same in another order."""
        return self.pixels[: len(self.weights)].flatten(1).sum(1)

    def to(self, device: torch.device) -> "PictureStore":
        """The same store on another device."""
        return PictureStore(self.pixels.to(device), self.sizes.to(device), self.weights.to(device), self.clips)


class _File(NamedTuple):
    """A picture as it lies in the data folder.

    Attributes:
        name: Its path relative to the folder, or inside its tar.
        clip: The folder that it is a frame of, different in each tar, or None for a photograph.
        data: Its bytes.
    """

    name: str
    clip: str | None
    data: bytes


def _members(folder: Path) -> Iterator[_File]:
    """Every picture, in a fixed order.

    What cannot be read is left out with a warning: among thousands of files there is always one.
    """
    for path in sorted(_listed(folder)):
        within = path.relative_to(folder).as_posix()
        place = f"{folder.absolute().name}/{within}"
        try:
            if not path.is_file():
                continue
            if path.suffix.lower() in _SUFFIXES:
                yield _File(within, _clip_of(place), path.read_bytes())
            elif path.suffix.lower() == ".tar" and path.name.startswith("val-"):
                _log.info("%s is left out: its pictures are for validation", path)
            elif path.suffix.lower() == ".tar":
                for name, data in _packed(path):
                    yield _File(name, _clip_of(f"{place}/{name}"), data)
        except OSError as error:
            _log.warning("%s cannot be read and is left out (%s)", path, error.strerror or error)


def _listed(folder: Path) -> Iterator[Path]:
    """Every file in a folder and below. Links to folders are not followed, since they may lead round in a circle."""

    def complain(error: OSError) -> None:
        _log.warning("%s cannot be read and is left out (%s)", error.filename, error.strerror)

    for parent, folders, names in os.walk(folder, onerror=complain):
        for link in sorted(path for each in folders if (path := Path(parent, each)).is_symlink()):
            _log.warning("%s is a link to a folder, and is left out", link)
        yield from (Path(parent, name) for name in names)


def _packed(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every picture in a tar file, as far as it can be read."""
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                if Path(member.name).suffix.lower() in _SUFFIXES and (data := _unpacked(tar, member)) is not None:
                    yield member.name.removeprefix("./"), data
    except _BROKEN_TAR as error:
        reason = str(error).partition("\n")[0].rstrip(":")
        _log.warning("%s is damaged: what follows in it is left out (%s)", path, reason)


def _unpacked(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | None:
    """The bytes of a member, None where it is no file."""
    try:
        stream = tar.extractfile(member)
    except KeyError:
        _log.warning("%s is a link to what its tar file does not hold, and is left out", member.name)
        return None
    return None if stream is None else stream.read()


def _clip_of(place: str) -> str | None:
    """The clip that the picture at a place is a frame of, or None for a photograph."""
    parts = place.split("/")
    return "/".join(parts[:-1]) if "clips" in parts[:-2] else None


def _by_number(name: str) -> tuple[list[str | int], str]:
    """What puts frame 2 before frame 10, whether or not their numbers are filled up with zeros."""
    return [int(part) if part.isdecimal() else part for part in re.split("([0-9]+)", name)], name


def _decode(name: str, data: bytes) -> np.ndarray | None:
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # of empty files, and of those that claim billions of pixels
        bgr = None
    if bgr is None:
        _log.warning("%s cannot be decoded and is left out", name)
        return None
    if (seen := _seen_through(data, pixels=bgr.shape[0] * bgr.shape[1])) is not None:
        bgr = seen
    height, width = CANVAS
    scale = min(1.0, height / bgr.shape[0])
    if scale < 1:
        size = (max(1, round(bgr.shape[1] * scale)), height)
        bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    if bgr.shape[1] > width:
        left = (bgr.shape[1] - width) // 2
        bgr = bgr[:, left : left + width]
    return np.ascontiguousarray(bgr[:, :, ::-1].transpose(2, 0, 1))


def _seen_through(data: bytes, *, pixels: int) -> np.ndarray | None:
    """A partly transparent picture as BGR, as a still is read; None for any other.

    OpenCV drops transparency, and with it what a picture shows: under it may lie any colours.
    """
    if data.startswith(_JPEG) or pixels > MAX_PIXELS:
        return None
    try:
        with Image.open(BytesIO(data), formats=("PNG", "WEBP")) as image:
            rgb = on_grey(ImageOps.exif_transpose(image)) if image.has_transparency_data else None
    except BROKEN:  # OpenCV may forgive what Pillow does not
        return None
    return None if rgb is None else rgb[:, :, ::-1]


def _decoded(members: Iterator[_File]) -> Iterator[tuple[_File, np.ndarray]]:
    """Pixels of every picture that can be decoded; few are held as files, which are larger by far."""
    with ThreadPoolExecutor(2) as pool:
        while files := list(islice(members, _AT_ONCE)):
            pictures = pool.map(lambda file: _decode(file.name, file.data), files)
            for file, picture in zip(files, pictures, strict=True):
                if picture is not None:
                    yield file._replace(data=b""), picture


def _sets(path: Path) -> dict[str, str]:
    """The collection of each picture by name; nothing where no such file tells it."""
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            return {row["file"]: row["set"] for row in csv.DictReader(file)}
    except FileNotFoundError:
        return {}
    except (OSError, KeyError, csv.Error) as error:
        # People keep lists of their own under such a name.
        _log.warning("%s does not say with columns file and set which collection a picture is of (%s)", path, error)
        return {}


def load_pictures(folder: Path) -> PictureStore:
    """Read a data folder.

    Raises:
        VidcolorError: There is no such folder, or it holds no pictures.
    """
    hint = "name a folder with photographs, and clips as folders of frames under clips/"
    if not folder.is_dir():
        raise VidcolorError(f"{folder} is not a folder", hint=hint)
    sets = _sets(folder / "index.csv")
    photos: list[tuple[str, np.ndarray]] = []
    frames: list[tuple[str, str, np.ndarray]] = []
    for file, picture in _decoded(_members(folder)):
        if file.clip is None:
            photos.append((file.name, picture))
        else:
            frames.append((file.clip, file.name, picture))
    if not photos and not frames:
        raise VidcolorError(
            f"no pictures in {folder}: expected {', '.join(sorted(_SUFFIXES))} files or tar files of them",
            hint=hint,
        )
    frames.sort(key=lambda frame: (frame[0], _by_number(frame[1])))
    everything = [picture for _, picture in photos] + [picture for _, _, picture in frames]
    pixels = torch.zeros(len(everything), 3, *CANVAS, dtype=torch.uint8)
    sizes = torch.zeros(len(everything), 2, dtype=torch.int32)
    for i, picture in enumerate(everything):
        _, h, w = picture.shape
        pixels[i, :, :h, :w] = torch.from_numpy(picture)
        sizes[i] = torch.tensor([w, h])
    clips, at = [], len(photos)
    for _, group in groupby(frames, key=lambda frame: frame[0]):
        count = len(list(group))
        clips.append((at, at + count))
        at += count
    weights = torch.tensor([_SET_WEIGHTS.get(sets.get(name, ""), 1.0) for name, _ in photos])
    return PictureStore(pixels, sizes, weights, tuple(clips))
