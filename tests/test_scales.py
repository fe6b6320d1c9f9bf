"""A still whose things the film shows nearer: the copy that fits is found, and its colours with it."""

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from films import Film, render
from PIL import Image

from vidcolor import Colorizer, VideoReader
from vidcolor.color import LONG_SIDE, rgb_to_ab, rgb_to_luma, working_size
from vidcolor.coloring import encode, load_stills, shot_references
from vidcolor.evaluation.pictures import Bytes, picture
from vidcolor.exemplar import EncodedReference, ExemplarColorizer, ScaledReference, Views, similarity
from vidcolor.framing import shrink
from vidcolor.references import Reference, load_reference
from vidcolor.video import probe

Floats = np.ndarray


@pytest.fixture(scope="module")
def networks() -> ExemplarColorizer:
    return ExemplarColorizer.load(device="cpu")


@pytest.fixture(scope="module")
def still(samples: Path) -> Reference:
    return load_reference(samples / "stills" / "railing.png")


def nearer(still: Reference, times: float, *, left: float = 0.5) -> Floats:
    """A part of the still as a frame of the film, RGB (h, w, 3) in [0, 1]."""
    height, width = (round(side / times) for side in still.rgb.shape[:2])
    top, first = (still.rgb.shape[0] - height) // 2, round((still.rgb.shape[1] - width) * left)
    part = np.ascontiguousarray(still.rgb[top : top + height, first : first + width])
    return shrink(part, working_size(width, height))


def at_scales(still: Reference, networks: ExemplarColorizer) -> ScaledReference:
    larger = partial(encode, still, networks, "bt709")
    return ScaledReference(larger(LONG_SIDE), larger, long_side=LONG_SIDE)


def scale_for(rgb: Floats, still: Reference, networks: ExemplarColorizer) -> float:
    """How much larger than the frame the copy of the still is that it is matched against."""
    keys = keys_of(rgb, networks)
    return float(at_scales(still, networks).fitting(keys).banks[-1].grids[0][1] / keys.shape[2])


def keys_of(rgb: Floats, networks: ExemplarColorizer) -> torch.Tensor:
    """Keys (C8, h, w) of a frame."""
    height, width = rgb.shape[:2]
    return networks.coarse_keys(rgb_to_luma(rgb)).T.reshape(-1, height // 8, width // 8)


def grey(rgb: Bytes) -> Bytes:
    return np.repeat((rgb @ np.array([0.2126, 0.7152, 0.0722]))[..., None], 3, axis=2).astype(np.uint8)


def error(networks: ExemplarColorizer, reference: EncodedReference | ScaledReference, rgb: Floats) -> float:
    """Mean distance in ab of what a frame is coloured as from its true colours."""
    found = networks.shot([reference]).colorize(rgb_to_luma(rgb), None).chroma.ab
    return float(np.linalg.norm(found - rgb_to_ab(rgb), axis=2).mean())


@pytest.mark.parametrize(("times", "scales"), [(1.0, (1.0, 1.0)), (2.0, (1.9, 2.1)), (3.0, (1.9, 2.9))])
def test_the_scale_that_fits_is_found(
    networks: ExemplarColorizer, still: Reference, times: float, scales: tuple[float, float]
) -> None:
    assert scales[0] <= scale_for(nearer(still, times), still, networks) <= scales[1]


@pytest.mark.parametrize("left", [0.2, 0.5, 0.8])
def test_a_close_up_takes_the_colours_of_a_wide_still(
    networks: ExemplarColorizer, still: Reference, left: float
) -> None:
    close = nearer(still, 2.5, left=left)
    single = encode(still, networks, "bt709", LONG_SIDE)
    assert error(networks, at_scales(still, networks), close) < 0.7 * error(networks, single, close)


def test_a_frame_as_near_as_its_still_is_coloured_as_well_as_from_one_scale(
    networks: ExemplarColorizer, still: Reference
) -> None:
    own = nearer(still, 1.0)
    single = encode(still, networks, "bt709", LONG_SIDE)
    assert error(networks, at_scales(still, networks), own) <= 1.05 * error(networks, single, own)


class Spy:
    """Encodes a still and notes at which sizes."""

    def __init__(self, still: Reference, networks: ExemplarColorizer) -> None:
        self._encode = partial(encode, still, networks, "bt709")
        self.sides: list[int] = []

    def __call__(self, side: int) -> EncodedReference:
        self.sides.append(side)
        return self._encode(side)


def test_only_scales_that_are_asked_for_are_encoded(networks: ExemplarColorizer, still: Reference) -> None:
    spy = Spy(still, networks)
    usual = encode(still, networks, "bt709", LONG_SIDE)
    shot = networks.shot([ScaledReference(usual, spy, long_side=LONG_SIDE)])
    for _ in range(3):
        shot.colorize(rgb_to_luma(nearer(still, 1.0)), None)
    assert sorted(spy.sides) == [LONG_SIDE // 2, round(LONG_SIDE * 2**0.5)]


def test_shots_share_the_copies_of_their_still(
    networks: ExemplarColorizer, still: Reference, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, ...]] = []

    def spy(luma: Floats, ab: Floats) -> EncodedReference:
        sizes.append(luma.shape)
        return ExemplarColorizer.encode_reference(networks, luma, ab)

    monkeypatch.setattr(networks, "encode_reference", spy)
    info = probe(samples / "bikes.mkv")
    (loaded,) = load_stills([still], networks, info).values()
    keys = keys_of(nearer(still, 2.0), networks)
    for long_side in (LONG_SIDE, 512, LONG_SIDE, 512):
        (reference,) = shot_references([(loaded.at(long_side), False)], long_side=long_side)
        reference.fitting(keys)
    assert len(sizes) == len(set(sizes)) > 4


@pytest.mark.parametrize(("times", "sides"), [(1.0, {384, 640}), (2.8, {384})])
def test_a_close_up_is_seen_only_where_its_still_can_be_as_large(
    networks: ExemplarColorizer, still: Reference, times: float, sides: set[int]
) -> None:
    frame = (nearer(still, times) * 255).astype(np.uint8)
    height, width = frame.shape[:2]
    asked: set[int] = set()

    def see(side: int) -> Floats:
        asked.add(side)
        return rgb_to_luma(shrink(frame, working_size(width, height, long_side=side)))

    def views() -> Views:
        larger = partial(encode, still, networks, "bt709")
        shots = {side: networks.shot([ScaledReference(larger(side), larger, long_side=side)]) for side in (384, 640)}
        return Views(shots.items())

    unbroken, resumed = views(), views()
    unbroken.colorize(see, None, size=(width, height), frame=0, remember=True)
    assert asked == sides
    resumed.recall(see, unbroken.memory(), frame=0)
    one, other = (
        each.colorize(see, None, size=(width, height), frame=1, remember=True) for each in (unbroken, resumed)
    )
    np.testing.assert_array_equal(one.ab, other.ab)


@pytest.mark.parametrize(("among", "largest"), [(1, 1086), (2, 768), (4, 543), (9, 192)])
def test_many_stills_share_the_cost_of_large_copies(
    networks: ExemplarColorizer, still: Reference, among: int, largest: int
) -> None:
    spy = Spy(still, networks)
    usual, keys = encode(still, networks, "bt709", LONG_SIDE), keys_of(nearer(still, 3.0), networks)
    ScaledReference(usual, spy, long_side=LONG_SIDE, among=among).fitting(keys)
    assert max(spy.sides) == largest


def test_a_still_of_something_else_keeps_its_size(networks: ExemplarColorizer, still: Reference) -> None:
    for name in ("coffee", "chelsea"):
        other = np.ascontiguousarray(getattr(skimage.data, name)()[:250, :400, :3])
        assert scale_for(shrink(other, working_size(400, 250)), still, networks) == 1.0


def test_close_ups_of_a_scene_are_coloured_from_its_wide_still(tmp_path: Path) -> None:
    """Of a film without a plan each close-up is given the still of its scene; one scale errs by 0.37 and 0.29 there."""
    side = 320
    scenes = {name: getattr(skimage.data, name)()[..., :3] for name in ("astronaut", "coffee")}
    wide, close = [], []
    for name, photograph in scenes.items():
        square = np.ascontiguousarray(photograph[: min(photograph.shape[:2]), : min(photograph.shape[:2])])
        Image.fromarray(square).save(tmp_path / f"{name}.png")
        third = len(square) // 3
        wide.append(square)
        close.append(np.ascontiguousarray(square[third // 3 : 4 * third // 3, third : 2 * third]))
    shots = [cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA) for each in (*wide, *close)]
    frames = [grey(np.asarray(rgb, np.uint8)) for rgb in shots for _ in range(6)]
    film = render(tmp_path / "film", Film(width=side, height=side, frames=len(frames)), pictures=frames)
    stills = [tmp_path / f"{name}.png" for name in scenes]
    colorizer = Colorizer.load(device="cpu")
    colorizer.colorize(film, references=stills, output=tmp_path / "out.mkv", lossless=True)
    with VideoReader(tmp_path / "out.mkv") as reader:
        found = [picture(frame, reader.info) for frame in reader]
    for rgb, truth in zip(found[::6], shots, strict=True):
        ab, true = (rgb_to_ab(each.astype(np.float32) / 255) for each in (rgb, truth))
        assert np.linalg.norm(ab - true, axis=2).mean() < 0.2 * np.linalg.norm(true, axis=2).mean()


def test_a_picture_is_found_in_itself(networks: ExemplarColorizer, still: Reference) -> None:
    keys = networks.coarse_keys(rgb_to_luma(nearer(still, 1.0)))
    some = networks.coarse_keys(rgb_to_luma(nearer(still, 1.0)), every=2)
    assert similarity(keys, keys) == pytest.approx(1.0, abs=1e-3)
    assert len(some) == len(keys) // 4
    assert similarity(some, keys) == pytest.approx(1.0, abs=1e-3)
