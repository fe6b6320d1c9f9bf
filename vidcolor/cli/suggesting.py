"""The command that names the frames to paint next: `suggest`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
)
from vidcolor.cli.reports import check_plan, check_stills
from vidcolor.places import real_place

if TYPE_CHECKING:
    from vidcolor.suggestion import Suggestion


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
    _check_outputs(video, stills=stills, output=output, plan=plan, given=given, overwrite=yes)

    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.exemplar import ExemplarColorizer
        from vidcolor.plan import ColorPlan
        from vidcolor.plan.renewal import with_stills
        from vidcolor.planning import prepare_film
        from vidcolor.stills import still_path, write_stills
        from vidcolor.suggestion import suggest as find

        known = None if plan is None else ColorPlan.load(plan)
        networks = ExemplarColorizer.load(weights, device=device)
        film = prepare_film(video, networks, plan=known, given=given, stream=stream, progress=talk.progress)
        # A still that the plan has, and the settled one has not, is grey.
        waiting = {*(known.frames_of_stills() if known else ())} - {*film.plan.frames_of_stills()}
        bound = film.bound_stills()
        found = find(
            film.plan.model_copy(update={"video": str(video)}),
            film.stills,
            networks,
            waiting=waiting,
            count=count,
            stream=stream,
            look=bound.look,
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
            more = with_stills(known or film.plan, {frame: still_path(video, frame, stills) for frame in wanted})
            if output is not None:
                more.save(output)
    notes, warnings = [*film.notes], [*film.warnings, *bound.warnings]
    if all(shot.treatment == "keep" for shot in film.plan.shots):
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


def _check_outputs(
    video: Path, *, stills: Path | None, output: Path | None, plan: Path | None, given: list[Path], overwrite: bool
) -> None:
    """Refuse files that `suggest` cannot or must not write, before any work; the plan it reads may be replaced."""
    if output is not None:
        if stills is None:
            refuse("-o without --stills", hint="say with --stills where the frames go that the plan is to name")
        renewed = plan is not None and real_place(output) == real_place(plan)
        check_output(output, inputs=[video, *given], overwrite=overwrite or renewed)
    if stills is not None:
        check_stills(stills, video=video, references=[], plan=output)
        check_folder(stills, made=True, option="--stills")
    if output is not None:
        check_plan(output, stills=stills)


def _print_suggestions(found: "list[Suggestion]") -> None:
    typer.echo("shot   start    stop  error   frame   gain")
    for number, each in sorted(enumerate(found, start=1), key=lambda item: -item[1].benefit):
        for place, (frame, gain) in enumerate(zip(each.frames, each.gains, strict=True)):
            shot = f"{number:4d}  {each.start:6d}  {each.stop:6d}  {each.error:5.1f}" if place == 0 else " " * 27
            typer.echo(f"{shot}  {frame:6d}  {gain:5.1f}")
        if not each.frames:
            error = f"{each.error:5.1f}".replace("nan", "  -")
            typer.echo(f"{number:4d}  {each.start:6d}  {each.stop:6d}  {error}       -      -")
