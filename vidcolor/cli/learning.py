"""The commands about the networks: `weights` and `train`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vidcolor.cli.console import Talk, check_folder, print_json, refuse
from vidcolor.cli.options import Device, Json, Quiet
from vidcolor.places import real_place


class Loss(StrEnum):
    """What the networks are asked for: our objective, or one of the classics."""

    EXEMPLAR = "exemplar"
    REGRESSION = "regression"
    CLASSIFICATION = "classification"
    ADVERSARIAL = "adversarial"


def weights(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Weights to look at.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """Show which weights are used."""
    from vidcolor.weights import load_weights, network_of

    loaded = load_weights(file)
    network_of(loaded)  # refuses what is not whole, before anybody colours with it
    facts = {
        "name": loaded.path.stem,
        "version": loaded.version,
        "sha256": loaded.sha256,
        "bytes": loaded.path.stat().st_size,
        "parameters": sum(tensor.numel() for tensor in loaded.state.values()),
        "path": str(real_place(loaded.path)),
    }
    if json:
        print_json(facts)
        return
    for key, value in facts.items():
        typer.echo(f"{key:<11}{value}")


def train(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of photographs and clips.", show_default=False)],
    run: Annotated[Path, typer.Option("-o", "--output", metavar="RUN", help="Folder of this run.", show_default=False)],
    objective: Annotated[
        Loss,
        typer.Option(
            help="exemplar learns to follow stills. The classics teach automatic colours alone: regression is safe and "
            "dull, classification lively, adversarial is a short last stage on the --init weights of either."
        ),
    ] = Loss.EXEMPLAR,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Optimiser steps in all.")] = 20_000,
    batch: Annotated[
        int, typer.Option(min=1, max=4096, metavar="N", help="Samples per step: pairs, or single pictures.")
    ] = 32,
    size: Annotated[
        int, typer.Option(min=32, max=512, metavar="PIXELS", help="Side of the crops, a multiple of 32.")
    ] = 128,
    init: Annotated[Path | None, typer.Option(metavar="WEIGHTS", help="Start from these weights.")] = None,
    encoder: Annotated[
        int | None,
        typer.Option(
            metavar="STRIDE",
            help="Train the encoder, too, from its features of this stride on, at a tenth of the pace: 2 is all of it, "
            "32 its end. Without, it stays as it is.",
            show_default=False,
        ),
    ] = None,
    singles: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Between two steps on pairs, N on single pictures, which cost a third: more of the time goes to "
            "automatic colours.",
        ),
    ] = 0,
    perceptual: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Add a perceptual loss: VGG16 up to relu4_3, safetensors.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in RUN.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=(1 << 63) - 1, metavar="N", help="Seed of all random numbers.")] = 0,
    device: Device = "auto",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train the networks."""
    checkpoint = run / "checkpoint.pt"
    if checkpoint.exists() and not resume:
        refuse(f"{run} holds a run already", hint="--resume goes on with it, another -o starts anew")
    if resume and not checkpoint.exists():
        refuse(f"there is no checkpoint in {run} to resume from", hint="leave --resume out to start")
    check_folder(run, made=True)

    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.training.config import TrainConfig
        from vidcolor.training.loop import TrainProgress
        from vidcolor.training.loop import train as run_training

        config = TrainConfig(
            data=data,
            run=run,
            objective=objective.value,
            perceptual=perceptual,
            steps=steps,
            batch=batch,
            size=size,
            init=init,
            train_encoder=encoder,
            singles=singles,
            seed=seed,
            device=device,
        )
        last: TrainProgress | None = None

        def tell(state: TrainProgress) -> None:
            nonlocal last
            last = state
            talk.progress("train", state.step * batch, state.steps * batch, unit="samples")

        try:
            path = run_training(config, progress=tell)
        except KeyboardInterrupt:
            hint = f"the same command with --resume goes on from what was last saved in {run}"
            raise KeyboardInterrupt(*([hint] if checkpoint.exists() else [])) from None
    profile = {} if last is None else {"samples_per_second": last.rate, "stage_seconds": dict(last.seconds)}
    if last is not None:
        total = sum(last.seconds.values())
        stages = ", ".join(f"{stage} {seconds / total:.0%}" for stage, seconds in last.seconds.items())
        talk.note(f"{last.rate:.1f} samples/s: {stages}")
    if json:
        print_json({"weights": path, "objective": objective.value, "steps": steps, "seed": seed, **profile})
    else:
        typer.echo(path)
