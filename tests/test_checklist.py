"""Every input and fault that a run must survive has a test that makes it happen, and says so in its docstring."""

import ast
import re
from pathlib import Path

CHECKLIST = {
    1: "missing input",
    2: "folder, device or pipe as a film",
    3: "empty file",
    4: "text or noise as a film",
    5: "mp4 without its index",
    6: "film that breaks off",
    7: "sound without picture",
    8: "no frames",
    9: "one frame",
    10: "cover art beside the film",
    11: "several pictures",
    12: "H.264 bit flips",
    13: "FFV1 bit flips, silent",
    14: "hole in the middle",
    15: "times that do not rise, or are missing",
    16: "variable frame rate",
    17: "edit list, start offset",
    18: "interlaced",
    19: "pixel aspect",
    20: "rotation",
    21: "odd sizes",
    22: "tiny frames",
    23: "huge frames",
    24: "change of size, pixel aspect or format in mid-stream",
    25: "grey, deep, monochrome and alpha formats",
    26: "grey and colour RGB",
    27: "tinted film, film in colour",
    28: "HDR and bt2020",
    29: "all black, white or noise",
    30: "streams that the output cannot hold",
    31: "output is the input",
    32: "output exists",
    33: "output that cannot be written",
    34: "disk full",
    35: "signals",
    36: "resume after a change",
    37: "damaged job records",
    38: "short or wrong chunk",
    39: "two processes at once",
    40: "worker that dies",
    41: "weights that cannot be used",
    42: "stills of every kind",
    43: "odd names",
    44: "playlists in disguise",
    45: "ten hours",
    46: "read-only or simple file systems",
    47: "odd locale, no terminal",
    48: "no network",
}


def claims() -> dict[int, list[str]]:
    """Return the tests that claim each row, by a docstring that starts with `Checklist 1, 2`."""
    found: dict[int, list[str]] = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            if claim := re.match(r"Checklist (\d+(?:, \d+)*)[.:]", ast.get_docstring(node) or ""):
                for row in claim.group(1).split(", "):
                    found.setdefault(int(row), []).append(f"{path.name}::{node.name}")
    return found


def test_every_row_is_claimed_by_a_test() -> None:
    found = claims()
    assert {row: CHECKLIST[row] for row in CHECKLIST if row not in found} == {}
    assert set(found) <= set(CHECKLIST)
