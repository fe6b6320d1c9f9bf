"""What takes long on the page: previews, shots and the film, each with a bar that moves and a way to stop it."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr

from vidcolor.errors import VidcolorError
from vidcolor.web.saying import worded
from vidcolor.web.session import Session
from vidcolor.web.wholeshots import Work

_PROGRESS = gr.Progress()
_GO_ON = "colour it again to go on from there"
_BEGIN_AGAIN = "colour it again: a long shot goes on from there, a short one begins anew"


class LongWork:
    """Does the long work of one page.

    Args:
        session: The film and its plan.
        scratch: A folder for previews.
        ended: Set where the page ends, which stops all work.
    """

    def __init__(self, session: Session, scratch: Path, ended: Event) -> None:
        self._session, self._scratch, self._ended = session, scratch, ended
        self._stop_film, self._stop_shot, self._stop_preview = Event(), Event(), Event()

    def make_preview(self, frame: int, seconds: float, progress: Any = _PROGRESS) -> str:
        """Colour some seconds from a frame on, and return the clip."""
        shown = self._unless(self._stop_preview, progress)
        report = self._session.preview(frame, seconds, self._scratch, progress=shown)
        return str(report.side_by_side)

    def color_film(self, output: str, quality: str, replace: bool, progress: Any = _PROGRESS) -> str:
        """Colour the film, and return what is to be said of it."""
        shown = self._unless(self._stop_film, progress)
        report = self._session.colorize(Path(output), quality=quality, overwrite=replace, progress=shown)
        done = f"`{report.output}`: {report.frames} frames in {report.seconds:.0f} s"
        if report.shots_reused:
            done += f"; {report.shots_reused} of {report.shots} shots were coloured before"
        return "\n\n".join([done, *map(worded, [*report.warnings, *report.notes])])

    def color_shot(self, frame: int, output: str, quality: str, progress: Any = _PROGRESS) -> str:
        """Colour a frame's shot for the film, and return what is to be said of it."""
        shown = self._unless(self._stop_shot, progress, _BEGIN_AGAIN)
        number = self._session.number_of(frame)
        # Another output or quality may have been chosen on the page while this waited.
        report = self._session.color_shot(frame, work=Work(Path(output), quality), progress=shown)
        frames = report.shot.stop - report.shot.start
        done = "was coloured already" if report.reused else f"{frames} frames in {report.seconds:.0f} s"
        return "\n\n".join([f"Shot {number}: {done}; `{report.job}` keeps it for the film", *report.remarks])

    def stop(self) -> None:
        """Stop the film and previews."""
        self._stop_film.set()
        self._stop_preview.set()

    def stop_shot(self) -> None:
        """Stop the shot."""
        self._stop_shot.set()

    def _unless(self, stop: Event, progress: Any, hint: str = _GO_ON) -> Callable[[str, int, int | None], None]:
        """Return what moves a bar of the page, and ends the work where somebody asks for that from now on."""
        stop.clear()

        def show(stage: str, done: int, total: int | None) -> None:
            if stop.is_set() or self._ended.is_set():
                raise VidcolorError("stopped", hint=hint)
            progress((done, total), desc=stage, unit="frames")

        return show
