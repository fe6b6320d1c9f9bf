"""Where colours come from, traced with them: from stills, from the networks' own guess, or filled in.

Provenance is shares (h / 2, w / 2, 4) at half of the working size, in the order of `SOURCES`; they add up to 1. It
travels with the colours: flow carries it, and a keyframe that borrows from an earlier one inherits from it.
It is traced only where somebody asked for it, and None everywhere else.
"""

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SOURCES = ("still", "matched", "automatic", "filled")
"""On a still's own frame, or carried from there by motion; lent by a still because it looks alike; the networks' own
guess; none of these, but mixed from what lies around."""

STILL, MATCHED, AUTOMATIC, FILLED = (np.eye(4, dtype=np.float32)[number] for number in range(4))

# Blue, light blue, orange and white: told apart without red or green, and at any brightness.
_PAINT = np.array([[0, 0.3, 0.9], [0.3, 0.85, 1.0], [1.0, 0.6, 0], [1.0, 1.0, 1.0]], dtype=np.float32)
_DARKEST = np.float32(0.25)


def everywhere(source: Floats, like: Floats) -> Floats:
    """One source for a whole frame whose luma at the working size is `like` (h, w)."""
    return np.broadcast_to(source, ((like.shape[0] + 1) // 2, (like.shape[1] + 1) // 2, len(SOURCES)))


def mixed(first: Floats | None, second: Floats | None, share: Floats) -> Floats | None:
    """Provenance of a mixture; `share` (h / 2, w / 2) is the second's. None where either is not traced."""
    if first is None or second is None:
        return None
    return np.asarray(first + share[..., None] * (second - first), dtype=np.float32)


def paint(provenance: Floats | None, luma: Floats) -> npt.NDArray[np.uint8]:
    """Show provenance over the dimmed picture: blue still, light blue matched, orange automatic, white filled.

    Args:
        provenance: (h / 2, w / 2, 4) shares; None, where the film keeps its own colours, shows the picture alone, dark.
        luma: (h, w) in [0, 1].

    Returns:
        RGB uint8 (h, w, 3).
    """
    if provenance is None:
        shaded = np.repeat((_DARKEST * luma)[..., None], 3, axis=2)
    else:
        hue = cv2.resize(provenance @ _PAINT, luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
        shaded = hue * (_DARKEST + (1 - _DARKEST) * luma)[..., None]
    return np.asarray(np.clip(shaded * 255 + 0.5, 0, 255), dtype=np.uint8)
