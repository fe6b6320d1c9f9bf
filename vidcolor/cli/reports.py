"""The commands that look and tell: `scenes` and `verify`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidcolor.cli.console import Talk, check_folder, check_output, one_line, print_json, refuse
from vidcolor.cli.options import Json, MoreStills, Quiet, Still, Stream, Video, Yes, given_stills
from vidcolor.errors import PlanError
from vidcolor.places import real_place

if TYPE_CHECKING:
    from vidcolor.plan import ColorPlan


def scenes(
    video: Video,
    more_stills: MoreStills = None,
    reference: Still = None,
    stills: Annotated[
        Path | None, typer.Option("--stills", metavar="FOLDER", help="Write one grey still per shot here.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="PLAN", help="Write the plan here; what you edited in one that is there stays."
        ),
    ] = None,
    cut: Annotated[
        list[int] | None, typer.Option("--cut", min=1, metavar="FRAME", help="Let a shot begin at this frame.")
    ] = None,
    join: Annotated[
        list[int] | None,
        typer.Option("--join", min=1, metavar="FRAME", help="Let the shot that begins here go on from the one before."),
    ] = None,
    stream: Stream = None,
    yes: Yes = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """List the shots of a film."""
    references = given_stills(reference, more_stills)
    edited = output is not None and output.is_file() and not yes
    if (cut or join) and not edited:
        refuse("--cut and --join change a plan, and there is none", hint="write one with -o first, then name it again")
    if output is not None:
        check_output(output, inputs=[video, *references], overwrite=yes or edited)
    if stills is not None:
        check_stills(stills, video=video, references=references, plan=output)
        check_folder(stills, made=True, option="--stills")
    if output is not None:
        check_plan(output, stills=stills)

    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.plan import make_plan
        from vidcolor.plan.looks import remarks_on
        from vidcolor.plan.renewal import Cuts, has_other_still, renew, with_stills

        warnings: list[str] = []
        old = load_edited(output) if output is not None and edited else None
        plan = make_plan(
            video,
            references,
            cuts=Cuts.of(old, cut=cut or (), join=join or ()),
            progress=lambda done, total: talk.progress("shots", done, total),
            warn=warnings.append,
            stream=stream,
        )
        plan, notes = (plan, []) if old is None else renew(plan, old)
        written: list[Path] = []
        if stills is not None:
            from vidcolor.stills import still_path, write_stills

            ours = {
                shot.keyframe: still_path(video, shot.keyframe, stills)
                for shot in plan.shots
                if shot.keyframe is not None
            }
            wanted = [frame for frame, path in ours.items() if not has_other_still(plan, frame, path)]
            written = write_stills(
                video,
                wanted,
                stills,
                overwrite=yes,
                keep=edited,
                stream=stream,
                progress=lambda done, total: talk.progress("stills", done, total),
            )
            if left := len(ours) - len(written):
                notes.append(f"{left} of {len(ours)} stills were there and stay as they are")
            plan = with_stills(plan, ours)
        if output is not None:
            plan.save(output)
    observed, colored = remarks_on(plan.shots)
    notes = [*notes, *(note for note in plan.notes if note not in warnings), *observed]
    warnings = [*warnings, *colored]
    talk.report(notes=notes, warnings=warnings)
    if json:
        values = {**plan.model_dump(mode="json"), "notes": notes}
        print_json({**values, "stills": written, "plan": output, "warnings": warnings})
        return
    _list_shots(plan)
    for path in [*written, *([output] if output else [])]:
        talk.note(f"wrote {path}")


def load_edited(path: Path) -> "ColorPlan":
    """Read the plan that is to be made anew with what a person edited in it."""
    from vidcolor.plan import ColorPlan

    try:
        return ColorPlan.load(path)
    except PlanError as error:
        raise PlanError(error.message, hint=f"{error.hint}; -y replaces the file") from error


def _list_shots(plan: "ColorPlan") -> None:
    typer.echo("shot   start    stop  frames   paint  looks   references")
    for number, shot in enumerate(plan.shots, start=1):
        names = " ".join(str(planned.path) for planned in shot.references)
        looks = "keep" if shot.treatment == "keep" else shot.looks or ""
        paint = "" if shot.keyframe is None else str(shot.keyframe)
        numbers = f"{number:4d}  {shot.start:6d}  {shot.stop:6d}  {shot.stop - shot.start:6d}  {paint:>6}"
        typer.echo(one_line(f"{numbers}  {looks:6}  {names}").rstrip())


def check_plan(plan: Path, *, stills: Path | None) -> None:
    """Refuse a plan whose folder cannot be written to, before any work."""
    check_folder(plan.parent, made=stills is not None and real_place(plan.parent) == real_place(stills))


def check_stills(folder: Path, *, video: Path, references: list[Path], plan: Path | None) -> None:
    """Refuse a folder in which a still that is written could replace one that is read, or the plan."""
    from vidcolor.stills import may_write

    for given in references:
        if may_write(given, video=video, folder=folder) or may_write(real_place(given), video=video, folder=folder):
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
