"""The command for many films: `batch`."""

import os
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from vidcolor.cli.console import Talk, check_folder, check_output, print_json, refuse
from vidcolor.cli.films import Quality
from vidcolor.cli.options import Device, Json, Quiet, Saturation, Still, WeightsFile, Yes


def batch(
    films: Annotated[list[Path], typer.Argument(metavar="FILMS...", help="Black-and-white films.", show_default=False)],
    reference: Still = None,
    plans: Annotated[
        Path | None, typer.Option("--plans", metavar="FOLDER", help="Follow NAME.plan.json of each film, where there.")
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", metavar="FOLDER", help="Default: beside each film.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, metavar="N", help="Default: one for two processor cores.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Use this Ray cluster, or the one of here: auto.")
    ] = None,
    gpus: Annotated[float, typer.Option(min=0.0, metavar="X", help="Share of a GPU for each Ray worker.")] = 0.0,
    retries: Annotated[int, typer.Option(min=0, metavar="N", help="New tries of a task whose worker was lost.")] = 2,
    saturation: Saturation = 1.0,
    quality: Annotated[Quality, typer.Option(help="Time against fidelity.")] = Quality.BALANCED,
    codec: Annotated[str, typer.Option(metavar="CODEC", help="x264, x265, ffv1, prores or svtav1.")] = "x264",
    crf: Annotated[float | None, typer.Option(metavar="CRF", help="Encoder quality; lower is better.")] = None,
    preset: Annotated[str | None, typer.Option(metavar="PRESET", help="Encoder speed.")] = None,
    lossless: Annotated[bool, typer.Option("--lossless", help="Encode without loss.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Use nothing of what earlier runs kept.")] = False,
    device: Device = "auto",
    weights: WeightsFile = None,
    yes: Yes = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Colour many films."""
    if reference and plans is not None:
        refuse("both --plans and stills given", hint="add the stills to the plans, or make them with scenes -r STILL")
    if output_dir is not None:
        check_folder(output_dir)
    from vidcolor.batch import Crew, Film, FilmResult, LocalCrew, Settings, run_batch
    from vidcolor.errors import VidcolorError
    from vidcolor.video import default_output, probe

    results: dict[Path, FilmResult] = {}
    wanted: list[Film] = []
    there: list[Film] = []
    for video in dict.fromkeys(films):
        plan = None if plans is None else plans / f"{video.stem}.plan.json"
        film = Film(video, video, video, tuple(reference or ()), plan if plan is not None and plan.exists() else None)
        try:
            output = default_output(probe(video), codec=codec)
        except VidcolorError as error:
            results[video] = FilmResult(film, errors=[error.message], hint=error.hint)
            continue
        output = output if output_dir is None else output_dir / output.name
        film = replace(film, output=output, job=output.with_suffix(".job"))
        if output.exists() and not yes:
            there.append(film)
        else:
            check_output(output, inputs=[*films, *film.references], overwrite=yes)
            wanted.append(film)
    twice = [name for name, count in Counter(film.output.resolve() for film in [*wanted, *there]).items() if count > 1]
    if twice:
        refuse(f"several films would be written to {twice[0]}", hint="colour them with different --output-dir")

    settings = Settings(
        weights=weights,
        device=device,
        quality=quality.value,
        saturation=saturation,
        codec=codec,
        crf=crf,
        preset=preset,
        lossless=lossless,
        overwrite=yes,
    )
    count = workers or max(1, (os.cpu_count() or 1) // 2)
    with Talk(quiet=quiet, json=json) as talk:
        crew: Crew
        if ray is None:
            crew = LocalCrew(settings, workers=count)
        else:
            from vidcolor.batch.rays import RayCrew

            crew = RayCrew(settings, address=ray, workers=count, gpus=gpus)
        with closing(crew):
            done = run_batch(
                wanted,
                crew,
                fresh=fresh,
                retries=retries,
                progress=lambda stage, ended, total: talk.progress(stage, ended, total, unit=stage),
            )
    results |= {result.film.video: result for result in done}
    rows = [(film.video, "there", FilmResult(film)) for film in there]
    rows += [(video, "done" if result.done else "failed", result) for video, result in results.items()]
    rows.sort(key=lambda row: films.index(row[0]))
    _print(rows, talk, json=json)
    if any(state == "failed" for _, state, _ in rows):
        raise typer.Exit(1)


def _print(rows: list[tuple[Path, str, Any]], talk: Talk, *, json: bool) -> None:
    for video, _, result in rows:
        name = video.name
        talk.report(
            notes=[f"{name}: {note}" for note in result.notes],
            warnings=[f"{name}: {warning}" for warning in result.warnings],
        )
        for error in result.errors:
            typer.echo(f"error: {name}: {error}".replace("\n", " "), err=True)
        if result.hint:
            typer.echo(f"hint: {result.hint}".replace("\n", " "), err=True)
    if json:
        print_json({"films": [{**result.to_dict(), "state": state} for _, state, result in rows]})
        return
    typer.echo("state   frames  shots  coloured  lost  film")
    for video, state, result in rows:
        figures = f"{result.frames:6d}  {result.shots:5d}  {result.shots_colored:8d}  {result.lost:4d}"
        typer.echo(f"{state:6s}  {figures}  {result.film.output if state != 'failed' else video}")
