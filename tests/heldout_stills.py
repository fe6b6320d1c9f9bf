"""What other stills than the true first frame do on held-out clips, at the working size.

    make heldout HELDOUT_ARGS=--stills

middle: the clip's own middle frame. changed: its first frame mirrored, cropped to three quarters, darker and with
another gamma, bound to no frame. unrelated: the first frame of the next clip. none: automatic. turned: the true first
frame with its hue turned by 90 degrees; the table says by how much the result's colours turn. A second table sets the
networks' confidence against their errors.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor import VideoReader
from vidcolor.color import Chroma, ab_to_chroma, chroma_to_rgb, rgb_to_ab, rgb_to_luma, working_size
from vidcolor.evaluation.pictures import Bytes, picture, shrink
from vidcolor.exemplar import EncodedReference, ExemplarColorizer
from vidcolor.metrics import ciede2000, lab_of, psnr
from vidcolor.propagation import WorkingFrame, propagate
from vidcolor.shots import detect_shots

Floats = npt.NDArray[np.float32]
COLUMNS = ("middle", "changed", "unrelated", "none", "grey")


@dataclass(frozen=True)
class Clip:
    """The longest shot of a clip at the working size: RGB uint8 (h, w, 3) of each frame, and its luma."""

    name: str
    frames: Sequence[Bytes]
    lumas: Sequence[Floats]


def load_clip(path: Path) -> Clip:
    """Read a clip's longest shot."""
    shot = max(detect_shots(path), key=lambda shot: shot.stop - shot.start)
    with VideoReader(path) as reader:
        pictures = [picture(frame, reader.info) for frame in reader if frame.index in shot]
    small = [shrink(rgb, working_size(rgb.shape[1], rgb.shape[0])) for rgb in pictures]
    return Clip(path.stem, [_bytes(rgb) for rgb in small], [rgb_to_luma(rgb) for rgb in small])


def color(networks: ExemplarColorizer, clip: Clip, still: Floats | None, *, frame: int | None) -> list[Floats]:
    """Return ab of every frame of the clip.

    Args:
        networks: Colour keyframes.
        clip: The clip.
        still: RGB float32 (h, w, 3) in [0, 1], or None for automatic colours.
        frame: The frame that the still belongs to, None for a still of no frame.
    """
    references: list[EncodedReference] = []
    painted: Chroma | None = None
    if still is not None:
        ab = rgb_to_ab(still)
        references = [networks.encode_reference(rgb_to_luma(still), ab)]
        painted = Chroma(ab, np.ones(ab.shape[:2], np.float32))
    shot = networks.shot(references)
    frames = [WorkingFrame(index, luma, painted if index == frame else None) for index, luma in enumerate(clip.lumas)]
    chroma = propagate(frames, lambda it, carried: shot.colorize(it.luma, carried).chroma, look_ahead=len(frames))
    return [each.ab for each in chroma]


def changed(rgb: Bytes) -> Floats:
    """Return a frame mirrored, cropped, darker and with another gamma, RGB float32 of the same size in [0, 1]."""
    height, width = rgb.shape[:2]
    part = rgb[height // 8 : height - height // 8, width - width // 8 : width // 8 : -1]
    wide = cv2.resize(np.ascontiguousarray(part), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(0.9 * (wide.astype(np.float32) / 255) ** 1.3, np.float32)


def turned(rgb: Bytes) -> Floats:
    """Return a frame with its hue turned by 90 degrees at the same luma, RGB float32 in [0, 1]."""
    whole = rgb.astype(np.float32) / 255
    ab, luma = rgb_to_ab(whole), rgb_to_luma(whole)
    return _rgb(np.dstack([-ab[..., 1], ab[..., 0]]), luma)


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
        own, other = clip.frames[0], clips[(number + 1) % len(clips)].frames[0]
        results = {
            "middle": color(networks, clip, _floats(clip.frames[middle]), frame=middle),
            "changed": color(networks, clip, changed(own), frame=None),
            "unrelated": color(networks, clip, _floats(other), frame=None),
            "none": color(networks, clip, None, frame=None),
            "grey": [np.zeros((*luma.shape, 2), np.float32) for luma in clip.lumas],
        }
        table = [scores(clip, results[name], without=(middle,) if name == "middle" else ()) for name in COLUMNS]
        faithful = color(networks, clip, _floats(own), frame=0)
        turn = turn_between(faithful[1:], color(networks, clip, turned(own), frame=0)[1:])
        rows.append([*(pair[0] for pair in table), *(pair[1] for pair in table), turn])
        print(f"| {clip.name} | {' | '.join(f'{value:.2f}' for value in rows[-1])} |", flush=True)
    print(f"| mean | {' | '.join(f'{value:.2f}' for value in np.mean(rows, axis=0))} |")
    print_reliability(networks, clips)


def print_reliability(networks: ExemplarColorizer, clips: Sequence[Clip]) -> None:
    """Print how wrong colours are that the networks gave with some confidence, from the first frame as the still.

    Every 6th frame is coloured by itself; confidence stands for the chance that the error is below 6.
    """
    confidences, errors = [], []
    for clip in clips:
        still = _floats(clip.frames[0])
        reference = networks.encode_reference(rgb_to_luma(still), rgb_to_ab(still))
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


def _rgb(ab: Floats, luma: Floats) -> Floats:
    cb, cr = ab_to_chroma(ab, luma, matrix="bt709")
    return chroma_to_rgb(luma, cb, cr, matrix="bt709")


def _bytes(rgb: Floats) -> Bytes:
    return np.asarray(np.clip(rgb * 255 + 0.5, 0, 255), np.uint8)


def _floats(rgb: Bytes) -> Floats:
    return np.asarray(rgb, np.float32) / np.float32(255)
