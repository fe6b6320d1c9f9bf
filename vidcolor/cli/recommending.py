"""The command that ranks photographs: `recommend`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidcolor.cli.console import Talk, check_folder, check_output, one_line, print_json, refuse
from vidcolor.cli.options import Device, Json, Quiet, Stream, Video, WeightsFile, Yes
from vidcolor.places import real_place

if TYPE_CHECKING:
    from vidcolor.recommendation import Recommendation


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
    _check_outputs(video, library, output=output, sheet=sheet, index=index, overwrite=yes)

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


def _check_outputs(
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
            check_folder(written.parent, option=option)
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
