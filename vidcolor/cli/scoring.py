"""The command that scores: `eval`."""

import math
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidcolor.cli.console import Talk, print_json, refuse
from vidcolor.cli.options import Json, Quiet, frame_numbers

if TYPE_CHECKING:
    from vidcolor.evaluation import Scores


_COLOURLESS = 0.5
"""Colourfulness below which a truth has no colour to take a share of: half a step of 8 bits."""


class Luma(StrEnum):
    """What the truth is shown with."""

    TRUTH = "truth"
    FILM = "film"


def evaluate(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="The coloured film.", show_default=False)],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="Its true colours.", show_default=False)],
    reference_frame: Annotated[
        list[int] | None,
        typer.Option(min=0, metavar="N", help="A frame whose true colours were given as a still; may be repeated."),
    ] = None,
    shots: Annotated[
        str, typer.Option(metavar="N,N,...", help="First frame of each shot, 0 for one shot.", show_default="found")
    ] = "",
    every: Annotated[int, typer.Option(min=1, metavar="N", help="Score the pictures of each Nth frame only.")] = 1,
    luma: Annotated[
        Luma, typer.Option(help="Show the truth with its own luma, or with the film's to score colours alone.")
    ] = Luma.TRUTH,
    lpips: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Score LPIPS, too, with these weights (AlexNet 0.1).", show_default=False),
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Score a coloured film against its true colours."""
    starts = frame_numbers(shots)
    with Talk(quiet=quiet, json=json) as talk:
        from vidcolor.evaluation import evaluate as score
        from vidcolor.shots import Shot
        from vidcolor.video import count_frames, probe

        ranges = None
        if starts:
            bounds = list(pairwise([*starts, probe(truth).frames or count_frames(truth)]))
            if starts[0] != 0 or any(start >= stop for start, stop in bounds):
                last = bounds[-1][1] - 1
                refuse(f"no shots begin at {shots}", hint=f"give rising frame numbers from 0 to {last}, such as 0,120")
            ranges = [Shot(start, stop) for start, stop in bounds]
        scores = score(
            result,
            truth,
            references=reference_frame or (),
            shots=ranges,
            every=every,
            luma=luma.value,
            lpips=lpips,
            progress=lambda done, total: talk.progress("score", done, total),
        )
    talk.report(notes=(), warnings=scores.warnings)
    if json:
        print_json(scores.to_dict())
        return
    heads = "shot   start    stop  row         PSNR  CIEDE2000  colour     CDC  warp error  flicker"
    typer.echo(heads if lpips is None else f"{heads}   LPIPS")
    for number, table in enumerate(scores.shots, start=1):
        assert table.shot is not None
        _print_scores(str(number), table, table.shot.start, table.shot.stop, lpips=lpips is not None)
        frames = table.shot.stop
    _print_scores("all", scores, 0, frames, lpips=lpips is not None)
    if scores.returned:
        talk.note(f"given frames came back within CIEDE2000 {max(scores.returned):.2f}")
    if grey := [n for n, table in enumerate(scores.shots, start=1) if table["truth"].colourfulness < _COLOURLESS]:
        where = f"in {len(grey)} of {len(scores.shots)} shots, the first {grey[0]}"
        talk.note(f"no row has a share of colour where the truth has none: {where}")
    talk.note(f"means over {scores.frames} frames; {len(scores.excluded)} reference frames left out")


def _print_scores(name: str, table: "Scores", start: int, stop: int, *, lpips: bool) -> None:
    """Print a line for each row; the truth's colourfulness is the unit of theirs, its steadiness their floor."""
    unit = table["truth"].colourfulness
    for row in table.rows:
        share = row.colourfulness / unit if unit >= _COLOURLESS else math.nan
        cells = [f"{row.psnr:7.2f}", f"{row.ciede2000:9.2f}", f"{share:6.2f}", f"{row.cdc:6.4f}"]
        cells += [f"{row.warp_error:10.1e}", f"{row.static_flicker:7.1e}"]
        cells += [f"{row.lpips:6.4f}"] if lpips else []
        line = "  ".join(cells).replace("nan", "  -")
        typer.echo(f"{name:>4}  {start:6d}  {stop:6d}  {row.name:<8} {line}")
