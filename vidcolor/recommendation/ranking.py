"""Which photographs of a library would colour a frame best.

After the recommendation of He et al. 2018 (Deep Exemplar-based Colorization, section 5): the content of whole pictures
first, then cell by cell the nearest content and its luma. To these two comes a vote on colours. Likeness does not say
whether colours are right, and a photograph that looks alike is believed where another is ignored: on 77 held-out
pictures, with a library of 2,704 photographs, the most alike one gave a mean CIEDE2000 of 11.3 where one at random gave
10.8 and none 10.6 (at half of the working size, with weights 0.2.0). So the candidates lend their colours to the frame
together, and those that disagree with the rest fall back: 10.4. What is set below was chosen on these 77 pictures, so
that the figures flatter it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vidcolor.recommendation.looks import Looks

Floats = NDArray[np.float32]

WORTHWHILE = 0.6
"""Score from which a photograph helps. Of those 77 pictures the 33 whose best photograph scored higher came out at
CIEDE2000 9.3 with it and 10.2 without any still, the other 44 at 11.2 and 11.0."""
_COMPARED = 200
"""Photographs of the most similar content, whose cells are compared; the others are not looked at."""
_VOTERS = 30
"""Of these, the most alike, which vote on colours. 10 and 50 voters give CIEDE2000 within 0.1 of it."""
_TONE_WEIGHT = np.float32(0.5)
_VOTE_SELECTIVITY = np.float32(25.0)
"""A cell 0.1 less alike (cosine less difference of luma) than the best has a twelfth of its vote."""
_DISAGREEMENT_WEIGHT = np.float32(0.03)


@dataclass(frozen=True)
class Candidate:
    """A photograph for a frame.

    Attributes:
        name: Of the photograph.
        score: What the ranking goes by, `likeness` less a share of `disagreement`; see `WORTHWHILE`.
        likeness: Cosine of content, of the whole and of cells, less the difference of luma: 2 for the frame itself.
        disagreement: Mean distance (Lab ab) between the colours that it lends and those that all candidates lend.
    """

    name: str
    score: float
    likeness: float
    disagreement: float


class Ranking:
    """Ranks the photographs of a library for any number of frames.

    Args:
        looks: The photographs, by name.
    """

    def __init__(self, looks: dict[str, Looks]) -> None:
        self._names = list(looks)
        self._looks = list(looks.values())
        content = np.stack([each.content for each in self._looks]).astype(np.float32)
        # What all photographs share says nothing of one of them. A library of one has nothing to tell apart.
        self._mean = content.mean(0) if len(content) > 1 else np.zeros_like(content[0])
        self._content = _unit(content - self._mean)

    def __call__(self, frame: Looks, *, count: int) -> list[Candidate]:
        """Return up to `count` photographs for a frame, the best first."""
        content = self._content @ _unit(frame.content.astype(np.float32) - self._mean)
        compared = np.argsort(-content, kind="stable")[: max(_COMPARED, count)]
        cosines = self._stacked("keys", compared) @ frame.keys.astype(np.float32).T  # (N, theirs, ours)
        tones, own_tones = self._stacked("tones", compared), frame.tones.astype(np.float32)
        nearest = cosines.argmax(1)
        strangeness = np.abs(_taken(tones, nearest) - own_tones).sum(2).mean(1)
        likeness = content[compared] + cosines.max(1).mean(1) - _TONE_WEIGHT * strangeness

        voters = np.argsort(-likeness, kind="stable")[: max(_VOTERS, count)]
        # Colours come from cells of the same luma: of two cells of like content the one as bright as the frame's own.
        matches = cosines[voters] - np.abs(tones[voters, :, :1] - own_tones[:, 0])
        lent = _taken(self._stacked("colors", compared[voters]), matches.argmax(1))  # (N, ours, 2)
        vote = np.exp(_VOTE_SELECTIVITY * (matches.max(1) - matches.max((0, 1))))[..., None]
        elected = (lent * vote).sum(0) / vote.sum(0)
        disagreement = np.linalg.norm(lent - elected, axis=2).mean(1)
        scores = likeness[voters] - _DISAGREEMENT_WEIGHT * disagreement
        return [
            Candidate(
                self._names[compared[voters[i]]], float(scores[i]), float(likeness[voters[i]]), float(disagreement[i])
            )
            for i in np.argsort(-scores, kind="stable")[:count]
        ]

    def _stacked(self, field: str, rows: Sequence[int] | NDArray[np.intp]) -> Floats:
        return np.stack([getattr(self._looks[row], field) for row in rows]).astype(np.float32)


def _taken(cells: Floats, nearest: NDArray[np.intp]) -> Floats:
    """(N, theirs, C) to (N, ours, C): of each photograph the cells nearest to the frame's."""
    return np.take_along_axis(cells, nearest[:, :, None], axis=1)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6), np.float32)
