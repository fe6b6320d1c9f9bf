"""Make the black-and-white sample film, its sound and its colour stills from the colour film in tests/data.

    python samples/make_sample.py

The picture is the truth's luma plus what old film adds: grain and exposure flicker. One seed gives the same files.
"""

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from PIL import Image

from vidcolor.evaluation.pictures import picture
from vidcolor.video import VideoReader

HERE = Path(__file__).resolve().parent
TRUTH = HERE.parent / "tests" / "data" / "bikes-truth.mp4"
# One for each shot: [0, 30), [30, 76), [76, 137), [137, 187), [187, 242) and [242, 250).
STILLS = {
    14: "white-van.png",
    34: "rush-hour.png",
    120: "cyclist at the stop.png",
    160: "square_000160.png",
    200: "doorway.png",
    246: "railing.png",
}
SAMPLE_RATE = 24_000
GRAIN = 2.2  # standard deviation in 8-bit code values at mid grey
FLICKER = 0.012  # standard deviation of the exposure, as a share


def aged(luma: npt.NDArray[Any], exposure: float, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Add grain and exposure to an 8-bit luma plane of shape (h, w), black at 16 and white at 235."""
    density = (luma.astype(np.float32) - 16) / 219
    grain = cv2.GaussianBlur(rng.standard_normal(luma.shape, dtype=np.float32), (0, 0), 0.7)
    grain *= GRAIN / 219 / grain.std()
    # Grain is strongest in the mid tones, where about half of the silver crystals are developed.
    density = density * exposure + grain * (0.35 + 2.6 * density * (1 - density))
    return np.clip(np.rint(density * 219 + 16), 0, 255).astype(np.uint8)


def projector(seconds: float, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """Return a mono sound track in 16 bits: a projector's purr under a slow four-note tune."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    shutter = np.maximum(0, np.sin(2 * np.pi * 24 * t)) ** 8
    purr = 0.05 * shutter * rng.standard_normal(t.size) + 0.03 * np.sin(2 * np.pi * 48 * t)
    notes = np.array([261.63, 329.63, 392.0, 329.63])[(t / 1.25).astype(int) % 4]
    tune = 0.12 * np.sin(2 * np.pi * notes * t) * np.exp(-2 * (t % 1.25)) * np.minimum(1, (t % 1.25) / 0.02)
    track: npt.NDArray[np.int16] = np.rint((purr + tune) * 32767).astype(np.int16)
    return track


def truth_frames() -> Iterator[VideoFrame]:
    """Decode the colour film."""
    with av.open(str(TRUTH)) as film:
        yield from film.decode(video=0)


def write_stills() -> None:
    """Store one colour still per shot, as a person would hand them in.

    Lossless, and converted by vidcolor's own exact path: JPEG at quality 95 after swscale's fast conversion costs a
    mean CIEDE2000 of 0.75 before a single frame is coloured.
    """
    with VideoReader(TRUTH) as film:
        for frame in film:
            if frame.index in STILLS:
                still = Image.fromarray(picture(frame, film.info))
                still.save(HERE / "stills" / STILLS[frame.index], optimize=True)


def write_film(path: Path, *, seed: int) -> None:
    """Write the black-and-white film with its sound.

    Args:
        path: Matroska file to write.
        seed: Seed of grain, flicker and sound.
    """
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w", container_options={"fflags": "+bitexact"}) as film:
        video = film.add_stream("libx264", rate=25, options={"crf": "21", "preset": "veryslow", "bf": "2"})
        video.width, video.height, video.pix_fmt = 640, 272, "yuv420p"
        video.codec_context.thread_count = 1  # the bits that x264 writes depend on its number of threads
        video.codec_context.time_base = Fraction(1, 25)
        video.codec_context.colorspace = video.codec_context.color_primaries = video.codec_context.color_trc = 6
        video.codec_context.color_range = 1
        sound = film.add_stream("flac", rate=SAMPLE_RATE, layout="mono", options={"compression_level": "12"})
        sound.metadata["title"] = "projector"
        film.metadata["title"] = "Bikes, black and white"

        flicker, count = 0.0, 0
        for count, source in enumerate(truth_frames(), start=1):
            flicker = 0.6 * flicker + 0.8 * FLICKER * rng.standard_normal()
            # The Y' rows themselves: a conversion to grey would stretch them to full range.
            luma = aged(source.to_ndarray()[: source.height], 1 + flicker, rng)
            chroma = np.full((luma.shape[0] // 2, luma.shape[1]), 128, np.uint8)
            frame = VideoFrame.from_ndarray(np.vstack([luma, chroma]), format="yuv420p")
            frame.pts, frame.time_base = count - 1, Fraction(1, 25)
            frame.colorspace = frame.color_primaries = frame.color_trc = 6
            frame.color_range = 1
            film.mux(video.encode(frame))
        film.mux(video.encode())

        track = AudioFrame.from_ndarray(projector(count / 25, rng)[np.newaxis], format="s16", layout="mono")
        track.sample_rate, track.pts, track.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        film.mux(sound.encode(track))
        film.mux(sound.encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1895, help="seed of grain, flicker and sound")
    (HERE / "stills").mkdir(exist_ok=True)
    write_stills()
    write_film(HERE / "bikes.mkv", seed=parser.parse_args().seed)
