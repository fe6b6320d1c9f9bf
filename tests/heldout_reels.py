"""What happens to film on its way, done to held-out clips, which are then coloured as a user would.

    make heldout HELDOUT_ARGS=--reels

Each clip's longest shot is reduced to the working size, treated, written as a black-and-white film and coloured from
its first frame as it was before: bound by its name, or, where the shot begins in the dark, bound to none. What another
program painted goes by any name. Light that changes takes the truth's colours with it; what lies on the film changes
luma alone. In the last line of the first table 24 frames of a clip and the rest of it lie around some of another clip,
the first frames of both are the stills, and the rest is scored. The last lines have two shots that dissolve into each
other over so many frames, with a still of each; only the dissolve is scored.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sin
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import films
import numpy as np
from heldout_stills import Clip, Floats, _bytes, _floats, _rgb, load_clip
from PIL import Image

from vidcolor import Colorizer, VideoReader
from vidcolor.color import rgb_to_ab, rgb_to_luma
from vidcolor.evaluation.pictures import Bytes, picture
from vidcolor.metrics import ciede2000, colourfulness, lab_of, psnr
from vidcolor.shots import detect_shots

_COMING = 24
"""Frames over which a shot fades in, or an iris opens."""
_AWAY = 24
"""Frames of a clip before, and of another one during its interruption."""
_DISSOLVES = (12, 24, 40)
_ALONE = 16
"""Frames of each shot before and after a dissolve."""
_SCORED_EVERY = 4

Light = Callable[[int, int, tuple[int, int]], float | Floats]
"""Returns how bright a frame is, or each of its pixels (h, w), given its number, how many there are, and their size."""


@dataclass(frozen=True)
class _Treatment:
    name: str
    light: Light = lambda number, frames, size: 1.0
    age: Callable[[Floats, np.random.Generator], Floats] = lambda luma, rng: luma
    still: Callable[[Bytes], Bytes] = lambda rgb: rgb
    named: bool = True


def _iris(number: int, _frames: int, size: tuple[int, int]) -> float | Floats:
    opened = number / _COMING
    if opened >= 1:
        return 1.0
    y, x = np.mgrid[: size[0], : size[1]]
    away = np.hypot(x - 0.55 * size[1], y - 0.45 * size[0]) / np.hypot(*size) * 1.6
    return np.asarray(np.clip((opened - away) * 20 + 0.5, 0, 1), np.float32)


def _rescanned(rgb: Bytes) -> Bytes:
    """Return a picture as another scan may have it: zoomed by 2 % around the middle of its left side."""
    height, width = rgb.shape[:2]
    matrix = np.array([[1.02, 0, 0], [0, 1.02, -0.01 * height]], np.float32)
    return np.asarray(cv2.warpAffine(rgb, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


def _square(rgb: Bytes) -> Bytes:
    height, width = rgb.shape[:2]
    side = min(height, width)
    y, x = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(rgb[y : y + side, x : x + side])


def _framed(rgb: Bytes) -> Bytes:
    height, width = rgb.shape[:2]
    y, x = (max(height, width) - height) // 2, (max(height, width) - width) // 2
    return np.pad(rgb, ((y, y), (x, x), (0, 0)))


def _repainted(rgb: Bytes) -> Bytes:
    """Return a picture as another program may paint it: moved, bent, smoothed, with other tones, and a square."""
    height, width = rgb.shape[:2]
    bends = np.random.default_rng(0).normal(0, 0.006 * width, (6, 8, 2)).astype(np.float32)
    across, down = cv2.split(cv2.resize(bends, (width, height), interpolation=cv2.INTER_CUBIC))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    way, edge = cv2.INTER_LINEAR, cv2.BORDER_REFLECT
    bent = _floats(np.asarray(cv2.remap(_rescanned(rgb), x + across, y + down, way, borderMode=edge), np.uint8))
    toned = (0.4 * bent + 0.6 * bent * bent * (3 - 2 * bent)) ** np.float32(0.85)
    return _square(_bytes(np.asarray(cv2.bilateralFilter(toned, 7, 0.08, 3), np.float32)))


def _dust(luma: Floats, rng: np.random.Generator) -> Floats:
    mask = np.zeros(luma.shape, np.uint8)
    height, width = luma.shape
    for _ in range(rng.poisson(8)):
        angles, radii = np.linspace(0, 2 * np.pi, 7), rng.integers(1, 6) * rng.uniform(0.5, 1.5, 7)
        x, y = rng.integers(width) + radii * np.cos(angles), rng.integers(height) + radii * np.sin(angles)
        cv2.fillPoly(mask, [np.stack([x, y], 1).astype(np.int32)], (255,))
    soft = cv2.GaussianBlur(mask, (3, 3), 0).astype(np.float32) / np.float32(255)
    blot = np.float32(0.9 if rng.random() < 0.6 else 0.05)
    return np.asarray(luma + soft * (blot - luma), np.float32)


def _scratches(luma: Floats, rng: np.random.Generator) -> Floats:
    worn = luma.copy()
    worn[:, rng.integers(luma.shape[1], size=2)] += 0.35
    return worn


def _grain(luma: Floats, rng: np.random.Generator) -> Floats:
    noise = cv2.GaussianBlur(rng.standard_normal(luma.shape, np.float32), (0, 0), 0.7)
    return luma + noise * np.float32(0.03 / noise.std())


def _flicker(number: int, _frames: int, _size: tuple[int, int]) -> float:
    return 1 + 0.2 * sin(1.7 * number) * sin(0.37 * number + 1)


def _worn(luma: Floats, rng: np.random.Generator) -> Floats:
    soft = np.asarray(cv2.GaussianBlur(luma, (0, 0), 1), np.float32)
    return _grain(_dust(_scratches(soft, rng), rng), rng)


_TREATMENTS = (
    _Treatment("nothing"),
    _Treatment("nothing; the still is of another scan", still=_rescanned),
    _Treatment("nothing; the still is cropped to a square", still=_square),
    _Treatment("nothing; the still is framed to a square", still=_framed),
    _Treatment("nothing; another program painted the still", still=_repainted, named=False),
    _Treatment("fades to 15 %", lambda i, n, _: 1 - 0.85 * max(0.0, 1.5 * i / (n - 1) - 0.5)),
    _Treatment("light steps down to 60 %", lambda i, n, _: 1.0 if i < n // 2 else 0.6),
    _Treatment("flickers by up to 20 %", _flicker),
    _Treatment(f"fades in over {_COMING} frames", lambda i, n, _: min(i / _COMING, 1.0), named=False),
    _Treatment(f"an iris opens over {_COMING} frames", _iris, named=False),
    _Treatment("dust", age=_dust),
    _Treatment("scratches", age=_scratches),
    _Treatment("grain of 3 %", age=_grain),
    _Treatment("soft, with flicker, dust, scratches and grain", _flicker, _worn),
)


def print_reels(paths: Sequence[Path], weights: Path | None, *, quality: str) -> None:
    """Print a row per treatment: means over clips."""
    colorizer = Colorizer.load(weights)
    clips = [load_clip(path) for path in paths]
    print("| what happens | PSNR | CIEDE2000 | colour at the end |\n| --- | ---: | ---: | ---: |")
    for treatment in _TREATMENTS:
        rows = [_treated(colorizer, clip, treatment, quality=quality) for clip in clips]
        psnr_, error, colour = np.mean(rows, axis=0)
        print(f"| {treatment.name} | {psnr_:.2f} | {error:.2f} | {colour:.2f} |", flush=True)
    psnr_, error, colour = np.mean([_interrupted(colorizer, *pair, quality=quality) for pair in _pairs(clips)], axis=0)
    print(f"| goes on after {_AWAY} frames of another shot | {psnr_:.2f} | {error:.2f} | {colour:.2f} |", flush=True)
    print("\n| dissolves of | found | PSNR | CIEDE2000 | largest step of ab |\n| --- | ---: | ---: | ---: | ---: |")
    for length in _DISSOLVES:
        scored = [_dissolved(colorizer, *pair, length, quality=quality) for pair in _pairs(clips)]
        if not (known := [row for row in scored if row is not None]):
            continue  # no clip is so long
        found, psnr_, error, step = np.mean(known, axis=0)
        cells = f"{found * len(known):.0f} of {len(known)} | {psnr_:.2f} | {error:.2f} | {step:.1f}"
        print(f"| {length} frames | {cells} |", flush=True)


def _pairs(clips: Sequence[Clip]) -> list[tuple[Clip, Clip]]:
    return [(clip, clips[(number + 5) % len(clips)]) for number, clip in enumerate(clips)]


def _treated(colorizer: Colorizer, clip: Clip, treatment: _Treatment, *, quality: str) -> tuple[float, float, float]:
    """Return PSNR and CIEDE2000 of a treated clip, and its colour in the last fifth as a share of the truth's."""
    rng, count = np.random.default_rng(len(clip.frames)), len(clip.frames)
    truths = []
    for number, frame in enumerate(clip.frames):
        light = treatment.light(number, count, (frame.shape[0], frame.shape[1]))
        lit = _floats(frame) * np.atleast_3d(np.asarray(light, np.float32))
        aged = treatment.age(rgb_to_luma(lit), rng)
        truths.append(_bytes(_rgb(rgb_to_ab(lit), np.asarray(np.clip(aged, 0, 1), np.float32))))
    name = "still_000000.png" if treatment.named else "still.png"
    results = _colored(colorizer, truths, {name: treatment.still(clip.frames[0])}, quality=quality)
    return *_scores(results[1:], truths[1:]), _colour_at_the_end(results, truths)


def _interrupted(colorizer: Colorizer, clip: Clip, other: Clip, *, quality: str) -> tuple[float, float, float]:
    """Return the same of the frames of a clip that follow some of another one."""
    size = clip.frames[0].shape[1::-1]
    away = other.frames[:_AWAY]
    between = [np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA), np.uint8) for each in away]
    truths = [*clip.frames[:_AWAY], *between, *clip.frames[_AWAY:]]
    stills = {"still_000000.png": clip.frames[0], f"still_{_AWAY:06d}.png": between[0]}
    again = slice(_AWAY + len(between), None)
    results = _colored(colorizer, truths, stills, quality=quality)[again]
    return *_scores(results, truths[again]), _colour_at_the_end(results, truths[again])


def _colour_at_the_end(results: Sequence[Bytes], truths: Sequence[Bytes]) -> float:
    last = slice(-max(1, len(truths) // 5), None)
    return sum(map(colourfulness, results[last])) / sum(map(colourfulness, truths[last]))


def _dissolved(
    colorizer: Colorizer, before: Clip, after: Clip, length: int, *, quality: str
) -> tuple[float, float, float, float] | None:
    """Return whether one cut is found, then PSNR, CIEDE2000 and the largest mean step of ab in the dissolve."""
    first, second = list(before.frames[: _ALONE + length]), list(after.frames[: _ALONE + length])
    if min(len(first), len(second)) < _ALONE + length:
        return None
    size = first[0].shape[1::-1]
    second = [np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA), np.uint8) for each in second]
    shares = [0.0] * _ALONE + [(number + 1) / (length + 1) for number in range(length)] + [1.0] * _ALONE
    pairs = zip([*first, *first[-1:] * _ALONE], [*second[:1] * _ALONE, *second], shares, strict=True)
    truths = [_bytes((1 - share) * _floats(a) + share * _floats(b)) for a, b, share in pairs]
    stills = {"still_000000.png": truths[0], f"still_{len(truths) - 1:06d}.png": truths[-1]}
    with TemporaryDirectory() as folder:
        shots = detect_shots(_film(Path(folder), truths))
    inside = slice(_ALONE, _ALONE + length)
    results = _colored(colorizer, truths, stills, quality=quality)
    colours = [rgb_to_ab(_floats(each)) for each in results[_ALONE - 1 : _ALONE + length + 1]]
    step = max(float(np.abs(b - a).mean()) for a, b in pairwise(colours))
    found = len(shots) == 2 and _ALONE <= shots[1].start <= _ALONE + length
    return float(found), *_scores(results[inside], truths[inside]), step


def _colored(colorizer: Colorizer, truths: Sequence[Bytes], stills: dict[str, Bytes], *, quality: str) -> list[Bytes]:
    """Colour pictures as a film from stills by name, and return its frames."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for still, rgb in stills.items():
            Image.fromarray(rgb).save(folder / still)
        output = folder / "result.mkv"
        colorizer.colorize(
            _film(folder, truths),
            references=sorted(folder.glob("still*.png")),
            output=output,
            quality=quality,
            lossless=True,
        )
        with VideoReader(output) as reader:
            return [picture(frame, reader.info) for frame in reader]


def _film(folder: Path, pictures: Sequence[Bytes]) -> Path:
    """Write pictures as a black-and-white film."""
    height, width = pictures[0].shape[:2]
    film = films.Film(codec="ffv1", frames=len(pictures), width=width, height=height, matrix=1)

    def grey(number: int) -> Bytes:
        return _bytes(np.repeat(rgb_to_luma(_floats(pictures[number]))[..., None], 3, 2))

    return films.render(folder / "film", film, pictures=grey)


def _scores(results: Sequence[Bytes], truths: Sequence[Bytes]) -> tuple[float, float]:
    pairs = list(zip(results, truths, strict=True))
    error = np.mean([ciede2000(lab_of(ours), lab_of(truth)).mean() for ours, truth in pairs[::_SCORED_EVERY]])
    return float(np.mean([psnr(ours, truth) for ours, truth in pairs])), float(error)
