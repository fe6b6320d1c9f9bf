"""The arguments and options that several commands share, with their help."""

import re
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from vidcolor.cli.console import refuse

_DECIMAL = re.compile(r"\d{1,9}(\.\d*)?|\.\d+", re.ASCII)


class Quality(StrEnum):
    """How much work is done: how often the networks look, at what size, how finely motion is followed."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"


class CodecName(StrEnum):
    """What the picture is written as."""

    X264 = "x264"
    X265 = "x265"
    FFV1 = "ffv1"
    PRORES = "prores"
    SVTAV1 = "svtav1"


def seconds(text: str) -> Fraction:
    """Read a time: seconds, MM:SS or HH:MM:SS, each with a decimal part if wanted."""
    parts = text.split(":")
    # Fraction would read 1e99999999, too, and take hours for it.
    values = [Fraction(part) for part in parts] if all(map(_DECIMAL.fullmatch, parts)) else []
    if not 1 <= len(values) <= 3 or any(value >= 60 for value in values[1:]):
        raise typer.BadParameter(f"{text!r} is not a time: give seconds, MM:SS or HH:MM:SS, such as 90, 1:30 or 1:30.5")
    total = Fraction(0)
    for value in values:
        total = total * 60 + value
    return total


def frame_numbers(text: str) -> list[int]:
    """Read frame numbers with commas between them."""
    try:
        return [int(number) for number in text.split(",")] if text else []
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no list of frame numbers such as 14,120") from None


def given_stills(reference: list[Path] | None, more: list[Path] | None, plan: Path | None = None) -> list[Path]:
    """Return the stills of a command line; beside a plan there may be none."""
    stills = [*(reference or []), *(more or [])]
    if plan is not None and stills:
        refuse("both --plan and stills given", hint="add the stills to the plan with scenes -r STILL -o PLAN")
    return stills


Plan = Annotated[
    Path | None,
    typer.Option("--plan", metavar="PLAN", help="Follow this plan of shots and stills, see `scenes`.", readable=False),
]
# Whether a file can be read is told by what reads it, in one error line and one hint line.
Video = Annotated[
    Path, typer.Argument(metavar="VIDEO", help="The black-and-white film.", show_default=False, readable=False)
]
Still = Annotated[
    list[Path] | None,
    typer.Option("-r", "--reference", metavar="STILL...", help="Colour stills; several may follow.", readable=False),
]
# An option takes one value, so the shell's `-r stills/*.png` leaves all but the first to this argument.
MoreStills = Annotated[list[Path] | None, typer.Argument(metavar="STILL", hidden=True, readable=False)]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Replace existing output.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but warnings and errors.")]
Device = Annotated[str, typer.Option("--device", metavar="DEVICE", envvar="VIDCOLOR_DEVICE", help="auto, cpu or cuda.")]
WeightsFile = Annotated[
    Path | None, typer.Option("--weights", metavar="FILE", help="Other weights than the shipped ones.")
]
Start = Annotated[
    Fraction | None,
    typer.Option(
        "--start",
        metavar="TIME",
        parser=seconds,
        help="Begin here: seconds or H:MM:SS on the film's clock.",
        show_default=False,
    ),
]
End = Annotated[
    Fraction | None,
    typer.Option("--end", metavar="TIME", parser=seconds, help="End before this time.", show_default=False),
]
Stream = Annotated[
    int | None,
    typer.Option("--stream", min=0, metavar="N", help="Which of several video streams."),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        min=0.05,
        max=1.0,
        metavar="X",
        help="Of automatic colours: 1 calm, lower livelier; default: as the weights say, 0.6 (not the plan's warmth).",
    ),
]
Saturation = Annotated[float, typer.Option("--saturation", min=0.0, max=4.0, metavar="X", help="Scale of all colours.")]
KeepColor = Annotated[bool, typer.Option("--keep-color", help="Leave shots in colour as they are.")]
Effort = Annotated[Quality, typer.Option("--quality", help="Time against fidelity.")]
Codec = Annotated[CodecName, typer.Option("--codec", metavar="CODEC", help="x264, x265, ffv1, prores or svtav1.")]
Crf = Annotated[float | None, typer.Option("--crf", metavar="CRF", help="Encoder quality; lower is better.")]
Preset = Annotated[str | None, typer.Option("--preset", metavar="PRESET", help="Encoder speed.")]
Lossless = Annotated[bool, typer.Option("--lossless", help="Encode without loss.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Use nothing of what earlier runs kept.")]
