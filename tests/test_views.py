"""Views: what the networks say of a frame at several sizes is one answer, the mean."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from vidcolor.color import Chroma
from vidcolor.exemplar import ExemplarColorizer, Views
from vidcolor.networks import ExemplarNetwork

Floats = npt.NDArray[np.float32]

SIDES = (96, 160)
SIZE = 128, 96


@pytest.fixture(scope="module")
def networks() -> ExemplarColorizer:
    torch.manual_seed(0)
    return ExemplarColorizer(ExemplarNetwork(), torch.device("cpu"))


def seen(seed: int) -> Callable[[int], Floats]:
    """A random picture that is three quarters as high as it is wide, at any size."""
    noise = np.random.default_rng(seed).random((24, 32), dtype=np.float32)

    def see(side: int) -> Floats:
        size = side, side * 3 // 4 // 32 * 32
        return np.asarray(np.clip(cv2.resize(noise, size, interpolation=cv2.INTER_LINEAR), 0, 1), np.float32)

    return see


def views(networks: ExemplarColorizer, *sides: int, still: bool = True) -> Views:
    """A shot whose one still is picture 0."""
    shots = []
    for side in sides:
        luma = seen(0)(side)
        reference = networks.encode_reference(luma, np.dstack([80 * luma - 40, 20 - 30 * luma]))
        shots.append((side, networks.shot([reference] if still else [])))
    return Views(shots)


def colors(views: Views, seed: int, *, frame: int = 0, carried: Chroma | None = None, remember: bool = True) -> Chroma:
    return views.colorize(seen(seed), carried, size=SIZE, frame=frame, remember=remember)


def brought(value: float) -> Chroma:
    width, height = SIZE
    return Chroma(np.full((height, width, 2), value, np.float32), np.full((height, width), 0.5, np.float32))


def test_one_view_of_the_working_size_is_what_the_networks_say(networks: ExemplarColorizer) -> None:
    both = views(networks, 128)
    luma = seen(0)(128)
    reference = networks.encode_reference(luma, np.dstack([80 * luma - 40, 20 - 30 * luma]))
    alone = networks.shot([reference])
    for number in (1, 2):
        expected = alone.colorize(seen(number)(128), brought(10), frame=number).chroma
        found = colors(both, number, frame=number, carried=brought(10))
        np.testing.assert_array_equal(found.ab, expected.ab)
        np.testing.assert_array_equal(found.confidence, expected.confidence)


def test_several_views_make_their_mean(networks: ExemplarColorizer) -> None:
    together, alone = views(networks, *SIDES, 128), [views(networks, side) for side in (*SIDES, 128)]
    for number in (1, 2):  # the second frame is matched against the first one, in the smallest view
        found = colors(together, number, frame=number, carried=brought(10))
        single = [colors(each, number, frame=number, carried=brought(10), remember=each is alone[0]) for each in alone]
        np.testing.assert_allclose(found.ab, np.mean([each.ab for each in single], axis=0), atol=1e-4)
        np.testing.assert_allclose(found.confidence, np.mean([each.confidence for each in single], axis=0), atol=1e-6)
        assert np.abs(single[0].ab - single[1].ab).max() > 1


def test_without_a_still_the_smallest_view_is_asked_alone(networks: ExemplarColorizer) -> None:
    found = colors(views(networks, *SIDES, still=False), 1, carried=brought(10))
    np.testing.assert_array_equal(found.ab, colors(views(networks, SIDES[0], still=False), 1, carried=brought(10)).ab)


@pytest.mark.parametrize("sides", [(128,), SIDES])
def test_another_run_goes_on_from_a_keyframe_that_it_recalls(
    networks: ExemplarColorizer, sides: tuple[int, ...]
) -> None:
    unbroken, resumed, forgetful = (views(networks, *sides, still=False) for _ in range(3))
    colors(unbroken, 1, frame=1)
    resumed.recall(seen(1), unbroken.memory(), frame=1)
    expected = colors(unbroken, 2, frame=2)
    np.testing.assert_array_equal(colors(resumed, 2, frame=2).ab, expected.ab)
    assert np.abs(colors(forgetful, 2, frame=2).ab - expected.ab).max() > 0


def test_the_trace_of_several_views_adds_up(networks: ExemplarColorizer) -> None:
    traced = colors(views(networks.tracing(), *SIDES), 1).provenance
    assert traced is not None
    assert traced.shape == (SIZE[1] // 2, SIZE[0] // 2, 4)
    np.testing.assert_allclose(traced.sum(2), 1, atol=1e-3)
