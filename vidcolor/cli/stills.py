"""The commands about which stills to use: `recommend`, `suggest` and `sheet`."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidcolor.cli.console import Talk, check_folder, check_output, one_line, print_json, refuse
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
from vidcolor.cli.reports import check_plan, check_stills
from vidcolor.places import real_place

if TYPE_CHECKING:
    from vidcolor.recommendation import Recommendation
    from vidcolor.suggestion import Suggestion


def recommend(
    video: Video,
    library: Annotated[
        Path, typer.Argument(metavar="LIBRARY", help="Folder of colour photographs.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="PLAN", help="Write a plan with the best photograph of each shot."),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", metavar="FILE", help="Write a contact sheet of shots and photographs: .png or .jpg."),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=50, metavar="N", help="Photographs per shot.")] = 5,
    index: Annotated[
        Path | None, typer.Option("--index", metavar="FILE", help="The library's index; by default kept in LIBRARY.")
    ] = None,
    stream: Stream = None,
    device: Device = "auto",
    weights: WeightsFile = None,
    yes: Yes = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Rank photographs as references."""
    _check_recommended(video, library, output=output, sheet=sheet, index=index, overwrite=yes)

    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.exemplar import ExemplarColorizer
        from vidcolor.plan import make_plan
        from vidcolor.recommendation import open_library, planned, sheet_rows
        from vidcolor.recommendation import recommend as rank
        from vidcolor.sheets import lay_out, write_picture
        from vidcolor.weights import load_weights

        loaded = load_weights(weights)
        networks = ExemplarColorizer.load(loaded, device=device)
        photographs = open_library(
            library,
            networks,
            weights=loaded.sha256,
            index=index,
            progress=lambda done, total: talk.progress("library", done, total, unit="photographs"),
        )
        warnings = list(photographs.warnings)
        shots = make_plan(
            video,
            [],
            stream=stream,
            progress=lambda done, total: talk.progress("shots", done, total),
            warn=warnings.append,
        )
        found = rank(
            shots,
            photographs,
            networks,
            count=top,
            stream=stream,
            progress=lambda done, total: talk.progress("rank", done, total, unit="shots"),
        )
        if sheet is not None:
            write_picture(sheet, lay_out(sheet_rows(found)))
        shots = planned(shots, found)
        if output is not None:
            shots.save(output)
    notes = [*photographs.notes, *shots.notes]
    talk.report(notes=notes, warnings=warnings)
    talk.note(f"{len(photographs.photographs)} pictures in the library, {photographs.described} of them looked at anew")
    if json:
        listed = [each.to_dict() for each in found]
        print_json({"shots": listed, "plan": output, "sheet": sheet, "notes": notes, "warnings": warnings})
    else:
        _print_recommendations(found)
    for path in filter(None, (output, sheet)):
        talk.note(f"wrote {path}")


def _check_recommended(
    video: Path, library: Path, *, output: Path | None, sheet: Path | None, index: Path | None, overwrite: bool
) -> None:
    """Refuse files that `recommend` cannot or must not write, before any work."""
    from vidcolor.sheets import check_picture

    if output is not None and sheet is not None and real_place(output) == real_place(sheet):
        refuse(f"{output} is both plan and sheet", hint="name another file with --sheet")
    if sheet is not None and real_place(sheet).is_relative_to(real_place(library)):
        refuse(f"the sheet {sheet} would lie among the photographs", hint="name a file outside of LIBRARY with --sheet")
    for written, option in ((output, "-o"), (sheet, "--sheet")):
        if written is not None:
            check_output(written, inputs=[video, *([index] if index else [])], overwrite=overwrite, option=option)
            check_folder(written.parent)
    if sheet is not None:
        check_picture(sheet)
    if index is not None:
        check_output(index, inputs=[video], overwrite=True, option="--index")


def _print_recommendations(found: "list[Recommendation]") -> None:
    typer.echo("shot   start    stop   score  photograph")
    for number, each in enumerate(found, start=1):
        if not each.candidates:
            typer.echo(f"{number:4d}  {each.start:6d}  {each.stop:6d}       -  title")
        for place, candidate in enumerate(each.candidates):
            shot = f"{number:4d}  {each.start:6d}  {each.stop:6d}" if place == 0 else " " * 20
            typer.echo(one_line(f"{shot}  {candidate.score:6.2f}  {candidate.name}"))


def suggest(
    video: Video,
    more_stills: MoreStills = None,
    reference: Still = None,
    plan: Plan = None,
    stills: Annotated[
        Path | None, typer.Option("--stills", metavar="FOLDER", help="Write the frames here, grey, to paint on.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="PLAN", help="Write a plan with these stills, too; may be that of --plan."
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=8, metavar="N", help="Frames per shot at most.")] = 1,
    stream: Stream = None,
    device: Device = "auto",
    weights: WeightsFile = None,
    yes: Yes = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say which frames to paint next."""
    given = given_stills(reference, more_stills, plan)
    if output is not None and stills is None:
        refuse("-o without --stills", hint="say with --stills where the frames go that the plan is to name")
    if output is not None:
        own = plan is not None and real_place(output) == real_place(plan)
        check_output(output, inputs=[video, *given], overwrite=yes or own)
    if stills is not None:
        check_stills(stills, video=video, references=[], plan=output)
        check_folder(stills, made=True)
    if output is not None:
        check_plan(output, stills=stills)

    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.coloring import load_stills
        from vidcolor.exemplar import ExemplarColorizer
        from vidcolor.plan import ColorPlan
        from vidcolor.plan.painted import settle
        from vidcolor.plan.renewal import with_more_stills
        from vidcolor.planning import plan_film
        from vidcolor.stills import still_path, write_stills
        from vidcolor.suggestion import suggest as find
        from vidcolor.video import probe

        known = None if plan is None else ColorPlan.load(plan)
        settled = settle(known, given)
        warnings = [*settled.warnings]
        networks = ExemplarColorizer.load(weights, device=device)
        loaded = load_stills(settled.references, networks, probe(video, stream=stream))
        shots = settled.plan or plan_film(
            video, loaded, networks, stream=stream, progress=talk.progress, warn=warnings.append
        )
        # A still that the plan has, and the settled one has not, is grey.
        waiting = {*(known.frames_of_stills() if known else ())} - {*shots.frames_of_stills()}
        found = find(
            shots.model_copy(update={"video": str(video)}),
            loaded,
            networks,
            waiting=waiting,
            count=count,
            stream=stream,
            progress=lambda done, total: talk.progress("look", done, total),
        )
        written: list[Path] = []
        if stills is not None:
            wanted = [frame for each in found for frame in each.frames if frame not in waiting]
            written = write_stills(
                video,
                wanted,
                stills,
                keep=True,
                stream=stream,
                progress=lambda done, total: talk.progress("stills", done, total),
            )
            more = with_more_stills(known or shots, {frame: still_path(video, frame, stills) for frame in wanted})
            if output is not None:
                more.save(output)
    notes = [*settled.notes, *(note for note in shots.notes if note not in warnings)]
    if all(shot.treatment == "keep" for shot in shots.shots):
        notes.append("there is nothing to suggest: every shot keeps its own colours, and no still would change them")
    talk.report(notes=notes, warnings=warnings)
    if json:
        listed = [each.to_dict() for each in found]
        print_json(
            {"unit": "Lab ab", "shots": listed, "stills": written, "plan": output, "notes": notes, "warnings": warnings}
        )
    else:
        _print_suggestions(found)
    for path in [*written, *([output] if output else [])]:
        talk.note(f"wrote {path}")


def _print_suggestions(found: "list[Suggestion]") -> None:
    typer.echo("shot   start    stop  error   frame   gain")
    for number, each in sorted(enumerate(found, start=1), key=lambda item: -item[1].benefit):
        for place, (frame, gain) in enumerate(zip(each.frames, each.gains, strict=True)):
            shot = f"{number:4d}  {each.start:6d}  {each.stop:6d}  {each.error:5.1f}" if place == 0 else " " * 27
            typer.echo(f"{shot}  {frame:6d}  {gain:5.1f}")
        if not each.frames:
            error = f"{each.error:5.1f}".replace("nan", "  -")
            typer.echo(f"{number:4d}  {each.start:6d}  {each.stop:6d}  {error}       -      -")


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
        from vidcolor.coloring import load_stills
        from vidcolor.exemplar import ExemplarColorizer
        from vidcolor.overview import shots_at_a_glance
        from vidcolor.plan import ColorPlan, PlannedShot
        from vidcolor.plan.painted import settle
        from vidcolor.planning import plan_film
        from vidcolor.video import probe
        from vidcolor.video.numbering import frame_at, frame_times

        settled = settle(None if plan is None else ColorPlan.load(plan), given)
        warnings = [*settled.warnings]
        info, networks = probe(video, stream=stream), ExemplarColorizer.load(weights, device=device)
        stills = load_stills(settled.references, networks, info)
        times: list[Fraction] = []
        if settled.plan is not None:
            shots = settled.plan
        elif each and at:  # which shots they lie in makes no difference
            times = frame_times(video, stream=stream)
            shots = ColorPlan(video=str(video), frames=len(times), shots=[PlannedShot(start=0, stop=len(times))])
        else:
            shots = plan_film(
                video, {} if each else stills, networks, stream=stream, progress=talk.progress, warn=warnings.append
            )
        if at and not times:
            times = frame_times(video, stream=stream, frames=shots.frames)
        rows = list(
            shots_at_a_glance(
                info,
                shots,
                stills,
                networks,
                candidates=list(stills) if each else (),
                at=[frame_at(time, times, info) for time in at or ()],
                progress=lambda done, total: talk.progress("sheet", done, total, unit="rows"),
            )
        )
        write_picture(target, lay_out(rows))
    notes = [*settled.notes, *(note for note in shots.notes if note not in warnings)]
    talk.report(notes=notes, warnings=warnings)
    if json:
        print_json({"sheet": target, "rows": len(rows), "notes": notes, "warnings": warnings})
    else:
        typer.echo(target)
