import cv2
import numpy as np
import pytest

from vidcolor.flow import Array, Flow, Preset, compose, consistency, estimate_flow, inside, warp

HEIGHT, WIDTH = 96, 128


def texture(seed: int = 3, height: int = HEIGHT + 64, width: int = WIDTH + 64) -> Array:
    noise = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.asarray((smooth - smooth.min()) / (smooth.max() - smooth.min()), dtype=np.float32)


def view(dx: int, dy: int) -> Array:
    """What a camera sees of the texture after the scene moved by (dx, dy) pixels."""
    return np.ascontiguousarray(texture()[32 - dy : 32 - dy + HEIGHT, 32 - dx : 32 - dx + WIDTH])


def translation(dx: float, dy: float) -> Flow:
    return Flow(np.broadcast_to(np.array([dx, dy], dtype=np.float32), (HEIGHT, WIDTH, 2)).copy())


def test_flow_of_a_frame_to_itself_is_the_identity() -> None:
    a = view(0, 0)
    flow = estimate_flow(a, a)
    assert flow.field.dtype == np.float32
    assert np.abs(flow.field).max() < 0.05
    assert consistency(flow, flow).min() == 1.0


def test_warp_by_the_identity_changes_nothing() -> None:
    picture = np.random.default_rng(0).random((HEIGHT, WIDTH, 2)).astype(np.float32)
    np.testing.assert_allclose(warp(picture, Flow.identity(HEIGHT, WIDTH)), picture, atol=1e-6)


@pytest.mark.parametrize("motion", [(3, 0), (0, -4), (5, 2), (-6, 7)])
@pytest.mark.parametrize("preset", ["fast", "half", "half fine"])
def test_a_translation_is_recovered(motion: tuple[int, int], preset: str) -> None:
    flow = estimate_flow(view(0, 0), view(*motion), preset=preset)  # type: ignore[arg-type]
    middle = flow.field[16:-16, 16:-16]
    assert np.abs(np.median(middle, axis=(0, 1)) - motion).max() < 0.15
    assert np.abs(middle - motion).mean() < 0.15
    assert np.percentile(np.abs(middle - motion), 95) < 0.3


def test_backward_flow_is_the_forward_flow_reversed() -> None:
    a, b = view(0, 0), view(4, -3)
    there, back = estimate_flow(a, b), estimate_flow(b, a)
    trusted = consistency(there, back)[16:-16, 16:-16]
    assert trusted.mean() > 0.95
    assert np.abs(compose(there, back).field[16:-16, 16:-16]).mean() < 0.1


def test_warp_brings_b_onto_a() -> None:
    a, b = view(0, 0), view(5, 2)
    flow = estimate_flow(a, b)
    aligned = warp(b, flow)[16:-16, 16:-16]
    assert np.abs(aligned - a[16:-16, 16:-16]).mean() < 0.1 * np.abs(a - b).mean()


def test_what_comes_from_outside_the_frame_is_zero_and_untrusted() -> None:
    there, back = translation(10, 0), translation(-10, 0)
    confidence = warp(np.ones((HEIGHT, WIDTH), dtype=np.float32), there)
    assert not confidence[:, WIDTH - 9 :].any()
    assert (confidence[:, : WIDTH - 10] == 1).all()
    np.testing.assert_array_equal(inside(there), consistency(there, back) == 1)


def test_composed_translations_add() -> None:
    total = compose(translation(2.5, -1.0), translation(-0.75, 3.0))
    np.testing.assert_allclose(total.field, translation(1.75, 2.0).field, atol=1e-5)
    assert compose(total, Flow.identity(HEIGHT, WIDTH)).field == pytest.approx(total.field)


def test_composition_agrees_with_warping_twice() -> None:
    ramp = np.random.default_rng(5).normal(0, 1, (2, HEIGHT, WIDTH, 2)).astype(np.float32)
    first, second = (Flow(np.asarray(cv2.GaussianBlur(field, (0, 0), 8) * 20, dtype=np.float32)) for field in ramp)
    picture = view(0, 0)
    once, twice = warp(picture, compose(first, second)), warp(warp(picture, second), first)
    assert np.abs(once - twice)[16:-16, 16:-16].mean() < 0.01


def test_a_false_flow_is_not_trusted() -> None:
    assert consistency(translation(6, 0), translation(6, 0)).max() == 0.0
    edge = translation(0, 0).field
    edge[:, WIDTH // 2 :] = 3.0
    trusted = consistency(Flow(edge), Flow(-edge))
    assert not trusted[:, WIDTH // 2 - 1 : WIDTH // 2 + 1].any()
    assert trusted[8:-8, 8 : WIDTH // 2 - 8].all()


@pytest.mark.parametrize("preset", ["half", "half fine", "fast"])
@pytest.mark.parametrize("size", [(16, 192), (192, 16), (12, 384), (12, 12)])
def test_a_thin_frame_has_a_flow(size: tuple[int, int], preset: Preset) -> None:
    """OpenCV dies of a segmentation fault where its finest level is thinner than a patch."""
    a = np.random.default_rng(0).random(size, dtype=np.float32)
    assert estimate_flow(a, np.roll(a, 1, axis=1), preset=preset).field.shape == (*size, 2)


def test_sizes_and_types_are_checked() -> None:
    with pytest.raises(ValueError, match="one size"):
        estimate_flow(view(0, 0), view(0, 0)[:-1])
    with pytest.raises(ValueError, match="differ in size"):
        warp(view(0, 0)[:-1], translation(0, 0))
    with pytest.raises(ValueError, match="expected float32"):
        Flow(np.zeros((4, 4, 3), dtype=np.float32))
    assert repr(Flow.identity(4, 6)) == "Flow(field=float32(4, 6, 2))"
