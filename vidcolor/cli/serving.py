"""The command that serves a page to work on a plan by looking: `web`."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
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
from vidcolor.errors import VidcolorError
from vidcolor.places import real_place

if TYPE_CHECKING:
    from vidcolor.exemplar import ExemplarColorizer
    from vidcolor.planning import PreparedFilm
    from vidcolor.web.page import Page


def web(
    video: Video,
    more_stills: MoreStills = None,
    reference: Still = None,
    plan: Plan = None,
    stills: Annotated[
        Path | None,
        typer.Option("--stills", metavar="FOLDER", help="Where new stills go; default: *.stills beside the plan."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="PLAN", help="The plan to write; default: that of --plan, or a new one."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, metavar="N", help="Of the page; default: a free one from 7860 on.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, but do not open it.")] = False,
    stream: Stream = None,
    device: Device = "auto",
    weights: WeightsFile = None,
    yes: Yes = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Work on a plan in the browser."""
    given = given_stills(reference, more_stills, plan)
    target = output or plan or video.parent / f"{video.stem}.plan.json"
    goes_on = plan is not None and real_place(target) == real_place(plan)
    if output is None and plan is None and target.exists() and not yes:
        refuse(f"{target} exists already", hint=f"--plan {target} goes on with it, -o names another, -y replaces it")
    check_output(target, inputs=[video, *given], overwrite=yes or goes_on)
    check_folder(target.parent)
    folder = stills or target.parent / f"{target.name.removesuffix('.json').removesuffix('.plan')}.stills"
    check_folder(folder, made=True, option="--stills")

    with Talk(quiet=quiet, json=json) as talk, TemporaryDirectory(prefix="vidcolor-") as scratch:
        page_type = _page_type(scratch)
        from vidcolor.exemplar import ExemplarColorizer
        from vidcolor.web.session import Session

        replaces = target.read_bytes() if target.exists() else None
        networks = ExemplarColorizer.load(weights, device=device)
        film = _film(video, networks, plan=plan, given=given, stream=stream, talk=talk)
        session = Session(film.info, film.plan, networks, path=target, folder=folder, replaces=replaces)
        page = page_type(session, Path(scratch))
        address = page.launch(port=port, browser=not no_browser)
        try:
            if not goes_on:
                session.save()
            if json:
                print_json({"address": address, "plan": target, "notes": film.notes, "warnings": film.warnings})
            else:
                typer.echo(address)
            _wait(talk)
        finally:
            page.close()
    talk.note(f"the plan is in {target}")


def _film(
    video: Path,
    networks: "ExemplarColorizer",
    *,
    plan: Path | None,
    given: Sequence[Path],
    stream: int | None,
    talk: Talk,
) -> "PreparedFilm":
    """Return a film with its plan, newly made unless one is given, and say what was observed."""
    from vidcolor.plan import ColorPlan
    from vidcolor.planning import PreparedFilm, prepare_film
    from vidcolor.video import probe

    if plan is None:
        film = prepare_film(video, networks, given=given, stream=stream, progress=talk.progress)
    else:  # what is wrong with its stills the page tells, and can mend
        film = PreparedFilm(probe(video, stream=stream), ColorPlan.load(plan), {}, (), ())
    talk.report(notes=film.notes, warnings=film.warnings)
    return film


def _wait(talk: Talk) -> None:
    """Wait until the user ends the page."""
    talk.note("Ctrl-C ends the page")
    with suppress(KeyboardInterrupt):
        Event().wait()


def _page_type(scratch: str) -> "type[Page]":
    """Set gradio's surroundings up, load it, and return the page."""
    os.environ["GRADIO_TEMP_DIR"] = scratch  # it would keep uploads, and every picture it showed, for ever
    for name in ("no_proxy", "NO_PROXY"):  # it asks itself whether it is there
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))
    try:
        from vidcolor.web.page import Page
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise
        raise VidcolorError("the page needs gradio", hint="pip install 'vidcolor[web]'") from error
    return Page
