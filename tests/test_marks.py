"""Long shots are kept in stretches, and a run that was cut off in one goes on with the very same frames."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from films import Film, hashes, picture, render

from vidcolor import Colorizer
from vidcolor.color import Chroma
from vidcolor.jobs import Job, Recipe, rounded
from vidcolor.marks import Mark
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot
from vidcolor.reports import Report

_FRAMES = 60
_GREY = Film(look="grey", codec="libx264", frames=_FRAMES)
_SHOT = Recipe(
    film="a", stream="0", start="None", quality="balanced", weights="b", temperature="0.6", device="cpu", program="c"
).shot(10, 22, [])


def test_a_mark_comes_back_as_it_was() -> None:
    random = np.random.default_rng(3)
    ab, confidence, memory = (random.random(shape, np.float32) for shape in ((6, 8, 2), (6, 8), (5, 4, 2)))
    exposure = random.random(9)
    mark = Mark.from_bytes(Mark(7, Chroma(ab, confidence), memory, exposure).to_bytes(), frame=7)
    assert mark.frame == 7
    for came, went in (
        (mark.chroma.ab, ab),
        (mark.chroma.confidence, confidence),
        (mark.memory, memory),
        (mark.exposure, exposure),
    ):
        np.testing.assert_array_equal(came, went)


def _keep(job: Job, *, upto: int) -> list[np.ndarray]:
    """Keep frames with marks at 14 and 18."""
    pictures = [rounded(np.full((4, 6, 2), number, np.float32)) for number in range(10, upto)]
    with job.keep(_SHOT, first=10, width=6, height=4) as keep:
        for number, ab in enumerate(pictures, start=10):
            keep(ab, f"mark {number}".encode() if number in (14, 18) else b"")
    return pictures


@pytest.mark.parametrize(("upto", "kept"), [(22, 12), (20, 8), (18, 4), (15, 4)])
def test_a_shot_is_kept_up_to_the_last_mark(tmp_path: Path, upto: int, kept: int) -> None:
    with Job(tmp_path / "job") as job:
        pictures = _keep(job, upto=upto)
        found = job.find(_SHOT)
        assert found is not None
        assert (found.frames, found.whole) == (kept, kept == 12)
        assert found.mark == (b"" if found.whole else f"mark {10 + kept}".encode())
        assert (job.reused, job.colored) == ((1, 1) if found.whole else (0, 0))
        assert all(np.array_equal(a, b) for a, b in zip(found, pictures[:kept], strict=True))
        assert any("taken from a run that was cut off" in remark for remark in job.remarks) != found.whole


def test_a_run_that_goes_on_makes_the_shot_whole(tmp_path: Path) -> None:
    with Job(tmp_path / "job") as job:
        _keep(job, upto=15)
        with job.keep(_SHOT, first=14, width=6, height=4) as keep:
            for number in range(14, 22):
                keep(np.full((4, 6, 2), number, np.float32), b"")
        found = job.find(_SHOT)
        assert found is not None
        assert found.whole
        assert [ab[0, 0, 0] for ab in found] == list(range(10, 22))
        assert job.colored == 1


@pytest.mark.parametrize(("damaged", "kept"), [(0, None), (1, 4), (2, 8)])
def test_what_lies_before_a_damaged_stretch_is_used(tmp_path: Path, damaged: int, kept: int | None) -> None:
    with Job(tmp_path / "job") as job:
        _keep(job, upto=22)
        path = sorted((job.folder / "shots").glob("*.chroma"))[damaged]
        path.write_bytes(path.read_bytes()[:-1])
        found = job.find(_SHOT)
        if found is not None:
            found.close()
        assert (None if found is None else found.frames) == kept
        assert f"frames {10 + (kept or 0)} to 21 are coloured again" in job.remarks[0]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes in grey, which the plans here take for one shot, and which fade from the 31st frame on."""
    gains = np.interp(range(_FRAMES), [30, _FRAMES], [1, 0.4])
    pictures = [picture(number, _FRAMES, _GREY.width, _GREY.height, "grey") for number in range(_FRAMES)]
    darker = [np.asarray(rgb * gain, np.uint8) for rgb, gain in zip(pictures, gains, strict=True)]
    return render(tmp_path_factory.mktemp("film") / "grey", _GREY, pictures=darker)


def _still(path: Path, number: int) -> str:
    cv2.imwrite(str(path), picture(number, _FRAMES, _GREY.width, _GREY.height)[:, :, ::-1])
    return str(path)


class _CutOffError(Exception):
    pass


@pytest.mark.parametrize(
    "stills",
    [
        lambda _: [],
        lambda folder: [PlannedReference(path=_still(folder / "a.png", 4), frame=4)],
        lambda folder: [
            PlannedReference(path=_still(folder / "a.png", 4), frame=4),
            PlannedReference(path=_still(folder / "b.png", 48), frame=48),
        ],
        lambda folder: [
            PlannedReference(path=_still(folder / "a.png", 4), frame=4),
            PlannedReference(path=_still(folder / "b.png", 39), frame=39),
        ],
        lambda folder: [
            PlannedReference(path=_still(folder / "a.png", 12), frame=None, frames=(0, 31)),
            PlannedReference(path=_still(folder / "b.png", 48), frame=None, frames=(31, _FRAMES)),
        ],
    ],
    ids=[
        "automatic",
        "a still near the start",
        "a still in reach of a later keyframe",
        "a still in the dark",
        "stills that change over",
    ],
)
def test_a_run_that_was_cut_off_in_a_shot_goes_on_with_the_same_frames(
    colorizer: Colorizer,
    film: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stills: Callable[[Path], list[PlannedReference]],
) -> None:
    shot = PlannedShot(start=0, stop=_FRAMES, references=stills(tmp_path))
    plan = ColorPlan(video=str(film), frames=_FRAMES, shots=[shot])
    output, job = tmp_path / "out.mkv", tmp_path / "out.job"
    monkeypatch.setattr("vidcolor.filmwork._MARKS_APART", 10)

    def run(*, until: int = _FRAMES, kept_in: Path | None = job) -> Report:
        def progress(stage: str, done: int, _: int | None) -> None:
            if stage == "color" and done == until < _FRAMES:
                raise _CutOffError

        return colorizer.colorize(
            film, plan=plan, output=output, lossless=True, overwrite=True, job=kept_in, progress=progress
        )

    whole = run(kept_in=None)
    expected = hashes(output)
    output.unlink()
    for until in (3, 44):
        with pytest.raises(_CutOffError):
            run(until=until)
    report = run()
    assert hashes(output) == expected
    assert 0 < report.network_frames < whole.network_frames
    assert any("are taken from a run that was cut off" in note for note in report.notes)
    assert (report.shots_reused, report.shots_colored) == (0, 1)
    again = run()
    assert (again.shots_reused, again.network_frames) == (1, 0)
    assert hashes(output) == expected
