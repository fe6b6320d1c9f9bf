"""The guide of the README, typed word for word on the sample film by someone with a paint brush and a bad fuse."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import hashes
from PIL import Image

from vidcolor.video import ChromaPlanes, VideoReader, VideoWriter

ROOT = Path(__file__).parent.parent
_SECTION = re.search(
    r"### A reel from start to finish\n(.*?)\n(?:#|From Python)", (ROOT / "README.md").read_text(), re.S
)
assert _SECTION is not None
GUIDE = [line.strip() for line in re.findall(r"^    (.*)$", _SECTION[1], re.M)]
SHOTS = 6
FPS = Fraction(25)
PARTS = {"part2": range(30), "part3": range(242, 250)}


class Session:
    """A folder with the reel, a shell in it, and the true colours as paint.

    Args:
        folder: Where the session takes place.
        truth: The film in colour.
    """

    def __init__(self, folder: Path, truth: Path) -> None:
        self.folder = folder
        self.paint = folder / "paint"
        self._truth = truth
        self.reports: dict[str, list[Any]] = {}

    def start(self, command: str) -> subprocess.Popen[str]:
        """Type a command of the guide; its report comes as JSON."""
        program, *words = shlex.split(command)
        assert program == "vidcolor"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "VIDCOLOR_DEVICE": "cpu"}
        return subprocess.Popen(
            [sys.executable, "-m", "vidcolor", *words, "--json"],
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def type(self, command: str) -> Any:
        """Run a command to its end and keep its report under its name."""
        process = self.start(command)
        out, err = process.communicate()
        assert process.returncode == 0, f"{command}\n{err}"
        report = json.loads(out)
        self.reports.setdefault(command.split()[1], []).append(report)
        return report

    def color(self, stills: list[Path]) -> None:
        """Paint grey stills, each in the colours of its frame."""
        wanted = {int(still.stem.rpartition("_")[2]): still for still in stills}
        with VideoReader(self._truth) as reader:
            for frame in reader:
                if (still := wanted.get(frame.index)) is not None:
                    assert frame.picture is not None
                    assert np.ptp(np.asarray(Image.open(still)), axis=2).max() == 0
                    Image.fromarray(frame.picture.to_ndarray(format="rgb24")).save(still)

    def kill_in_the_middle(self, command: str) -> None:
        """Start a command, and kill it once two shots are kept."""
        process = self.start(command)
        kept = self.folder / "reel.color.job" / "shots"
        while process.poll() is None and len(list(kept.glob("*.chroma"))) < 2:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not (self.folder / "reel.color.mkv").exists()


@pytest.fixture
def session(tmp_path: Path, samples: Path, truth: Path) -> Session:
    shutil.copy(samples / "bikes.mkv", tmp_path / "reel.mkv")
    shutil.copytree(samples / "stills", tmp_path / "photographs")
    for name, part in PARTS.items():
        with (
            VideoReader(samples / "bikes.mkv", start=part.start / FPS, end=part.stop / FPS) as reader,
            VideoWriter(tmp_path / f"{name}.mkv", source=reader.info, lossless=True) as writer,
        ):
            form = writer.chroma_format
            grey = np.full((form.height, form.width), 128, np.uint8)
            for frame in reader:
                writer.write(frame, ChromaPlanes(grey, grey))
    return Session(tmp_path, truth)


def test_the_guide_holds_word_for_word(session: Session) -> None:
    lines = iter(GUIDE)

    def until_comment() -> list[str]:
        commands = []
        for line in lines:
            if line.startswith("#"):
                break
            commands.append(line)
        return commands

    def done(words: str) -> None:
        for command in until_comment():
            session.type(command)
            words = words.replace(command.split()[1], "", 1)
        assert not words.strip(), f"the guide lacks {words}"

    done("scenes recommend")
    stills = sorted(session.paint.iterdir())
    assert len(stills) == SHOTS
    (recommended,) = session.reports["recommend"]
    # The photographs are one of each shot: each is the best one of some shot.
    assert len({shot["candidates"][0]["name"] for shot in recommended["shots"]}) == SHOTS
    session.color(stills)

    done("sheet suggest")
    assert session.reports["sheet"][0]["rows"] == SHOTS
    new = sorted({*session.paint.iterdir()} - {*stills})
    assert new
    session.color(new[:1])

    *before, colorize = until_comment()
    for command in before:
        session.type(command)
    assert {"preview"} == {command.split()[1] for command in before}
    session.kill_in_the_middle(colorize)

    done("colorize verify")
    resumed = session.reports["colorize"][0]
    assert resumed["shots_reused"] >= 2
    assert resumed["shots_reused"] + resumed["shots_colored"] == SHOTS
    assert session.reports["verify"][0]["ok"]
    result = session.folder / "reel.color.mkv"
    frames = hashes(result)
    unbroken = session.folder / "unbroken.mkv"
    session.type(f"{colorize} --no-job -o {unbroken}")
    assert hashes(unbroken) == frames

    corrected = stills[3]
    rgb = np.asarray(Image.open(corrected))
    Image.fromarray(rgb[..., [2, 1, 0]]).save(corrected)
    done("colorize")
    again = session.reports["colorize"][-1]
    assert (again["shots_reused"], again["shots_colored"]) == (SHOTS - 1, 1)
    shot = session.reports["scenes"][0]["shots"][3]
    changed = [number for number, (old, new) in enumerate(zip(frames, hashes(result), strict=True)) if old != new]
    assert set(changed) <= set(range(shot["start"], shot["stop"]))
    assert len(changed) > 0.9 * (shot["stop"] - shot["start"])

    done("batch")
    (batch,) = session.reports["batch"]
    assert [film["state"] for film in batch["films"]] == ["done", "done"]
    assert [len(hashes(session.folder / f"{name}.color.mkv")) for name in PARTS] == [
        len(each) for each in PARTS.values()
    ]
