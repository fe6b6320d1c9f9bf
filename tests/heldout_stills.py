"""What other stills than the true first frame do on held-out clips, at the working size.

    make heldout HELDOUT_ARGS=--stills

middle: the clip's own middle frame. changed: its first frame mirrored, cropped to three quarters, darker and with
another gamma, bound to no frame. unrelated: the first frame of the next clip. none: automatic. turned: the true first
frame with its hue turned by 90 degrees; the table says by how much the result's colours turn. A second table has
single frames that show the still's things nearer or farther away, a third sets the networks' confidence against their
errors.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor import VideoReader
from vidcolor.color import LONG_SIDE, Chroma, ab_to_chroma, chroma_to_rgb, rgb_to_ab, rgb_to_luma, working_size
from vidcolor.coloring import encode
from vidcolor.evaluation.pictures import Bytes, picture, shrink
from vidcolor.exemplar import EncodedReference, ExemplarColorizer, ScaledReference, ShotColorizer
from vidcolor.metrics import ciede2000, lab_of, psnr
from vidcolor.propagation import WorkingFrame, propagate
from vidcolor.references import Reference
from vidcolor.shots import detect_shots

Floats = npt.NDArray[np.float32]
COLUMNS = ("middle", "changed", "unrelated", "none", "grey")
_EVERY = 8
# What is said of it, how much nearer the film shows things than the whole frame does, and the still.
_NEARNESS = (
    ("as near as the still", 1.0, 1.0),
    ("1.4 times as near", 1.4, 1.0),
    ("twice as near", 2.0, 1.0),
    ("three times as near", 3.0, 1.0),
    ("half as near", 1.0, 2.0),
)


@dataclass(frozen=True)
class Clip:
    """The longest shot of a clip: RGB uint8 (h, w, 3) and luma of each frame at the working size, every 8th whole."""

    name: str
    frames: Sequence[Bytes]
    lumas: Sequence[Floats]
    whole: Sequence[Bytes]


def load_clip(path: Path) -> Clip:
    """Read a clip's longest shot."""
    shot = max(detect_shots(path), key=lambda shot: shot.stop - shot.start)
    with VideoReader(path) as reader:
        return working_clip(path.stem, [picture(frame, reader.info) for frame in reader if frame.index in shot])


def working_clip(name: str, pictures: Sequence[Bytes]) -> Clip:
    """Return pictures RGB uint8 (h, w, 3) as a clip."""
    small = [_working(rgb) for rgb in pictures]
    return Clip(name, [_bytes(rgb) for rgb in small], [rgb_to_luma(rgb) for rgb in small], pictures[::_EVERY])


def of_a_frame(networks: ExemplarColorizer, rgb: Bytes) -> EncodedReference:
    """Return a still of one of the shot's own frames as a reference."""
    return encode(Reference(None, rgb), networks, "bt709", LONG_SIDE)


def of_no_frame(networks: ExemplarColorizer, rgb: Bytes) -> ScaledReference:
    """Return any other still as a reference."""
    larger = partial(encode, Reference(None, rgb), networks, "bt709")
    return ScaledReference(of_a_frame(networks, rgb), larger, long_side=LONG_SIDE)


def color(networks: ExemplarColorizer, clip: Clip, still: Bytes | None, *, frame: int | None) -> list[Floats]:
    """Return ab of every frame of the clip.

    Args:
        networks: Colour keyframes.
        clip: The clip.
        still: RGB uint8 (h, w, 3), of the working size where it belongs to a frame, or None for automatic colours.
        frame: The frame that the still belongs to, None for a still of no frame.
    """
    references: list[EncodedReference | ScaledReference] = []
    painted: Chroma | None = None
    if still is not None and frame is None:
        references = [of_no_frame(networks, still)]
    elif still is not None:
        ab = rgb_to_ab(_floats(still))
        references = [of_a_frame(networks, still)]
        painted = Chroma(ab, np.ones(ab.shape[:2], np.float32))
    shot = networks.shot(references)
    frames = [WorkingFrame(index, luma, painted if index == frame else None) for index, luma in enumerate(clip.lumas)]
    return propagated(shot, frames, begin=frame or 0)


def propagated(shot: ShotColorizer, frames: Sequence[WorkingFrame], *, begin: int = 0) -> list[Floats]:
    """Return ab of every frame of a shot, coloured from its frame `begin` on, and backwards."""

    def colorize(frame: WorkingFrame, carried: Chroma | None, *, remember: bool = True) -> Chroma:
        return shot.colorize(frame.luma, carried, remember=remember).chroma

    between = partial(colorize, remember=False)
    return [each.ab for each in propagate(frames, colorize, between=between, begin=begin)]


def changed(rgb: Bytes) -> Bytes:
    """Return a frame mirrored, cropped, darker and with another gamma, RGB uint8 of the same size."""
    height, width = rgb.shape[:2]
    part = rgb[height // 8 : height - height // 8, width - width // 8 : width // 8 : -1]
    wide = cv2.resize(np.ascontiguousarray(part), (width, height), interpolation=cv2.INTER_LINEAR)
    return _bytes(np.asarray(0.9 * (wide.astype(np.float32) / 255) ** 1.3, np.float32))


def turned(rgb: Bytes) -> Bytes:
    """Return a frame with its hue turned by 90 degrees at the same luma, RGB uint8."""
    whole = rgb.astype(np.float32) / 255
    ab, luma = rgb_to_ab(whole), rgb_to_luma(whole)
    return _bytes(_rgb(np.dstack([-ab[..., 1], ab[..., 0]]), luma))


def turn_between(before: Sequence[Floats], after: Sequence[Floats]) -> float:
    """Return by how many degrees the colours of one result are turned in another: the mean over chroma."""
    a, b = np.stack(before), np.stack(after)
    dot = float((a * b).sum())
    cross = float((a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).sum())
    return float(np.degrees(np.arctan2(cross, dot)))


def scores(clip: Clip, results: Sequence[Floats], *, without: Collection[int] = ()) -> tuple[float, float]:
    """Return PSNR and CIEDE2000, means over the clip's frames but those that were given."""
    pairs = [
        (_bytes(_rgb(ab, luma)), truth)
        for index, (ab, luma, truth) in enumerate(zip(results, clip.lumas, clip.frames, strict=True))
        if index not in without
    ]
    error = np.mean([ciede2000(lab_of(ours), lab_of(truth)).mean() for ours, truth in pairs[::4]])
    return float(np.mean([psnr(ours, truth) for ours, truth in pairs])), float(error)


def print_tables(paths: Sequence[Path], weights: Path | None) -> None:
    """Print a row per clip and the means."""
    networks = ExemplarColorizer.load(weights)
    clips = [load_clip(path) for path in paths]
    heads = [*(f"PSNR {name}" for name in COLUMNS), *(f"CIEDE2000 {name}" for name in COLUMNS), "turned by"]
    print(f"| clip | {' | '.join(heads)} |\n| --- |" + " ---: |" * len(heads))
    rows = []
    for number, clip in enumerate(clips):
        middle = len(clip.frames) // 2
        own, other = clip.frames[0], clips[(number + 1) % len(clips)].whole[0]
        results = {
            "middle": color(networks, clip, clip.frames[middle], frame=middle),
            "changed": color(networks, clip, changed(clip.whole[0]), frame=None),
            "unrelated": color(networks, clip, other, frame=None),
            "none": color(networks, clip, None, frame=None),
            "grey": [np.zeros((*luma.shape, 2), np.float32) for luma in clip.lumas],
        }
        table = [scores(clip, results[name], without=(middle,) if name == "middle" else ()) for name in COLUMNS]
        faithful = color(networks, clip, own, frame=0)
        turn = turn_between(faithful[1:], color(networks, clip, turned(own), frame=0)[1:])
        rows.append([*(pair[0] for pair in table), *(pair[1] for pair in table), turn])
        print(f"| {clip.name} | {' | '.join(f'{value:.2f}' for value in rows[-1])} |", flush=True)
    print(f"| mean | {' | '.join(f'{value:.2f}' for value in np.mean(rows, axis=0))} |")
    print_scales(networks, clips)
    print_reliability(networks, clips)


def print_scales(networks: ExemplarColorizer, clips: Sequence[Clip]) -> None:
    """Print how single frames come out whose things the still shows at another size.

    The still is the clip's first frame, or its middle; every 8th of the other frames, or its middle, is coloured by
    itself, from one scale of the still, from the one that fits, and automatically.
    """
    print("\n| the film shows things | PSNR fitting scale | PSNR one scale | PSNR none | PSNR grey |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for label, nearer, farther in _NEARNESS:
        rows = []
        for clip in clips:
            still = _middle(clip.whole[0], farther)
            fitting, single = of_no_frame(networks, still), of_a_frame(networks, still)
            scored = []
            for rgb in clip.whole[1:]:
                truth = _working(_middle(rgb, nearer))
                luma = rgb_to_luma(truth)
                results = [
                    *(networks.shot(each).colorize(luma, None).chroma.ab for each in ([fitting], [single], [])),
                    np.zeros((*luma.shape, 2), np.float32),
                ]
                scored.append([psnr(_bytes(_rgb(ab, luma)), _bytes(truth)) for ab in results])
            rows.append(np.mean(scored, axis=0))
        print(f"| {label} | {' | '.join(f'{value:.2f}' for value in np.mean(rows, axis=0))} |", flush=True)


def print_reliability(networks: ExemplarColorizer, clips: Sequence[Clip]) -> None:
    """Print how wrong colours are that the networks gave with some confidence, from the first frame as the still.

    Every 6th frame is coloured by itself; confidence stands for the chance that the error is below 6.
    """
    confidences, errors = [], []
    for clip in clips:
        reference = of_a_frame(networks, clip.frames[0])
        for luma, truth in list(zip(clip.lumas, clip.frames, strict=True))[6::6]:
            chroma = networks.shot([reference]).colorize(luma, None).chroma
            confidences.append(chroma.confidence.ravel())
            errors.append(np.linalg.norm(chroma.ab - rgb_to_ab(_floats(truth)), axis=2).ravel())
    confidence, error = np.concatenate(confidences), np.concatenate(errors)
    print("\n| confidence | share of pixels | mean error in ab | error below 6 |\n| --- | ---: | ---: | ---: |")
    for low, high in pairwise((0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.01)):
        here = (confidence >= low) & (confidence < high)
        if here.any():
            cells = f"{100 * here.mean():.1f} % | {error[here].mean():.1f} | {100 * (error[here] < 6).mean():.0f} %"
            print(f"| {low:.2f} to {min(high, 1):.2f} | {cells} |")


def _working(rgb: Bytes) -> Floats:
    return shrink(rgb, working_size(rgb.shape[1], rgb.shape[0]))


def _middle(rgb: Bytes, nearer: float) -> Bytes:
    """The middle of a picture, which fills a frame so many times nearer."""
    height, width = round(rgb.shape[0] / nearer), round(rgb.shape[1] / nearer)
    top, left = (rgb.shape[0] - height) // 2, (rgb.shape[1] - width) // 2
    return np.ascontiguousarray(rgb[top : top + height, left : left + width])


def _rgb(ab: Floats, luma: Floats) -> Floats:
    cb, cr = ab_to_chroma(ab, luma, matrix="bt709")
    return chroma_to_rgb(luma, cb, cr, matrix="bt709")


def _bytes(rgb: Floats) -> Bytes:
    return np.asarray(np.clip(rgb * 255 + 0.5, 0, 255), np.uint8)


def _floats(rgb: Bytes) -> Floats:
    return np.asarray(rgb, np.float32) / np.float32(255)
