"""Many films with real workers, some of them really killed."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from films import ROOT, colorize_alone, render, two_pictures
from films import Film as Rendered
from PIL import Image
from typer.testing import CliRunner

from vidcolor.batch import Film, FilmResult, LocalCrew, Settings, run_batch
from vidcolor.batch.pool import _work
from vidcolor.batch.tasks import Crew, Outcome, Task, divide
from vidcolor.cli import app
from vidcolor.cli.batching import _local_workers
from vidcolor.jobs import Recipe
from vidcolor.plan import make_plan
from vidcolor.video import VideoReader
from vidcolor.video.encoders import EncoderSettings

_LOOK = Rendered(look="grey", codec="libx264", frames=150)
_RECIPE = Recipe(
    film="a", stream="0", start="None", quality="balanced", weights="b", device="cpu", temperature="0.5", program="c"
)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two films of three scenes, of 150 frames with B-frames, and of 100 frames that start late."""
    folder = tmp_path_factory.mktemp("films")
    times = tuple(25 * n + 90 for n in range(100))
    late = replace(_LOOK, suffix=".mp4", time_base=Fraction(1, 600), frames=100, times=times)
    return [render(folder / "one", _LOOK), render(folder / "two", replace(late, options=(("bf", "0"),)))]


@pytest.fixture(scope="module")
def expected(films: list[Path], untrained: Path, tmp_path_factory: pytest.TempPathFactory) -> list[list[np.ndarray]]:
    """The chroma of the films, each coloured in one run."""
    folder = tmp_path_factory.mktemp("alone")
    return [chroma(colorize_alone(film, folder / film.name, weights=untrained)) for film in films]


def chroma(path: Path) -> list[np.ndarray]:
    with VideoReader(path) as reader:
        return [np.stack([f.source_chroma.cb, f.source_chroma.cr]) for f in reader if f.source_chroma is not None]


def equal(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def planned(films: list[Path], folder: Path) -> list[Film]:
    return [Film(film, folder / film.name, (folder / film.name).with_suffix(".job")) for film in films]


def settings(weights: Path) -> Settings:
    return Settings(weights=weights, device="cpu", encoder=EncoderSettings(lossless=True))


# Tasks


def _keys(*stops: int) -> list[Any]:
    return [_RECIPE.shot(start, stop, []) for start, stop in zip((0, *stops), stops, strict=False)]


def _spans(stops: tuple[int, ...], missing: list[int], times: Sequence[Fraction]) -> list[tuple[int, int]]:
    found = divide([{}] * len(stops), _keys(*stops), missing, times)
    return [(unit.keys[0].start, unit.keys[-1].stop) for unit in found]


def test_neighbouring_short_shots_are_one_unit() -> None:
    times = [Fraction(n, 24) for n in range(400)]
    stops = (30, 60, 90, 120, 390, 400)
    assert _spans(stops, [0, 1, 2, 3, 4, 5], times) == [(0, 120), (120, 390), (390, 400)]
    assert _spans(stops, [0, 1, 4, 5], times) == [(0, 60), (120, 390), (390, 400)]
    (unit,) = divide([{}] * 6, _keys(*stops), [4], times)
    assert (unit.start, unit.end) == (Fraction(5), Fraction(390, 24))
    (unit,) = divide([{}] * 2, _keys(30, 400), [1], times)
    assert (unit.start, unit.end) == (Fraction(30, 24), None)


def test_little_work_and_films_without_sure_times_are_not_divided() -> None:
    times = [Fraction(n, 24) for n in range(400)]
    assert _spans((10,), [0], times[:10]) == []
    assert _spans((200, 400), [], times) == []
    assert _spans((200, 400), [0, 1], times[:-1]) == []
    assert _spans((200, 400), [0, 1], []) == []


def test_one_thread_decodes_what_many_do(films: list[Path]) -> None:
    for film in films:
        with VideoReader(film) as reader, VideoReader(film, threads=1) as single:
            assert all(np.array_equal(a.luma, b.luma) for a, b in zip(reader, single, strict=True))


# The schedule, with a crew of the test's own: what it hands out and when


class _Scripted:
    """Does nothing at once; fails as told."""

    def __init__(self, fails: Callable[[Task], Outcome | None], units: int) -> None:
        self.seen: list[str] = []
        self._fails, self._units, self._tasks = fails, units, list[Task]()

    def free(self) -> bool:
        return not self._tasks

    def start(self, task: Task) -> None:
        self._tasks.append(task)
        self.seen.append(f"{task.film.video} {task}")

    def wait(self) -> Outcome:
        task = self._tasks.pop()
        if (failed := self._fails(task)) is not None:
            return failed
        shots: list[dict[str, Any]] = [{}] * self._units
        times = [Fraction(n) for n in range(200 * self._units)]
        keys = _keys(*(200 * (n + 1) for n in range(self._units)))
        report = {"frames": 1, "shots_colored": 0, "notes": (), "warnings": ()}
        values = {
            "plan": (len(shots), divide(shots, keys, range(len(shots)), times)),
            "shots": 1,
            "film": report,
        }
        return Outcome(task, values[task.kind])

    def close(self) -> None:
        self._tasks.clear()


def _batch(fails: Callable[[Task], Outcome | None], *, units: int = 2) -> tuple[list[FilmResult], list[str]]:
    crew: Crew = _Scripted(fails, units)
    results = run_batch([Film(Path(name), Path(name), Path(name)) for name in "ab"], crew, retries=1)
    assert isinstance(crew, _Scripted)
    return results, crew.seen


def test_a_film_is_planned_coloured_and_written_in_this_order() -> None:
    results, seen = _batch(lambda task: None)
    steps = ["plan", "frames 0 to 199", "frames 200 to 399", "film"]
    assert seen == [f"{name} {step}" for name in "ab" for step in steps]
    assert [(result.done, result.shots, result.shots_colored) for result in results] == [(True, 2, 2)] * 2
    assert _batch(lambda task: None, units=0)[1] == ["a plan", "a film", "b plan", "b film"]


def test_a_lost_shot_is_tried_again_then_listed_and_the_other_shots_are_kept() -> None:
    def fails(task: Task) -> Outcome | None:
        lost = str(task.film.video) == "a" and str(task) == "frames 0 to 199"
        return Outcome(task, error="gone", again=True) if lost else None

    results, seen = _batch(fails)
    assert seen.count("a frames 0 to 199") == 2
    assert "a frames 200 to 399" in seen
    assert "a film" not in seen
    assert [result.done for result in results] == [False, True]
    assert results[0].errors == ["frames 0 to 199: gone (tried 2 times)"]
    assert results[0].shots_colored == 1


def test_what_cannot_be_better_elsewhere_is_not_tried_again() -> None:
    def fails(task: Task) -> Outcome | None:
        return Outcome(task, error="no film", hint="look") if str(task.film.video) == "a" else None

    results, seen = _batch(fails)
    assert seen[0] == "a plan"
    assert not [step for step in seen[1:] if step.startswith("a")]
    assert (results[0].errors, results[0].hint, results[1].done) == (["plan: no film"], "look", True)


# Real workers


def test_two_workers_colour_as_one_run_does(
    films: list[Path], expected: list[list[np.ndarray]], untrained: Path, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int | None]] = []
    with closing(LocalCrew(settings(untrained), workers=2)) as crew:
        results = run_batch(planned(films, tmp_path), crew, progress=lambda *words: told.append(words))
    for result, chromas in zip(results, expected, strict=True):
        assert (result.done, result.errors, result.frames, result.lost) == (True, [], len(chromas), 0)
        assert result.shots == result.shots_colored
        assert len(list((result.film.job / "shots").iterdir())) == result.shots
        assert equal(chroma(result.film.output), chromas)
    assert ("films", 2, 2) in told
    assert told[-1] == ("shots", sum(result.shots for result in results), sum(result.shots for result in results))
    assert not list(tmp_path.rglob("*.part"))


def test_shots_that_keep_their_colours_are_no_work(films: list[Path], untrained: Path, tmp_path: Path) -> None:
    plan = make_plan(films[0], [])
    assert len(plan.shots) == 3
    kept = plan.with_shots(
        shot.model_copy(update={"treatment": "keep" if number == 1 else "color"})
        for number, shot in enumerate(plan.shots)
    )
    kept.save(tmp_path / "plan.json")
    film = replace(planned(films[:1], tmp_path)[0], plan=tmp_path / "plan.json")
    with closing(LocalCrew(settings(untrained), workers=1)) as crew:
        crew.start(Task("plan", film))
        shots, units = crew.wait().value
        assert shots == 3
        assert [key.start for unit in units for key in unit.keys] == [plan.shots[0].start, plan.shots[2].start]
        (result,) = run_batch([film], crew)
    assert (result.done, result.errors, result.shots, result.shots_colored) == (True, [], 3, 2)
    alone = colorize_alone(films[0], tmp_path / "alone.mkv", "--plan", tmp_path / "plan.json", weights=untrained)
    assert equal(chroma(film.output), chroma(alone))


def test_a_unit_that_begins_at_another_frame_than_was_meant_is_left_to_the_film(
    films: list[Path], untrained: Path, tmp_path: Path
) -> None:
    film = planned(films[:1], tmp_path)[0]
    with closing(LocalCrew(settings(untrained), workers=1)) as crew:
        crew.start(Task("plan", film))
        _, units = crew.wait().value
        crew.start(Task("shots", film, unit=replace(units[0], start=units[0].start + Fraction(1, 1000))))
        outcome = crew.wait()
    assert (outcome.value, outcome.error) == (0, None)
    assert list((film.job / "shots").iterdir()) == []


def test_shots_are_not_kept_as_those_of_a_still_or_a_film_that_changed_meanwhile(
    films: list[Path], untrained: Path, tmp_path: Path
) -> None:
    still = tmp_path / "still_000004.png"

    def paint(shade: tuple[int, int, int]) -> None:
        Image.fromarray(np.full((64, 96, 3), shade, np.uint8)).save(still)

    reel = tmp_path / "reel.mkv"
    reel.write_bytes(films[0].read_bytes())
    film = replace(planned([reel], tmp_path)[0], output=tmp_path / "out.mkv", references=(still,))
    paint((200, 60, 40))
    with closing(LocalCrew(settings(untrained), workers=1)) as crew:
        crew.start(Task("plan", film))
        _, units = crew.wait().value

        def colored() -> int:
            crew.start(Task("shots", film, unit=units[0]))
            return int(crew.wait().value)

        paint((40, 60, 200))
        assert colored() == 0
        paint((200, 60, 40))
        reel.write_bytes(reel.read_bytes() + b"\0")
        assert colored() == 0
        assert list((film.job / "shots").iterdir()) == []
        reel.write_bytes(films[0].read_bytes())
        assert colored() == len(units[0].shots)


def test_plan_shots_and_film_are_of_the_chosen_stream(untrained: Path, tmp_path: Path) -> None:
    source = two_pictures(tmp_path / "two.mkv", lengths=(6, 120))
    (tmp_path / "out").mkdir()
    (film,) = planned([source], tmp_path / "out")
    with closing(LocalCrew(replace(settings(untrained), stream=1), workers=1)) as crew:
        crew.start(Task("plan", film))
        shots, units = crew.wait().value
        assert (units[0].keys[0].start, units[-1].keys[-1].stop) == (0, 120)
        for unit in units:
            crew.start(Task("shots", film, unit=unit))
            assert crew.wait().value == len(unit.shots)
        (result,) = run_batch([film], crew)
    assert (result.done, result.errors, result.frames, result.shots, result.shots_colored) == (True, [], 120, shots, 0)
    alone = colorize_alone(source, tmp_path / "alone.mkv", "--stream", 1, weights=untrained)
    assert equal(chroma(film.output), chroma(alone))


def test_a_film_without_the_chosen_stream_fails_and_the_others_are_done(untrained: Path, tmp_path: Path) -> None:
    one, two = render(tmp_path / "one", replace(_LOOK, frames=6)), two_pictures(tmp_path / "two.mkv")
    words = ["batch", one, two, "--stream", 1, "--weights", untrained, "--workers", 1, "--json"]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 1
    assert f"error: one.mkv: {one} has no video stream 1\nhint: video streams here: 0\n" in result.stderr
    failed, done = json.loads(result.stdout)["films"]
    assert (failed["state"], done["state"], done["frames"]) == ("failed", "done", 9)
    with VideoReader(done["output"]) as reader:
        assert reader.info.width == 32


@contextmanager
def killing(job: Path, *, times: int) -> Iterator[list[int]]:
    """Kill the worker each time that a shot of a job is being written."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set() and len(killed) < times:
            # A killed worker leaves its part behind: a new one is a new shot.
            found = set(job.glob("shots/.*.part")) - seen
            if found and (workers := multiprocessing.active_children()):
                seen.update(found)
                os.kill(workers[0].pid or 0, signal.SIGKILL)
                killed.append(workers[0].pid or 0)
            time.sleep(0.005)

    seen: set[Path] = set()
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def test_a_worker_killed_in_mid_shot_is_replaced(
    films: list[Path], expected: list[list[np.ndarray]], untrained: Path, tmp_path: Path
) -> None:
    """Checklist 40."""
    (_, film) = planned(films, tmp_path)
    with killing(film.job, times=1) as killed, closing(LocalCrew(settings(untrained), workers=1)) as crew:
        (result,) = run_batch([film], crew, retries=1)
    assert len(killed) == 1
    assert (result.done, result.errors, result.lost) == (True, [], 1)
    assert equal(chroma(film.output), expected[1])
    assert not list(tmp_path.rglob("*.part"))


def test_a_film_that_always_kills_its_worker_is_listed_and_the_others_complete(
    films: list[Path], expected: list[list[np.ndarray]], untrained: Path, tmp_path: Path
) -> None:
    """Checklist 40."""
    bad, good = planned(films, tmp_path)
    with killing(bad.job, times=100), closing(LocalCrew(settings(untrained), workers=1)) as crew:
        results = run_batch([bad, good], crew, retries=0)
    assert [result.done for result in results] == [False, True]
    assert "its worker died (killed by signal 9)" in results[0].errors[0]
    assert not bad.output.exists()
    assert equal(chroma(good.output), expected[1])


def test_the_command_line_prints_a_table_and_goes_on(untrained: Path, tmp_path: Path) -> None:
    small = render(tmp_path / "small", replace(_LOOK, frames=12, height=256))  # enough lines for several threads
    (tmp_path / "text.mkv").write_text("no film")
    (tmp_path / "out").mkdir()
    output = tmp_path / "out" / "small.color.mkv"

    def batch(*words: object) -> tuple[int, str, str]:
        command = ["batch", small, tmp_path / "text.mkv", "--output-dir", output.parent, "--weights", untrained, *words]
        result = CliRunner().invoke(app, [str(word) for word in command])
        return result.exit_code, result.stdout, result.stderr

    status, out, err = batch("--workers", 1)
    assert status == 1
    assert [line.split()[0] for line in out.splitlines()] == ["state", "done", "failed"]
    assert "error: text.mkv: " in err
    assert output.exists()
    status, out, _ = batch("--json")
    there, failed = json.loads(out)["films"]
    assert (there["state"], failed["state"]) == ("there", "failed")
    assert (there["output"], there["job"]) == (str(output), str(output.with_suffix(".job")))
    assert (failed["video"], failed["output"], failed["job"]) == (str(tmp_path / "text.mkv"), None, None)
    assert b" threads=1 " in output.read_bytes()  # as x264 notes it: one, so that a worker is a core
    output.unlink()
    (first, second) = json.loads(batch("--json", "--preset", "ultrafast", "--threads-per-worker", 2)[1])["films"]
    assert b" threads=2 " in output.read_bytes()
    assert (first["state"], first["shots_colored"], first["frames"]) == ("done", 0, 12)
    assert (second["state"], second["errors"] != []) == ("failed", True)


def test_a_film_that_fails_in_a_worker_is_named_and_the_others_are_done(untrained: Path, tmp_path: Path) -> None:
    one, two = (render(tmp_path / name, replace(_LOOK, frames=12)) for name in ("one", "two"))
    (tmp_path / "plans").mkdir()
    shorter = render(tmp_path / "shorter", replace(_LOOK, frames=9))
    make_plan(shorter, []).save(tmp_path / "plans" / "one.plan.json")
    words = ["batch", one, two, "--plans", tmp_path / "plans", "--weights", untrained, "--workers", 1]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["state", "failed", "done"]
    assert "error: one.mkv: plan: the plan has 9 frames, the film 12" in result.stderr
    assert [path.name for path in tmp_path.glob("*.color.mkv")] == ["two.color.mkv"]


@pytest.mark.parametrize(
    ("film", "options", "said"),
    [
        (replace(_LOOK, codec="ffv1", pixel_format="gray12le"), [], "the film has 12 bit luma; x264 holds 8, 10 bit"),
        (replace(_LOOK, field_order=2), ["--codec", "x265"], "the film is interlaced; x265 loses its field flags"),
    ],
)
def test_what_cannot_be_written_fails_before_shots_are_coloured(
    untrained: Path, tmp_path: Path, film: Rendered, options: list[object], said: str
) -> None:
    source = render(tmp_path / "film", film)
    words = ["batch", source, "--weights", untrained, "--workers", 1, *options]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 1
    assert f"error: film.mkv: plan: {said}" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["film.mkv"]


def test_a_batch_of_its_own_outputs_leaves_them_out(untrained: Path, tmp_path: Path) -> None:
    film = render(tmp_path / "film", replace(_LOOK, frames=12))
    words = ["batch", "--weights", str(untrained), "--workers", "1", "--json"]
    assert CliRunner().invoke(app, [*words, str(film)]).exit_code == 0
    result = CliRunner().invoke(app, [*words, *(str(path) for path in sorted(tmp_path.glob("*.mkv")))])
    assert "note: film.color.mkv is what film.mkv becomes: it is left out" in result.stderr
    assert [each["state"] for each in json.loads(result.stdout)["films"]] == ["there"]
    assert sorted(path.name for path in tmp_path.glob("*.mkv")) == ["film.color.mkv", "film.mkv"]


# Signals


def _batch_process(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vidcolor", "batch", *(str(word) for word in words)]
    # A session of its own, as a terminal's is: Ctrl-C goes to all processes in it.
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )


def _wait_for(found: Callable[[], object], *, while_runs: subprocess.Popen[str]) -> None:
    while not found():
        assert while_runs.poll() is None, while_runs.communicate()
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_leaves_a_batch_that_goes_on(
    number: int, films: list[Path], expected: list[list[np.ndarray]], untrained: Path, tmp_path: Path
) -> None:
    words = (*films, "--output-dir", tmp_path, "--weights", untrained, "--workers", 2, "--lossless", "--device", "cpu")
    process = _batch_process(*words)
    kept = tmp_path.glob
    _wait_for(lambda: [*kept("*.job/shots/*.chroma")] and [*kept("*.job/shots/.*.part")], while_runs=process)
    os.killpg(process.pid, number)
    out, err = process.communicate()  # to the end of stderr, which is the end of all workers
    assert (process.returncode, out) == (130, "")
    assert [line.split(":")[0] for line in err.splitlines() if not line.startswith("INFO")] == ["error", "hint"]
    assert not list(tmp_path.rglob("*.part"))
    assert not list(tmp_path.glob("*.mkv"))
    before = {path.name for path in tmp_path.glob("*.job/shots/*")}
    assert before
    process = _batch_process(*words, "--json")
    out, err = process.communicate()
    assert process.returncode == 0, err
    results = json.loads(out)["films"]
    assert sum(film["shots_colored"] for film in results) == sum(film["shots"] for film in results) - len(before)
    assert "Traceback" not in err
    for film, chromas in zip(results, expected, strict=True):
        assert equal(chroma(Path(film["output"])), chromas)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_worker_that_is_done_says_nothing_when_it_is_signalled(name: str) -> None:
    code = """
import atexit, os, signal, sys
from multiprocessing import Pipe
from vidcolor.batch.pool import _serve
from vidcolor.batch.tasks import Settings

ours, theirs = Pipe()
ours.close()
atexit.register(print, "went on")
atexit.register(os.kill, os.getpid(), getattr(signal, sys.argv[1]))  # runs first
_serve(theirs, Settings())
"""
    run = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, cwd=ROOT)
    assert (run.returncode, run.stdout, run.stderr) == (0, "went on\n", "")


def test_a_worker_that_is_sent_home_twice_ends_in_order() -> None:
    code = """
import os, signal, time
from multiprocessing import Pipe
from vidcolor.batch import Settings, pool
def work(connection, settings):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(9)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        print("ended in order")
pool._work = work
ours, theirs = Pipe()
pool._serve(theirs, Settings())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (run.returncode, run.stdout, run.stderr) == (0, "ended in order\n", "")


def test_a_film_named_in_two_ways_is_one_film(untrained: Path, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").symlink_to(tmp_path / "here")
    film = render(tmp_path / "here" / "film", replace(_LOOK, frames=4))
    names = [film, tmp_path / "there" / film.name, tmp_path / "here" / ".." / "here" / film.name]
    words = ["batch", *names, "--workers", 1, "--json", "-q", "--weights", untrained]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0
    assert [each["video"] for each in json.loads(result.stdout)["films"]] == [str(film)]


def test_two_films_of_one_output_are_wrong_usage(films: list[Path], tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    other = tmp_path / "sub" / films[0].name
    other.write_bytes(films[0].read_bytes())
    result = CliRunner().invoke(app, ["batch", str(films[0]), str(other), "--output-dir", str(tmp_path)])
    assert result.exit_code == 2
    assert "would both be written to" in result.stderr


def test_a_share_of_a_gpu_without_ray_is_wrong_usage(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["batch", str(tmp_path / "film.mkv"), "--gpus", "0.5"])
    assert (result.exit_code, "--gpus without --ray" in result.output) == (2, True)


def test_workers_are_as_many_as_the_cores_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 128)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 4, 5, 9}, raising=False)
    assert _local_workers("cpu", 1) == 4
    assert _local_workers("cpu", 3) == 1
    assert _local_workers("cpu", 9) == 1
    monkeypatch.setattr("vidcolor.device.pick_device", lambda _: torch.device("cuda"))
    assert _local_workers("auto", 1) == 1


def test_a_worker_without_room_for_its_networks_says_so_and_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0

    class Cramped:
        def __init__(self, _: Settings) -> None:
            nonlocal made
            made += 1
            if made == 1:
                raise RuntimeError("CUDA error: out of memory")

        def do(self, task: Task) -> Outcome:
            return Outcome(task, value=7)

    monkeypatch.setattr("vidcolor.batch.worker.Worker", Cramped)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    ours, theirs = multiprocessing.Pipe()
    thread = threading.Thread(target=_serve_here, args=(theirs,))
    thread.start()
    task = Task("plan", Film(Path("film.mkv"), Path("out.mkv"), Path("out.job")))
    answers = []
    for _ in range(2):
        ours.send(task)
        answers.append(ours.recv())
    ours.close()
    thread.join()
    assert (answers[0].error, answers[0].again) == ("RuntimeError: CUDA error: out of memory", True)
    assert answers[1].value == 7


def _serve_here(connection: Connection) -> None:
    with suppress(EOFError), closing(connection):
        _work(connection, Settings())
