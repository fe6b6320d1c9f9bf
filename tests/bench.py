"""What colouring costs beside a plain transcode of the same film, and whether memory grows with its length.

    make bench
    python tests/bench.py --heights 480 --repeats 5 --frames 100

Rounds are interleaved (transcode, colour, transcode, ...), so that a machine that slows down slows both; the ratios are
medians over the rounds of one run.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av
from av.video.frame import VideoFrame

from vidcolor import Colorizer

SAMPLES = Path(__file__).parent.parent / "samples"
FILM = SAMPLES / "bikes.mkv"
STILLS = sorted((SAMPLES / "stills").glob("*.png"))
CRF, PRESET = 18.0, "veryfast"


def encode(frames: Iterator[VideoFrame], path: Path, *, width: int, height: int) -> int:
    """Encode frames at the settings that every row of the table shares; return how many there were."""
    count = 0
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=25, options={"crf": str(CRF), "preset": PRESET})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for count, frame in enumerate(frames, start=1):
            frame.pts, frame.time_base = count - 1, Fraction(1, 25)
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return count


def pictures(path: Path) -> Iterator[VideoFrame]:
    """Decode a film with threads."""
    with av.open(str(path)) as film:
        film.streams.video[0].thread_type = "AUTO"
        yield from film.decode(video=0)


def make_film(path: Path, *, width: int, height: int, frames: int) -> None:
    """Scale the sample film and repeat it until it has so many frames."""
    looped = (frame for _ in cycle([None]) for frame in pictures(FILM))
    scaled = (frame.reformat(width=width, height=height, format="yuv420p") for frame in islice(looped, frames))
    encode(scaled, path, width=width, height=height)


def transcode(film: Path, output: Path, *, width: int, height: int) -> float:
    """Decode and encode without touching anything; return frames/s."""
    started = time.perf_counter()
    count = encode(pictures(film), output, width=width, height=height)
    return count / (time.perf_counter() - started)


def compare(folder: Path, *, height: int, frames: int, repeats: int, stills: bool, device: str) -> None:
    """Print one row of the speed table and the share of each stage."""
    width = round(height * 16 / 9 / 16) * 16
    film = folder / f"{height}.mp4"
    if not film.exists():
        make_film(film, width=width, height=height, frames=frames)
    colorizer = Colorizer.load(device=device)
    plain, coloured, ratios = [], [], []
    stages: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        plain.append(transcode(film, folder / "plain.mkv", width=width, height=height))
        report = colorizer.colorize(
            film,
            references=STILLS if stills else [],
            output=folder / "colour.mkv",
            crf=CRF,
            preset=PRESET,
            overwrite=True,
        )
        coloured.append(report.rate)
        ratios.append(report.rate / plain[-1])
        for stage, spent in report.stage_seconds.items():
            stages[stage].append(spent / report.seconds)
    spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
    print(
        f"| {width}x{height} | {f'{len(STILLS)} stills' if stills else 'none'} | {statistics.median(plain):.1f} | "
        f"{statistics.median(coloured):.1f} | {statistics.median(ratios):.2f} ({spread}) | "
        + ", ".join(f"{stage} {100 * statistics.median(shares):.0f} %" for stage, shares in stages.items())
        + " |",
        flush=True,
    )


def peak_memory(film: Path, output: Path, *, device: str) -> float:
    """Colour a film in a process of its own; return its peak resident memory in MiB."""
    words = [sys.executable, "-m", "vidcolor", "colorize", str(film), "-o", str(output), "--device", device, "-q", "-y"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heights", type=int, nargs="+", default=[480, 1080])
    parser.add_argument("--frames", type=int, default=150, help="frames of each film")
    parser.add_argument("--repeats", type=int, default=3, help="rounds per row")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--no-memory", action="store_true", help="leave the memory table out")
    chosen = parser.parse_args()

    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, {chosen.frames} frames, {chosen.repeats} rounds, x264 {PRESET}\n")
    print("| film | stills | transcode, frames/s | colorize, frames/s | ratio (range) | share of the run by stage |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for height in chosen.heights:
            for stills in (True, False):
                compare(
                    folder,
                    height=height,
                    frames=chosen.frames,
                    repeats=chosen.repeats,
                    stills=stills,
                    device=chosen.device,
                )
        if chosen.no_memory:
            return
        print("\n| frames | peak memory, MiB |\n| --- | --- |", flush=True)
        for frames in (100, 1000):
            film = folder / f"{frames}.mp4"
            make_film(film, width=320, height=176, frames=frames)
            print(f"| {frames} | {peak_memory(film, folder / 'memory.mkv', device=chosen.device):.0f} |", flush=True)


if __name__ == "__main__":
    main()
