"""Stills are laid on the frames that they show: as they are where they lie on them, else moved along."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import films
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from films import Film, render
from PIL import Image

from vidcolor import Colorizer, VideoReader
from vidcolor.color import rgb_to_ab, rgb_to_luma
from vidcolor.coloring import load_stills
from vidcolor.evaluation.pictures import picture
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.framing import shrink
from vidcolor.overview import look_at
from vidcolor.placement import place
from vidcolor.plan import make_plan
from vidcolor.plan.likeness import PLAUSIBLE, SAME_FRAME, FrameFinder
from vidcolor.propagation import PaintedStill
from vidcolor.references import Reference

Rgb = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
SIZE = (384, 256)
_FILM = Film(width=SIZE[0], height=SIZE[1], matrix=1)


@pytest.fixture(scope="module")
def networks() -> ExemplarColorizer:
    return ExemplarColorizer.load(device="cpu")


def scene() -> Rgb:
    """Return a picture with something in every place."""
    return np.asarray(cv2.resize(_photograph("coffee"), SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def _photograph(name: str) -> Rgb:
    return np.asarray(getattr(skimage.data, name)()[..., :3], np.uint8)


def moved(rgb: Rgb, *, zoom: float = 1.0, right: float = 0.0) -> Rgb:
    """Return a picture zoomed around its middle and shifted, as another scan of it would show it."""
    matrix = np.array([[zoom, 0, (1 - zoom) * SIZE[0] / 2 + right], [0, zoom, (1 - zoom) * SIZE[1] / 2]], np.float32)
    return np.asarray(cv2.warpAffine(rgb, matrix, SIZE, borderMode=cv2.BORDER_REFLECT), np.uint8)


def still_of(rgb: Rgb) -> PaintedStill:
    return PaintedStill((rgb.shape[1], rgb.shape[0]), lambda size: shrink(rgb, size), "bt601", SIZE)


def luma_of(rgb: Rgb) -> Floats:
    return rgb_to_luma(rgb.astype(np.float32) / 255)


def ab_of(rgb: Rgb) -> Floats:
    return rgb_to_ab(rgb.astype(np.float32) / 255)


def grainy(luma: Floats) -> Floats:
    noise = np.random.default_rng(0).normal(0, 0.03, luma.shape)
    return np.clip(luma + noise, 0, 1).astype(np.float32)


def error(ab: Floats, rgb: Rgb) -> float:
    return float(np.linalg.norm(ab - ab_of(rgb), axis=2).mean())


def repainted(rgb: Rgb) -> Rgb:
    """Return a picture with patches made brighter and darker, as painting over luma does."""
    painted = rgb.astype(np.float32)
    for x, y, change in ((60, 60, 1.3), (200, 90, 0.7), (300, 180, 1.25)):
        mask = cv2.GaussianBlur(cv2.circle(np.zeros(rgb.shape[:2], np.float32), (x, y), 30, (1.0,), -1), (0, 0), 3)
        painted *= 1 + (change - 1) * mask[..., None]
    return np.clip(painted, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "change",
    [
        lambda rgb: rgb,
        lambda rgb: (40 + 0.6 * rgb.astype(np.float32)).astype(np.uint8),
        lambda rgb: (255 * (rgb / 255.0) ** 1.5).astype(np.uint8),
        lambda rgb: cv2.imdecode(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], cv2.IMREAD_COLOR),
        repainted,
    ],
    ids=["same", "pale", "gamma", "jpeg", "repainted"],
)
def test_a_still_of_the_very_frame_is_taken_as_it_is(change: Callable[[Rgb], Rgb]) -> None:
    rgb = change(scene())
    laid = still_of(rgb).laid_on(grainy(luma_of(scene())), preset="half")
    np.testing.assert_array_equal(laid.ab, rgb_to_ab(shrink(rgb, SIZE)))
    assert laid.confidence.min() == 1


@pytest.mark.parametrize("number", [1, 5, 9, 15])
def test_a_still_of_a_tiny_film_is_taken_as_it_is(number: int) -> None:
    rgb = films.picture(number, 30, 96, 64)
    grey = np.rint(16 + 219 * luma_of(rgb)).astype(np.uint8)
    luma = np.asarray((cv2.resize(grey, SIZE, interpolation=cv2.INTER_LINEAR) - np.float32(16)) / 219, np.float32)
    still = PaintedStill((96, 64), lambda size: shrink(rgb, size), "bt601", (96, 64))
    assert still.laid_on(luma, preset="half").confidence.min() == 1
    beside = np.ascontiguousarray(np.roll(rgb, 1, axis=1))
    still = PaintedStill((96, 64), lambda size: shrink(beside, size), "bt601", (96, 64))
    assert still.laid_on(luma, preset="half").confidence.max() < 1


@pytest.mark.parametrize(("zoom", "right"), [(1.02, 4.0), (1.0, 2.0), (0.98, -3.0)])
def test_colours_of_another_scan_are_moved_onto_what_they_belong_to(zoom: float, right: float) -> None:
    rgb, other = scene(), moved(scene(), zoom=zoom, right=right)
    laid = still_of(other).laid_on(luma_of(rgb), preset="half")
    sure = laid.confidence > 0.5
    assert sure.mean() > 0.6
    beside = np.linalg.norm(ab_of(other) - ab_of(rgb), axis=2)[sure].mean()
    on = np.linalg.norm(laid.ab - ab_of(rgb), axis=2)[sure].mean()
    assert on < 0.5 * beside
    assert laid.confidence.max() < 1


def test_colours_follow_what_moved_and_none_come_to_what_it_uncovers() -> None:
    before, after = scene(), scene()
    cat = np.asarray(cv2.resize(_photograph("chelsea"), (130, 100), interpolation=cv2.INTER_AREA), np.uint8)
    before[80:180, 100:230], after[80:180, 114:244] = cat, cat
    laid = still_of(before).laid_on(luma_of(after), preset="half")
    followed, uncovered = np.s_[90:170, 130:230], np.s_[90:170, 102:110]
    assert laid.confidence[followed].mean() > 0.6
    assert laid.confidence[uncovered].mean() < 0.5 * laid.confidence[followed].mean()
    assert laid.confidence[190:].mean() > 0.6
    assert error(laid.ab[followed], after[followed]) < 0.4 * error(ab_of(before)[followed], after[followed])


def part(rgb: Rgb) -> Rgb:
    """Return what is left of a picture that was cropped at its right and below, made larger again."""
    return np.asarray(cv2.resize(rgb[20:200, 30:330], (600, 360), interpolation=cv2.INTER_CUBIC), np.uint8)


def framed(rgb: Rgb) -> Rgb:
    return np.pad(rgb, ((64, 64), (0, 0), (0, 0)))


@pytest.mark.parametrize(
    ("change", "share"),
    [(lambda rgb: rgb[:, 64:320], 2 / 3), (part, 180 * 300 / (256 * 384)), (framed, 1.0)],
    ids=["cropped to a square", "a part", "framed"],
)
def test_a_part_of_a_frame_colours_that_part_alone(change: Callable[[Rgb], Rgb], share: float) -> None:
    rgb = scene()
    laid = still_of(change(rgb)).laid_on(grainy(luma_of(rgb)), preset="half")
    shown = laid.confidence > 0
    assert shown.mean() == pytest.approx(share, abs=0.06)
    assert laid.confidence[shown].mean() > 0.9
    assert laid.confidence.max() < 1
    assert np.linalg.norm(laid.ab - ab_of(rgb), axis=2)[shown].mean() < 2
    assert np.linalg.norm(ab_of(np.asarray(cv2.resize(change(rgb), SIZE), np.uint8)) - ab_of(rgb), axis=2).mean() > 8


@pytest.mark.parametrize("change", [lambda rgb: rgb[:, 64:320], framed], ids=["cropped", "framed"])
def test_a_still_whose_middle_was_kept_lies_on_a_frame_without_features(change: Callable[[Rgb], Rgb]) -> None:
    rgb = np.asarray(cv2.GaussianBlur(scene(), (0, 0), 6), np.uint8)
    still = np.ascontiguousarray(change(rgb))
    assert place(luma_of(rgb), luma_of(still)) is None
    laid = still_of(still).laid_on(luma_of(rgb), preset="half")
    sure = laid.confidence > 0.5
    assert sure.mean() > 0.25
    assert np.linalg.norm(laid.ab - ab_of(rgb), axis=2)[sure].mean() < 3


@pytest.mark.parametrize("size", [(1, 1), (2, 5000), (5000, 2)])
def test_a_strip_or_a_dot_colours_its_frame_all_the_same(size: tuple[int, int]) -> None:
    strip = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    laid = still_of(strip).laid_on(luma_of(scene()), preset="half")
    assert np.isfinite(laid.ab).all()
    assert np.isfinite(laid.confidence).all()


def test_a_film_finds_its_frame_in_a_still_that_was_cropped(networks: ExemplarColorizer, tmp_path: Path) -> None:
    wide = np.asarray(cv2.resize(_photograph("coffee"), (480, 320), interpolation=cv2.INTER_AREA), np.uint8)
    pictures = [np.ascontiguousarray(wide[30 : 30 + 256, 4 * n : 4 * n + 384]) for n in range(20)]
    film = render(tmp_path / "film", replace(_FILM, frames=20), pictures=[_grey(each) for each in pictures])
    square, corner, nearer = tmp_path / "square.png", tmp_path / "corner_000014.png", tmp_path / "nearer.png"
    Image.fromarray(pictures[9][:, 64:320]).save(square)
    Image.fromarray(pictures[14][:150, :200]).save(corner)
    Image.fromarray(moved(pictures[4], zoom=1.15)).save(nearer)
    plan = make_plan(film, [square, corner, nearer])
    bound = {Path(each.path).name: each.frame for each in plan.shots[0].references}
    assert bound.pop("nearer.png") in range(1, 8)
    assert bound == {"square.png": 9, "corner_000014.png": 14}
    assert len([note for note in plan.notes if "shows a part of its frame" in note]) == 3
    Colorizer(networks).colorize(film, references=[square], output=tmp_path / "out.mkv", lossless=True)
    with VideoReader(tmp_path / "out.mkv") as reader:
        results = [picture(frame, reader.info) for frame in reader]
    middle = [error(ab_of(ours)[:, 80:300], each[:, 80:300]) for ours, each in zip(results, pictures, strict=True)]
    assert np.mean(middle) < 6
    assert middle[9] < 3


def test_a_film_follows_a_still_of_another_scan(networks: ExemplarColorizer, tmp_path: Path) -> None:
    wide = np.asarray(cv2.resize(_photograph("coffee"), (432, 288), interpolation=cv2.INTER_AREA), np.uint8)
    pictures = [np.ascontiguousarray(wide[16:272, 12 + n : 396 + n]) for n in range(12)]
    film = render(
        tmp_path / "film",
        Film(frames=12, width=SIZE[0], height=SIZE[1], matrix=1),
        pictures=[_grey(p) for p in pictures],
    )
    Image.fromarray(moved(pictures[0], zoom=1.03)).save(tmp_path / "still_000000.png")
    Colorizer(networks).colorize(
        film, references=[tmp_path / "still_000000.png"], output=tmp_path / "out.mkv", lossless=True
    )
    with VideoReader(tmp_path / "out.mkv") as reader:
        results = [picture(frame, reader.info) for frame in reader]
    ours = np.mean([error(rgb_to_ab(r.astype(np.float32) / 255), p) for r, p in zip(results, pictures, strict=True)])
    beside = error(ab_of(moved(pictures[0], zoom=1.03)), pictures[0])
    assert ours < 0.7 * beside


def test_a_still_in_which_half_has_moved_is_of_another_moment(tmp_path: Path) -> None:
    rgb = scene()
    apart = np.hstack([moved(rgb, right=-14)[:, :192], moved(rgb, right=14)[:, 192:]])
    film = render(tmp_path / "film", replace(_FILM, frames=4), pictures=[_grey(rgb)] * 4)
    finder = FrameFinder([luma_of(apart)], aspect=1.5, named={})
    finder.push(0, (luma_of(rgb) * 255).astype(np.uint8))
    assert PLAUSIBLE < finder.best[0].score < SAME_FRAME
    assert place(luma_of(rgb), luma_of(apart)) is not None
    assert [each.frame for each in make_plan(film, [Reference(None, apart)]).shots[0].references] == [None]


def test_a_single_frame_shows_its_still_where_the_film_will_have_it(
    networks: ExemplarColorizer, tmp_path: Path
) -> None:
    film = render(tmp_path / "film", replace(_FILM, frames=4), pictures=[_grey(scene())] * 4)
    path = tmp_path / "still_000000.png"
    Image.fromarray(moved(scene(), zoom=1.03)).save(path)
    plan = make_plan(film, [path])
    with VideoReader(film) as reader:
        info, frame = reader.info, next(iter(reader))
    assert plan.shots[0].references[0].frame == 0
    glance = look_at(frame, plan.shots[0], info, load_stills([path], networks, info), networks)
    beside = error(ab_of(moved(scene(), zoom=1.03)), scene())
    assert error(rgb_to_ab(glance.colored.astype(np.float32) / 255), scene()) < 0.7 * beside


def _grey(rgb: Rgb) -> Rgb:
    luma = rgb_to_luma(rgb.astype(np.float32) / 255)
    return np.repeat((luma * 255 + 0.5).astype(np.uint8)[..., None], 3, 2)
