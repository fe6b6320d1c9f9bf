"""The command that shows one coloured frame of every shot: `sheet`."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from vidcolor.cli.console import Talk, check_folder, check_output, print_json, refuse
from vidcolor.cli.options import (
    Device,
    Json,
    MoreStills,
    Plan,
    Quiet,
    Still,
    Stream,
    Video,
    WeightsFile,
    Yes,
    given_stills,
    seconds,
)


def sheet(
    video: Video,
    more_stills: MoreStills = None,
    reference: Still = None,
    plan: Plan = None,
    each: Annotated[bool, typer.Option("--each", help="Try each still alone on every shot.")] = False,
    at: Annotated[
        list[Fraction] | None,
        typer.Option(metavar="TIME", parser=seconds, help="Show the frame at this time instead; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="A .png or .jpg; default: *.sheet.png beside VIDEO."),
    ] = None,
    stream: Stream = None,
    device: Device = "auto",
    weights: WeightsFile = None,
    yes: Yes = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Colour one frame of every shot."""
    from vidcolor.sheets import check_picture, lay_out, write_picture

    given = given_stills(reference, more_stills, None if each else plan)
    if each and plan is None and not given:
        refuse("--each without stills", hint="name the stills to compare with -r")
    target = video.parent / f"{video.stem}.sheet.png" if output is None else output
    check_output(target, inputs=[video, *given, *([plan] if plan else [])], overwrite=yes)
    check_picture(target)
    check_folder(target.parent)

    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.exemplar import ExemplarColorizer
        from vidcolor.overview import shots_at_a_glance
        from vidcolor.plan import ColorPlan, PlannedShot
        from vidcolor.planning import prepare_film
        from vidcolor.video.numbering import frame_at, frame_times

        known = None if plan is None else ColorPlan.load(plan)
        networks = ExemplarColorizer.load(weights, device=device)
        times: list[Fraction] = []
        if known is None and each and at:  # every still is tried on every frame: the frame's shot makes no difference
            times = frame_times(video, stream=stream)
            known = ColorPlan(video=str(video), frames=len(times), shots=[PlannedShot(start=0, stop=len(times))])
        film = prepare_film(
            video, networks, plan=known, given=given, assigned=not each, stream=stream, progress=talk.progress
        )
        if at and not times:
            times = frame_times(video, stream=stream, frames=film.plan.frames)
        bound = film.bound_stills()
        rows = list(
            shots_at_a_glance(
                film.info,
                film.plan,
                film.stills,
                networks,
                candidates=list(film.stills) if each else (),
                at=[frame_at(time, times, film.info) for time in at or ()],
                look=None if each else bound.look,
                progress=lambda done, total: talk.progress("sheet", done, total, unit="rows"),
            )
        )
        write_picture(target, lay_out(rows))
    warnings = [*film.warnings, *bound.warnings]
    talk.report(notes=film.notes, warnings=warnings)
    if json:
        print_json({"sheet": target, "rows": len(rows), "notes": film.notes, "warnings": warnings})
    else:
        typer.echo(target)
