"""The command for many films: `batch`."""

import sys
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidcolor.cli.console import Talk, check_folder, check_output, complain, given_encoder, one_line, print_json, refuse
from vidcolor.cli.options import (
    Codec,
    CodecName,
    Crf,
    Device,
    Effort,
    Fresh,
    Json,
    KeepColor,
    Lossless,
    Preset,
    Quality,
    Quiet,
    Saturation,
    Stream,
    Temperature,
    WeightsFile,
    Yes,
)
from vidcolor.cores import cores
from vidcolor.errors import VidcolorError
from vidcolor.places import real_place

if TYPE_CHECKING:
    from vidcolor.batch import FilmResult


def batch(
    films: Annotated[list[Path], typer.Argument(metavar="FILM", help="Black-and-white films.", show_default=False)],
    reference: Annotated[
        list[Path] | None,
        typer.Option("-r", "--reference", metavar="STILL", help="Still for every film; -r again gives more."),
    ] = None,
    plans: Annotated[
        Path | None, typer.Option("--plans", metavar="FOLDER", help="Follow each film's NAME.plan.json, if any.")
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", metavar="FOLDER", help="Default: beside each film.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            metavar="N",
            help="Default: one a core, one on a GPU, or as many as the cluster has room for.",
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(
            "--threads-per-worker",
            min=1,
            max=256,
            metavar="N",
            help="Threads of each library, and CPUs of Ray, per worker.",
        ),
    ] = 1,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Use the Ray cluster at HOST:PORT, or here: auto.")
    ] = None,
    gpus: Annotated[float, typer.Option(min=0.0, metavar="X", help="Share of a GPU for each Ray worker.")] = 0.0,
    retries: Annotated[int, typer.Option(min=0, metavar="N", help="New tries of a task whose worker was lost.")] = 2,
    saturation: Saturation = 1.0,
    keep_color: KeepColor = False,
    temperature: Temperature = None,
    quality: Effort = Quality.BALANCED,
    codec: Codec = CodecName.X264,
    crf: Crf = None,
    preset: Preset = None,
    lossless: Lossless = False,
    stream: Stream = None,
    fresh: Fresh = False,
    device: Device = "auto",
    weights: WeightsFile = None,
    yes: Yes = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Colour many films."""
    _check_options(reference, plans, ray, gpus)
    encoder = given_encoder(codec.value, crf=crf, preset=preset, lossless=lossless)
    if output_dir is not None:
        check_folder(output_dir, option="--output-dir")
    from vidcolor.batch import Crew, LocalCrew, Settings, run_batch

    stills = tuple(each.absolute() for each in reference or ())
    with Talk(quiet=quiet, json=json) as talk:
        rows = _planned(films, stills, plans, output_dir, codec=encoder.codec, stream=stream, talk=talk)
        wanted = []
        for row in rows:
            if row.state != "failed" and row.result.film.output.exists() and not yes:
                row.state = "there"
            elif row.state != "failed":
                check_output(row.result.film.output, inputs=[*films, *stills], overwrite=yes)
                wanted.append(row)
        settings = Settings(
            weights=None if weights is None else weights.absolute(),
            device=device,
            quality=quality.value,
            saturation=saturation,
            keep_color=keep_color,
            temperature=temperature,
            encoder=encoder,
            overwrite=yes,
            threads=threads,
            stream=stream,
        )
        crew: Crew
        if ray is None:
            crew = LocalCrew(settings, workers=workers or _local_workers(device, threads))
        else:
            from vidcolor.batch.rays import RayCrew

            crew = RayCrew(settings, address=ray, workers=workers, gpus=gpus)
        with redirect_stdout(sys.stderr), closing(crew):  # Ray tells of lost workers on stdout, which is for data
            done = run_batch(
                [row.result.film for row in wanted],
                crew,
                fresh=fresh,
                retries=retries,
                progress=lambda stage, ended, total: talk.progress(stage, ended, total, unit=stage),
            )
        for row, result in zip(wanted, done, strict=True):
            row.result, row.state = result, "done" if result.done else "failed"
    _print(rows, talk, json=json)
    if any(row.state == "failed" for row in rows):
        raise typer.Exit(1)


def _check_options(reference: list[Path] | None, plans: Path | None, ray: str | None, gpus: float) -> None:
    if reference and plans is not None:
        refuse("both --plans and stills given", hint="add the stills to the plans, or make them with scenes -r STILL")
    if plans is not None and not plans.is_dir():
        refuse(f"--plans {plans} is not a folder", hint="it holds a NAME.plan.json for each film that has a plan")
    if gpus and ray is None:
        refuse("--gpus without --ray", hint="local workers share a GPU without it; leave --gpus out, or add --ray auto")


@dataclass
class _Row:
    """A film of the summary: `wanted`, `there`, `done` or `failed`; nobody knows what an unread one would become."""

    state: str
    result: "FilmResult"
    unread: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        unnamed = {"output": None, "job": None} if self.unread else {}
        return {**self.result.to_dict(), **unnamed, "state": self.state}


def _local_workers(device: str, threads: int) -> int:
    """Return how many workers there are where nobody said: one a core, but a GPU is not shared."""
    from vidcolor.device import pick_device  # torch

    return max(1, cores() // threads) if pick_device(device).type == "cpu" else 1


def _planned(
    films: list[Path],
    stills: tuple[Path, ...],
    plans: Path | None,
    output_dir: Path | None,
    *,
    codec: str,
    stream: int | None,
    talk: Talk,
) -> list[_Row]:
    """Name what each film becomes, before any work; a film that cannot be read has failed."""
    from vidcolor.batch import Film, FilmResult
    from vidcolor.video import default_output, probe

    rows = []
    # A worker may have another current folder, and one folder several names.
    named: dict[tuple[Path, str], Path] = {}
    for each in films:
        named.setdefault((real_place(each.parent), each.name), each.absolute())
    for video in named.values():
        plan = None if plans is None else plans.absolute() / f"{video.stem}.plan.json"
        film = Film(video, video, video, stills, plan if plan is not None and plan.exists() else None)
        try:
            output = default_output(probe(video, stream=stream), codec=codec)
        except VidcolorError as error:
            rows.append(_Row("failed", FilmResult(film, errors=[error.message], hint=error.hint), unread=True))
            continue
        output = output if output_dir is None else output_dir.absolute() / output.name
        rows.append(_Row("wanted", FilmResult(replace(film, output=output, job=output.with_suffix(".job")))))
    made = {real_place(row.result.film.output): row.result.film.video for row in rows if row.state == "wanted"}
    kept = []
    for row in rows:  # `batch reels/*.mkv` once more names the outputs, too
        source = made.get(real_place(row.result.film.video))
        if source is None or source == row.result.film.video:
            kept.append(row)
        else:
            talk.note(f"note: {row.result.film.video.name} is what {source.name} becomes: it is left out")
    jobs: dict[Path, Path] = {}
    for film in (row.result.film for row in kept if row.state == "wanted"):
        other = jobs.setdefault(real_place(film.job), film.video)
        if other != film.video:
            refuse(
                f"{other} and {film.video} would both be written to {film.output.with_suffix('')}.*",
                hint="colour them in two batches with different --output-dir",
            )
    return kept


def _print(rows: list[_Row], talk: Talk, *, json: bool) -> None:
    for result in (row.result for row in rows):
        name = result.film.video.name
        talk.report(
            notes=[f"{name}: {note}" for note in result.notes],
            warnings=[f"{name}: {warning}" for warning in result.warnings],
        )
        for number, error in enumerate(result.errors, start=1):
            complain(f"{name}: {error}", hint=result.hint if number == len(result.errors) else None)
    if json:
        print_json({"films": [row.to_dict() for row in rows]})
        return
    typer.echo("state   frames  shots  coloured  lost  film")
    for row in rows:
        result, film = row.result, row.result.film
        figures = f"{result.frames:6d}  {result.shots:5d}  {result.shots_colored:8d}  {result.lost:4d}"
        path = film.video if row.state == "failed" else film.output
        typer.echo(one_line(f"{row.state:6s}  {figures}  {path}"))
