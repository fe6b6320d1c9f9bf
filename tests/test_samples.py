"""The frame worth painting: sharp, busy, unlike blank, like its shot."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from films import Film, render
from numpy.typing import NDArray

from vidcolor.plan import make_plan
from vidcolor.plan.samples import Samples
from vidcolor.shots import Shot
from vidcolor.video import VideoReader

WIDTH, HEIGHT, FRAMES = 128, 96, 41

Rgb = NDArray[np.uint8]


def view(name: str, *, x: int = 12, y: int = 10) -> Rgb:
    """Return a grey view of a photograph."""
    photograph = getattr(skimage.data, name)()[..., :3]
    scale = 1.6 * max(WIDTH / photograph.shape[1], HEIGHT / photograph.shape[0])
    large = cv2.resize(photograph, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = large[y : y + HEIGHT, x : x + WIDTH] @ np.array([0.299, 0.587, 0.114])
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def shot_of(tmp_path: Path, pictures: list[Rgb]) -> Path:
    """Render a shot with grain."""
    rng = np.random.default_rng(0)
    grainy = [np.clip(p + rng.normal(0, 3, (*p.shape[:2], 1)), 0, 255).astype(np.uint8) for p in pictures]
    spec = Film(width=WIDTH, height=HEIGHT, frames=len(pictures))
    return render(tmp_path / "film", spec, pictures=grainy)


def keyframes(film: Path) -> list[int | None]:
    return [shot.keyframe for shot in make_plan(film, []).shots]


def test_of_frames_that_look_alike_one_near_the_middle_is_chosen(tmp_path: Path) -> None:
    (chosen,) = keyframes(shot_of(tmp_path, [view("coffee")] * FRAMES))
    assert chosen is not None
    assert abs(chosen - FRAMES // 2) <= 4


@pytest.mark.parametrize(
    "flaw", ["smeared", "soft", "blank", "dark", "dark and grainy", "covered", "another scene", "dusty", "scratched"]
)
def test_a_flawed_middle_is_passed_over(tmp_path: Path, flaw: str) -> None:
    good, rng = view("coffee"), np.random.default_rng(1)
    dusty, scratched = good.copy(), good.copy()
    for number, (x, y) in enumerate(rng.integers(0, (WIDTH, HEIGHT), (20, 2))):
        cv2.circle(dusty, (int(x), int(y)), 1, (10 + 230 * (number % 2),) * 3, -1)
    scratched[:, [30, 64, 101]] = 230
    bad = {
        "dusty": dusty,
        "scratched": scratched,
        "smeared": cv2.blur(good, (15, 1)),
        "soft": cv2.GaussianBlur(good, (0, 0), 0.8),
        "blank": np.full_like(good, 240),
        "dark": (good * 0.15).astype(np.uint8),
        "dark and grainy": np.clip(good * 0.15 + rng.normal(0, 14, (HEIGHT, WIDTH, 1)), 0, 255),
        "covered": np.where(np.arange(WIDTH)[None, :, None] < 100, np.uint8(40), good),
        "another scene": np.repeat(cv2.resize(rng.random((24, 32)), (WIDTH, HEIGHT))[..., None] * 255, 3, axis=2),
    }[flaw].astype(np.uint8)
    flawed = range(14, 27)
    film = shot_of(tmp_path, [bad if index in flawed else good for index in range(FRAMES)])
    samples = Samples()
    with VideoReader(film) as reader:
        for frame in reader:
            samples.push(frame, reader.info)
    chosen = samples.take(Shot(0, FRAMES)).index  # whatever detection thinks of such a shot
    assert chosen not in flawed
    assert 4 < chosen < 36  # and no farther from the middle than it must be


def test_a_fade_is_painted_where_it_is_bright(tmp_path: Path) -> None:
    good = view("astronaut").astype(float)
    faded = [(16 + (good - 16) * min(1.0, index / 30)).astype(np.uint8) for index in range(FRAMES)]
    (chosen,) = keyframes(shot_of(tmp_path, faded))
    assert chosen is not None
    assert chosen >= 24


def test_each_shot_gets_a_frame_of_its_own(tmp_path: Path) -> None:
    plan = make_plan(shot_of(tmp_path, [view("coffee")] * 6 + [view("cat")] * 30 + [view("astronaut")] * 5), [])
    assert [shot.start for shot in plan.shots] == [0, 6, 36]
    assert all(shot.keyframe in shot for shot in plan.shots if shot.keyframe is not None)
    assert None not in [shot.keyframe for shot in plan.shots]


def test_samples_of_a_long_shot_stay_few(tmp_path: Path) -> None:
    film = shot_of(tmp_path, [view("cat")])
    samples = Samples()
    with VideoReader(film) as reader:
        first = next(iter(reader))
        for index in range(4000):
            samples.push(replace(first, index=index), reader.info)
    kept = [each.index for each in samples._kept]
    assert len(kept) <= 24
    assert min(abs(index - 2000) for index in kept) < 600
    assert [index for index in kept if index > 3960] == list(range(3964, 4000, 4))
    sample = samples.take(Shot(0, 4000))
    assert sample.luma.shape == (HEIGHT, WIDTH)
    assert abs(sample.index - 2000) < 600
    assert not samples._kept


def test_a_shot_between_candidates_gets_its_middle(tmp_path: Path) -> None:
    samples = Samples()
    with VideoReader(shot_of(tmp_path, [view("cat")] * 12)) as reader:
        for frame in reader:
            samples.push(frame, reader.info)
    assert samples.take(Shot(5, 8)).index == 6
