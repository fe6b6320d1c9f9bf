"""Temporary names of files that appear whole or not at all."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

_MOST_BYTES = 60  # file systems count a name's bytes, of which a letter may take four


def part_name(path: Path) -> Path:
    """Return a name that no file has, in the folder of a file, to write it under until it is whole."""
    start = path.name[:_MOST_BYTES]
    while len(os.fsencode(start)) > _MOST_BYTES:  # cut between letters, in whatever encoding the names are
        start = start[:-1]
    return path.absolute().parent / f".{start}.{token_hex(6)}.part"


def is_part_name(path: Path) -> bool:
    """Tell whether a path looks like one that `part_name` gave."""
    return re.fullmatch(r"\..*\.[0-9a-f]{12}\.part", path.name, re.DOTALL) is not None


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary name to write; the file gets its own at the end of the block, or is removed on failure."""
    part = part_name(path)
    try:
        yield part
        part.replace(path)
    finally:
        remove(part)


def remove(part: Path) -> None:
    """Remove a temporary file, where there is one; that it cannot be removed is no failure of the run."""
    with suppress(OSError):
        part.unlink(missing_ok=True)
