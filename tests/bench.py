"""What colouring costs beside a plain transcode of the same film; whether colours pulse; whether memory grows.

    make bench
    make bench BENCH_ARGS='--heights 480 --repeats 5 --frames 100'
    make bench BENCH_ARGS='--heights 480 --long'

CPU time is that of all threads. `--long` colours a film of 20 minutes, 30,000 frames with sound. Rounds are interleaved
(transcode, colour, transcode, ...), so that a machine that slows down slows both; the ratios are medians over the
rounds of one run.
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
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import cycle, islice, pairwise
from pathlib import Path

import av
import numpy as np
import torch
import torchvision
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from pulse import print_pulses
from torch import nn
from torch.nn import functional

from vidcolor import Colorizer
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.propagation import EFFORTS, Effort

SAMPLES = Path(__file__).parent.parent / "samples"
FILM = SAMPLES / "bikes.mkv"
STILLS = sorted((SAMPLES / "stills").glob("*.png"))
CLIPS = Path(__file__).parents[2] / "shared" / "data" / "val-clips"
CRF, PRESET = 18.0, "veryfast"
RATE, SOUND_RATE = 25, 48_000


def encode(frames: Iterator[VideoFrame], path: Path, *, width: int, height: int, sound: bool = False) -> int:
    """Encode frames at the settings that every row of the table shares; return how many there were."""
    count = 0
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=RATE, options={"crf": str(CRF), "preset": PRESET})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        track = film.add_stream("aac", rate=SOUND_RATE, layout="mono") if sound else None
        for count, frame in enumerate(frames, start=1):
            frame.pts, frame.time_base = count - 1, Fraction(1, RATE)
            film.mux(stream.encode(frame))
            if track is not None:
                film.mux(track.encode(tone(count - 1)))
        film.mux(stream.encode())
        if track is not None:
            film.mux(track.encode())
    return count


def tone(number: int) -> AudioFrame:
    """Return the sound of one frame: a tone that rises from second to second, so that no two packets are alike."""
    each = SOUND_RATE // RATE
    seconds = (number * each + np.arange(each)) / SOUND_RATE
    wave = np.sin(2 * np.pi * (220 + np.floor(seconds)) * seconds)[None].astype(np.float32) / 4
    frame = AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, number * each, Fraction(1, SOUND_RATE)
    return frame


def packets(path: Path, kind: str) -> Iterator[tuple[Fraction, bytes]]:
    """Times and bytes of the packets of a film's picture or sound; the picture's bytes are left out."""
    with av.open(str(path)) as film:
        stream = film.streams.video[0] if kind == "video" else film.streams.audio[0]
        for packet in film.demux(stream):
            if packet.pts is not None and packet.time_base is not None:
                yield packet.pts * packet.time_base, b"" if kind == "video" else bytes(packet)


def drift(film: Path, output: Path) -> str:
    """Say how far pictures and sound of a coloured film have moved against its first picture, and if sound changed.

    Matroska counts in milliseconds and from 0, where sound in an mp4 may begin a packet before the picture.
    """
    told, offset = [], None
    for kind in ("video", "audio"):
        before, after = (sorted(packets(path, kind)) for path in (film, output))
        if len(before) != len(after):
            return f"{len(before)} {kind} packets became {len(after)}"
        offset = after[0][0] - before[0][0] if offset is None else offset
        moved = max(abs(a + offset - b) for (a, _), (b, _) in zip(before, after, strict=True))
        equal = all(a == b for (_, a), (_, b) in zip(before, after, strict=True))
        told.append(f"{kind} {1000 * float(moved):.2f} ms" + ("" if equal else ", not the same bytes"))
    return ", ".join(told)


def pictures(path: Path) -> Iterator[VideoFrame]:
    """Decode a film with threads."""
    with av.open(str(path)) as film:
        film.streams.video[0].thread_type = "AUTO"
        yield from film.decode(video=0)


def make_film(path: Path, *, width: int, height: int, frames: int, sound: bool = False) -> None:
    """Scale the sample film and repeat it until it has so many frames."""
    looped = (frame for _ in cycle([None]) for frame in pictures(FILM))
    scaled = (frame.reformat(width=width, height=height, format="yuv420p") for frame in islice(looped, frames))
    encode(scaled, path, width=width, height=height, sound=sound)


def transcode(film: Path, output: Path, *, width: int, height: int) -> tuple[float, float]:
    """Decode and encode without touching anything; return frames/s, and CPU time in ms a frame."""
    started, used = time.perf_counter(), time.process_time()
    count = encode(pictures(film), output, width=width, height=height)
    return count / (time.perf_counter() - started), 1000 * (time.process_time() - used) / count


# The clock is charged with the time spent waiting for these, not with their work.
_WAITS = ("decode", "encode", "wait")


def compare(folder: Path, *, height: int, frames: int, repeats: int, stills: bool, device: str) -> None:
    """Print one row of the speed table, with the frame rate of each stage by itself."""
    width = round(height * 16 / 9 / 16) * 16
    film = folder / f"{height}.mp4"
    if not film.exists():
        make_film(film, width=width, height=height, frames=frames)
    colorizer = Colorizer.load(device=device)
    plain, coloured, ratios = [], [], []
    plain_cpu, cpu = [], []
    stages: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        rate, used = transcode(film, folder / "plain.mkv", width=width, height=height)
        plain.append(rate)
        plain_cpu.append(used)
        used = time.process_time()
        report = colorizer.colorize(
            film,
            references=STILLS if stills else [],
            output=folder / "colour.mkv",
            crf=CRF,
            preset=PRESET,
            overwrite=True,
        )
        cpu.append(1000 * (time.process_time() - used) / report.frames)
        coloured.append(report.rate)
        ratios.append(plain[-1] / report.rate)
        for stage, spent in report.stage_seconds.items():
            stages[stage].append(report.frames / spent)
    spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
    print(
        f"| {width}x{height} | {f'{len(STILLS)} stills' if stills else 'none'} | {statistics.median(plain):.1f} | "
        f"{statistics.median(coloured):.1f} | {statistics.median(ratios):.2f} ({spread}) | "
        f"{statistics.median(plain_cpu):.1f} | {statistics.median(cpu):.1f} | "
        + ", ".join(f"{stage} {statistics.median(rates):.0f}" for stage, rates in stages.items() if stage not in _WAITS)
        + " |",
        flush=True,
    )


def _double(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions, as on each level of the U-Net of Ronneberger et al. 2015."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.Conv2d(outputs, outputs, 3, padding=1), nn.ReLU()
    )


class PublishedSize(nn.Module):
    """A network of the size that exemplar colorization publishes: VGG19 features of a frame, and a U-Net of 31 M.

    The weights are random: only the time counts. Matching and the features of the still are left out, in its favour.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = torchvision.models.vgg19(weights=None).features
        widths = (64, 128, 256, 512, 1024)
        self.down = nn.ModuleList(_double(i, o) for i, o in pairwise((7, *widths)))
        self.widen = nn.ModuleList(nn.ConvTranspose2d(o, i, 2, stride=2) for i, o in pairwise(widths))
        self.up = nn.ModuleList(_double(2 * i, i) for i in widths[:-1])

    def forward(self, luma: torch.Tensor) -> torch.Tensor:
        """Features of luma (1, 1, h, w), h and w multiples of 16, and the U-Net on 7 planes of that size."""
        self.features(luma.expand(-1, 3, -1, -1))
        x, skipped = luma.expand(-1, 7, -1, -1), []
        for level, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if level else x)
            skipped.append(x)
        x = skipped.pop()
        for widen, block in zip(reversed(self.widen), reversed(self.up), strict=True):
            x = block(torch.cat([widen(x), skipped.pop()], 1))
        return x


_EVERY_FRAME = "every frame a keyframe"


def cost_of_networks(film: Path, folder: Path, *, repeats: int, device: str) -> None:
    """Print what a frame costs: a network of published size, ours on every frame, and ours as propagation asks them."""
    luma = np.random.default_rng(0).random((224, 384), np.float32)
    ab = np.zeros((*luma.shape, 2), np.float32)
    networks = ExemplarColorizer.load(device=device)
    shot = networks.shot([networks.encode_reference(luma, ab)])
    published, picture = (
        PublishedSize().eval().to(networks.device),
        torch.from_numpy(luma)[None, None].to(networks.device),
    )
    colorizer = Colorizer.load(device=device)
    rounds: dict[str, list[float]] = defaultdict(list)
    EFFORTS[_EVERY_FRAME] = Effort(max_gap=1)
    for _ in range(repeats):
        started = time.perf_counter()
        with torch.inference_mode():
            published(picture).sum().item()
        rounds["published size, every frame"].append(time.perf_counter() - started)
        started = time.perf_counter()
        for _ in range(8):
            shot.colorize(luma, None)
        rounds["ours, every frame"].append((time.perf_counter() - started) / 8)
        for quality in ("fast", "balanced", "best", _EVERY_FRAME):
            report = colorizer.colorize(
                film, references=STILLS, output=folder / "cost.mkv", quality=quality, preset="ultrafast", overwrite=True
            )
            asked = f"{report.network_frames} of {report.frames} frames seen by the networks"
            rounds[f"vidcolor, {quality}, decoding and encoding included, {asked}"].append(1 / report.rate)
    del EFFORTS[_EVERY_FRAME]
    least = statistics.median(rounds["published size, every frame"])
    print("\n| networks at 384x224 | ms a frame | times faster |\n| --- | ---: | ---: |")
    for name, times in rounds.items():
        print(
            f"| {name} | {1000 * statistics.median(times):.0f} | {least / statistics.median(times):.1f} |", flush=True
        )


# Peak memory is inherited from the process that starts another: a small one stands between the bench and the program.
_MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_memory(film: Path, output: Path, *, device: str) -> float:
    """Colour a film in a process of its own; return its peak resident memory in MiB."""
    words = [sys.executable, "-m", "vidcolor", "colorize", str(film), "-o", str(output), "--device", device, "-q", "-y"]
    found = subprocess.run([sys.executable, "-c", _MEASURE, *words], stdout=subprocess.PIPE, check=True, text=True)
    return int(found.stdout) / (2**20 if sys.platform == "darwin" else 2**10)


def compare_memory(folder: Path, films: Sequence[tuple[int, int, int]], *, device: str) -> None:
    """Print the peak memory of colouring films of each width, height and number of frames, and what moved in time."""
    print("\n| film | frames | peak memory, MiB | largest move in time |\n| --- | ---: | ---: | --- |", flush=True)
    for width, height, frames in films:
        film = folder / f"{width}x{height}-{frames}.mp4"
        make_film(film, width=width, height=height, frames=frames, sound=True)
        peak = peak_memory(film, folder / "memory.mkv", device=device)
        print(f"| {width}x{height} | {frames} | {peak:.0f} | {drift(film, folder / 'memory.mkv')} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heights", type=int, nargs="+", default=[480, 1080])
    parser.add_argument("--frames", type=int, default=250, help="frames of each film; the sample has 250")
    parser.add_argument("--repeats", type=int, default=3, help="rounds per row")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--no-memory", action="store_true", help="leave the memory table out")
    parser.add_argument("--long", action="store_true", help="compare the memory of 1 and 20 minutes at 480p too")
    parser.add_argument(
        "--clips", type=Path, default=CLIPS, help="colour clips to look for pulses in; default: %(default)s, if there"
    )
    chosen = parser.parse_args()

    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, {chosen.frames} frames, {chosen.repeats} rounds, x264 {PRESET}\n")
    print(
        "| film | stills | transcode, frames/s | colorize, frames/s | times as long (range) "
        "| transcode, ms CPU a frame | colorize, ms CPU a frame | each stage by itself, frames/s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
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
        first = folder / f"{chosen.heights[0]}.mp4"
        cost_of_networks(first, folder, repeats=chosen.repeats, device=chosen.device)
        if clips := sorted(chosen.clips.glob("*.mp4")):
            print_pulses(clips, device=chosen.device)
        if not chosen.no_memory:
            compare_memory(folder, [(320, 176, 100), (320, 176, 1000)], device=chosen.device)
        if chosen.long:
            compare_memory(folder, [(848, 480, 25 * 60), (848, 480, 25 * 60 * 20)], device=chosen.device)


if __name__ == "__main__":
    main()
