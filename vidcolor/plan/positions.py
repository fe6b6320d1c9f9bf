"""On which line of a JSON text each value stands, so that messages about a plan can say where to look."""

import json
import re
from collections.abc import Iterator

Keys = tuple[str | int, ...]
"""The way to a value: keys of objects, positions in lists."""

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]|[^\s{}\[\],:"]+')


class DuplicateKeyError(ValueError):
    """A key that an object holds twice, of which JSON readers silently take the last.

    Args:
        keys: The way to it.
        first: Line of its first value.
        second: Line of its second.
    """

    def __init__(self, keys: Keys, first: int, second: int) -> None:
        super().__init__(f"key {dotted(keys)} is given twice, on lines {first} and {second}")
        self.line = second


def dotted(keys: Keys) -> str:
    """Return the way to a value as messages have it: shots.0.start."""
    return ".".join(str(key) for key in keys)


def find_lines(text: str) -> dict[Keys, int]:
    """Return the line, from 1, on which each value of a JSON text begins; of an object's members that of the key.

    Args:
        text: JSON that `json.loads` accepts.

    Raises:
        DuplicateKeyError: An object holds a key twice.
    """
    lines: dict[Keys, int] = {(): 1}
    way: list[str | int | None] = []  # None in an object until its next key
    in_object: list[bool] = []
    for token, line in _with_lines(text):
        if token in "}]":
            way.pop()
            in_object.pop()
        elif token == ",":
            way[-1] = None if in_object[-1] else int(way[-1] or 0) + 1
        elif way and way[-1] is None:
            way[-1] = json.loads(token)
            if (keys := _keys(way)) in lines:
                raise DuplicateKeyError(keys, lines[keys], line)
            lines[keys] = line
        else:
            lines.setdefault(_keys(way), line)
            if token in "{[":
                in_object.append(token == "{")
                way.append(None if in_object[-1] else 0)
    return lines


def line_of(keys: Keys, lines: dict[Keys, int]) -> int:
    """Return the line of a value, or of the nearest one around it where it is missing."""
    while keys not in lines:
        keys = keys[:-1]
    return lines[keys]


def _keys(way: list[str | int | None]) -> Keys:
    return tuple(key for key in way if key is not None)


def _with_lines(text: str) -> Iterator[tuple[str, int]]:
    line, reached = 1, 0
    for found in _TOKENS.finditer(text):
        line += text.count("\n", reached, found.start())
        reached = found.start()
        yield found[0], line
