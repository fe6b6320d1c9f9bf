"""The batch on a real Ray cluster of two workers on this machine. Needs the extra `ray`."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from films import ROOT, colorize_alone, render
from films import Film as Rendered
from typer.testing import CliRunner

from vidcolor.cli import app
from vidcolor.video import VideoReader

pytest.importorskip("ray")

_LOOK = Rendered(look="grey", codec="libx264", frames=150)
_WORDS = {
    "PYTHONPATH": str(ROOT),
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_raylet_start_wait_time_s": "300",
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster with room for two workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=2"]
    command += [f"--port={address.split(':')[1]}", "--node-ip-address=127.0.0.1", "--include-dashboard=false"]
    log = tmp_path_factory.mktemp("cluster") / "log"
    with log.open("w") as talk:
        head = subprocess.Popen(command, stdout=talk, stderr=talk, env={**os.environ, **_WORDS})
    try:
        while "Ray runtime started" not in log.read_text():
            assert head.poll() is None, log.read_text()
            time.sleep(0.1)
        yield address
    finally:
        head.terminate()
        head.wait()


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
    cluster: str, untrained: Path, tmp_path: Path
) -> None:
    film = render(tmp_path / "one", _LOOK)
    shutil.copy(film, tmp_path / "two.mkv")  # two encodes by x264's threads may differ
    command = [sys.executable, "-m", "vidcolor", "batch", "one.mkv", "two.mkv", "--ray", cluster, "--workers", "64"]
    command += ["--weights", str(untrained), "--device", "cpu", "--lossless", "--json"]
    batch = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ, **_WORDS}
    )
    killed: list[int] = []

    def kill() -> None:
        while batch.poll() is None and not killed:
            if (process := writer_of(tmp_path / "one.color.job")) is not None:
                os.kill(process, signal.SIGKILL)
                killed.append(process)
            time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    out, err = batch.communicate()
    thread.join()
    assert batch.returncode == 0, err
    assert len(killed) == 1
    assert killed[0] != batch.pid
    said = " ".join(err.split())
    assert "the Ray cluster has room for 2 workers, not for 64" in said
    assert "its worker died; it is tried again" in said
    assert "Traceback" not in err
    one, two = json.loads(out)["films"]
    assert [(each["state"], each["errors"], each["lost"]) for each in (one, two)] == [("done", [], 1), ("done", [], 0)]
    alone = planes(colorize_alone(film, tmp_path / "alone.mkv", weights=untrained))
    assert planes(Path(two["output"])) == alone
    assert planes(Path(one["output"])) == alone


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("127.0.0.1:1", "no Ray cluster at 127.0.0.1:1: Connection refused"),
        ("ray://127.0.0.1:1", "no Ray cluster at ray://127.0.0.1:1: Connection refused"),
        ("127.0.0.1:70000", "no Ray cluster at 127.0.0.1:70000: "),
        ("nobody", "'nobody' is no address of a Ray cluster"),
    ],
)
def test_no_cluster_is_one_error(address: str, error: str, tmp_path: Path) -> None:
    film = render(tmp_path / "film", Rendered(look="grey"))
    result = CliRunner().invoke(app, ["batch", str(film), "--ray", address])
    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert first.startswith(f"error: {error}")
    assert second.startswith("hint: ")
