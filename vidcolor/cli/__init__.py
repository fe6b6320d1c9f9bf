"""The command line: each command parses, calls the library and prints.

Data goes to stdout, talk to stderr. Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

from typing import Annotated

import typer

from vidcolor import __version__
from vidcolor.cli import (
    batching,
    films,
    learning,
    overview,
    recommending,
    reports,
    scoring,
    serving,
    suggesting,
    wrapping,
)
from vidcolor.cli.console import Commands, open_streams, signals_end_in_order

_HELP = """\b
vidcolor colorize film.mkv -r kitchen.jpg -r street.png

Colour black-and-white film, steered by colour stills. The picture's luma, the sound and all other streams stay as they
are. Every command has its own help, takes --json, and writes data to stdout and talk to stderr.
"""

app = typer.Typer(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vidcolor {__version__}")
        raise typer.Exit


@app.callback(help=_HELP)
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def _help(example: str, text: str) -> str:
    # \b keeps the example's line breaks.
    return f"\b\n{example}\n\n{text}"


app.command(
    "colorize",
    short_help="Colour a film.",
    help=_help(
        "vidcolor colorize film.mkv -r kitchen.jpg street_000123.png",
        "Colour VIDEO and write it beside the input as film.color.mkv. Each STILL is found in the film or goes to the "
        "shots that it resembles; one named *_000123.* belongs to frame 123. Without stills the colours are automatic.",
    ),
)(films.colorize)
app.command(
    "batch",
    short_help="Colour many films with several workers.",
    help=_help(
        "vidcolor batch reels/*.mkv --plans plans/ --output-dir colour/ --workers 4",
        "Colour films, their shots spread over workers: processes or, with --ray, actors of a Ray cluster. A film that "
        "fails is listed and the others go on. The same command goes on after an interruption; films whose outputs are "
        "there are left alone without -y.",
    ),
)(batching.batch)
app.command(
    "preview",
    short_help="Colour a few seconds, beside the original.",
    help=_help(
        "vidcolor preview film.mkv -r kitchen.jpg --start 1:20 --duration 5",
        "Colour a short segment and write a side-by-side clip and a contact sheet, before hours go into a whole film.",
    ),
)(films.preview)
app.command(
    "scenes",
    short_help="List the shots; write a plan and grey stills to paint on.",
    help=_help(
        "vidcolor scenes film.mkv --stills paint/ -o film.plan.json",
        "List the shots of VIDEO. --stills writes one grey still per shot to paint on, named after its frame; -o "
        "writes the plan, which you may edit and `vidcolor colorize --plan` follows. Run again, it keeps what you "
        "edited. Stills that are painted are never replaced.",
    ),
)(reports.scenes)
app.command(
    "recommend",
    short_help="Rank a folder of photographs as references.",
    help=_help(
        "vidcolor recommend film.mkv photographs/ -o film.plan.json --sheet film.recommended.png",
        "Rank the photographs in LIBRARY as references for each shot of VIDEO, by content, luma and how far their "
        "colours agree. -o writes the plan that `vidcolor colorize --plan` follows. Where it is there already, its "
        "shots, settings and stills stay, and a photograph that is likely to help joins each shot without a painted "
        "still; -y makes it anew. --plan ranks for the shots of a plan. The library is described once and then kept up "
        "to date in an index, .vidcolor-index.npz in LIBRARY.",
    ),
)(recommending.recommend)
app.command(
    "suggest",
    short_help="Say which frames to paint next.",
    help=_help(
        "vidcolor suggest film.mkv -r kitchen_000123.png --stills paint/",
        "Say for each shot of VIDEO which further frame, if painted, would help most, from how well the stills at hand "
        "cover what its frames show. Error is the expected mean distance of the shot's colours from the true ones in "
        "Lab ab, gain by how much painting the frame would lower it. Shots come in the order of what they would gain. "
        "Stills that are there already stay as they are.",
    ),
)(suggesting.suggest)
app.command(
    "sheet",
    short_help="Colour one frame of every shot, or compare stills.",
    help=_help(
        "vidcolor sheet film.mkv --each -r summer.jpg autumn.jpg",
        "Colour one frame of every shot by itself and write a contact sheet, without colouring the whole film. --each "
        "tries every still alone on every shot, side by side. With --plan the shots are known and it takes seconds, as "
        "it does with --each --at.",
    ),
)(overview.sheet)
app.command(
    "web",
    short_help="Work on a plan in the browser: paint, add stills, preview.",
    help=_help(
        "vidcolor web film.mkv --plan film.plan.json",
        "Serve a page, to this machine only, that shows the shots of VIDEO in their colours. Paint right on a coloured "
        "frame, or add stills; set saturation, hue and temperature, cut and join shots, preview seconds, colour the "
        "film. Each change is saved in the plan at once and can be taken back; stills are never replaced. Needs the "
        "extra `web`: pip install 'vidcolor[web]'.",
    ),
)(serving.web)
app.command(
    "wrap",
    short_help="Make one film of scanned frames, without loss.",
    help=_help(
        "vidcolor wrap scans/ --rate 18 --sound reel.wav -o reel.mkv",
        "Make a film that every other command takes of SCANS, a folder with a picture file per frame, or such files: "
        "FFV1 in Matroska, which keeps every sample. What was written is decoded again and compared with the scans. "
        "The number in which the files' names differ is their order; missing ones are named.",
    ),
)(wrapping.wrap)
app.command(
    "verify",
    short_help="Prove that luma and every stream survived.",
    help=_help(
        "vidcolor verify film.mkv film.color.mkv",
        "Compare RESULT with the VIDEO it was made from: luma, timestamps, tags and copied streams. Exits with 1 and "
        "names the first difference when something was lost.",
    ),
)(reports.verify)
app.command(
    "eval",
    short_help="Score a result against its true colours.",
    help=_help(
        "vidcolor eval film.color.mkv truth.mp4 --reference-frame 14 --reference-frame 120",
        "Score RESULT against TRUTH, shot by shot, beside the trivial baselines: grey, a colour transfer, nearest "
        "neighbours by looks, flow alone. Frames that were given as stills are left out. Colour is colourfulness as a "
        "share of the truth's; the truth's CDC, warp error and flicker are the floor. --json prints every score.",
    ),
)(scoring.evaluate)
app.command(
    "weights",
    short_help="Show which weights are used.",
    help=_help(
        "vidcolor weights", "Show name, version, checksum, size and path of the weights, by default the ones shipped."
    ),
)(learning.weights)
app.command(
    "train",
    short_help="Train the networks on a folder of pictures and clips.",
    help=_help(
        "vidcolor train photographs/ -o runs/first --steps 20000",
        "Train on the photographs and clips in DATA. RUN receives checkpoints, with which --resume goes on, and the "
        "weights, which `vidcolor colorize --weights` takes. Two CPU cores manage about 30 pairs of 128 pixels a "
        "second: the 640,000 of a default run take six hours. A run ends with its own rate and profile.",
    ),
)(learning.train)


def main() -> None:
    """Run the command line."""
    open_streams()
    with signals_end_in_order():
        app(prog_name="vidcolor")
