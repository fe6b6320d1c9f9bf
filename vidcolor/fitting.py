"""How well stills fit the frames of a film, as the networks see it."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.color import working_size
from vidcolor.exemplar import EncodedReference, ExemplarColorizer
from vidcolor.references import Reference

Floats = NDArray[np.float32]


def still_similarity(
    networks: ExemplarColorizer, encoded: Mapping[str, EncodedReference]
) -> Callable[[Floats, Reference], float]:
    """Return the similarity of a frame's luma (h, w), upright, and a still, for `make_plan`.

    Args:
        networks: Compare.
        encoded: Every still that will be asked for, by key.
    """
    seen: tuple[Floats, Tensor] | None = None

    def similarity(luma: Floats, reference: Reference) -> float:
        nonlocal seen
        if seen is None or seen[0] is not luma:  # one frame is compared with every still
            size = working_size(*luma.shape[::-1])
            frame = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
            seen = luma, networks.coarse_keys(frame)
        return networks.similarity(seen[1], encoded[reference.key])

    return similarity
