"""What each objective of the trainer teaches in the same small budget: a table, and pictures to look at.

    make objectives
    python tests/objectives.py --data DATA --photos PHOTOS.tar --steps 250 --runs RUNS -o objectives.jpg

All runs start from the shipped encoder and untrained sub-nets, but for `adversarial`, a last stage of --stage further
steps on the weights of `regression`. Photographs are coloured without stills, which is all that the classics teach.
Such a budget ranks nothing for good; it shows what each loss pulls towards. Finished runs are taken as they are.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from heldout import DATA, TRUTH, _bytes, _pictures

from vidcolor import VideoReader
from vidcolor.color import ab_to_chroma, chroma_to_rgb, rgb_to_luma, working_size
from vidcolor.evaluation.pictures import Bytes, picture, shrink
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.metrics import bootstrap_interval, ciede2000, colourfulness, lab_of
from vidcolor.networks import ExemplarNetwork
from vidcolor.sheets import SheetRow, lay_out
from vidcolor.training.config import TrainConfig
from vidcolor.training.loop import TrainProgress, train
from vidcolor.training.objectives import OBJECTIVES
from vidcolor.weights import load_weights, save_weights

_FRAMES = (14, 50, 100, 160, 215)
"""Of the sample film, a frame of each of its longer shots."""
_TEMPERATURES = (0.2, 1.0)
"""Of the classes' annealed mean, besides the one that the weights name."""


def begin(path: Path) -> Path:
    """Write the weights that all runs start from: the shipped encoder, all else as drawn."""
    torch.manual_seed(0)
    network = ExemplarNetwork()
    shipped = load_weights().state.items()
    encoder = {name.removeprefix("encoder."): value for name, value in shipped if name.startswith("encoder.")}
    network.encoder.load_state_dict(encoder)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(path, network.state_dict(), config=network.config.to_dict(), version="0")
    return path


def learn(objective: str, runs: Path, data: Path, *, steps: int, stage: int, batch: int) -> Path:
    """Train with one objective, or take the weights of a finished run."""
    run, adversarial = runs / objective, objective == "adversarial"
    weights = run / "weights.safetensors"
    if weights.is_file():
        return weights
    start = runs / "regression" / "weights.safetensors" if adversarial else begin(runs / "start.safetensors")
    steps = stage if adversarial else steps
    config = TrainConfig(
        data=data,
        run=run,
        objective=objective,
        steps=steps,
        batch=batch,
        init=start,
        device="cpu",
        threads=1,
        save_minutes=60,
    )

    def tell(state: TrainProgress) -> None:
        if state.step % 50 == 0 or state.step == state.steps:
            losses = ", ".join(f"{name} {value:.4f}" for name, value in state.losses.items())
            times = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in state.seconds.items())
            _say(f"{objective} {state.step}/{state.steps}, {state.rate:.1f} samples/s: {losses}; {times}")

    return train(config, progress=tell)


def colour(networks: ExemplarColorizer, rgb: Bytes) -> tuple[Bytes, Bytes, Bytes]:
    """Return a picture at its working size: its truth, its grey and its automatic colours."""
    small = shrink(rgb, working_size(rgb.shape[1], rgb.shape[0]))
    luma = rgb_to_luma(small)
    cb, cr = ab_to_chroma(networks.shot([]).colorize(luma, None).chroma.ab, luma, matrix="bt709")
    grey = np.repeat(luma[..., None], 3, axis=-1)
    return _bytes(small), _bytes(grey), _bytes(chroma_to_rgb(luma, cb, cr, matrix="bt709"))


def score(networks: ExemplarColorizer, photos: Path, *, every: int) -> tuple[list[float], list[float], list[float]]:
    """Return CIEDE2000 and colourfulness over the truth's of photographs, and CIEDE2000 of grey."""
    errors, vivid, dull = [], [], []
    for rgb in islice(_pictures(photos), 0, None, every):
        truth, grey, result = colour(networks, rgb)
        lab = lab_of(truth)
        errors.append(float(ciede2000(lab_of(result), lab).mean()))
        dull.append(float(ciede2000(lab_of(grey), lab).mean()))
        if colourfulness(truth) > 5:  # a share of nearly nothing says nothing
            vivid.append(colourfulness(result) / colourfulness(truth))
    return errors, vivid, dull


def frames() -> Iterator[Bytes]:
    """Yield some frames of the sample film in their true colours."""
    with VideoReader(TRUTH) as reader:
        for frame in reader:
            if frame.index in _FRAMES:
                yield picture(frame, reader.info)


def sheet(rows: dict[str, ExemplarColorizer], pictures: list[Bytes]) -> Bytes:
    """Lay out a row for each objective, the truth last."""
    shown = {name: [colour(networks, rgb) for rgb in pictures] for name, networks in rows.items()}
    laid = [SheetRow(name, tuple(result for _, _, result in cells)) for name, cells in shown.items()]
    truth = SheetRow("truth", tuple(cells[0] for cells in next(iter(shown.values()))))
    whole = lay_out([*laid, truth])
    return np.asarray(cv2.resize(whole, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    """Train what is not yet trained, print the table, write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--photos", type=Path, default=DATA / "val-photos-00.tar")
    parser.add_argument("--every", type=int, default=11, help="score every so manieth photograph")
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--stage", type=int, default=75, help="steps of the adversarial stage")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--runs", type=Path, default=Path("runs/objectives"))
    parser.add_argument("--only", choices=OBJECTIVES, help="train this one and print nothing")
    parser.add_argument("-o", "--output", type=Path, help="JPEG of frames of the sample film")
    parser.add_argument("-s", "--sheet", type=Path, help="JPEG of some of the photographs; not to be passed on")
    arguments = parser.parse_args()

    budget = {"steps": arguments.steps, "stage": arguments.stage, "batch": arguments.batch}
    if arguments.only:
        learn(arguments.only, arguments.runs, arguments.data, **budget)
        return
    rows: dict[str, ExemplarColorizer] = {}
    for objective in OBJECTIVES:
        weights = learn(objective, arguments.runs, arguments.data, **budget)
        rows[objective] = ExemplarColorizer.load(weights, device="cpu")
        if objective == "classification":
            for temperature in _TEMPERATURES:
                name = f"{objective} at temperature {temperature}"
                rows[name] = ExemplarColorizer.load(weights, device="cpu", temperature=temperature)
    print("| objective | CIEDE2000 | grey | colour |\n| --- | ---: | ---: | ---: |")
    for name, networks in rows.items():
        errors, vivid, dull = score(networks, arguments.photos, every=arguments.every)
        print(f"| {name} | {_mean(errors)} | {_mean(dull)} | {_mean(vivid)} |", flush=True)
    for path, pictures in (
        (arguments.output, list(frames())),
        (arguments.sheet, list(islice(_pictures(arguments.photos), 0, None, 50))),
    ):
        if path is not None:
            cv2.imwrite(str(path), sheet(rows, pictures)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])


def _mean(values: list[float]) -> str:
    low, high = bootstrap_interval(values)
    return f"{np.mean(values):.2f} ({low:.2f} to {high:.2f})"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
