"""Grey stills of a film to paint on, each named after its frame, so that its colours find their way back."""

import re
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vidcolor.color import normalize_luma
from vidcolor.errors import ReferenceImageError, VideoError, unwritten
from vidcolor.partfile import written_whole
from vidcolor.places import real_place
from vidcolor.references import load_reference
from vidcolor.video import VideoReader


def may_write(path: Path, *, video: Path, folder: Path) -> bool:
    """Tell whether `write_stills` of this film into this folder may write a path, whichever frames are wanted."""
    ours = re.fullmatch(rf"{re.escape(video.stem)}_\d{{6,}}\.png", path.name, re.ASCII | re.IGNORECASE)
    # The name counts, not what a link of that name points to: it is the link that is replaced.
    return ours is not None and real_place(path.parent) == real_place(folder)


def still_path(video: Path, frame: int, folder: Path) -> Path:
    """Return the name of the grey still of a frame."""
    return folder / f"{video.stem}_{frame:06d}.png"


def write_stills(
    video: Path,
    frames: Sequence[int],
    folder: Path,
    *,
    overwrite: bool = False,
    keep: bool = False,
    stream: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write frames of a film as grey 8-bit RGB pictures, upright, each named `FILM_000123.png`.

    Stills that exist and are just these pictures stay: a run that was interrupted may have written them.

    Args:
        video: The film.
        frames: Frame numbers, in any order.
        folder: Where the stills go; made when missing.
        overwrite: Replace stills that exist and are grey. Others stay: what somebody painted is in them, or may be
            where a file cannot be read.
        keep: Leave stills that exist as they are, and write the others.
        stream: Number of the video stream; None takes the default one.
        progress: Called with the stills done and wanted.

    Returns:
        The files written, in the order of the film.

    Raises:
        VideoError: A still exists already and is another picture, or cannot be written, or the film ends before a
            frame.
    """
    paths = {frame: still_path(video, frame, folder) for frame in sorted(set(frames))}
    there = {frame: path for frame, path in paths.items() if path.exists()}
    if overwrite:
        there = {frame: path for frame, path in there.items() if not _is_grey(path)}
    elif not keep:
        _check_unpainted(video, there, stream=stream)
    wanted = {frame: path for frame, path in paths.items() if frame not in there}
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    with closing(_grey_frames(video, wanted, stream=stream)) as pictures:
        for frame, grey in pictures:
            _write_still(wanted[frame], grey)
            written.append(wanted[frame])
            if progress is not None:
                progress(len(written), len(wanted))
    return written


def _grey_frames(
    video: Path, frames: Collection[int], *, stream: int | None
) -> Generator[tuple[int, NDArray[np.uint8]], None, None]:
    """Yield the numbers of frames of a film, in its order, and each as a grey picture (h, w, 3), upright."""
    left = set(frames)
    if not left:
        return
    with VideoReader(video, stream=stream) as reader:
        info = reader.info
        for frame in reader:
            if frame.index not in left:
                continue
            luma = normalize_luma(frame.luma, bit_depth=info.bit_depth, full_range=info.full_range)
            grey = info.upright(np.rint(luma * 255).astype(np.uint8))
            yield frame.index, np.repeat(grey[..., None], 3, axis=2)
            left.remove(frame.index)
            if not left:
                return
    raise VideoError(f"{video} has no frame {max(left)}", hint="frames are counted from 0")


def _write_still(path: Path, picture: NDArray[np.uint8]) -> None:
    try:
        with written_whole(path) as part:
            Image.fromarray(picture).save(part, format="PNG")
    except OSError as error:
        reason, hint = unwritten(path, error)
        raise VideoError(reason, hint=hint) from error


def _check_unpainted(video: Path, stills: Mapping[int, Path], *, stream: int | None) -> None:
    """Refuse stills, given by their frames, that are not just what would be written: an interrupted run leaves such."""
    with closing(_grey_frames(video, stills, stream=stream)) as pictures:
        for frame, grey in pictures:
            if not _shows(stills[frame], grey):
                raise VideoError(
                    f"{stills[frame]} exists already, and is not frame {frame} in grey",
                    hint="choose another folder, or -y to replace the stills that are grey",
                )


def _shows(still: Path, picture: NDArray[np.uint8]) -> bool:
    try:
        return np.array_equal(load_reference(still).rgb, picture)
    except ReferenceImageError:
        return False


def _is_grey(path: Path) -> bool:
    """Tell whether a picture is grey in every pixel: any other, or one that cannot be read, may be somebody's work."""
    try:
        return not np.ptp(load_reference(path).rgb, axis=2).any()
    except ReferenceImageError:
        return False
