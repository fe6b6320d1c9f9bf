"""Whether it pays to follow `recommend` and `suggest`, on held-out clips at the working size.

    make heldout HELDOUT_ARGS=--recommend
    make heldout HELDOUT_ARGS=--suggest

recommend: the library holds the validation photographs and the last frame of each clip. The table says at which place a
clip's middle frame finds its own clip, and how every 12th frame comes out, coloured by itself from photographs alone:
the recommended one, others at random, and none.

suggest: every clip is coloured from its first frame and one or two more, suggested or evenly spaced: each at the start
of an equal part of the clip (spaced), or so that, with error growing alike everywhere, the mean error is least (tuned:
at 2/3, and at 2/5 and 4/5). All are scored on the same frames, none of which is anybody's still. The last line spends
one more still on half of the clips only: on those with the largest expected gain, or on every other one.
"""

import tarfile
from collections.abc import Collection, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from heldout_stills import Clip, Floats, _bytes, _floats, _rgb, load_clip, of_no_frame, propagated, scores
from PIL import Image

from vidcolor.color import Chroma, rgb_to_ab, working_size
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.framing import shrink
from vidcolor.metrics import ciede2000, lab_of
from vidcolor.plan import PlannedReference, PlannedShot
from vidcolor.propagation import WorkingFrame
from vidcolor.recommendation import Ranking, open_library
from vidcolor.recommendation.looks import LONG_SIDE, describe
from vidcolor.references import load_reference
from vidcolor.suggestion import choose, keys_of, sampled
from vidcolor.weights import load_weights

_RANDOM = 3
_EVERY = 12


def print_recommended(paths: Sequence[Path], photographs: Path, weights: Path | None) -> None:
    """Print what `recommend` finds for each clip, and what it is worth."""
    loaded = load_weights(weights)
    networks = ExemplarColorizer.load(loaded)
    clips = [load_clip(path) for path in paths]
    with TemporaryDirectory() as folder:
        library = Path(folder)
        _unpack(photographs, library)
        for clip in clips:
            Image.fromarray(clip.frames[-1]).save(library / f"{clip.name}.png")
        looks = {
            name: each.looks
            for name, each in open_library(library, networks, weights=loaded.sha256).photographs.items()
            if each.looks is not None
        }
        own = {f"{clip.name}.png" for clip in clips}
        everything, alone = Ranking(looks), Ranking({name: each for name, each in looks.items() if name not in own})
        chance = np.random.default_rng(0)
        heads = ["own clip's place", *(f"CIEDE2000 {name}" for name in ("recommended", "random", "none"))]
        print(f"| clip | {' | '.join(heads)} |\n| --- |" + " ---: |" * len(heads))
        rows = []
        for clip in clips:
            luma = clip.lumas[len(clip.lumas) // 2]
            small = np.asarray(shrink(_bytes(luma), working_size(*luma.shape[::-1], long_side=LONG_SIDE)))
            frame = describe(networks, small)
            found = [each.name for each in everything(frame, count=len(looks))]
            place = found.index(f"{clip.name}.png") + 1 if f"{clip.name}.png" in found else len(looks)
            names = [name for name in looks if name not in own]
            tried = chance.choice(names, _RANDOM, replace=False).tolist()
            best = alone(frame, count=1)[0].name
            error = {name: _error(networks, clip, library / name) for name in {best, *tried}}
            by_chance = float(np.mean([error[name] for name in tried]))
            rows.append([place, error[best], by_chance, _error(networks, clip, None)])
            print(f"| {clip.name} | {place} | {' | '.join(f'{value:.2f}' for value in rows[-1][1:])} |", flush=True)
        first = sum(row[0] == 1 for row in rows)
        means = np.mean(rows, axis=0)[1:]
        print(f"| all | {first} of {len(rows)} first | {' | '.join(f'{value:.2f}' for value in means)} |")


def print_suggested(paths: Sequence[Path], weights: Path | None) -> None:
    """Print what suggested stills are worth beside evenly spaced ones."""
    networks = ExemplarColorizer.load(weights)
    columns = ("none", "spaced +1", "tuned +1", "suggested +1", "spaced +2", "tuned +2", "suggested +2")
    heads = [
        "frames",
        "expected gain",
        *(f"PSNR {name}" for name in columns),
        *(f"CIEDE2000 {name}" for name in columns),
    ]
    print(f"| clip | {' | '.join(heads)} |\n| --- |" + " ---: |" * len(heads))
    rows = []
    for path in paths:
        clip = load_clip(path)
        n = len(clip.frames)
        shot = PlannedShot(start=0, stop=n, references=[PlannedReference(path="first", frame=0)])
        looked_at = sampled(shot)
        keys = [keys_of(networks, clip.lumas[frame]) for frame in looked_at]
        suggested = choose(0, n, looked_at, keys, painted=[0], count=2)
        further = {
            "none": [],
            "spaced +1": [n // 2],
            "tuned +1": [2 * n // 3],
            "suggested +1": list(suggested.frames[:1]),
            "spaced +2": [n // 3, 2 * n // 3],
            "tuned +2": [2 * n // 5, 4 * n // 5],
            "suggested +2": list(suggested.frames),
        }
        given = {0, *(frame for frames in further.values() for frame in frames)}
        table = [scores(clip, _color(networks, clip, [0, *further[name]]), without=given) for name in columns]
        rows.append([suggested.gains[0], *(pair[0] for pair in table), *(pair[1] for pair in table)])
        frames = ", ".join(map(str, suggested.frames))
        print(f"| {clip.name} | {frames} of {n} | {' | '.join(f'{value:.2f}' for value in rows[-1])} |", flush=True)
    values = np.array(rows)
    none, spaced, best = (
        values[:, 1 + len(columns) + columns.index(name)] for name in ("none", "spaced +1", "suggested +1")
    )
    promising = np.argsort(-values[:, 0])[: len(values) // 2]
    chosen = none.copy()
    chosen[promising] = best[promising]
    print(f"| mean | | {' | '.join(f'{value:.2f}' for value in values.mean(0))} |")
    # Every other clip, starting with the first or with the second: the mean of both.
    spread = (none + spaced).mean() / 2
    print(f"\nhalf of the clips: CIEDE2000 {chosen.mean():.2f} suggested, {spread:.2f} every other clip")


def _color(networks: ExemplarColorizer, clip: Clip, painted: Collection[int]) -> list[Floats]:
    """Return ab of every frame of a clip of which some frames are painted in their true colours."""
    colors = {frame: rgb_to_ab(_floats(clip.frames[frame])) for frame in painted}
    shot = networks.shot([networks.encode_reference(clip.lumas[frame], ab) for frame, ab in colors.items()])
    everywhere = np.ones_like(clip.lumas[0])
    frames = [
        WorkingFrame(index, luma, Chroma(colors[index], everywhere) if index in colors else None)
        for index, luma in enumerate(clip.lumas)
    ]
    return propagated(shot, frames)


def _error(networks: ExemplarColorizer, clip: Clip, still: Path | None) -> float:
    """Return the mean CIEDE2000 of every 12th frame, each coloured by itself from one photograph or from none."""
    references = [] if still is None else [of_no_frame(networks, load_reference(still).rgb)]
    errors = []
    for luma, truth in list(zip(clip.lumas, clip.frames, strict=True))[::_EVERY]:
        ab = networks.shot(references).colorize(luma, None).chroma.ab
        errors.append(ciede2000(lab_of(_bytes(_rgb(ab, luma))), lab_of(truth)).mean())
    return float(np.mean(errors))


def _unpack(photographs: Path, folder: Path) -> None:
    with tarfile.open(photographs) as archive:
        for member in archive:
            data = archive.extractfile(member)
            if data is not None:
                Image.open(BytesIO(data.read())).convert("RGB").save(folder / f"{Path(member.name).stem}.png")
