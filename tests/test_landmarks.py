"""Landmarks: what something passed in front of gets its still's own colours back, and nothing else gets them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from test_propagation import HEIGHT, WIDTH, certain, errors, film, palette, texture

from vidcolor.color import Chroma
from vidcolor.propagation import EFFORTS, WorkingFrame, propagate
from vidcolor.propagation.landmarks import Landmark
from vidcolor.propagation.motion import Sight
from vidcolor.propagation.steps import Painting, Step
from vidcolor.provenance import SOURCES, STILL, everywhere

Floats = npt.NDArray[np.float32]

_WALL = texture(1)
_WRONG = np.float32(-70)
_LEFT, _SIDE = slice(30, 70), 40  # rows of what passes, and its width


def passing(frames: int) -> list[Floats]:
    """Lumas of a wall, whole in the first frame, in front of which something goes to and fro until it leaves."""
    thing = texture(2, _SIDE, _SIDE, 1.5)
    lumas = [_WALL]
    for index in range(1, frames):
        luma = _WALL.copy()
        if index < frames - 4:
            x = 30 + round(14 * np.sin(index))
            luma[_LEFT, x : x + _SIDE] = thing
        lumas.append(luma)
    return lumas


def guess(frame: WorkingFrame, carried: Chroma | None) -> Chroma:
    """Stands where the networks will: keeps what is certain and is wrong about the rest."""
    if carried is None:
        return certain(np.full((*frame.luma.shape, 2), _WRONG))
    kept = (carried.confidence > 0.3)[..., None]
    return replace(carried, ab=np.where(kept, carried.ab, _WRONG), confidence=np.ones_like(carried.confidence))


def hidden(result: Chroma) -> float:
    """Return how wrong the colours are of what was hidden most of the time."""
    return float(errors(result, palette(_WALL))[_LEFT, 44:64].mean())


def step(luma: Floats) -> Step:
    return Step(WorkingFrame(9, luma), Sight.of(luma, "half"))


def landmark(luma: Floats, still: Chroma) -> Landmark:
    return Landmark.of(Painting(luma, still), Sight.of(luma, "half"))


@pytest.mark.parametrize("quality", EFFORTS)
def test_a_wall_that_is_back_in_view_has_its_stills_colours(quality: str) -> None:
    frames = film(passing(40), {0: certain(palette(_WALL))})
    *_, last = propagate(frames, guess, effort=EFFORTS[quality])
    assert hidden(last) < 3


def test_a_picture_that_rests_keeps_its_stills_colours_exactly() -> None:
    truth = palette(_WALL)
    results = list(propagate(film([_WALL] * 60, {0: certain(truth)}), guess))
    assert len(results) == 60
    for result in results:
        np.testing.assert_array_equal(result.ab, truth)


def test_landmarks_before_the_frames_count_as_those_among_them() -> None:
    frames = film(passing(40), {0: certain(palette(_WALL))})
    painted, rest = frames[0].painting, frames[20:]
    assert painted is not None
    *_, alone = propagate(rest, guess)
    *_, last = propagate(rest, guess, landmarks=[painted])
    assert hidden(alone) > 40
    assert hidden(last) < 3
    assert replace(frames[0], still=certain(palette(_WALL), 0.0)).painting is None


def test_where_other_stills_count_the_ones_before_are_no_landmarks() -> None:
    frames = film(passing(40), {0: certain(palette(_WALL))})
    frames[20] = replace(frames[20], anew=True)
    *_, last = propagate(frames, guess)
    assert hidden(last) > 40


@pytest.mark.parametrize("begin", [0, 12])
def test_a_still_of_the_same_view_is_a_landmark_though_it_is_no_frame(begin: int) -> None:
    frames = film(passing(40)[1:], {})
    still = Painting(_WALL, certain(palette(_WALL)))
    alone = list(propagate(frames, guess, begin=begin))
    lent = list(propagate(frames, guess, begin=begin, kindred=[(still, None)]))
    beside = (slice(None), slice(100, None))
    for result, without in zip(lent, alone, strict=True):
        assert np.median(errors(result, palette(_WALL))[beside]) < 1
        assert np.median(errors(without, palette(_WALL))[beside]) > 40
    assert hidden(lent[-1]) < 3


@pytest.mark.parametrize(("shown", "counts"), [(texture(5), None), (_WALL, range(20, 30))])
def test_a_still_that_shows_something_else_or_does_not_count_changes_nothing(
    shown: Floats, counts: range | None
) -> None:
    frames = film(passing(20)[1:], {})
    still = Painting(shown, certain(palette(shown)))
    for a, b in zip(propagate(frames, guess), propagate(frames, guess, kindred=[(still, counts)]), strict=True):
        np.testing.assert_array_equal(a.ab, b.ab)


@pytest.mark.parametrize("first", [0, 8])
def test_a_still_that_counts_from_a_frame_on_lends_its_colours_from_there(first: int) -> None:
    frames = film(passing(20)[1:], {})
    frames[first] = replace(frames[first], anew=True)
    still = Painting(_WALL, certain(palette(_WALL)))
    results = list(propagate(frames, guess, kindred=[(still, range(first, 19))]))
    wrong = [float(np.median(errors(result, palette(_WALL))[:, 100:])) for result in results]
    assert max(wrong[first:]) < 1
    assert min(wrong[: max(0, first - 4)], default=99) > 40


def test_the_landmarks_colours_come_from_the_still() -> None:
    still = Chroma(palette(_WALL), np.ones_like(_WALL), everywhere(STILL, _WALL))

    def traced(frame: WorkingFrame, carried: Chroma | None) -> Chroma:
        assert carried is not None
        assert carried.provenance is not None
        return guess(frame, carried)

    *_, last = propagate(film(passing(40), {0: still}), traced)
    assert last.provenance is not None
    assert last.provenance[18:32, 24:30, SOURCES.index("still")].mean() > 0.8


def _valid(before: Floats, luma: Floats, confidence: Floats | None = None) -> Floats:
    still = Chroma(palette(before), np.ones_like(before) if confidence is None else confidence)
    return landmark(before, still).seen_from(step(luma)).validity


def test_the_same_picture_is_seen_and_another_one_is_not() -> None:
    grain = np.random.default_rng(4).normal(0, 0.004, _WALL.shape)
    assert _valid(_WALL, np.asarray(_WALL + grain, np.float32)).mean() > 0.9
    assert _valid(_WALL, texture(5)).mean() < 0.1


@pytest.mark.parametrize("gain", [0.6, 1.25])
def test_another_exposure_hides_nothing(gain: float) -> None:
    dim = 0.75 * _WALL
    assert _valid(dim, np.asarray(gain * dim, np.float32)).mean() > 0.85


def test_something_plain_that_is_not_as_bright_is_not_seen() -> None:
    # Flow looks at what stands out from its surroundings: inside the plain area nothing does.
    before, after = _WALL.copy(), _WALL.copy()
    before[20:80, 30:100], after[20:80, 30:100] = 0.5, 0.68
    assert _valid(before, after)[16:34, 22:44].max() < 0.05
    assert _valid(before, before)[16:34, 22:44].min() > 0.9


def test_a_still_that_is_sure_of_a_half_is_seen_there_alone() -> None:
    confidence = np.ones((HEIGHT, WIDTH), np.float32)
    confidence[:, WIDTH // 2 :] = 0
    validity = _valid(_WALL, _WALL, confidence)
    assert validity[:, : WIDTH // 4 - 2].mean() > 0.9
    assert validity[:, WIDTH // 4 + 2 :].max() < 0.1


def test_specks_of_likeness_are_not_seen() -> None:
    other = texture(5)
    specks = other.copy()
    places: Sequence[tuple[int, int]] = [(y, x) for y in range(8, HEIGHT - 8, 24) for x in range(8, WIDTH - 8, 24)]
    for y, x in places:
        specks[y : y + 6, x : x + 6] = _WALL[y : y + 6, x : x + 6]
    assert _valid(_WALL, specks).mean() < 0.05  # whatever their size it would be 0.09
