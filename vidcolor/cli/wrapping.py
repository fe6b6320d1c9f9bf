"""The command `wrap`: one film of the scans of its frames."""

import re
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from vidcolor.cli.console import Talk, check_folder, check_output, print_json, refuse
from vidcolor.cli.options import Json, Quiet, Yes

_RATE = re.compile(r"\d{1,4}(\.\d{1,6})?|\d{1,6}/0*[1-9]\d{0,5}", re.ASCII)
_MEANT = {"23.976": "24000/1001", "23.98": "24000/1001", "29.97": "30000/1001", "59.94": "60000/1001"}


def frames_per_second(text: str) -> Fraction:
    """Read a frame rate: a number or a fraction; 23.976, 29.97 and 59.94 mean those of NTSC."""
    if not _RATE.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no rate in frames/s such as 18, 16.67 or 24000/1001")
    return Fraction(_MEANT.get(text, text))


def wrap(
    scans: Annotated[
        list[Path],
        typer.Argument(
            metavar="SCANS", help="A folder of picture files, or such files.", show_default=False, readable=False
        ),
    ],
    rate: Annotated[
        Fraction,
        typer.Option("--rate", metavar="N", parser=frames_per_second, help="Frames per second.", show_default=False),
    ],
    sound: Annotated[
        Path | None, typer.Option("--sound", metavar="FILE", help="The film's sound; copied as it is.", readable=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Default: SCANS.mkv beside the folder.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail where else a warning is given.")] = False,
    yes: Yes = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make one film of scanned frames."""
    if output is None:
        folder = (scans[0] if scans[0].is_dir() else scans[0].parent).absolute()
        if not folder.name:
            refuse(f"nothing can be written beside {folder}", hint="name the film with -o")
        output = folder.with_name(f"{folder.name}.mkv")
    check_output(output, inputs=[*scans, *([sound] if sound else [])], overwrite=yes)
    check_folder(output.parent)

    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.video.wrapping import wrap_scans

        film = wrap_scans(scans, output, rate=rate, sound=sound, overwrite=yes, strict=strict, progress=talk.progress)
    talk.report(notes=[], warnings=film.warnings)
    talk.note(
        f"{film.frames} frames of {film.width}x{film.height}, {film.pixel_format}, {float(film.rate):g} frames/s: "
        f"every sample came back as it was"
    )
    if json:
        print_json({**asdict(film), "rate": str(film.rate)})
    else:
        typer.echo(output)
