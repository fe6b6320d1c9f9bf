"""The index of a folder of photographs: described once, kept in one file, brought up to date on each use."""

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.color import rgb_to_ab, rgb_to_luma, working_size
from vidcolor.errors import ReferenceImageError, VidcolorError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.framing import shrink
from vidcolor.partfile import written_whole
from vidcolor.readahead import read_ahead
from vidcolor.recommendation.looks import LONG_SIDE, Looks, describe
from vidcolor.references import load_reference, suffixes

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]

INDEX_NAME = ".vidcolor-index.npz"
"""The index's file in the folder of photographs, unless another is named."""
_VERSION = 1
_SAVED_EVERY = 500
_SAVED_SHARE = 8
"""Every time the whole index is written: so many times its size in all, however large the library."""
_DECODED_AHEAD = 2
_DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)
_MARKS = (b"PK\x03\x04", b"about.npy", b'{"version": ')
_MARKED_BYTES = 512
"""An index begins with its marks, so that one that breaks off later still has them."""


@dataclass(frozen=True, eq=False)
class Photograph:
    """A file of the library as it was when it was looked at.

    Attributes:
        size: Bytes.
        modified: Nanoseconds since 1970.
        remark: Why it cannot be recommended; empty where it can.
        looks: What it shows, None where it cannot be recommended.
    """

    size: int
    modified: int
    remark: str
    looks: Looks | None = field(repr=False)


@dataclass(frozen=True, eq=False)
class Library:
    """A folder of photographs, described.

    Attributes:
        folder: The folder.
        photographs: By path relative to the folder, in the order of their names.
        described: How many were looked at anew.
        warnings: One line per picture that cannot be read, and for an index that cannot be used or kept.
        notes: What was left out.
    """

    folder: Path
    photographs: dict[str, Photograph]
    described: int
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Library({str(self.folder)!r}, {len(self.photographs)} photographs, {self.described} described anew)"


def open_library(
    folder: Path,
    networks: ExemplarColorizer,
    *,
    weights: str,
    index: Path | None = None,
    progress: Progress | None = None,
) -> Library:
    """Describe a folder of photographs and those below it; what the index knows already is not read again.

    A photograph is known by its name, size and time of change. Pictures are decoded one after the other, so that
    memory holds the descriptions and a few small pictures, however large the library.

    Args:
        folder: The photographs.
        networks: Describe them.
        weights: SHA-256 of their weights: descriptions of other weights are made anew.
        index: The index's file; `INDEX_NAME` in the folder when None. A file that is no index is never replaced.
        progress: Called with the photographs described and to be described.

    Raises:
        VidcolorError: The folder cannot be read, or holds no photograph that can be recommended, or the index is
            another kind of file.
    """
    files = _list_pictures(folder)
    path = index or folder / INDEX_NAME
    _check_index(path)
    warnings: list[str] = []
    known = _load(path, weights, warnings)
    photographs = {
        name: known[name]
        for name, (size, modified) in files.items()
        if name in known and (known[name].size, known[name].modified) == (size, modified)
    }
    missing = [name for name in files if name not in photographs]

    def save() -> bool:
        try:
            _save(path, photographs, weights)
        except OSError as error:
            warnings.append(f"the index {path} cannot be kept ({error.strerror or error}): name another with --index")
            return False
        return True

    kept, unsaved = True, 0
    with closing(read_ahead(_pictures(folder, missing), _DECODED_AHEAD, name="vidcolor-photographs")) as pictures:
        for done, (name, remark, picture) in enumerate(pictures, start=1):
            looks = None if picture is None else describe(networks, *picture)
            photographs[name] = Photograph(*files[name], remark, looks)
            if progress is not None:
                progress(done, len(missing))
            unsaved += 1
            if unsaved >= max(_SAVED_EVERY, len(photographs) // _SAVED_SHARE):
                kept, unsaved = kept and save(), 0
    photographs = {name: photographs[name] for name in files}
    if kept and (missing or photographs.keys() != known.keys()):
        save()
    return _checked(Library(folder, photographs, len(missing), tuple(warnings), ()))


def _checked(library: Library) -> Library:
    """Say what was left out; refuse a library of which nothing is left."""
    grey = [name for name, each in library.photographs.items() if each.looks is None and not each.remark]
    broken = [each.remark for each in library.photographs.values() if each.remark]
    if len(grey) + len(broken) == len(library.photographs):
        raise VidcolorError(
            f"{library.folder}: no colour photograph among {len(library.photographs)} pictures",
            hint="give a folder of colour photographs: PNG, JPEG, WebP or TIFF",
        )
    notes = [f"{len(grey)} grey pictures are left out, the first {grey[0]}"] if grey else []
    skipped = [f"left out: {remark}" for remark in broken]
    return Library(library.folder, library.photographs, library.described, (*library.warnings, *skipped), tuple(notes))


def _list_pictures(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of the pictures in a folder and below, by relative path; hidden ones aside."""
    if not folder.is_dir():
        raise VidcolorError(f"{folder} is not a folder", hint="give a folder of colour photographs")
    found: dict[str, tuple[int, int]] = {}
    known = suffixes()

    def complain(error: OSError) -> None:
        if error.filename == str(folder):
            raise VidcolorError(f"{folder} cannot be read: {error.strerror}", hint="choose another folder") from error

    for parent, folders, names in os.walk(folder, onerror=complain):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in names:
            path = Path(parent, name)
            if path.suffix.lower() in known and not name.startswith(".") and path.is_file():
                state = path.stat()
                found[path.relative_to(folder).as_posix()] = state.st_size, state.st_mtime_ns
    return dict(sorted(found.items()))


def _pictures(folder: Path, names: list[str]) -> Iterator[tuple[str, str, tuple[Floats, Floats] | None]]:
    """Yield name, remark and, where it can be recommended, luma and ab of each photograph at the size to describe."""
    for name in names:
        try:
            reference = load_reference(folder / name)
        except (ReferenceImageError, OSError) as error:
            yield name, str(error), None
            continue
        if reference.grey:
            yield name, "", None
            continue
        small = shrink(reference.rgb, working_size(*reference.rgb.shape[1::-1], long_side=LONG_SIDE))
        yield name, "", (rgb_to_luma(small), rgb_to_ab(small))


def _save(path: Path, photographs: dict[str, Photograph], weights: str) -> None:
    rows = photographs.items()
    entries = [[name, each.size, each.modified, each.remark, each.looks is not None] for name, each in rows]
    about = {"version": _VERSION, "weights": weights, "entries": entries}
    # ASCII: names that are not UTF-8 survive as escapes.
    arrays: dict[str, Any] = {"about": np.frombuffer(json.dumps(about).encode("ascii"), np.uint8)}
    looks = [each.looks for each in photographs.values() if each.looks is not None]
    arrays |= {name: np.stack([getattr(each, name) for each in looks]) for name in Looks.FIELDS} if looks else {}
    with written_whole(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)


def _check_index(path: Path) -> None:
    """Refuse a file that is no index, whole or damaged, for it would be replaced; an empty one is no loss."""
    hint = "name another file with --index, or remove this one if it is a damaged index"
    if path.suffix.lower() in suffixes():
        raise VidcolorError(f"the index {path} is named like a picture", hint="name another file with --index")
    try:
        with path.open("rb") as file:
            start = file.read(_MARKED_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise VidcolorError(f"the index {path} cannot be read: {error.strerror}", hint=hint) from error
    if start and not all(mark in start for mark in _MARKS):
        raise VidcolorError(f"{path} is no index of photographs, and would be lost", hint=hint)


def _load(path: Path, weights: str, warnings: list[str]) -> dict[str, Photograph]:
    """Return what an index knows; nothing where it is missing, damaged or was made with other weights."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            if about["version"] != _VERSION or about["weights"] != weights:
                return {}
            looks: Iterator[Looks] = iter(())
            if any(has for *_, has in about["entries"]):
                looks = (Looks(*rows) for rows in zip(*(arrays[name] for name in Looks.FIELDS), strict=True))
            return {
                str(name): Photograph(int(size), int(modified), str(remark), next(looks) if has else None)
                for name, size, modified, remark, has in about["entries"]
            }
    except FileNotFoundError:
        return {}
    except (*_DAMAGED, StopIteration, RuntimeError) as error:
        warnings.append(f"the index {path} is damaged and is made anew ({error})")
        return {}
