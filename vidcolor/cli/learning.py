"""The commands about the networks: `weights` and `train`."""

from pathlib import Path
from typing import Annotated

import typer

from vidcolor.cli.console import Talk, print_json, refuse
from vidcolor.cli.options import Device, Json, Quiet


def weights(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Weights to look at.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """Show which weights are used."""
    from vidcolor.weights import load_weights

    loaded = load_weights(file)
    facts = {
        "name": loaded.path.stem,
        "version": loaded.version,
        "sha256": loaded.sha256,
        "bytes": loaded.path.stat().st_size,
        "parameters": sum(tensor.numel() for tensor in loaded.state.values()),
        "path": str(loaded.path.resolve()),
    }
    if json:
        print_json(facts)
        return
    for key, value in facts.items():
        typer.echo(f"{key:<11}{value}")


def train(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of photographs and clips.", show_default=False)],
    run: Annotated[Path, typer.Option("-o", "--output", metavar="RUN", help="Folder of this run.", show_default=False)],
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Optimiser steps in all.")] = 20_000,
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="Pairs per step.")] = 32,
    size: Annotated[int, typer.Option(min=32, metavar="PIXELS", help="Side of the crops, a multiple of 32.")] = 128,
    init: Annotated[Path | None, typer.Option(metavar="WEIGHTS", help="Start from these weights.")] = None,
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

    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.training.loop import TrainConfig
        from vidcolor.training.loop import train as run_training

        config = TrainConfig(
            data=data, run=run, steps=steps, batch=batch, size=size, init=init, seed=seed, device=device
        )
        path = run_training(
            config,
            progress=lambda state: talk.progress("train", state.step * batch, state.steps * batch, unit="pairs"),
        )
    if json:
        print_json({"weights": path, "steps": steps, "seed": seed})
    else:
        typer.echo(path)
