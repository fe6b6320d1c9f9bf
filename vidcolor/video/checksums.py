"""A check for damage that a decoder passes over in silence, in a process of its own.

FFV1 keeps a checksum for each slice, yet a wrong one raises no exception and marks no frame: it is only logged.
Listening to FFmpeg's log can hang a process that decodes in threads for ever (PyAV-Org/PyAV#751). So a child decodes
the film once more, in one thread.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile

import av
import av.error
import av.logging

from vidcolor.errors import VideoError
from vidcolor.video.demuxing import packets_of
from vidcolor.video.info import VideoInfo
from vidcolor.video.source import choose_stream, open_film

_NAMED = 10
_TOLD_EVERY = 25


def check_film(film: VideoInfo, *, progress: Callable[[int, int | None], None] | None = None) -> list[str]:
    """Decode a film in a child process and listen to its decoder.

    Args:
        film: The film.
        progress: Called with the packets decoded and the frames of the film, None where they were not counted.

    Returns:
        One warning that names the times of the frames about which the decoder complained, or nothing.

    Raises:
        VideoError: The check itself failed.
    """
    home = str(Path(__file__).parents[2])  # the child imports the very package that runs
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    times: list[Fraction] = []
    with (
        TemporaryFile() as said,  # a pipe that nobody reads meanwhile is full after 64 kB, and the child then waits
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(film.path.absolute()), str(film.stream)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        ) as child,
    ):
        assert child.stdout is not None
        try:
            for line in child.stdout:
                word, value = json.loads(line)
                if word == "damaged":
                    times.append(Fraction(value))
                elif progress is not None:
                    progress(value, film.frames)
            child.wait()
        except BaseException:
            child.kill()
            raise
        said.seek(0)
        last_words = said.read().decode(errors="replace").strip().splitlines()
    if child.returncode:
        reason = last_words[-1] if last_words else f"its process ended with {child.returncode}"
        raise VideoError(f"{film.path}: the check for damage failed: {reason}", hint="leave the check out")
    if not times:
        return []
    named = ", ".join(f"{float(time):.3f}" for time in sorted(times)[:_NAMED])
    more = f" and {len(times) - _NAMED} more" if len(times) > _NAMED else ""
    return [f"the check found {len(times)} damaged frames, at {named} s{more}"]


def _listen(path: Path, stream: int) -> None:
    """Decode one stream in this thread alone; print how far it is, and the time of each packet complained about."""
    av.logging.set_level(av.logging.ERROR)
    with open_film(path) as film:
        video = choose_stream(film, path, stream)
        video.thread_type = "NONE"
        base = Fraction(video.time_base or 1)
        refusals: list[int] = []
        packets = packets_of(film, video, refused=refusals.append)
        stamp = 0
        for done in count(1):
            broken = False
            with av.logging.Capture(local=False) as complaints:
                try:
                    packet = next(packets)
                    stamp = next((each for each in (packet.pts, packet.dts) if each is not None), stamp)
                    video.decode(packet)
                except (StopIteration, av.error.EOFError):
                    packet = None
                except av.error.FFmpegError:
                    broken = True
            if broken or complaints or refusals:
                _say("damaged", str(stamp * base))
                refusals.clear()
            if packet is None:
                return
            if done % _TOLD_EVERY == 0:
                _say("done", done)


def _say(word: str, value: str | int) -> None:
    print(json.dumps([word, value]), flush=True)


if __name__ == "__main__":
    _listen(Path(sys.argv[1]), int(sys.argv[2]))
