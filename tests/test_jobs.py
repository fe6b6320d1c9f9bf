"""Work kept per shot: what is taken from it, what is coloured again, and that no kind of failure spoils it."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from films import Film, hashes, picture, render, two_pictures
from typer.testing import CliRunner, Result

from vidcolor import Colorizer
from vidcolor.cli import app
from vidcolor.cli.console import signals_interrupt
from vidcolor.errors import ReferenceImageError, VidcolorError, VideoError
from vidcolor.filmwork import shot_colors
from vidcolor.jobs import Job, Recipe, film_identity, rounded
from vidcolor.jobs.samples import pack, unpack
from vidcolor.networks import ExemplarNetwork, NetworkConfig
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot
from vidcolor.reports import Clock, Report
from vidcolor.video import VideoReader
from vidcolor.weights import save_weights

_FRAMES = 30
_GREY = Film(look="grey", codec="libx264", audio=("flac",), frames=_FRAMES)
_RECIPE = Recipe(
    film="a", stream="0", start="None", quality="balanced", weights="b", temperature="0.6", device="cpu", program="c"
)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes in grey, with cuts at 10 and 20."""
    return render(tmp_path_factory.mktemp("film") / "grey", _GREY)


@pytest.fixture
def stills(tmp_path: Path) -> list[Path]:
    """A still for each scene."""
    return [_paint(tmp_path / f"still_{index:06d}.png", index) for index in (4, 15, 25)]


def _paint(path: Path, index: int, *, swapped: bool = False) -> Path:
    rgb = picture(index, _FRAMES, _GREY.width, _GREY.height)
    cv2.imwrite(str(path), rgb if swapped else rgb[:, :, ::-1])
    return path


def parts(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


def kept(job: Path) -> list[Path]:
    return sorted((job / "shots").glob("*.chroma"))


def abs_random(*shape: int, spread: float = 60.0) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(shape) * spread).astype(np.float32)


# What is kept


def test_rounding_errs_by_a_sixteenth_and_is_done_once() -> None:
    ab = abs_random(32, 64, 2)
    assert np.abs(rounded(ab) - ab).max() <= 1 / 16
    np.testing.assert_array_equal(rounded(rounded(ab)), rounded(ab))
    wild = np.array([[[1e9, -1e9], [np.float32(-0.0), 0.06]]], np.float32)
    np.testing.assert_array_equal(rounded(wild), np.array([[[4095, -4095], [0, 0]]], np.float32))


@pytest.mark.parametrize("spread", [0.0, 1.0, 60.0, 5000.0])
def test_packed_colours_come_back(spread: float) -> None:
    ab = rounded(abs_random(24, 40, 2, spread=spread))
    np.testing.assert_array_equal(unpack(pack(ab), width=40, height=24), ab)


def test_smooth_colours_take_little_room_and_damage_is_noticed() -> None:
    x = np.linspace(-30, 30, 384, dtype=np.float32)
    smooth = rounded(np.stack(np.broadcast_arrays(x[None], x[:224, None]), axis=-1))
    data = pack(smooth)
    assert len(data) < 384 * 224 * 2 / 8
    with pytest.raises(ValueError, match="damaged"):
        unpack(data[:-9], width=384, height=224)
    with pytest.raises(ValueError, match="reshape"):
        unpack(data, width=384, height=160)


# The folder


def fill(job: Job, shot: Any, frames: int) -> list[np.ndarray]:
    pictures = [rounded(abs_random(8, 12, 2) + index) for index in range(frames)]
    with job.keep(shot, first=shot.start, width=12, height=8) as keep:
        for ab in pictures:
            keep(ab, b"")
    return pictures


def test_a_kept_shot_comes_back(tmp_path: Path) -> None:
    shot = _RECIPE.shot(3, 7, [])
    with Job(tmp_path / "job") as job:
        assert job.find(shot) is None
        pictures = fill(job, shot, 4)
        found = job.find(shot)
        assert found is not None
        assert (found.width, found.height) == (12, 8)
        assert all(np.array_equal(a, b) for a, b in zip(found, pictures, strict=True))
        assert job.size()[0] == kept(job.folder)[0].stat().st_size > 0
        # As of a shot that another run removes, with --fresh, while its size is asked for.
        (job.folder / "shots" / "gone.chroma").symlink_to(tmp_path / "nowhere")
        assert job.size()[0] > 0
        (job.folder / "shots" / "gone.chroma").unlink()


def test_a_shot_of_too_few_frames_or_left_early_is_not_kept(tmp_path: Path) -> None:
    """Checklist 38."""
    shot = _RECIPE.shot(3, 7, [])
    with Job(tmp_path / "job") as job:
        fill(job, shot, 3)
        assert job.find(shot) is None

        def interrupted() -> None:
            with job.keep(shot, first=3, width=12, height=8) as keep:
                for _ in range(4):
                    keep(rounded(abs_random(8, 12, 2)), b"")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert job.find(shot) is None
        assert not job.remarks
    assert not (tmp_path / "job").exists()  # nothing was kept


def _cut(data: bytes) -> bytes:
    return data[:-1]


def _flip(at: int) -> Callable[[bytes], bytes]:
    def flip(data: bytes) -> bytes:
        there = at % len(data)
        return data[:there] + bytes([data[there] ^ 1]) + data[there + 1 :]

    return flip


@pytest.mark.parametrize(
    "damage",
    [_cut, lambda _: b"", lambda data: data[:40], lambda data: data + b"x", *map(_flip, (0, 9, 30, 36, 99, -1))],
)
def test_a_damaged_shot_is_not_used(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """Checklist 37, 38."""
    shot = _RECIPE.shot(3, 7, [])
    with Job(tmp_path / "job") as job:
        fill(job, shot, 4)
        (path,) = kept(job.folder)
        path.write_bytes(damage(path.read_bytes()))
        assert job.find(shot) is None
        assert "frames 3 to 6 are coloured again" in job.remarks[0]
        fill(job, shot, 4)
        assert job.find(shot) is not None


def test_a_shot_under_another_ones_name_is_not_used(tmp_path: Path) -> None:
    """Checklist 38."""
    one, other = _RECIPE.shot(3, 7, []), replace(_RECIPE, weights="other").shot(3, 7, [])
    with Job(tmp_path / "job") as job:
        fill(job, one, 4)
        (path,) = kept(job.folder)
        path.rename(path.with_name(path.name.replace(one.key, other.key)))
        assert job.find(other) is None


def test_the_key_depends_on_all_that_colours_are_made_from() -> None:
    keys = {
        _RECIPE.shot(0, 9, []).key,
        _RECIPE.shot(1, 9, []).key,
        _RECIPE.shot(0, 8, []).key,
        _RECIPE.shot(0, 9, [], dissolve=4).key,
        _RECIPE.shot(0, 9, [("x", None, None)]).key,
        _RECIPE.shot(0, 9, [("x", 0, None)]).key,
        _RECIPE.shot(0, 9, [("x", None, None), ("y", None, None)]).key,
        _RECIPE.shot(0, 9, [("x", None, (2, 9))]).key,
        _RECIPE.shot(0, 9, [("y", None, None), ("x", None, None)]).key,
        *(replace(_RECIPE, **{name: "new"}).shot(0, 9, []).key for name in _RECIPE.to_dict()),
    }
    assert len(keys) == 9 + len(_RECIPE.to_dict())


def test_identity_of_a_film_notices_every_byte_of_a_small_one(film: Path, tmp_path: Path) -> None:
    copy, data = tmp_path / "copy.mkv", film.read_bytes()
    copy.write_bytes(data)
    assert film_identity(copy) == film_identity(film)
    for at in (0, len(data) // 2, -1):
        copy.write_bytes(_flip(at)(data))
        assert film_identity(copy) != film_identity(film)


def test_identity_of_a_large_film_notices_edits(tmp_path: Path) -> None:
    path, size = tmp_path / "large.mkv", (1 << 30) + (1 << 24)
    with path.open("wb") as file:
        file.truncate(size)  # a hole: it takes no room
    os.utime(path, ns=(1, 1))
    before = film_identity(path)
    assert film_identity(path) == before
    for at in (0, size - 1, size // 2 + 3):
        with path.open("rb+") as file:
            file.seek(at)
            file.write(b"x")
        after = film_identity(path)
        assert after != before, at
        before = after
    os.utime(path, ns=(1, 1))
    with path.open("rb+") as file:
        file.truncate(size + 1)
    os.utime(path, ns=(1, 1))
    assert film_identity(path) != before


def test_only_a_run_that_is_alone_removes_what_killed_ones_left(tmp_path: Path) -> None:
    job = tmp_path / "job"
    left = [tmp_path / ".out.mkv.00112233aabb.part", job / "shots" / ".0000003.k.chroma.00112233aabb.part"]
    mine = tmp_path / "mine.part"
    with Job(job) as first:
        for path in [*left, mine]:
            path.write_bytes(b"x")
        first.names(left[0])
        first.names(mine)
        with Job(job):
            assert all(path.exists() for path in left)
    Job(job).close()
    assert not any(path.exists() for path in left)
    assert mine.exists()


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    """Checklist 33."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(VideoError, match="file") as caught:
        Job(tmp_path / "file")
    assert "batch: --output-dir" in str(caught.value.hint)
    assert "colorize --no-job" in str(caught.value.hint)


# Runs


class Runs:
    """Runs of one film and job, each without loss."""

    def __init__(self, colorizer: Colorizer, film: Path, folder: Path) -> None:
        self._colorizer = colorizer
        self._film = film
        self.output = folder / "out.mkv"
        self.job = folder / "out.job"
        self.stages: list[str] = []

    def __call__(self, stills: Sequence[Path] = (), *, film: Path | None = None, **options: Any) -> Report:
        self.stages.clear()
        return self._colorizer.colorize(
            film or self._film,
            references=stills,
            output=self.output,
            progress=lambda stage, _done, _total: self.stages.append(stage),
            **{"job": self.job, "lossless": True, "overwrite": True, **options},
        )


@pytest.fixture(scope="module")
def finished(colorizer: Colorizer, film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run without stills: copied, it saves a test its first run."""
    folder = tmp_path_factory.mktemp("finished")
    assert _counts(Runs(colorizer, film, folder)()) == (0, 3)
    return folder


@pytest.fixture
def done(finished: Path, runs: "Runs") -> list[str]:
    """Hashes of the frames of a run that lies before those of the test."""
    shutil.copytree(finished, runs.job.parent, dirs_exist_ok=True)
    return hashes(runs.output)


@pytest.fixture
def runs(colorizer: Colorizer, film: Path, tmp_path: Path) -> Runs:
    return Runs(colorizer, film, tmp_path)


def _counts(report: Report) -> tuple[int, int]:
    return report.shots_reused, report.shots_colored


def test_frames_are_the_same_without_a_job_with_one_and_from_it(runs: Runs, stills: list[Path]) -> None:
    plain = runs(stills, job=None)
    assert (plain.job, _counts(plain)) == (None, (0, 3))
    assert not runs.job.exists()
    without = hashes(runs.output)
    first = runs(stills)
    assert _counts(first) == (0, 3)
    assert hashes(runs.output) == without
    assert "plan" in runs.stages
    second = runs(stills)
    assert _counts(second) == (3, 0)
    assert second.network_frames == 0
    assert "plan" not in runs.stages
    assert hashes(runs.output) == without
    assert second.job_bytes_unused == 0
    assert (second.job, second.job_bytes) == (runs.job, sum(path.stat().st_size for path in kept(runs.job)))
    assert not parts(runs.job.parent)


@pytest.mark.usefixtures("done")
def test_another_saturation_or_codec_colours_nothing_again(runs: Runs) -> None:
    """Checklist 36."""
    assert _counts(runs(saturation=0.5, lossless=False, crf=30)) == (3, 0)


def test_another_still_is_one_shot(runs: Runs, stills: list[Path]) -> None:
    """Checklist 36."""
    runs(stills)
    before = hashes(runs.output)
    _paint(stills[1], 15, swapped=True)
    report = runs(stills)
    after = hashes(runs.output)
    assert _counts(report) == (2, 1)
    assert [a == b for a, b in zip(before, after, strict=True)] == [True] * 10 + [False] * 10 + [True] * 10
    assert "other stills or dissolves than in the run before: frames 10 to 19" in report.notes
    runs(stills, job=None)
    assert hashes(runs.output) == after
    _paint(stills[1], 15)
    assert _counts(runs(stills)) == (3, 0)  # the first still's work is still there
    assert hashes(runs.output) == before


def test_another_binding_or_a_split_shot_is_coloured_alone(runs: Runs, film: Path, stills: list[Path]) -> None:
    """Checklist 36."""

    def plan(*shots: tuple[int, int, int | None]) -> ColorPlan:
        planned = [
            PlannedShot(start=a, stop=b, references=[PlannedReference(path=str(stills[0]), frame=c)])
            for a, b, c in shots
        ]
        return ColorPlan(video=str(film), frames=_FRAMES, shots=planned)

    assert _counts(runs(plan=plan((0, 10, 4), (10, 20, None), (20, 30, None)))) == (0, 3)
    assert _counts(runs(plan=plan((0, 10, 5), (10, 20, None), (20, 30, None)))) == (2, 1)
    split = runs(plan=plan((0, 10, 4), (10, 15, None), (15, 20, None), (20, 30, None)))
    assert _counts(split) == (2, 2)
    assert "shots that the run before did not have: frames 10 to 14, frames 15 to 19" in split.notes


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize("what", ["quality", "start", "weights", "temperature", "film", "program", "revision"])
def test_work_made_from_something_else_is_never_used(
    runs: Runs, film: Path, untrained: Path, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checklist 36."""
    options: dict[str, Any] = {}
    if what == "quality":
        options["quality"] = "fast"
    elif what == "start":
        options["start"] = Fraction(21, 2) / _GREY.rate
    elif what == "film":
        options["film"] = render(tmp_path / "other", replace(_GREY, options=(("crf", "40"),)))
    elif what == "program":
        monkeypatch.setattr("vidcolor.jobs.recipe.__version__", "9.9")
    elif what == "revision":
        monkeypatch.setattr("vidcolor.runs.REVISION", 99)
    elif what == "temperature":
        runs = Runs(Colorizer.load(untrained, device="cpu", temperature=0.2), film, tmp_path)
    else:
        network = ExemplarNetwork(NetworkConfig(width=16, coarse=16, fine=16))
        save_weights(tmp_path / "w.safetensors", network.state_dict(), config=network.config.to_dict(), version="1")
        runs = Runs(Colorizer.load(tmp_path / "w.safetensors", device="cpu"), film, tmp_path)
    report = runs(**options)
    assert report.shots_reused == 0
    assert report.shots_colored == report.shots
    assert 0 < report.job_bytes_unused < report.job_bytes
    (said,) = [note for note in report.notes if note.startswith("work of the run before does not fit")]
    assert {"start": "start of the segment", "program": "version", "revision": "version"}.get(what, what) in said
    made = hashes(runs.output)
    runs(**{**options, "job": None})
    assert hashes(runs.output) == made


def test_a_film_that_is_replaced_while_it_is_planned_is_not_coloured(
    colorizer: Colorizer, film: Path, tmp_path: Path
) -> None:
    source = Path(shutil.copy(film, tmp_path / "film.mkv"))
    pictures = [picture(index, _FRAMES, _GREY.width, _GREY.height, "grey")[::-1].copy() for index in range(_FRAMES)]
    other = render(tmp_path / "other", _GREY, pictures=pictures)

    def replace_it(stage: str, done: int, _total: int | None) -> None:
        if stage == "plan" and done == 5:
            Path(shutil.copy(other, tmp_path / "copy.mkv")).replace(source)

    with pytest.raises(VideoError, match="was changed or replaced after it was opened"):
        colorizer.colorize(source, output=tmp_path / "out.mkv", job=tmp_path / "job", progress=replace_it)
    assert not (tmp_path / "out.mkv").exists()
    assert not kept(tmp_path / "job")
    assert not parts(tmp_path)


def test_another_video_stream_is_other_work(runs: Runs, tmp_path: Path) -> None:
    """Checklist 36."""
    film = two_pictures(tmp_path / "two.mkv")
    assert _counts(runs(film=film)) == (0, 2)
    second = runs(film=film, stream=1)
    assert _counts(second) == (0, 2)
    (said,) = [note for note in second.notes if note.startswith("work of the run before does not fit")]
    assert "the video stream" in said
    assert _counts(runs(film=film, stream=1)) == (2, 0)


def test_what_was_warned_of_while_planning_comes_again_with_the_plan(runs: Runs, stills: list[Path]) -> None:
    shutil.copy(stills[0], twin := stills[0].with_name("twin_000004.png"))
    given = [twin, *stills]
    first = runs(given)
    assert first.warnings == (
        "twin_000004.png and still_000004.png are both of frame 4: twin_000004.png is obeyed there, the other is used "
        "for its colours only",
    )
    assert not set(first.warnings) & set(first.notes)
    second = runs(given)
    assert "plan" not in runs.stages
    assert (second.warnings, second.notes) == (first.warnings, first.notes)
    for fresh in (False, True):
        with pytest.raises(VidcolorError, match="strict allows no warning"):
            runs(given, strict=True, fresh=fresh)
        assert "color" not in runs.stages
    assert _counts(runs(given)) == (3, 0)  # a run that was refused forgets nothing


def test_another_temperature_plans_nothing_again_and_the_weights_own_finds_its_work(
    runs: Runs, film: Path, untrained: Path, tmp_path: Path, done: list[str]
) -> None:
    lively = Runs(Colorizer.load(untrained, device="cpu", temperature=0.2), film, tmp_path)
    assert _counts(lively()) == (0, 3)
    assert "plan" not in lively.stages
    assert hashes(runs.output) != done
    named = Runs(Colorizer.load(untrained, device="cpu", temperature=0.6), film, tmp_path)  # what they say themselves
    assert _counts(named()) == (3, 0)
    assert hashes(runs.output) == done
    assert _counts(lively()) == (3, 0)


def test_provenance_uses_no_job_and_says_so(runs: Runs, done: list[str], tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in runs.job.rglob("*")}
    report = runs(provenance=tmp_path / "sources.mp4")
    assert (report.job, _counts(report)) == (None, (0, 3))
    (said,) = [note for note in report.notes if "provenance" in note]
    assert str(runs.job) in said
    assert {path: path.stat().st_mtime_ns for path in runs.job.rglob("*")} == before
    assert hashes(runs.output) == done
    assert not [note for note in runs(provenance=tmp_path / "sources.mp4", job=None).notes if "provenance" in note]


@pytest.mark.usefixtures("done")
def test_fresh_uses_nothing(runs: Runs) -> None:
    assert _counts(runs(fresh=True)) == (0, 3)
    assert "plan" in runs.stages
    assert _counts(runs()) == (3, 0)


@pytest.mark.usefixtures("done")
def test_fresh_forgets_nothing_when_the_run_is_refused(runs: Runs, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="exists already"):
        runs(fresh=True, overwrite=False)
    with pytest.raises(ReferenceImageError, match="no such still"):
        runs([tmp_path / "missing.png"], fresh=True)
    assert _counts(runs()) == (3, 0)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "\x00\x01", '{"version": 99}', '{"version": 1}', "[" * 100_000,
        '{"version": 1, "recipe": 3, "shots": [], "planned_from": null, "plan": null}',
        '{"version": 1, "recipe": {}, "shots": [7], "planned_from": null, "plan": null}',
    ],
    ids=range(10),
)  # fmt: skip
def test_a_damaged_manifest_is_made_anew(runs: Runs, done: list[str], text: str) -> None:
    """Checklist 37."""
    (runs.job / "manifest.json").write_text(text)
    report = runs()
    assert "plan" in runs.stages
    assert _counts(report) == (3, 0)  # the shots speak for themselves
    assert any("manifest.json is damaged" in note for note in report.notes)
    assert hashes(runs.output) == done
    assert json.loads((runs.job / "manifest.json").read_text())["version"] == 1


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize("plan", [None, 3, {}, {"plan": {"version": 1, "video": "x", "frames": 0, "shots": []}}])
def test_a_damaged_plan_is_made_anew(runs: Runs, plan: object) -> None:
    """Checklist 37."""
    path = runs.job / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "plan": plan}))
    assert _counts(runs()) == (3, 0)
    assert "plan" in runs.stages


def test_a_damaged_shot_is_coloured_again(runs: Runs, done: list[str]) -> None:
    """Checklist 37, 38."""
    short, wrong, _ = kept(runs.job)
    short.write_bytes(short.read_bytes()[:-1000])
    wrong.write_bytes(_flip(5000)(wrong.read_bytes()))
    report = runs()
    assert _counts(report) == (1, 2)
    assert sum("is damaged" in note for note in report.notes) == 2
    assert hashes(runs.output) == done
    assert _counts(runs()) == (3, 0)


def test_a_failed_run_that_kept_nothing_leaves_no_folder(runs: Runs, tmp_path: Path) -> None:
    with pytest.raises(ReferenceImageError, match="no such still"):
        runs([tmp_path / "missing.png"])
    assert not list(tmp_path.iterdir())


def test_work_of_the_best_quality_comes_back_at_its_size(runs: Runs, stills: list[Path]) -> None:
    assert _counts(runs(stills, quality="best")) == (0, 3)
    before = hashes(runs.output)
    assert _counts(runs(stills, quality="best")) == (3, 0)
    assert hashes(runs.output) == before
    for path in kept(runs.job):
        assert int.from_bytes(path.read_bytes()[28:32], "little") == 512  # the width, after the magic and the key


@pytest.mark.parametrize("quality", ["balanced", "best"])
def test_a_turned_film_is_taken_from_its_job(colorizer: Colorizer, tmp_path: Path, quality: str) -> None:
    turned = Film(look="grey", codec="libx264", suffix=".mp4", frames=12, rotation=90, width=128, height=64)
    runs = Runs(colorizer, render(tmp_path / "turned", turned), tmp_path)
    runs.output = tmp_path / "out.mp4"
    shots = runs(quality=quality).shots_colored
    before = hashes(runs.output)
    assert _counts(runs(quality=quality)) == (shots, 0)
    assert hashes(runs.output) == before


# Real processes, really killed


def start(film: Path, output: Path, weights: Path, *words: object, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vidcolor", "colorize", film, "-o", output, "--weights", weights, "--lossless"]
    return subprocess.Popen(
        [str(word) for word in [*command, "--json", *words]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        **options,
    )


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return dict(json.loads(out))


def wait_until(process: subprocess.Popen[str], reached: Callable[[], bool]) -> bool:
    """Wait until something is reached; return False if the process ended before."""
    while process.poll() is None:
        if reached():
            return True
        time.sleep(0.005)
    return False


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes of 30 frames."""
    return render(tmp_path_factory.mktemp("film") / "long", replace(_GREY, frames=90))


@pytest.fixture
def long_runs(colorizer: Colorizer, long_film: Path, tmp_path: Path) -> Runs:
    return Runs(colorizer, long_film, tmp_path)


@pytest.fixture(scope="module")
def unbroken(colorizer: Colorizer, long_film: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Frames of the long film, coloured without a job or an interruption."""
    output = tmp_path_factory.mktemp("unbroken") / "out.mkv"
    colorizer.colorize(long_film, output=output, lossless=True)
    return hashes(output)


def test_killed_at_any_time_a_run_goes_on(
    long_runs: Runs, long_film: Path, untrained: Path, unbroken: list[str], tmp_path: Path
) -> None:
    """Checklist 35."""
    job, chance = long_runs.job, random.Random(5)
    killed = 0
    for reached in (
        lambda: bool(parts(tmp_path)),
        lambda: (job / "manifest.json").exists(),
        lambda: len(kept(job)) >= 1,
        lambda: len(kept(job)) >= 2,
    ):
        process = start(long_film, long_runs.output, untrained, "-y")
        if wait_until(process, reached):
            time.sleep(chance.uniform(0, 0.1))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        process.communicate()
    assert killed >= 3
    done = len(kept(job))
    assert _counts(long_runs()) == (done, 3 - done)
    assert hashes(long_runs.output) == unbroken
    assert not parts(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_keeps_its_finished_shots(
    long_runs: Runs, long_film: Path, untrained: Path, unbroken: list[str], tmp_path: Path, number: int
) -> None:
    """Checklist 35."""
    process = start(long_film, long_runs.output, untrained)
    assert wait_until(process, lambda: len(kept(long_runs.job)) >= 1)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert err.splitlines()[-2].startswith("error: interrupted")
    assert "Traceback" not in err
    assert not long_runs.output.exists()
    assert not parts(tmp_path)
    done = len(kept(long_runs.job))
    assert _counts(long_runs()) == (done, 3 - done)
    assert hashes(long_runs.output) == unbroken


def test_a_signal_just_as_a_file_was_made_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def interrupted(path: Path, *given: Any, **named: Any) -> Any:
        file = opened(path, *given, **named)
        if path.suffix == ".part":
            file.close()
            raise KeyboardInterrupt
        return file

    shot = _RECIPE.shot(3, 7, [])
    with Job(tmp_path / "job") as job:
        monkeypatch.setattr(Path, "open", interrupted)
        with pytest.raises(KeyboardInterrupt), job.keep(shot, first=shot.start, width=12, height=8):
            pass
    assert not parts(tmp_path)


def test_a_run_under_nohup_outlives_its_terminal() -> None:
    before = signal.getsignal(signal.SIGHUP)
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with signals_interrupt():
            os.kill(os.getpid(), signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with signals_interrupt(), pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_two_runs_at_once_do_no_harm(
    long_runs: Runs, long_film: Path, untrained: Path, unbroken: list[str], tmp_path: Path
) -> None:
    """Checklist 39."""
    processes = [start(long_film, long_runs.output, untrained, "-y") for _ in range(2)]
    reports = [finish(process) for process in processes]
    assert all(report["shots_reused"] + report["shots_colored"] == 3 for report in reports)
    assert hashes(long_runs.output) == unbroken
    assert not parts(tmp_path)
    assert _counts(long_runs()) == (3, 0)
    assert hashes(long_runs.output) == unbroken


def test_a_full_disk_leaves_what_was_finished(
    long_runs: Runs, long_film: Path, untrained: Path, tmp_path: Path
) -> None:
    """Checklist 34."""
    # Files may not grow beyond 600 kB: the first shot's fits, the second's does not.
    shots = [PlannedShot(start=0, stop=4), PlannedShot(start=4, stop=90)]
    plan = ColorPlan(video=str(long_film), frames=90, shots=shots)
    plan.save(tmp_path / "plan.json")

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    words = ["--plan", tmp_path / "plan.json"]
    process = start(long_film, long_runs.output, untrained, *words, preexec_fn=little_room)
    _, err = process.communicate()
    assert process.returncode == 1, err
    assert err.splitlines()[-2:] == [
        f"error: {long_runs.job}: the file grows larger than this disk, or the limit set for you, allows",
        "hint: free space and run the same command again: finished shots are kept",
    ]
    assert not long_runs.output.exists()
    assert not parts(tmp_path)
    assert len(kept(long_runs.job)) == 1
    assert _counts(long_runs(plan=plan)) == (1, 1)
    made = hashes(long_runs.output)
    long_runs(plan=plan, job=None)
    assert hashes(long_runs.output) == made


def test_a_failure_leaves_no_thread_behind(colorizer: Colorizer, long_film: Path) -> None:
    """Not even while its traceback lives: a thread that still computes when Python ends takes the process down."""
    with VideoReader(long_film) as reader:
        shot = PlannedShot(start=0, stop=90)
        networks = colorizer._networks
        colors = shot_colors(
            iter(reader), reader.info, shot, {}, networks, quality="balanced", clock=Clock(), keeping=None
        )
        next(colors)
        running = {"vidcolor-keyframes", "vidcolor-flow"}
        assert running <= {thread.name for thread in threading.enumerate()}
        with pytest.raises(OSError, match="the disk is full") as caught:
            colors.throw(OSError("the disk is full"))
        assert not running & {thread.name for thread in threading.enumerate()}, caught


def test_the_command_line_tells_what_was_reused(film: Path, untrained: Path, tmp_path: Path) -> None:
    output, job = tmp_path / "out.mkv", tmp_path / "out.job"

    def colorize(*words: object) -> Result:
        command = ["colorize", film, "-o", output, "--weights", untrained, *words]
        result = CliRunner().invoke(app, [str(word) for word in command])
        assert result.exit_code == 0, result.stderr
        return result

    assert json.loads(colorize("--no-job", "--json").stdout)["job"] is None
    assert not job.exists()
    report = json.loads(colorize("-y", "--json").stdout)
    assert (report["job"], report["shots_reused"], report["shots_colored"]) == (str(job), 0, 3)
    said = colorize("-y", "--saturation", "0.5").stderr
    assert "3 of 3 shots are kept, whole or in part, in" in said
    assert f"3 shots reused, 0 coloured; {job} keeps them" in said
    assert json.loads(colorize("-y", "--fresh", "--json").stdout)["shots_colored"] == 3
