"""Where light fades, colours fade with it; where it does not, they stay as they are."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from films import Film, Rgb, hashes, picture, render
from numpy.typing import NDArray
from skimage.color import rgb2lab

from vidcolor import Colorizer, VideoReader
from vidcolor.color import Chroma, rgb_to_ab
from vidcolor.evaluation.pictures import picture as seen
from vidcolor.exposure import Exposure, dimmest, dips_before, exposed, first_lit, fully_exposed
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot

Floats = NDArray[np.float32]

FRAMES = 30
_FILM = Film(look="grey", frames=FRAMES, width=192, height=128)


def scene(index: int = 0) -> Floats:
    """Return the luma (h, w) of a frame of a textured scene in which two shapes move."""
    rgb = picture(index, 3000, 192, 128)
    return np.asarray(rgb.mean(axis=2) / 255, np.float32)


def dips(lumas: list[Floats]) -> list[float]:
    exposure = Exposure()
    return [exposure.follow(luma) for luma in lumas]


def grainy(luma: Floats, rng: np.random.Generator) -> Floats:
    return np.clip(luma + rng.normal(0, 0.02, luma.shape), 0, 1).astype(np.float32)


def test_motion_and_grain_are_no_fade() -> None:
    rng = np.random.default_rng(1)
    moving = dips([grainy(scene(index), rng) for index in range(200)])
    assert max(map(abs, moving)) < 0.03
    chroma = Chroma(np.full((4, 6, 2), 20, np.float32), np.ones((4, 6), np.float32))
    assert exposed(chroma, min(moving)) is chroma


@pytest.mark.parametrize("frames", [8, 25, 75])
def test_a_fade_is_followed_down_and_up(frames: int) -> None:
    rng = np.random.default_rng(2)
    gains = np.linspace(1, 0.2, frames, dtype=np.float32)
    found = dips([grainy(scene(index) * gain, rng) for index, gain in enumerate([*gains, *gains[::-1]])])
    slack = 0.05 + 0.002 * frames  # dusk is no fade
    assert found[frames - 1] == pytest.approx(np.log(0.2), abs=slack)
    assert found[-1] == pytest.approx(0, abs=slack)
    backwards = dips_before([scene(index) * gain for index, gain in enumerate(gains[::-1])])
    assert backwards[0] == pytest.approx(np.log(0.2), abs=slack)
    assert backwards[-1] == 0


def test_a_step_of_light_is_followed_and_forgotten() -> None:
    found = dips([scene(index) * (1.0 if index < 10 else 0.6) for index in range(400)])
    assert found[10] == pytest.approx(np.log(0.6), abs=0.03)
    assert all(after >= before - 0.01 for before, after in pairwise(found[10:]))
    assert found[-1] > -0.03


def test_a_scene_that_comes_back_at_once_from_black_is_no_fade() -> None:
    gains = [*np.linspace(1, 0, 20, dtype=np.float32), *np.zeros(5, np.float32), *np.ones(20, np.float32)]
    found = dips([scene(index) * gain for index, gain in enumerate(gains)])
    assert min(found) < np.log(0.2)
    assert found[25] > -0.15
    assert found[-1] > found[25]


def test_a_flash_leaves_nothing() -> None:
    found = dips([np.clip(scene(index) * (2 if index in (20, 21) else 1), 0, 1) for index in range(60)])
    assert min(found) > -0.06
    assert max(found) > 0.3


@pytest.mark.parametrize("frames", [8, 25, 50])
def test_the_first_lit_frame_of_a_fade_is_found_without_reading_on(frames: int) -> None:
    rng = np.random.default_rng(2)
    read = 0

    def coming_up() -> Iterator[Floats]:
        nonlocal read
        for index, gain in enumerate(np.clip(np.arange(200, dtype=np.float32) / frames, 0, 1)):
            read += 1
            yield grainy(scene(index) * gain, rng)

    assert 0.8 * frames < first_lit(coming_up()) <= frames
    assert read <= frames + 10


def test_a_fade_that_goes_on_begins_where_it_is_seen_last() -> None:
    assert first_lit([scene(index) * np.float32(index / 100) for index in range(40)]) > 30


def test_an_iris_that_opens_begins_where_it_is_open() -> None:
    y, x = np.mgrid[:128, :192]
    distance = np.hypot(x - 100, y - 60) / 117
    opening = [scene(index) * np.clip((index / 20 - distance) * 20, 0, 1).astype(np.float32) for index in range(60)]
    assert 17 <= first_lit(opening) <= 21


def test_a_shot_that_does_not_fade_in_begins_at_its_first_frame() -> None:
    rng = np.random.default_rng(5)
    assert first_lit([]) == 0
    assert first_lit([scene()]) == 0
    assert first_lit([scene() * 0] * 40) == 0
    assert first_lit([grainy(scene(index), rng) for index in range(40)]) == 0
    flickering = [scene(index) * np.float32(np.exp(rng.normal(0, 0.1))) for index in range(40)]
    assert first_lit(flickering) == 0
    assert first_lit([scene(index) * np.float32(1 - index / 40) for index in range(40)]) == 0


def test_another_scene_is_no_fade() -> None:
    rng = np.random.default_rng(4)
    bright, dark = (rng.uniform(low, 5 * low, (14, 24)).astype(np.float32) for low in (0.2, 0.1))
    assert min(dips([bright, bright, dark, dark])) == 0


def test_a_lamp_that_is_switched_off_for_good_leaves_the_colours_of_a_still_painted_in_the_dark() -> None:
    exposure = Exposure()
    for gain in [*[1.0] * 10, *[0.4] * 10]:
        exposure.follow(scene() * np.float32(gain))
    painted = exposure.follow(scene() * np.float32(0.4), dimmest=-2.0)
    assert painted == pytest.approx(np.log(0.4), abs=0.1)
    dark = [exposure.follow(scene(index) * np.float32(0.4)) for index in range(500)]
    assert max(abs(dip - painted) for dip in dark) < 0.05
    assert exposure.follow(scene(500)) == pytest.approx(0, abs=0.15)


def test_a_painted_frame_is_no_darker_than_its_still_allows() -> None:
    exposure = Exposure()
    for gain in (1.0, 0.2):
        exposure.follow(scene() * np.float32(gain))
    assert exposure.follow(scene() * np.float32(0.2), dimmest=-0.5) == -0.5
    assert exposure.follow(scene() * np.float32(0.2)) == pytest.approx(-0.5, abs=1e-6)


def test_colours_of_a_dark_still_are_made_vivid_and_taken_back() -> None:
    still = Chroma(np.full((4, 6, 2), 10, np.float32), np.ones((4, 6), np.float32))
    lowest = dimmest(still)
    assert np.linalg.norm(fully_exposed(still, lowest).ab, axis=2).max() == pytest.approx(60, rel=0.05)
    np.testing.assert_allclose(exposed(fully_exposed(still, -0.9), -0.9).ab, still.ab, rtol=1e-6)
    glowing = replace(still, ab=still.ab * 5)
    assert dimmest(glowing) == 0
    assert fully_exposed(glowing, 0.0) is glowing
    assert dimmest(replace(still, confidence=np.zeros((4, 6), np.float32))) == dimmest(replace(still, ab=still.ab * 0))


def test_what_goes_on_from_a_dip_is_what_never_stopped() -> None:
    lumas = [scene(index) * gain for index, gain in enumerate(np.linspace(1, 0.3, 20, dtype=np.float32))]
    whole, last = dips(lumas), Exposure()
    for luma in lumas[:8]:
        last.follow(luma)
    again = Exposure(last.state)
    assert again.dip == whole[7]
    assert [again.follow(luma) for luma in lumas[8:]] == whole[8:]


@pytest.mark.parametrize("gain", [0.7, 0.4, 0.2])
def test_colours_fade_as_light_does(gain: float) -> None:
    """Oracle: scikit-image, of colours whose light is so much fainter on a display of gamma 2.2."""
    rgb = np.random.default_rng(3).uniform(0.35, 0.9, (32, 32, 3))
    bright, dark = rgb2lab(rgb)[..., 1:], rgb2lab(rgb * gain)[..., 1:]
    ours = exposed(Chroma(bright.astype(np.float32), np.ones((32, 32), np.float32)), float(np.log(gain))).ab
    assert np.linalg.norm(ours - dark, axis=2).mean() < 0.3 * np.linalg.norm(bright - dark, axis=2).mean()


@pytest.mark.parametrize(
    "painted",
    [(14,), (3, 14), (14, 26), (4, 25), (3,), (26,)],
    ids=["lit", "in the fade-in, then lit", "lit, then in the fade-out", "in both fades", "coming", "going"],
)
def test_a_film_that_fades_in_and_out_keeps_its_colours_right(tmp_path: Path, painted: tuple[int, ...]) -> None:
    """Stills belong to bright or dark frames; both fades lie in the same shot."""
    gains = np.concatenate([np.linspace(0.2, 1, 10), np.ones(10), np.linspace(1, 0.2, 10)])
    still = picture(0, FRAMES, _FILM.width, _FILM.height)
    truth = [np.asarray(still * gain + 0.5, np.uint8) for gain in gains]
    film = render(tmp_path / "film", _FILM, pictures=[_grey(rgb) for rgb in truth])
    stills = {frame: str(tmp_path / f"still_{frame}.png") for frame in painted}
    for frame, path in stills.items():
        cv2.imwrite(path, truth[frame][:, :, ::-1])
    references = [PlannedReference(path=path, frame=frame) for frame, path in stills.items()]
    shot = PlannedShot(start=0, stop=FRAMES, references=references)
    plan = ColorPlan(video=str(film), frames=FRAMES, shots=[shot])
    output = tmp_path / "out.mkv"
    Colorizer.load(device="cpu").colorize(film, plan=plan, output=output, lossless=True)
    with VideoReader(output) as reader:
        found = [rgb_to_ab(_floats(seen(frame, reader.info))) for frame in reader]
    for ours, rgb in zip(found, truth, strict=True):
        right = rgb_to_ab(_floats(rgb))
        colourful = np.linalg.norm(right, axis=2).mean()
        print(np.linalg.norm(ours, axis=2).mean() / colourful)
        assert np.linalg.norm(ours, axis=2).mean() == pytest.approx(colourful, rel=0.1 if painted == (14,) else 0.3)


def test_a_shot_without_a_bound_still_fades_in_with_its_colours_right(tmp_path: Path) -> None:
    """Its colours come backwards from where it is lit: in the dark nothing of the still could be found."""
    gains = np.clip(np.arange(FRAMES) / 20, 0, 1)
    still = picture(0, FRAMES, _FILM.width, _FILM.height)
    truth = [np.asarray(still * gain + 0.5, np.uint8) for gain in gains]
    film = render(tmp_path / "film", _FILM, pictures=[_grey(rgb) for rgb in truth])
    cv2.imwrite(str(tmp_path / "still.png"), still[:, :, ::-1])
    shot = PlannedShot(start=0, stop=FRAMES, references=[PlannedReference(path=str(tmp_path / "still.png"))])
    plan = ColorPlan(video=str(film), frames=FRAMES, shots=[shot])
    output = tmp_path / "out.mkv"
    Colorizer.load(device="cpu").colorize(film, plan=plan, output=output, lossless=True)
    with VideoReader(output) as reader:
        found = [rgb_to_ab(_floats(seen(frame, reader.info))) for frame in reader]
    right = [rgb_to_ab(_floats(rgb)) for rgb in truth]
    errors = [float(np.linalg.norm(ours - theirs, axis=2).mean()) for ours, theirs in zip(found, right, strict=True)]
    assert len(errors) == FRAMES
    assert max(errors) < 0.25 * np.linalg.norm(right[-1], axis=2).mean()


def test_a_still_from_where_others_count_says_nothing_of_the_fade_before(colorizer: Colorizer, tmp_path: Path) -> None:
    """Colours do not travel backwards from there, so the first frame is as if it belonged to no frame."""
    gains = np.interp(range(FRAMES), [0, 14], [0.3, 1])
    still = picture(0, FRAMES, _FILM.width, _FILM.height)
    film = render(tmp_path / "film", _FILM, pictures=[_grey((still * gain).astype(np.uint8)) for gain in gains])
    path = str(tmp_path / "still.png")
    cv2.imwrite(path, still[:, :, ::-1])

    def first_frame(frame: int | None) -> list[str]:
        references = [
            PlannedReference(path=path, frame=None, frames=(0, 10)),
            PlannedReference(path=path, frame=frame, frames=(10, FRAMES)),
        ]
        shot = PlannedShot(start=0, stop=FRAMES, references=references)
        plan, output = ColorPlan(video=str(film), frames=FRAMES, shots=[shot]), tmp_path / "out.mkv"
        colorizer.colorize(film, plan=plan, output=output, lossless=True, overwrite=True)
        return hashes(output)[:1]

    assert first_frame(14) == first_frame(None)


def _floats(rgb: Rgb) -> Floats:
    return rgb.astype(np.float32) / np.float32(255)


def _grey(rgb: Rgb) -> Rgb:
    return np.repeat((rgb @ (0.299, 0.587, 0.114) + 0.5).astype(np.uint8)[..., None], 3, axis=2)
