"""The batch on a real Ray cluster of two workers on this machine. Needs the extra `ray`."""

import os
import signal
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from films import Film as Rendered
from films import render

from vidcolor import Colorizer
from vidcolor.batch import Film, Settings, run_batch
from vidcolor.errors import VidcolorError
from vidcolor.video import VideoReader

pytest.importorskip("ray")

_LOOK = Rendered(look="grey", codec="libx264", frames=150)


def planes(path: Path) -> list[bytes]:
    with VideoReader(path) as reader:
        return [frame.source_chroma.cb.tobytes() for frame in reader if frame.source_chroma is not None]


def writer_of(job: Path) -> int | None:
    """Return the process that is writing a shot of a job."""
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = str(fd.readlink())
        except OSError:
            continue
        if target.startswith(str(job / "shots" / ".")) and target.endswith(".part"):
            return int(fd.parts[2])
    return None


def test_a_cluster_of_two_colours_as_one_run_does_though_a_worker_is_killed(
    untrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vidcolor.batch.rays import RayCrew

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "300")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    film = render(tmp_path / "film", _LOOK)
    plan = Film(film, tmp_path / "out.mkv", tmp_path / "out.job")
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.is_set() and not killed:
            if (process := writer_of(plan.job)) is not None:
                os.kill(process, signal.SIGKILL)
                killed.append(process)
            time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        settings = Settings(weights=untrained, device="cpu", lossless=True)
        with closing(RayCrew(settings, address="local", workers=2)) as crew:
            (result,) = run_batch([plan], crew)
    finally:
        over.set()
        thread.join()
    assert len(killed) == 1
    assert killed[0] != os.getpid()
    assert (result.done, result.errors, result.lost) == (True, [], 1)
    alone = Colorizer.load(untrained, device="cpu").colorize(film, output=tmp_path / "alone.mkv", lossless=True)
    assert planes(plan.output) == planes(alone.output)


def test_no_cluster_is_one_error() -> None:
    from vidcolor.batch.rays import RayCrew

    with pytest.raises(VidcolorError, match=r"no Ray cluster at 127\.0\.0\.1:1"):
        RayCrew(Settings(), address="127.0.0.1:1", workers=1)
