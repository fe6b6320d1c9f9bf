"""Grey stills of a film to paint on, each named after its frame, so that its colours find their way back."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vidcolor.color import normalize_luma
from vidcolor.errors import ReferenceImageError, VideoError
from vidcolor.partfile import written_whole
from vidcolor.references import load_reference
from vidcolor.video import VideoReader


def may_write(path: Path, *, video: Path, folder: Path) -> bool:
    """Tell whether `write_stills` of this film into this folder may write a path, whichever frames are wanted."""
    ours = re.fullmatch(rf"{re.escape(video.stem)}_\d{{6,}}\.png", path.name, re.ASCII | re.IGNORECASE)
    # The name counts, not what a link of that name points to: it is the link that is replaced.
    return ours is not None and path.parent.resolve() == folder.resolve()


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
        VideoError: A still exists already, or the film ends before a frame.
    """
    wanted = {frame: still_path(video, frame, folder) for frame in sorted(set(frames))}
    wanted = {
        frame: path
        for frame, path in wanted.items()
        if not path.exists() or not (keep or (overwrite and not _is_grey(path)))
    }
    if not overwrite and (existing := [path for path in wanted.values() if path.exists()]):
        raise VideoError(
            f"{existing[0]} exists already",
            hint="choose another folder, or -y to replace the stills that are grey",
        )
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    if not wanted:
        return written
    with VideoReader(video, stream=stream) as reader:
        info = reader.info
        for frame in reader:
            if len(written) == len(wanted):
                break
            if frame.index not in wanted:
                continue
            luma = normalize_luma(frame.luma, bit_depth=info.bit_depth, full_range=info.full_range)
            grey = info.upright(np.rint(luma * 255).astype(np.uint8))
            with written_whole(wanted[frame.index]) as part:
                Image.fromarray(grey).convert("RGB").save(part, format="PNG")
            written.append(wanted[frame.index])
            if progress is not None:
                progress(len(written), len(wanted))
    if len(written) < len(wanted):
        missing = max(wanted)
        raise VideoError(f"{video} has no frame {missing}", hint="frames are counted from 0")
    return written


def _is_grey(path: Path) -> bool:
    """Tell whether a file is a grey picture for sure: one that cannot be read may be somebody's work."""
    try:
        return load_reference(path).grey
    except ReferenceImageError:
        return False
