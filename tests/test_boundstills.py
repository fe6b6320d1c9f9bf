"""A plan's stills are compared with the frames that they are bound to, wherever these go by."""

import json
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
from films import Film, render
from numpy.typing import NDArray
from PIL import Image
from terminal import run

from vidcolor import Colorizer
from vidcolor.batch import Film as BatchFilm
from vidcolor.batch import LocalCrew, Settings, run_batch
from vidcolor.errors import VidcolorError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot, make_plan
from vidcolor.plan.boundstills import BoundStills
from vidcolor.references import Reference
from vidcolor.video import VideoReader, probe
from vidcolor.web.session import Session

WIDTH, HEIGHT, LENGTH = 192, 128, 8
SCENES = ("astronaut", "coffee", "cat", "rocket")
FRAMES = LENGTH * len(SCENES)
PAINTED = (2, 10, 18, 26)
"""A frame of each shot."""

Rgb = NDArray[np.uint8]


def scene(frame: int) -> Rgb:
    """Return a frame of a camera that moves over a photograph, and over another one after each `LENGTH` frames."""
    number, moved = divmod(frame, LENGTH)
    photograph = getattr(skimage.data, SCENES[number])()[..., :3]
    scale = 1.3 * max(WIDTH / photograph.shape[1], HEIGHT / photograph.shape[0])
    large = cv2.resize(photograph, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    y, x = 8 + moved, 10 + moved
    return np.ascontiguousarray(large[y : y + HEIGHT, x : x + WIDTH]).astype(np.uint8)


def worn(frame: int) -> Rgb:
    rng = np.random.default_rng(frame)
    grey = scene(frame) @ np.array([0.299, 0.587, 0.114]) * 0.6 + 25 + rng.normal(0, 6, (HEIGHT, WIDTH))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four grey shots of eight frames each."""
    spec = Film(width=WIDTH, height=HEIGHT, frames=FRAMES)
    return render(tmp_path_factory.mktemp("bound") / "film", spec, pictures=worn)


def painted(video: Path, folder: Path, *, of: tuple[int, ...] = PAINTED) -> Path:
    """Write a plan with a still of each shot, made of the frames `of`; return it."""
    shots = []
    for (start, stop), frame, other in zip(pairwise(range(0, FRAMES + 1, LENGTH)), PAINTED, of, strict=True):
        still = folder / f"film_{frame:06d}.png"
        Image.fromarray(scene(other)).save(still)
        bound = PlannedReference(path=str(still), frame=frame)
        shots.append(PlannedShot(start=start, stop=stop, looks="grey", references=[bound]))
    plan = folder / "film.plan.json"
    ColorPlan(video=str(video), frames=FRAMES, shots=shots).save(plan)
    return plan


EXCHANGED = (2, 10, 26, 18)
SAID = (
    "2 stills do not look like the frames that they are bound to: "
    "film_000018.png (frame 18), film_000026.png (frame 26)"
)


def compared(film: Path, change: Callable[[Rgb], Rgb], *, of: tuple[int, ...] = PAINTED) -> list[str]:
    """Return what is said of changed stills of some frames, bound to those painted."""
    stills = [Reference(Path(f"{frame}.png"), change(scene(other))) for frame, other in zip(PAINTED, of, strict=True)]
    shots = [
        PlannedShot(start=start, stop=stop, references=[PlannedReference(path=still.key, frame=frame)])
        for (start, stop), still, frame in zip(pairwise(range(0, FRAMES + 1, LENGTH)), stills, PAINTED, strict=True)
    ]
    bound = BoundStills(probe(film), shots, stills)
    with VideoReader(film) as reader:
        for frame in reader:
            bound.look(frame)
    return bound.warnings


@pytest.mark.parametrize(("tag", "weights"), [(1, (0.2126, 0.7152, 0.0722)), (6, (0.299, 0.587, 0.114))])
def test_stills_are_as_bright_as_the_films_matrix_makes_them(tmp_path: Path, tag: int, weights: Any) -> None:
    """Red is darker than a dark green by the one matrix, and brighter by the other."""
    places = cv2.resize(np.random.default_rng(0).random((6, 8)), (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST) > 0.5
    still = np.where(places[..., None], (255, 0, 0), (0, 90, 0)).astype(np.uint8)
    grey = np.repeat((still @ np.array(weights) + 0.5).astype(np.uint8)[..., None], 3, axis=2)
    video = render(tmp_path / "film", Film(width=WIDTH, height=HEIGHT, frames=4, matrix=tag), pictures=[grey] * 4)
    path = tmp_path / "a.png"
    Image.fromarray(still).save(path)
    info, reference = probe(video), Reference(path, still)
    own, other = (
        np.corrcoef(reference.luma((WIDTH, HEIGHT), matrix=each).ravel(), grey[..., 0].ravel())[0, 1]
        for each in (info.matrix, "bt601" if info.matrix == "bt709" else "bt709")
    )
    assert own > 0.99
    assert other < -0.99
    (found,) = make_plan(video, [path]).shots[0].references
    assert found.frame is not None


def flat(rgb: Rgb) -> Rgb:
    """Return a picture painted over in eight opaque colours, which say nothing of how bright things were."""
    smooth = cv2.pyrMeanShiftFiltering(rgb, 8, 24).reshape(-1, 3).astype(np.float32)
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    _, kinds, _ = cv2.kmeans(smooth, 8, None, criteria, 2, cv2.KMEANS_PP_CENTERS)  # type: ignore[call-overload]
    colors = np.random.default_rng(1).integers(0, 256, (8, 3)).astype(np.uint8)
    return np.asarray(colors[kinds.ravel()].reshape(rgb.shape))


def turned(rgb: Rgb) -> Rgb:
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + 90) % 180
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


CHANGES: dict[str, Callable[[Rgb], Rgb]] = {
    "as it is": lambda rgb: rgb,
    "bright": lambda rgb: (255 * (rgb / 255) ** 0.4).astype(np.uint8),
    "negative": lambda rgb: 255 - rgb,
    "hues turned": turned,
    "flat": flat,
    "square": lambda rgb: np.ascontiguousarray(rgb[:, 32:160]),
    "square negative": lambda rgb: np.ascontiguousarray(255 - rgb[:, 32:160]),
    "a side cut off": lambda rgb: np.ascontiguousarray(rgb[:, 40:]),
    "its negative": lambda rgb: np.ascontiguousarray(255 - rgb[:, 40:]),
    "cropped, flat": lambda rgb: np.ascontiguousarray(flat(rgb)[10:110, 20:170]),
    "framed, flat": lambda rgb: np.pad(flat(rgb), ((12, 12), (20, 20), (0, 0)), constant_values=30),
    "larger": lambda rgb: np.asarray(cv2.resize(rgb, (900, 600), interpolation=cv2.INTER_CUBIC), np.uint8),
    "blank": lambda rgb: np.full_like(rgb, (200, 120, 40)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_however_a_still_was_painted_it_is_taken_for_its_frame(film: Path, name: str) -> None:
    assert compared(film, CHANGES[name]) == []


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "blank"])
def test_stills_of_other_shots_are_doubted(film: Path, name: str) -> None:
    assert compared(film, CHANGES[name], of=(10, 18, 26, 2)) == [
        "4 stills do not look like the frames that they are bound to: "
        "2.png (frame 2), 10.png (frame 10), 18.png (frame 18) and 1 more"
    ]
    assert compared(film, CHANGES[name], of=(2, 10, 18, 10)) == [
        "26.png does not look like frame 26, which it is bound to"
    ]


def test_a_film_is_coloured_with_a_warning(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    output, job = tmp_path / "out.mkv", tmp_path / "out.job"

    def warnings(plan: Path, **options: Any) -> tuple[int, tuple[str, ...]]:
        report = colorizer.colorize(
            film, plan=ColorPlan.load(plan), output=output, overwrite=True, quality="fast", job=job, **options
        )
        return report.shots_reused, report.warnings

    plan = painted(film, tmp_path, of=EXCHANGED)
    assert warnings(plan) == (0, (SAID,))
    assert warnings(plan) == (4, (SAID,))  # work that is kept is no less doubtful
    assert warnings(plan, start=Fraction(1, 24)) == (
        0,
        (SAID.replace("frame 18", "the frame at 0.750 s").replace("frame 26", "the frame at 1.083 s"),),
    )
    output.unlink()
    for kept in (job, None):
        with pytest.raises(
            VidcolorError, match=r"film_000018\.png does not look like frame 18, which it is bound to; strict"
        ):
            colorizer.colorize(film, plan=ColorPlan.load(plan), output=output, strict=True, quality="fast", job=kept)
        assert not any(each.suffix == ".mkv" or ".part" in each.name for each in tmp_path.iterdir())
    assert warnings(painted(film, tmp_path), strict=True) == (2, ())


def test_a_preview_is_made_with_a_warning(colorizer: Colorizer, film: Path, tmp_path: Path) -> None:
    plan = ColorPlan.load(painted(film, tmp_path, of=EXCHANGED))

    def warnings(start: Fraction | None) -> tuple[str, ...]:
        side_by_side, sheet = tmp_path / "clip.mp4", tmp_path / "sheet.png"
        return colorizer.preview(
            film, plan=plan, side_by_side=side_by_side, contact_sheet=sheet, start=start, overwrite=True
        ).warnings

    assert warnings(None) == (SAID,)
    assert warnings(Fraction(20, 24)) == ("film_000026.png does not look like frame 26, which it is bound to",)


def test_commands_that_see_such_a_frame_say_so(film: Path, untrained: Path, tmp_path: Path) -> None:
    plan = painted(film, tmp_path, of=EXCHANGED)
    common = ["--plan", plan, "--weights", untrained, "--json"]
    status, out, err = run("sheet", film, "-o", tmp_path / "sheet.png", "--at", "0.76", *common)
    assert (status, json.loads(out)["warnings"]) == (
        0,
        ["film_000018.png does not look like frame 18, which it is bound to"],
    ), err
    assert "warning: film_000018.png does not" in err
    status, out, err = run("sheet", film, "--each", "-y", "-o", tmp_path / "sheet.png", "--at", "0.76", *common)
    assert (status, json.loads(out)["warnings"]) == (0, []), err  # there each is tried on any frame
    status, out, err = run("suggest", film, *common)
    assert (status, json.loads(out)["warnings"]) == (0, [SAID]), err
    status, out, err = run("colorize", film, "-o", tmp_path / "out.mkv", "--strict", "--no-job", *common)
    assert (status, out, (tmp_path / "out.mkv").exists()) == (1, "", False)
    assert "does not look like frame 18, which it is bound to; strict allows no warning" in err


def test_a_batch_warns_of_the_film(film: Path, untrained: Path, tmp_path: Path) -> None:
    plan = painted(film, tmp_path, of=EXCHANGED)
    crew = LocalCrew(Settings(weights=untrained, device="cpu", quality="fast"), workers=1)
    try:
        (result,) = run_batch([BatchFilm(film, tmp_path / "out.mkv", tmp_path / "out.job", plan=plan)], crew)
    finally:
        crew.close()
    assert (result.done, result.warnings) == (True, [SAID])


def test_the_page_says_so_at_the_frame_and_of_the_shot(networks: ExemplarColorizer, film: Path, tmp_path: Path) -> None:
    plan = ColorPlan.load(painted(film, tmp_path, of=EXCHANGED))
    session = Session(probe(film), plan, networks, path=tmp_path / "web.plan.json", folder=tmp_path / "stills")
    doubt = "film_000018.png does not look like frame 18, which it is bound to"
    assert [session.see(frame).remarks for frame in (17, 18, 10)] == [[], [doubt], []]
    report = session.color_shot(17)
    assert (report.shot.start, report.remarks) == (2 * LENGTH, (doubt,))
    assert (session.see(18).source, session.see(18).remarks) == ("film", [doubt])
