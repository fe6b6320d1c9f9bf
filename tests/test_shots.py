"""Shots of rendered films: real textures at low contrast, with the transitions and the disturbances of old film."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from vidcolor.shots import Shot, ShotDetector, detect_shots, small_luma

WIDTH, HEIGHT = 128, 72
NAMES = ("astronaut", "camera", "coffee", "coins", "cat", "rocket")

Plane = NDArray[np.float32]


def picture(name: str) -> Plane:
    image = getattr(skimage.data, name)()
    grey = image if image.ndim == 2 else cv2.cvtColor(image[..., :3], cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, np.float32)


def shot(name: str, frames: int, *, speed: float = 0.002, shake: float = 0.0, seed: int = 0) -> list[Plane]:
    """Move a window over a picture by `speed` widths per frame, with random jumps of `shake` widths."""
    rng = np.random.default_rng(seed)
    source = picture(name)
    height, width = source.shape
    window = 0.55 * min(width, height * WIDTH / HEIGHT)
    size = np.array([window, window * HEIGHT / WIDTH])
    room = np.array([width, height]) - size
    position, step = room * 0.3, np.array([1.0, 0.4]) * speed * window
    planes = []
    for _ in range(frames):
        position = position + step
        step = np.where((position < 0) | (position > room), -step, step)
        x, y = np.clip(position + rng.normal(size=2) * shake * window, 0, room)
        scale = window / WIDTH
        matrix = np.array([[scale, 0, x], [0, scale, y]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        planes.append(np.asarray(cv2.warpAffine(source, matrix, (WIDTH, HEIGHT), flags=flags), np.float32))
    return planes


def film(
    planes: list[Plane], *, contrast: float = 0.25, grain: float = 2.0, flicker: float = 0.05
) -> list[NDArray[np.uint8]]:
    """Give planes the look of faded film: little contrast, grain, brightness that changes from frame to frame."""
    rng = np.random.default_rng(1)
    grey = [(plane - 128) * contrast + 110 for plane in planes]
    worn = [p * (1 + rng.normal() * flicker) + rng.normal(size=p.shape) * grain for p in grey]
    return [np.clip(p, 0, 255).astype(np.uint8) for p in worn]


def cuts(planes: list[Plane], **look: float) -> list[int]:
    return [found.start for found in detect_shots(film(planes, **look))][1:]


@pytest.mark.parametrize("contrast", [1.0, 0.25, 0.12])
def test_hard_cuts_are_found_on_their_frame(contrast: float) -> None:
    planes = [plane for name in NAMES for plane in shot(name, 20)]
    assert cuts(planes, contrast=contrast, grain=4 * contrast) == [20, 40, 60, 80, 100]


def test_shots_cover_every_frame_once() -> None:
    planes = [plane for name in NAMES[:3] for plane in shot(name, 15)]
    assert detect_shots(film(planes)) == [Shot(0, 15), Shot(15, 30), Shot(30, 45)]


def test_fade_through_black_is_one_cut_inside_the_black() -> None:
    ramp = np.linspace(1, 0, 10)
    first, second = shot("camera", 30), shot("coffee", 30)
    out = [plane * level for plane, level in zip(first[-10:], ramp, strict=True)]
    back = [plane * level for plane, level in zip(second[:10], ramp[::-1], strict=True)]
    black = [np.zeros_like(first[0])] * 4
    found = cuts([*first[:-10], *out, *black, *back, *second[10:]])
    assert len(found) == 1
    assert 27 <= found[0] <= 37


def test_fade_through_black_within_one_scene_is_no_cut() -> None:
    planes = shot("camera", 60)
    level = np.concatenate([np.ones(20), np.linspace(1, 0, 10), np.linspace(0, 1, 10), np.ones(20)])
    assert cuts([plane * weight for plane, weight in zip(planes, level, strict=True)]) == []


def test_dissolve_is_one_cut_near_its_middle() -> None:
    first, second = shot("coins", 40), shot("astronaut", 40)
    weights = np.linspace(0, 1, 16)
    mixed = [(1 - w) * a + w * b for w, a, b in zip(weights, first[-16:], second[:16], strict=True)]
    found = cuts([*first[:-16], *mixed, *second[16:]])
    assert len(found) == 1
    assert 27 <= found[0] <= 37


@pytest.mark.parametrize("length", [12, 24, 40])
def test_a_dissolve_is_as_long_as_it_is(length: int) -> None:
    first, second = shot("camera", 50 + length, speed=0.001), shot("coffee", 50 + length, speed=0.001)
    shares = (np.arange(length) + 0.5) / length
    mixed = [(1 - w) * a + w * b for w, a, b in zip(shares, first[50:], second, strict=False)]
    found = detect_shots(film([*first[:50], *mixed, *second[length:]]))
    assert [each.dissolve for each in found] == [0, pytest.approx(length, rel=0.25, abs=2)]
    assert found[1].start == pytest.approx(50 + length / 2, abs=3)


def test_a_cut_soon_after_a_dissolve_is_one_more_cut() -> None:
    first, second, third = shot("coins", 40), shot("astronaut", 40), shot("rocket", 40)
    mixed = [(1 - w) * a + w * b for w, a, b in zip(np.linspace(0, 1, 16), first[24:], second, strict=False)]
    found = detect_shots(film([*first[:24], *mixed, *second[16:28], *third]))
    assert [each.start for each in found] == [0, pytest.approx(32, abs=3), 52]
    assert found[1].dissolve > 8
    assert found[2].dissolve == 0


@pytest.mark.parametrize("speed", [0.003, 0.005, 0.007, 0.01, 0.015])
@pytest.mark.parametrize("blur", [0, 6])
def test_a_slow_pan_is_no_dissolve(speed: float, blur: int) -> None:
    """Of what is smooth, two views a little apart mix into one between them."""
    for name in NAMES:
        planes = shot(name, 100, speed=speed)
        soft = [np.asarray(cv2.GaussianBlur(plane, (0, 0), blur), np.float32) if blur else plane for plane in planes]
        assert cuts(soft, contrast=1.0, grain=0.5) == []


@pytest.mark.parametrize("rate", [0.006, -0.006, 0.015, -0.015])
def test_a_zoom_is_no_dissolve(rate: float) -> None:
    for name in NAMES:
        source = cv2.GaussianBlur(picture(name), (0, 0), 2)
        height, width = source.shape
        planes = []
        for index in range(80):
            side = 0.45 * min(width, height) * np.exp(rate * (index - 40))
            matrix = np.array([[side / WIDTH, 0, (width - side) / 2], [0, side / WIDTH, (height - side * 0.56) / 2]])
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            planes.append(np.asarray(cv2.warpAffine(source, matrix, (WIDTH, HEIGHT), flags=flags), np.float32))
        assert cuts(planes, contrast=1.0, grain=0.5) == []


@pytest.mark.parametrize("kind", ["white", "black", "foreign"])
@pytest.mark.parametrize("length", [1, 2])
def test_flash_is_no_cut(kind: str, length: int) -> None:
    planes = shot("camera", 40)
    level = {"white": 255.0, "black": 0.0}.get(kind)
    flash = shot("rocket", 1)[0] if level is None else np.full_like(planes[0], level)
    assert cuts([*planes[:20], *[flash] * length, *planes[20 + length :]]) == []


@pytest.mark.parametrize("name", ["camera", "coffee", "astronaut"])
def test_shake_and_fast_pan_are_no_cuts(name: str) -> None:
    assert cuts(shot(name, 40, shake=0.02)) == []
    assert cuts(shot(name, 40, speed=0.05)) == []


def test_cut_between_shaking_shots_is_found() -> None:
    assert cuts([*shot("camera", 25, shake=0.015), *shot("coffee", 25, shake=0.015, seed=3)]) == [25]


@pytest.mark.parametrize("head", [(18, 22), (22, 18)])
def test_a_cut_from_one_dark_thing_on_a_light_ground_to_another_is_found(head: tuple[int, int]) -> None:
    def thing(at: tuple[int, int], size: tuple[int, int], turned: int, below: float) -> Plane:
        ground = np.tile(np.linspace(200, 200 + below, HEIGHT, dtype=np.float32)[:, None], (1, WIDTH))
        return np.asarray(cv2.GaussianBlur(cv2.ellipse(ground, at, size, turned, 0, 360, (40.0,), -1), (0, 0), 2))

    person, fruit = thing((44, 34), head, 20, 0), thing((52, 40), (10, 10), 0, -40)
    assert cuts([person] * 20 + [fruit] * 20, contrast=1.0) == [20]


def test_flicker_alone_is_no_cut() -> None:
    assert cuts(shot("camera", 40), flicker=0.2) == []


def test_shots_are_the_same_however_frames_are_pushed() -> None:
    frames = film([plane for name in NAMES[:4] for plane in shot(name, 18)])
    detector = ShotDetector()
    early = [found for frame in frames for found in detector.push(frame)]
    assert [*early, *detector.finish()] == detect_shots(iter(frames))
    assert early == [Shot(0, 18), Shot(18, 36), Shot(36, 54)]


def test_memory_does_not_grow_with_the_film() -> None:
    detector = ShotDetector()

    def endless() -> Iterator[NDArray[np.uint8]]:
        frame = film(shot("camera", 1))[0]
        for _ in range(300):
            yield frame

    for frame in endless():
        assert detector.push(frame) == []
    assert len(detector._history) <= 49
    assert detector.finish() == [Shot(0, 300)]


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_film_is_one_shot(level: int) -> None:
    assert detect_shots([np.full((36, 64), level, np.uint8)] * 10) == [Shot(0, 10)]


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (36, 64)])
def test_one_frame_is_one_shot(shape: tuple[int, int]) -> None:
    assert detect_shots([np.zeros(shape, np.uint8)]) == [Shot(0, 1)]


def test_no_frame_is_no_shot() -> None:
    assert detect_shots([]) == []


def test_noise_makes_no_error() -> None:
    rng = np.random.default_rng(0)
    found = detect_shots([rng.integers(0, 256, (72, 128), dtype=np.uint8) for _ in range(12)])
    assert (found[0].start, found[-1].stop) == (0, 12)


def test_frames_must_be_grey_bytes() -> None:
    with pytest.raises(ValueError, match="grey uint8"):
        ShotDetector().push(np.zeros((4, 4, 3), np.uint8))


def test_shot_is_half_open_and_not_empty() -> None:
    assert 3 in Shot(0, 4)
    assert 4 not in Shot(0, 4)
    assert len(Shot(2, 5)) == 3
    with pytest.raises(ValueError, match="start < stop"):
        Shot(3, 3)


@pytest.mark.parametrize("bit_depth", [8, 10, 12, 16])
def test_small_luma_is_small_and_8_bit(bit_depth: int) -> None:
    top = (1 << bit_depth) - 1
    plane = np.full((720, 1280), top, np.uint8 if bit_depth == 8 else np.uint16)
    small = small_luma(plane, bit_depth=bit_depth)
    assert small.shape == (72, 128)
    assert small.dtype == np.uint8
    assert (small == 255).all()
