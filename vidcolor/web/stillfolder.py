"""The folder of stills that are painted or uploaded: nothing in it is ever replaced."""

import shutil
from itertools import chain, count
from pathlib import Path

from vidcolor.errors import VideoError, unwritten
from vidcolor.partfile import written_whole


class StillFolder:
    """A folder of stills.

    Args:
        path: Where it is; made with the first still.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def free(self, name: str, *, frame: int | None = None) -> Path:
        """Return a name in the folder that no file has, as near to one as can be.

        Args:
            name: The one wanted.
            frame: The frame that the still shows; its number ends the name, as `frame_from_name` reads it. None where
                the still is one of no frame in particular.

        Raises:
            VideoError: The folder cannot be made.
        """
        try:
            self._path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason, hint = unwritten(self._path, error)
            raise VideoError(reason, hint=hint) from error
        number = "" if frame is None else f"_{frame:06d}"
        stem, suffix = Path(name).stem.removesuffix(number), Path(name).suffix
        stems = chain([f"{stem}{number}"], (f"{stem}-{again}{number}" for again in count(2)))
        # Pictures that differ in format alone stand for each other: a painting program may save a still as another.
        taken = {each.stem for each in self._path.iterdir()}
        return next(self._path / f"{each}{suffix}" for each in stems if each not in taken)

    def take_in(self, file: Path, *, frame: int | None = None) -> Path:
        """Copy a still into the folder, and return the copy.

        Args:
            file: The still.
            frame: The frame that it shows, or None.

        Raises:
            VideoError: The copy cannot be written.
        """
        still = self.free(file.name, frame=frame)
        try:
            with written_whole(still) as part:
                shutil.copyfile(file, part)
        except OSError as error:
            reason, hint = unwritten(still, error)
            raise VideoError(reason, hint=hint) from error
        return still
