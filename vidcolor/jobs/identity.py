"""Short names for contents: two films, stills or settings with one name are taken for the same."""

import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

_WHOLE_BYTES = 1 << 30
_BLOCK = 1 << 20
_BLOCKS = 64


def digest(value: Any) -> str:
    """Return 32 hexadecimal digits that stand for plain values, dictionaries in any order."""
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def film_identity(path: Path) -> str:
    """Return what stands for a film's content.

    Up to 1 GiB every byte counts, which takes about a second. Of a larger file it is the size, the time of its last
    change and 64 blocks of 1 MiB, evenly spaced from the first byte to the last. So an edit in place that leaves size
    and blocks alone is noticed by its time; a copy without the time is taken for another film, and its work is done
    again.

    Raises:
        OSError: The file cannot be read.
    """
    status = path.stat()
    found = blake2b(str(status.st_size).encode(), digest_size=16)
    if status.st_size > _WHOLE_BYTES:
        found.update(str(status.st_mtime_ns).encode())
    for block in _blocks(path, status.st_size):
        found.update(block)
    return found.hexdigest()


def _blocks(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        if size <= _WHOLE_BYTES:
            while block := file.read(_BLOCK):
                yield block
            return
        for number in range(_BLOCKS):
            file.seek((size - _BLOCK) * number // (_BLOCKS - 1))
            yield file.read(_BLOCK)
