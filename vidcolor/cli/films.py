"""The commands that colour: `colorize` and `preview`."""

from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from vidcolor.cli.console import Talk, check_folder, check_output, given_encoder, print_json
from vidcolor.cli.options import (
    Codec,
    CodecName,
    Crf,
    Device,
    Effort,
    End,
    Fresh,
    Json,
    KeepColor,
    Lossless,
    MoreStills,
    Plan,
    Preset,
    Quality,
    Quiet,
    Saturation,
    Start,
    Still,
    Stream,
    Temperature,
    Video,
    WeightsFile,
    Yes,
    given_stills,
    seconds,
)

_SOURCES = "blue carried from a still, light blue lent by one, orange a guess, white filled in, dark kept or a title"


def colorize(
    video: Video,
    more_stills: MoreStills = None,
    reference: Still = None,
    plan: Plan = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Default: film.color.* beside VIDEO.")
    ] = None,
    start: Start = None,
    end: End = None,
    saturation: Saturation = 1.0,
    keep_color: KeepColor = False,
    temperature: Temperature = None,
    quality: Effort = Quality.BALANCED,
    codec: Codec = CodecName.X264,
    crf: Crf = None,
    preset: Preset = None,
    lossless: Lossless = False,
    stream: Stream = None,
    verify_input: Annotated[
        bool, typer.Option("--verify-input", help="Decode once more, to find hidden damage.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail where else a warning is given.")] = False,
    fresh: Fresh = False,
    no_job: Annotated[bool, typer.Option("--no-job", help="Keep no work.")] = False,
    provenance: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"Write a video (.mp4) of where colours come from, too: {_SOURCES}.",
        ),
    ] = None,
    device: Device = "auto",
    weights: WeightsFile = None,
    yes: Yes = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Colour a film."""
    stills = given_stills(reference, more_stills, plan)
    encoder = given_encoder(codec.value, crf=crf, preset=preset, lossless=lossless)
    from vidcolor.video import default_output, probe

    if output is None:
        output = default_output(probe(video, stream=stream), codec=encoder.codec)
    inputs = [video, *stills, *([plan] if plan else [])]
    check_output(output, inputs=inputs, overwrite=yes)
    if provenance is not None:
        check_output(provenance, inputs=inputs, overwrite=yes, option="--provenance")
    check_folder(output.parent)

    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.pipeline import Colorizer
        from vidcolor.plan import ColorPlan

        report = Colorizer.load(weights, device=device, temperature=temperature).colorize(
            video,
            references=stills,
            output=output,
            plan=None if plan is None else ColorPlan.load(plan),
            start=start,
            end=end,
            saturation=saturation,
            keep_color=keep_color,
            **asdict(encoder),
            overwrite=yes,
            stream=stream,
            verify_input=verify_input,
            strict=strict,
            quality=quality.value,
            job=None if no_job else output.with_suffix(".job"),
            fresh=fresh,
            provenance=provenance,
            progress=talk.progress,
        )
    talk.report(notes=report.notes, warnings=report.warnings)
    if report.job is not None:
        unused = f", of which this run has no use for {mb:.1f} MB" if (mb := report.job_bytes_unused / 1e6) else ""
        talk.note(
            f"{report.shots_reused} shots reused, {report.shots_colored} coloured; {report.job} keeps them "
            f"({report.job_bytes / 1e6:.1f} MB{unused}) for corrections and may be deleted"
        )
    talk.note(f"{report.frames} frames in {report.seconds:.1f} s, {report.rate:.1f} frames/s")
    if json:
        print_json({**report.to_dict(), "provenance": provenance})
    else:
        typer.echo(report.output)
        if provenance is not None:
            typer.echo(provenance)


def preview(
    video: Video,
    more_stills: MoreStills = None,
    reference: Still = None,
    plan: Plan = None,
    start: Start = None,
    duration: Annotated[
        Fraction | None, typer.Option(metavar="TIME", parser=seconds, help="Length of the segment; 5 if not given.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FOLDER", help="Default: the folder of VIDEO.")
    ] = None,
    saturation: Saturation = 1.0,
    keep_color: KeepColor = False,
    stream: Stream = None,
    provenance: Annotated[
        bool,
        typer.Option("--provenance", help=f"Show, right of the result, where colours come from: {_SOURCES}."),
    ] = False,
    temperature: Temperature = None,
    device: Device = "auto",
    weights: WeightsFile = None,
    yes: Yes = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Colour a short segment, beside the original."""
    folder = video.parent if output is None else output
    side_by_side, contact_sheet = folder / f"{video.stem}.preview.mp4", folder / f"{video.stem}.contact.png"
    stills = given_stills(reference, more_stills, plan)
    for written in (side_by_side, contact_sheet):
        check_output(written, inputs=[video, *stills, *([plan] if plan else [])], overwrite=yes)
    check_folder(folder)

    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.pipeline import Colorizer
        from vidcolor.plan import ColorPlan

        report = Colorizer.load(weights, device=device, temperature=temperature).preview(
            video,
            references=stills,
            plan=None if plan is None else ColorPlan.load(plan),
            start=start,
            duration=Fraction(5) if duration is None else duration,
            side_by_side=side_by_side,
            contact_sheet=contact_sheet,
            saturation=saturation,
            keep_color=keep_color,
            overwrite=yes,
            stream=stream,
            provenance=provenance,
            progress=talk.progress,
        )
    talk.report(notes=report.notes, warnings=report.warnings)
    if json:
        print_json(report.to_dict())
    else:
        typer.echo(report.side_by_side)
        typer.echo(report.contact_sheet)
