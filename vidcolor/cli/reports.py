"""The commands that look and tell: `scenes` and `verify`."""

from pathlib import Path
from typing import Annotated

import typer

from vidcolor.cli.console import Talk, check_folder, check_output, print_json, refuse
from vidcolor.cli.options import Json, MoreStills, Quiet, Still, Stream, Video, Yes


def scenes(
    video: Video,
    more_stills: MoreStills = None,
    reference: Still = None,
    stills: Annotated[
        Path | None, typer.Option("--stills", metavar="FOLDER", help="Write one grey still per shot here.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="PLAN", help="Write the plan here.")] = None,
    stream: Stream = None,
    yes: Yes = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """List the shots of a film."""
    references = [*(reference or []), *(more_stills or [])]
    if output is not None:
        check_output(output, inputs=[video, *references], overwrite=yes)
    if stills is not None:
        _check_stills(stills, video=video, references=references, plan=output)
        check_folder(stills, made=True)
    if output is not None:
        check_folder(output.parent, made=stills is not None and output.parent.resolve() == stills.resolve())
        if output.is_dir():
            refuse(f"{output} is a folder", hint="name a file in it, such as film.plan.json")

    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.plan import make_plan
        from vidcolor.references import load_reference

        warnings: list[str] = []
        plan = make_plan(
            video,
            [load_reference(path) for path in references],
            progress=lambda done, total: talk.progress("shots", done, total),
            warn=warnings.append,
            stream=stream,
        )
        written: list[Path] = []
        if stills is not None:
            from vidcolor.stills import write_stills

            written = write_stills(
                video,
                [(shot.start + shot.stop) // 2 for shot in plan.shots],
                stills,
                overwrite=yes,
                stream=stream,
                progress=lambda done, total: talk.progress("stills", done, total),
            )
        if output is not None:
            plan.save(output)
    talk.report(notes=(note for note in plan.notes if note not in warnings), warnings=warnings)
    if json:
        print_json({**plan.model_dump(mode="json"), "stills": written, "plan": output, "warnings": warnings})
        return
    typer.echo("shot   start    stop  frames  references")
    for number, shot in enumerate(plan.shots, start=1):
        names = " ".join(str(planned.path) for planned in shot.references)
        typer.echo(f"{number:4d}  {shot.start:6d}  {shot.stop:6d}  {shot.stop - shot.start:6d}  {names}".rstrip())
    for path in [*written, *([output] if output else [])]:
        talk.note(f"wrote {path}")


def _check_stills(folder: Path, *, video: Path, references: list[Path], plan: Path | None) -> None:
    """Refuse a folder in which a still that is written could replace one that is read, or the plan."""
    from vidcolor.stills import may_write

    for given in references:
        if may_write(given, video=video, folder=folder) or may_write(given.resolve(), video=video, folder=folder):
            refuse(f"an output in {folder} may be the input {given}", hint="name another folder with --stills")
    if plan is not None and may_write(plan, video=video, folder=folder):
        refuse(f"the plan {plan} has the name of a still", hint="name another file with -o, such as film.plan.json")


def verify(
    video: Video,
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="The coloured film.", show_default=False)],
    stream: Stream = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Compare a coloured film with its source."""
    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.verification import verify as compare

        found = compare(video, result, stream=stream, progress=lambda done, total: talk.progress("verify", done, total))
    talk.report(notes=found.notes, warnings=found.warnings)
    if json:
        print_json(found.to_dict())
    else:
        for difference in found.differences:
            typer.echo(f"differs: {difference}")
        luma = "luma is bit-equal" if found.psnr_y is None else f"luma PSNR {found.psnr_y:.2f} dB"
        if found.plain_psnr_y is not None:
            luma += f" ({found.stretch_psnr_y:.2f} dB where a plain transcode has {found.plain_psnr_y:.2f} dB)"
        typer.echo(f"{'ok' if found.ok else 'not ok'}: {found.frames} frames, {luma}, {found.packets} copied packets")
    if not found.ok:
        raise typer.Exit(1)
