"""The command that ranks photographs: `recommend`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidcolor.cli.console import Talk, check_folder, check_output, one_line, print_json, refuse
from vidcolor.cli.options import Device, Json, Plan, Quiet, Stream, Video, WeightsFile, Yes
from vidcolor.cli.reports import load_edited
from vidcolor.errors import PlanError
from vidcolor.places import real_place

if TYPE_CHECKING:
    from vidcolor.plan import ColorPlan
    from vidcolor.recommendation import Recommendation


def recommend(
    video: Video,
    library: Annotated[
        Path, typer.Argument(metavar="LIBRARY", help="Folder of colour photographs.", show_default=False)
    ],
    plan: Plan = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PLAN",
            help="Write a plan with the best ones; what is in one that is there stays.",
        ),
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
    followed = output if plan is None and output is not None and output.is_file() and not yes else plan
    _check_outputs(video, library, plan=followed, output=output, sheet=sheet, index=index, overwrite=yes)

    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.exemplar import ExemplarColorizer
        from vidcolor.plan import ColorPlan, make_plan
        from vidcolor.recommendation import open_library, planned, sheet_rows
        from vidcolor.recommendation import recommend as rank
        from vidcolor.sheets import lay_out, write_picture
        from vidcolor.weights import load_weights

        load = load_edited if plan is None else ColorPlan.load
        known = None if followed is None else load(followed)
        settled = None if known is None else _settled(known, video, stream=stream)
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
        shots = settled or make_plan(
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
        chosen, remarks = planned(known or shots, found)
        notes = [*photographs.notes, *chosen.notes, *remarks]
        if output is not None:
            if plan is None:
                notes += _remarks_on(output, renewed=known is not None)
            chosen.save(output)
    talk.report(notes=notes, warnings=warnings)
    talk.note(f"{len(photographs.photographs)} pictures in the library, {photographs.described} of them looked at anew")
    if json:
        listed = [each.to_dict() for each in found]
        print_json({"shots": listed, "plan": output, "sheet": sheet, "notes": notes, "warnings": warnings})
    else:
        _print_recommendations(found)
    for path in filter(None, (output, sheet)):
        talk.note(f"wrote {path}")


def _settled(plan: "ColorPlan", video: Path, *, stream: int | None) -> "ColorPlan":
    """Return the plan of a film with its painted stills alone."""
    from vidcolor.plan.painted import settle
    from vidcolor.plan.segment import check_length
    from vidcolor.video import probe

    check_length(plan, probe(video, stream=stream))
    settled = settle(plan).plan
    assert settled is not None, "a plan was given"
    return settled.model_copy(update={"video": str(video)})


def _remarks_on(output: Path, *, renewed: bool) -> list[str]:
    """Say what becomes of the plan that is there before one is written, if there is one."""
    from vidcolor.plan import ColorPlan

    if renewed:
        return [f"shots, settings and stills of {output} stay as they are; -y makes it anew"]
    try:
        old = ColorPlan.load(output)
    except PlanError:
        return []
    there = f"{len(old.shots)} shots, {len(old.stills())} stills"
    return [f"{output} is made anew, as -y has it: nothing of the plan that was there is kept ({there})"]


def _check_outputs(
    video: Path,
    library: Path,
    *,
    plan: Path | None,
    output: Path | None,
    sheet: Path | None,
    index: Path | None,
    overwrite: bool,
) -> None:
    """Refuse files that `recommend` cannot or must not write, before any work; the plan it reads may be replaced."""
    from vidcolor.sheets import check_picture

    if output is not None and sheet is not None and real_place(output) == real_place(sheet):
        refuse(f"{output} is both plan and sheet", hint="name another file with --sheet")
    if sheet is not None and real_place(sheet).is_relative_to(real_place(library)):
        refuse(f"the sheet {sheet} would lie among the photographs", hint="name a file outside of LIBRARY with --sheet")
    inputs = [video, *([index] if index else [])]
    read = [plan] if plan else []
    if output is not None:
        renewed = plan is not None and real_place(output) == real_place(plan)
        check_output(output, inputs=inputs, overwrite=overwrite or renewed)
        check_folder(output.parent)
    if sheet is not None:
        check_output(sheet, inputs=[*inputs, *read], overwrite=overwrite, option="--sheet")
        check_folder(sheet.parent, option="--sheet")
        check_picture(sheet)
    if index is not None:
        check_output(index, inputs=[video, *read], overwrite=True, option="--index")


def _print_recommendations(found: "list[Recommendation]") -> None:
    typer.echo("shot   start    stop   score  photograph")
    for number, each in enumerate(found, start=1):
        if not each.candidates:
            typer.echo(f"{number:4d}  {each.start:6d}  {each.stop:6d}       -  title")
        for place, candidate in enumerate(each.candidates):
            shot = f"{number:4d}  {each.start:6d}  {each.stop:6d}" if place == 0 else " " * 20
            typer.echo(one_line(f"{shot}  {candidate.score:6.2f}  {candidate.name}"))
