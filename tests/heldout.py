"""How well held-out clips, photographs and the sample film are coloured, beside the trivial answers.

    make heldout
    python tests/heldout.py --clips CLIPS --photos PHOTOS.tar --weights FILE -s sheet.png -o scores.json
    python tests/heldout.py --sample

Each clip is made grey with its luma untouched, gets its true first frame as its still, and is scored on its other
frames; after a cut the baselines, unlike the result, have no colours. Photographs are coloured without stills. Tables
are Markdown, intervals are 95 % bootstraps over clips; `colour` is colourfulness as a share of the truth's. A warp
error above the truth's is flicker; one below it is no gain, since dull and blurred colours change least.
"""

import argparse
import io
import json
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from heldout_choice import print_recommended, print_suggested
from heldout_reels import print_reels
from heldout_stills import print_tables
from PIL import Image

from vidcolor import Colorizer, VideoReader, VideoWriter, make_plan
from vidcolor.color import ab_to_chroma, chroma_to_rgb, rgb_to_luma, working_size
from vidcolor.evaluation import Scores, evaluate
from vidcolor.evaluation.pictures import Bytes, picture, shrink
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.metrics import bootstrap_interval, ciede2000, colourfulness, lab_of
from vidcolor.propagation import EFFORTS
from vidcolor.sheets import SheetRow, lay_out, write_picture
from vidcolor.shots import Shot
from vidcolor.video import ChromaPlanes

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "samples"
TRUTH = HERE / "data" / "bikes-truth.mp4"
DATA = HERE.parents[1] / "shared" / "data"
ROWS = ("result", "flow", "grey", "transfer")
COLUMNS = [
    *(f"PSNR {name}" for name in ROWS),
    *(f"CIEDE2000 {name}" for name in ROWS),
    "colour",
    "colour at the end",
    "still's own frame",
    "warp error over truth's",
]


def make_grey(truth: Path, film: Path, still: Path) -> None:
    """Write a clip without its colours, luma plane by luma plane, and its first frame as a still."""
    with VideoReader(truth) as reader, VideoWriter(film, source=reader.info, lossless=True) as writer:
        form = writer.chroma_format
        dtype = np.uint8 if form.bit_depth == 8 else np.uint16
        neutral = np.full((form.height, form.width), 1 << (form.bit_depth - 1), dtype)
        for frame in reader:
            if frame.index == 0:
                Image.fromarray(picture(frame, reader.info)).save(still)
            writer.write(frame, ChromaPlanes(neutral, neutral))


def score_clip(
    colorizer: Colorizer,
    truth: Path,
    *,
    quality: str,
    every: int,
    show: Callable[[int, Mapping[str, Bytes]], None] | None,
) -> Scores:
    """Colour a clip from its first frame and score the others."""
    with tempfile.TemporaryDirectory() as name:
        film, still, result = (Path(name) / each for each in ("grey.mkv", "still_000000.png", "result.mkv"))
        make_grey(truth, film, still)
        colorizer.colorize(film, references=[still], output=result, quality=quality, lossless=True)
        return evaluate(result, truth, references=(0,), every=every, show=show)


def score_sample(weights: Path | None, *, every: int = 1) -> Scores:
    """Colour the sample film from its stills and score its colours shot by shot, the stills' frames left out."""
    film = SAMPLES / "bikes.mkv"
    plan = make_plan(film, sorted((SAMPLES / "stills").glob("*.png")))
    given = [still.frame for shot in plan.shots for still in shot.references if still.frame is not None]
    shots = [Shot(shot.start, shot.stop) for shot in plan.shots]
    with tempfile.TemporaryDirectory() as name:
        result = Path(name) / "result.mkv"
        Colorizer.load(weights).colorize(film, plan=plan, output=result, lossless=True)
        # The film has grain and flicker that its truth has not: with that luma in both, only colours are scored.
        return evaluate(result, TRUTH, references=given, shots=shots, every=every, luma="film")


def score_photos(photos: Path, weights: Path | None, *, limit: int | None) -> dict[str, list[float]]:
    """Colour photographs without stills, at the working size."""
    networks = ExemplarColorizer.load(weights)
    names = ("CIEDE2000 result", "CIEDE2000 grey", "colour")
    scores: dict[str, list[float]] = {name: [] for name in names}
    for number, rgb in enumerate(_pictures(photos)):
        if number == limit:
            break
        small = shrink(rgb, working_size(rgb.shape[1], rgb.shape[0]))
        luma = rgb_to_luma(small)
        cb, cr = ab_to_chroma(networks.shot([]).colorize(luma, None).chroma.ab, luma, matrix="bt709")
        truth, result = _bytes(small), _bytes(chroma_to_rgb(luma, cb, cr, matrix="bt709"))
        lab = lab_of(truth)
        grey = lab_of(_bytes(np.repeat(luma[..., None], 3, axis=-1)))
        scores[names[0]].append(float(ciede2000(lab_of(result), lab).mean()))
        scores[names[1]].append(float(ciede2000(grey, lab).mean()))
        if colourfulness(truth) > 5:  # a share of nearly nothing says nothing
            scores[names[2]].append(colourfulness(result) / colourfulness(truth))
        _say(f"photograph {number + 1}")
    return scores


def _pictures(photos: Path) -> Iterator[Bytes]:
    with tarfile.open(photos) as archive:
        for member in archive:
            data = archive.extractfile(member)
            if data is not None:
                yield np.asarray(Image.open(io.BytesIO(data.read())).convert("RGB"))


def _bytes(rgb: np.ndarray[Any, Any]) -> Bytes:
    return np.asarray(np.clip(rgb * 255 + 0.5, 0, 255), np.uint8)


def cells(table: Scores) -> list[float]:
    """Return a table's values for `COLUMNS`."""
    truth = table["truth"]
    return [
        *(table[name].psnr for name in ROWS),
        *(table[name].ciede2000 for name in ROWS),
        table["result"].colourfulness / max(truth.colourfulness, 1e-9),
        table["result"].colourfulness_end / max(truth.colourfulness_end, 1e-9),
        float(np.mean(table.returned)) if table.returned else float("nan"),
        table["result"].warp_error / truth.warp_error if truth.warp_error else float("nan"),
    ]


def markdown(first: str, lines: Sequence[tuple[str, Sequence[float]]], *, whole: Sequence[float] | None = None) -> str:
    """Return a table of `COLUMNS` with a last line: `whole`, or the mean over lines with its bootstrap interval."""
    text = [f"| {first} | {' | '.join(COLUMNS)} |", "| --- |" + " ---: |" * len(COLUMNS)]
    text += [f"| {name} | {' | '.join(_cell(value) for value in values)} |" for name, values in lines]
    if whole is not None:
        text.append(f"| all | {' | '.join(_cell(value) for value in whole)} |")
    else:
        columns = zip(*(values for _, values in lines), strict=True)
        text.append(f"| mean | {' | '.join(_mean(list(column)) for column in columns)} |")
    return "\n".join(text)


def _cell(value: float) -> str:
    return "-" if value != value else f"{value:.2f}"


def _mean(values: Sequence[float]) -> str:
    known = [value for value in values if value == value]
    if not known:
        return "-"
    low, high = bootstrap_interval(known)
    return f"{np.mean(known):.2f} ({low:.2f} to {high:.2f})"


class _Album:
    """Keeps three frames of a clip for the contact sheet: early, half-way, last."""

    def __init__(self, name: str, frames: int) -> None:
        self._name = name
        self._wanted = [min(frames - 1, 5), frames // 2, frames - 1]
        self._kept: list[Bytes] = []

    def show(self, index: int, pictures: Mapping[str, Bytes]) -> None:
        if index in self._wanted:
            self._kept += [np.asarray(_lower(pictures[name])) for name in ("truth", "result", "flow")]

    def row(self) -> SheetRow:
        frames = ", ".join(map(str, self._wanted))
        return SheetRow(f"{self._name}, frames {frames}: truth, result, flow alone each", tuple(self._kept))


def _lower(rgb: Bytes) -> Bytes:
    size = max(1, round(rgb.shape[1] * 180 / rgb.shape[0])), 180
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _say(message: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{message:<60}", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--clips", type=Path, help="folder of colour clips; default: %(default)s", default=DATA / "val-clips"
    )
    parser.add_argument("--photos", type=Path, help="tar of photographs", default=DATA / "val-photos-00.tar")
    parser.add_argument("--limit", type=int, metavar="N", help="so many photographs at most; 0 for none")
    parser.add_argument("--sample", action="store_true", help="score the sample film instead")
    parser.add_argument("--stills", action="store_true", help="try other stills than the clips' first frames instead")
    parser.add_argument("--reels", action="store_true", help="fade, damage and dissolve the clips instead")
    parser.add_argument("--recommend", action="store_true", help="try what `vidcolor recommend` finds instead")
    parser.add_argument("--suggest", action="store_true", help="try what `vidcolor suggest` finds instead")
    parser.add_argument("--weights", type=Path, help="default: the shipped ones")
    parser.add_argument("--quality", choices=EFFORTS, default="balanced", help="of the clips; default: %(default)s")
    parser.add_argument("--every", type=int, default=8, metavar="N", help="score every Nth frame; default: %(default)s")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write every score here, as JSON")
    parser.add_argument("-s", "--sheet", type=Path, metavar="FILE", help="write a contact sheet of the clips here, PNG")
    chosen = parser.parse_args()

    scores: dict[str, Any] = {}
    if chosen.stills:
        print_tables(_clips(chosen.clips), chosen.weights)
        return
    if chosen.reels:
        print_reels(_clips(chosen.clips), chosen.weights, quality=chosen.quality)
        return
    if chosen.recommend:
        print_recommended(_clips(chosen.clips), chosen.photos, chosen.weights)
        return
    if chosen.suggest:
        print_suggested(_clips(chosen.clips), chosen.weights)
        return
    if chosen.sample:
        film = score_sample(chosen.weights, every=chosen.every)
        lines = [(f"{table.shot.start} to {table.shot.stop - 1}", cells(table)) for table in film.shots if table.shot]
        print(markdown("frames of the shot", lines, whole=cells(film)))
        scores["sample"] = film.to_dict()
    else:
        scores["clips"] = _score_clips(chosen)
        if chosen.limit != 0 and chosen.photos.exists():
            scores["photos"] = _score_photos(chosen)
    if chosen.output:
        chosen.output.write_text(json.dumps(scores, indent=1), encoding="utf-8")


def _clips(folder: Path) -> list[Path]:
    clips = sorted(folder.glob("*.mp4")) + sorted(folder.glob("*.mkv"))
    if not clips:
        raise SystemExit(f"no clips in {folder}: give a folder with --clips, or score the sample film with --sample")
    return clips


def _score_clips(chosen: argparse.Namespace) -> dict[str, Any]:
    clips = _clips(chosen.clips)
    colorizer = Colorizer.load(chosen.weights)
    tables: dict[str, Scores] = {}
    rows: list[SheetRow] = []
    for number, clip in enumerate(clips, start=1):
        _say(f"clip {number} of {len(clips)}: {clip.stem}")
        with VideoReader(clip) as reader:
            album = _Album(clip.stem, reader.info.frames or 1)
        tables[clip.stem] = score_clip(colorizer, clip, quality=chosen.quality, every=chosen.every, show=album.show)
        rows.append(album.row())
    _say("")
    names = {
        clip: clip if len(table.shots) == 1 else f"{clip} ({len(table.shots)} shots)" for clip, table in tables.items()
    }
    print(markdown("clip", [(names[clip], cells(table)) for clip, table in tables.items()]))
    if chosen.sheet:
        write_picture(chosen.sheet, lay_out(rows))
    return {name: table.to_dict() for name, table in tables.items()}


def _score_photos(chosen: argparse.Namespace) -> dict[str, list[float]]:
    scores = score_photos(chosen.photos, chosen.weights, limit=chosen.limit)
    _say("")
    print(f"\n| photographs without stills | {' | '.join(scores)} |\n| --- |" + " ---: |" * len(scores))
    print(f"| {len(scores['CIEDE2000 result'])} | {' | '.join(_mean(values) for values in scores.values())} |")
    return scores


if __name__ == "__main__":
    main()
