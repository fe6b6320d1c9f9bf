"""Do colours pulse at keyframes? Mean chroma over time on held-out clips, beside the truth's.

    python tests/pulse.py --clips CLIPS

Each clip's longest shot is coloured at the working size from its true first frame. A jump in mean chroma between a
frame that the networks were asked about and its neighbours, larger than elsewhere and not in the truth, would be seen
as a pulse. Under each clip's numbers stand its curves: result, truth, and a mark under each such frame.
"""

import argparse
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from heldout_stills import Clip, load_clip

from vidcolor.color import Chroma, rgb_to_ab, rgb_to_luma
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.propagation import WorkingFrame, propagate

_LEVELS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Pulse:
    """Mean chroma (the length of ab) of each frame of a clip, result and truth, and the frames that networks saw."""

    result: Sequence[float]
    truth: Sequence[float]
    asked: frozenset[int]


def measure(networks: ExemplarColorizer, clip: Clip) -> Pulse:
    """Colour a clip from its first frame."""
    rgb = [frame.astype(np.float32) / 255 for frame in clip.frames]
    ab = rgb_to_ab(rgb[0])
    painted = Chroma(ab, np.ones(ab.shape[:2], np.float32))
    shot = networks.shot([networks.encode_reference(rgb_to_luma(rgb[0]), ab)])
    asked: set[int] = set()

    def colorize(frame: WorkingFrame, carried: Chroma | None, *, remember: bool = True) -> Chroma:
        asked.add(frame.index)
        return shot.colorize(frame.luma, carried, remember=remember).chroma

    frames = [WorkingFrame(i, luma, painted if i == 0 else None) for i, luma in enumerate(clip.lumas)]
    colors = propagate(frames, colorize, between=partial(colorize, remember=False))
    result = [_mean_chroma(each.ab) for each in colors]
    return Pulse(result, [_mean_chroma(rgb_to_ab(picture)) for picture in rgb], frozenset(asked))


def steps(means: Sequence[float], asked: Collection[int]) -> tuple[float, float]:
    """Return the largest step into or out of a frame that was asked about, and the median step elsewhere, or 0."""
    each = np.abs(np.diff(np.asarray(means, np.float64)))
    at = np.array([i in asked or i + 1 in asked for i in range(len(each))], bool)
    return float(each[at].max(initial=0.0)), float(np.median(each[~at])) if (~at).any() else 0.0


def curve(means: Sequence[float], *, high: float, columns: int = 72) -> str:
    """Draw values from 0 to `high` as a line of blocks, at most so many, each the mean of its frames."""
    parts = np.array_split(np.asarray(means, np.float64), min(columns, len(means)))
    return "".join(_LEVELS[min(7, int(8 * float(part.mean()) / max(high, 1e-9)))] for part in parts)


def marks(asked: Collection[int], frames: int, *, columns: int = 72) -> str:
    """Draw a mark below each block of `curve` that holds a frame of `asked`."""
    parts = np.array_split(np.arange(frames), min(columns, frames))
    return "".join("^" if any(int(i) in asked for i in part) else " " for part in parts).rstrip()


def print_pulses(clips: Sequence[Path], weights: Path | None = None, *, device: str = "auto") -> None:
    """Print a row for each clip, then the curves."""
    networks = ExemplarColorizer.load(weights, device=device)
    print("\n| clip | networks asked | largest step of mean chroma there | truth's there | median step elsewhere |")
    print("| --- | ---: | ---: | ---: | ---: |", flush=True)
    curves: list[str] = []
    for path in clips:
        clip = load_clip(path)
        pulse = measure(networks, clip)
        (largest, median), (truth, _) = steps(pulse.result, pulse.asked), steps(pulse.truth, pulse.asked)
        asked = f"{len(pulse.asked)} of {len(clip.frames)}"
        print(f"| {clip.name} | {asked} | {largest:.2f} | {truth:.2f} | {median:.2f} |", flush=True)
        high = 1.1 * max(*pulse.result, *pulse.truth)
        lines = {
            clip.name: curve(pulse.result, high=high),
            "truth": curve(pulse.truth, high=high),
            "": marks(pulse.asked, len(clip.frames)),
        }
        curves.append("\n".join(f"{name:>12} {line}".rstrip() for name, line in lines.items()))
    print("\nmean chroma over time\n")
    print("\n\n".join(curves))


def _mean_chroma(ab: np.ndarray) -> float:
    return float(np.hypot(ab[..., 0], ab[..., 1]).mean())


def main() -> None:
    """Print the table and the curves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(__file__).parents[2] / "shared" / "data" / "val-clips"
    parser.add_argument("--clips", type=Path, default=data, help="folder of colour clips; default: %(default)s")
    parser.add_argument("--weights", type=Path, help="default: the shipped ones")
    chosen = parser.parse_args()
    print_pulses(sorted(chosen.clips.glob("*.mp4")), chosen.weights)


if __name__ == "__main__":
    main()
