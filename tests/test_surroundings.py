"""What surrounds a run: disks, rights, signals, terminals, names, locale, network. The real thing each time."""

import errno
import logging
import os
import pty
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from films import Film, picture, render
from terminal import drawn_by
from typer.testing import CliRunner

from vidcolor import Colorizer
from vidcolor.cli import app
from vidcolor.errors import VideoError, WeightsError
from vidcolor.verification import verify
from vidcolor.video import VideoReader, VideoWriter, plain_transcode, source
from vidcolor.video.output import PartFile
from vidcolor.weights import load_weights

ROOT = Path(__file__).parent.parent
X264 = Film(codec="libx264", options=(("preset", "ultrafast"),))


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "vidcolor", *map(str, words)]


def environment(**variables: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **variables}


def child(
    words: list[str], *, before: Callable[[], None] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a program without a terminal."""
    return subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        env=environment(**variables),
        preexec_fn=before,
        check=False,
    )


def lines(err: str) -> list[str]:
    """Return the error and hint lines of a failure, which has no traceback."""
    assert "Traceback" not in err
    return [line for line in err.splitlines() if line.startswith(("error: ", "hint: "))]


def can_mount() -> bool:
    """Tell whether this user may have file systems of their own."""
    unshare = shutil.which("unshare")
    trial = [unshare or "", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return unshare is not None and subprocess.run(trial, capture_output=True, check=False).returncode == 0


mounts = pytest.mark.skipif(not can_mount(), reason="needs Linux that lets its users mount")


def on_own_disk(folder: Path, size: str, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script where `folder` is a file system of `size`; the words are its arguments."""
    mounted = f"mount -t tmpfs -o size={size} none {shlex.quote(str(folder))} && {script}"
    return child(["unshare", "-rm", "sh", "-c", mounted, "sh", *words])


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(tmp_path_factory.mktemp("film") / "film", X264)


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that takes some seconds to colour."""
    return render(tmp_path_factory.mktemp("film") / "long", replace(X264, frames=2000))


@mounts
def test_a_full_disk_leaves_neither_the_film_nor_a_part(tmp_path: Path, long_film: Path) -> None:
    """Checklist 34."""
    script = '"$@"; echo "status $?"; ls -A ' + shlex.quote(str(tmp_path))
    code = (
        "import sys; from vidcolor.video import plain_transcode\n"
        "try: plain_transcode(sys.argv[1], sys.argv[2], lossless=True)\n"
        "except OSError as error: print(f'{error} | {error.hint}')"
    )
    for size in ("16k", "0,nr_inodes=1"):  # full while the film is written, and full before that
        words = [sys.executable, "-c", code, str(long_film), str(tmp_path / "out.mkv")]
        done = on_own_disk(tmp_path, size.replace("0,", "1m,"), script, *words)
        said, status, *left = done.stdout.splitlines()
        assert (status, left) == ("status 0", [])
        assert str(tmp_path / "out.mkv") in said
        assert ("the disk is full | free space" in said) if size == "16k" else ("No space left" in said)


@mounts
def test_a_run_that_filled_the_disk_goes_on_where_there_is_room(tmp_path: Path, untrained: Path) -> None:
    """Checklist 34."""
    folder, output = tmp_path / "disk", tmp_path / "disk" / "out.mkv"
    folder.mkdir()
    scenes = render(tmp_path / "scenes", replace(X264, look="grey", frames=90))  # three of 30 frames
    disk = shlex.quote(str(folder))
    script = f'"$@"; echo "status $?"; find {disk} -type f; mount -o remount,size=64m {disk}; "$@"'
    words = command("colorize", scenes, "-o", output, "--weights", untrained)
    done = on_own_disk(folder, "900k", script, *words)
    error, hint = lines(done.stderr)
    assert error.startswith(f"error: {folder}/out.")  # the film or its job, whichever is the first to need room
    assert error.endswith(": the disk is full")
    assert hint.startswith("hint: free space")
    status, *files, second = done.stdout.splitlines()
    assert (status, second) == ("status 1", str(output))
    shots = [Path(name).suffix for name in files]
    assert (shots.count(".chroma"), ".part" in shots, ".mkv" in shots) == (1, False, False)
    assert "1 shots reused, 2 coloured" in done.stderr


def test_a_limit_on_file_size_is_named_and_leaves_nothing(tmp_path: Path, film: Path, untrained: Path) -> None:
    """Checklist 34."""
    words = command("colorize", film, "-o", tmp_path / "out.mkv", "--lossless", "--weights", untrained, "--no-job")
    done = child(words, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000)))
    assert done.returncode == 1
    assert lines(done.stderr)[0] == (
        f"error: {tmp_path / 'out.mkv'}: the file grows larger than this disk, or the limit set for you, allows"
    )
    assert lines(done.stderr)[1].startswith("hint: free space")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("verb", "option", "named", "limit"),
    [
        ("scenes", "--stills", "paint/film_0", 100),
        ("scenes", "-o", "film.plan.json", 100),
        ("sheet", "-o", "film.sheet.png", 100),
        ("preview", "-o", "folder/film.contact.png", 60_000),
    ],
)
def test_a_full_disk_is_named_by_what_could_not_be_written(
    tmp_path: Path, film: Path, untrained: Path, verb: str, option: str, named: str, limit: int
) -> None:
    """Checklist 34."""
    output = tmp_path / named
    if output.parent != tmp_path:
        output = output.parent
        output.mkdir()
    networks = [] if verb == "scenes" else ["--weights", untrained]
    done = child(
        command(verb, film, option, output, *networks),
        before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 1
    error, hint = lines(done.stderr)
    assert error.startswith(f"error: {tmp_path / named}")
    assert error.endswith(": the file grows larger than this disk, or the limit set for you, allows")
    assert hint == "hint: free space, or choose a folder on another disk"
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_a_list_that_a_full_disk_cannot_take_is_said_so(film: Path, option: str) -> None:
    """Checklist 34."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("scenes", film, option),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    assert done.returncode == 1
    assert lines(done.stderr) == ["error: the disk is full", "hint: free space there, or write to another disk"]


def without_rights() -> list[str]:
    """Return what starts a program that may not write where its user may not, though root runs the tests."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root writes everywhere, and there is no setpriv to be less than root")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def test_a_folder_without_rights_is_refused_at_once(tmp_path: Path, film: Path) -> None:
    """Checklist 33, 46."""
    folder = tmp_path / "locked"
    folder.mkdir()
    shutil.copy(film, folder / "film.mkv")
    folder.chmod(0o555)
    for words, option in (
        (["colorize", folder / "film.mkv"], "-o"),
        (["preview", folder / "film.mkv"], "-o"),
        (["scenes", film, "--stills", folder], "--stills"),
        (["suggest", film, "--stills", folder], "--stills"),
        (["batch", film, "--output-dir", folder], "--output-dir"),
    ):
        done = child([*without_rights(), *command(*words)])
        assert done.returncode == 1
        assert lines(done.stderr) == [
            f"error: {folder} cannot be written to", f"hint: choose another folder with {option}",
        ]  # fmt: skip
    folder.chmod(0o755)
    (folder / "film.mkv").chmod(0)
    done = child([*without_rights(), *command("scenes", folder / "film.mkv")])
    assert done.returncode == 1
    assert lines(done.stderr)[0].startswith(f"error: {folder / 'film.mkv'}: Permission denied")


def test_a_still_without_rights_is_named_and_never_replaced(tmp_path: Path, film: Path) -> None:
    """Checklist 42, 46."""
    paint = ["scenes", film, "--stills", tmp_path, "-y"]
    assert child(command(*paint)).returncode == 0
    still = sorted(tmp_path.glob("*.png"))[0]
    before = still.read_bytes()
    still.chmod(0)
    done = child([*without_rights(), *command(*paint)])
    assert (done.returncode, still.stat().st_mode & 0o777) == (0, 0)
    assert "stills were there and stay as they are" in done.stderr
    done = child([*without_rights(), *command("colorize", film, "-r", still, "-o", tmp_path / "out.mkv")])
    assert done.returncode == 1
    assert lines(done.stderr) == [
        f"error: {still}: cannot be read (Permission denied)", "hint: check that you may read the file",
    ]  # fmt: skip
    still.chmod(0o644)
    assert still.read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stills_that_an_interrupted_run_wrote_do_not_stop_the_next_one(
    samples: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Checklist 34."""
    paint, plan = tmp_path / "paint", tmp_path / "film.plan.json"
    words = command("scenes", samples / "bikes.mkv", "--stills", paint, "-o", plan)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True)
    while process.poll() is None and not list(paint.glob("*.png")):
        time.sleep(0.002)
    process.send_signal(number)
    _, err = process.communicate()
    if number == signal.SIGINT:
        assert lines(err) == [
            "error: interrupted",
            "hint: nothing half-done was left under an output's name; run the same command again",
        ]
    stills = list(paint.glob("*.png"))
    assert (process.returncode in (130, -signal.SIGKILL), plan.exists()) == (True, False)
    done = child(words)
    assert done.returncode == 0, done.stderr
    assert f"note: {len(stills)} of 6 stills were there and stay as they are" in done.stderr
    assert (len(list(paint.glob("*.png"))), plan.exists()) == (6, True)


@mounts
def test_a_film_on_a_read_only_disk_needs_another_output(tmp_path: Path, film: Path) -> None:
    """Checklist 46."""
    folder = shlex.quote(str(tmp_path))
    script = f"cp {shlex.quote(str(film))} {folder}/film.mkv && mount -o remount,ro {folder} && " + '"$@"'
    done = on_own_disk(tmp_path, "4m", script, *command("colorize", tmp_path / "film.mkv"))
    assert done.returncode == 1
    assert lines(done.stderr) == [
        f"error: {tmp_path} cannot be written to", "hint: choose another folder with -o",
    ]  # fmt: skip


def test_a_file_system_without_fsync_loses_no_film(tmp_path: Path) -> None:
    """Checklist 46."""
    part = PartFile(tmp_path / "out.mkv", overwrite=False)
    part.path.unlink()
    os.mkfifo(part.path)  # a pipe cannot be flushed to a disk, as such file systems cannot
    file = os.open(part.path, os.O_RDWR)
    with pytest.raises(OSError, match="Invalid") as caught:
        os.fsync(file)
    os.close(file)
    assert caught.value.errno == errno.EINVAL
    part.publish()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


def test_a_rename_that_fails_is_named_and_leaves_nothing(tmp_path: Path, film: Path) -> None:
    """Checklist 33, 46."""
    output = tmp_path / "out.mkv"

    def write_in_vain() -> None:
        with VideoReader(film) as reader, VideoWriter(output, source=reader.info, overwrite=True) as writer:
            for frame in reader:
                assert frame.source_chroma is not None
                writer.write(frame, frame.source_chroma)
            output.mkdir()

    with pytest.raises(VideoError, match="Is a directory") as caught:
        write_in_vain()
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == [output]


def wait_for_a_part(folder: Path) -> None:
    while not any(folder.glob(".*.part")):
        time.sleep(0.02)


def test_a_closed_terminal_ends_the_run_and_leaves_nothing(tmp_path: Path, long_film: Path, untrained: Path) -> None:
    """Checklist 35."""
    number, terminal = pty.fork()
    if number == 0:
        words = command("colorize", long_film, "-o", tmp_path / "out.mkv", "--weights", untrained, "--no-job")
        os.execve(words[0], words, environment())
    wait_for_a_part(tmp_path)
    os.close(terminal)
    _, status = os.waitpid(number, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert list(tmp_path.iterdir()) == []


def test_nohup_lets_a_run_outlive_its_terminal(tmp_path: Path, film: Path, untrained: Path) -> None:
    """Checklist 35."""
    words = ["nohup", *command("colorize", film, "-o", tmp_path / "out.mkv", "--weights", untrained, "--no-job")]
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment()
    ) as process:
        wait_for_a_part(tmp_path)
        process.send_signal(signal.SIGHUP)
        _, err = process.communicate()
    assert process.returncode == 0, err
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


ODD_NAMES = [
    "-leading.mkv", "a b'c\"d;e$(touch f)\n.mkv", "clip %04d.mkv", "concat:a|b.mkv", "http:.mkv", "影.mkv",
    "[x]*?.mkv", "~.mkv",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_is_taken_literally(
    tmp_path: Path, film: Path, untrained: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checklist 43."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(film, Path(name))
    still = f"{name}.png"
    _, file = cv2.imencode(".png", picture(1, 12, 96, 64))
    Path(still).write_bytes(file.tobytes())
    done = CliRunner().invoke(app, ["colorize", f"--weights={untrained}", f"--reference={still}", "--", name])
    assert done.exit_code == 0, done.stderr
    output = Path(name).stem + ".color.mkv"
    made = [output, str(Path(output).with_suffix(".job"))]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, still, *made])
    assert verify(name, output).ok


SHELL_OF_NOTHING = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "Nowhere/Land", "TERM": "dumb"}
ALONE = """
import sys
def refuse(event, given):
    if event.startswith("socket."):
        raise RuntimeError(f"network asked for: {event} {given}")
sys.addaudithook(refuse)
from vidcolor.cli import main
main()
"""


def test_no_network_no_terminal_no_locale(tmp_path: Path, film: Path, untrained: Path) -> None:
    """Checklist 47, 48."""
    named = tmp_path / "Küche 影.mkv"
    shutil.copy(film, named)
    words = [sys.executable, "-c", ALONE, "colorize", str(named), "--weights", str(untrained)]
    done = child(words, before=None, **SHELL_OF_NOTHING, COLUMNS="1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "Küche 影.color.mkv").exists()
    assert not set("\x1b\r\b") & set(done.stdout + done.stderr)
    assert done.stdout.count("\n") == 1
    hook = child([sys.executable, "-c", ALONE.replace("from", "import socket; socket.socket()\nfrom")])
    assert "network asked for" in hook.stderr


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}, {"COLUMNS": "20"}])
def test_terminals_of_little_skill_get_bars_that_they_can_draw(film: Path, variables: dict[str, str]) -> None:
    """Checklist 47."""
    drawn = drawn_by("scenes", film, **variables)
    assert "Traceback" not in drawn
    assert drawn.isascii() or "PYTHONIOENCODING" not in variables
    assert "\x1b[" not in drawn or variables.get("TERM") != "dumb"


def test_ten_hours_keep_their_times(tmp_path: Path, untrained: Path) -> None:
    """Checklist 16, 45."""
    hours = Film(
        frames=12, time_base=Fraction(1, 1000), times=tuple(n * 3_272_727 + n % 3 for n in range(12)), audio=("flac",)
    )
    film = render(tmp_path / "film", hours)
    report = Colorizer.load(untrained, device="cpu").colorize(film, output=tmp_path / "out.mkv", lossless=True)
    assert (report.frames, report.warnings) == (12, ())
    assert verify(film, report.output).ok
    with VideoReader(report.output) as reader:
        assert max(reader.info.time(frame.pts) for frame in reader) > 35_990


MEASURED = """
import resource, sys
from vidcolor.video import plain_transcode
plain_transcode(sys.argv[1], sys.argv[2], preset="ultrafast", threads=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    """Checklist 45: a film of ten times the length takes no more memory; its pictures alone would take 200 MB more."""
    peaks, rgb = [], picture(0, 3, 320, 240, "grey")
    for frames in (150, 1500):
        form = replace(X264, width=320, height=240, frames=frames)
        film = render(tmp_path / str(frames), form, pictures=lambda index: np.roll(rgb, index, axis=1))
        done = child([sys.executable, "-c", MEASURED, str(film), str(tmp_path / f"{frames}.out.mkv")])
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout) * 1024)
    assert peaks[1] - peaks[0] < 40_000_000


def test_very_large_pictures_say_first_what_memory_they_take(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checklist 23."""
    rgb = np.zeros((4320, 8192, 3), np.uint8)
    film = render(tmp_path / "film", replace(X264, width=8192, height=4320, frames=1), pictures=[rgb])
    with caplog.at_level(logging.INFO), VideoReader(film) as reader:
        VideoWriter(tmp_path / "out.mkv", source=reader.info)
    assert "8192x4320 film takes about 9.6 GB of memory" in caplog.text
    monkeypatch.setattr(source, "MAX_PIXELS", 8192 * 4320 - 1)
    with pytest.raises(VideoError, match=r"8192x4320 is over the limit of .* about 10 GB of memory") as caught:
        VideoReader(film)
    assert caught.value.hint


def test_weights_that_are_not_those_of_their_card_are_refused(tmp_path: Path, untrained: Path) -> None:
    """Checklist 41."""
    weights = Path(shutil.copy(untrained, tmp_path / "w.safetensors"))
    sha256 = load_weights(weights).sha256
    card = tmp_path / "w.md"
    card.write_text(f"---\nname: w\nsha256: {sha256}\n---\n")
    assert load_weights(weights).sha256 == sha256
    card.write_text(f"---\nname: w\nsha256: {'0' * 64}\n---\n")
    with pytest.raises(WeightsError, match="is not the file of its model card") as caught:
        load_weights(weights)
    assert caught.value.hint


def test_an_output_of_another_spelling_of_its_folder_is_the_film_itself(tmp_path: Path, film: Path) -> None:
    """Checklist 31, 32."""
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to("real")
    mine = Path(shutil.copy(film, tmp_path / "real" / "film.mkv"))
    before = mine.read_bytes()
    for name in ("linked/film.mkv", "real/../real/film.mkv", "linked/../real/./film.mkv"):
        done = CliRunner().invoke(app, ["colorize", str(mine), "-o", str(tmp_path / name), "-y"])
        assert (done.exit_code, done.stderr.count("\n")) == (2, 2)
        with pytest.raises(VideoError, match="the film itself"):
            plain_transcode(mine, tmp_path / name, overwrite=True)
    assert mine.read_bytes() == before
