"""What takes long on the page: a preview and the film, each with a bar that moves, and each stopped where asked."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr

from vidcolor.errors import VidcolorError
from vidcolor.web.saying import worded
from vidcolor.web.session import Session

_PROGRESS = gr.Progress()
_GO_ON = "colour it again to go on from there"


class LongWork:
    """Does the long work of one page.

    Args:
        session: The film and its plan.
        scratch: A folder for previews.
        ended: Set where the page ends, which stops all work.
    """

    def __init__(self, session: Session, scratch: Path, ended: Event) -> None:
        self._session, self._scratch, self._ended = session, scratch, ended
        self._stop_film, self._stop_preview = Event(), Event()

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
        return "\n\n".join([done, *map(worded, [*report.warnings, *report.notes])])

    def stop(self) -> None:
        """Stop what is being done."""
        self._stop_film.set()
        self._stop_preview.set()

    def _unless(self, stop: Event, progress: Any, hint: str = _GO_ON) -> Callable[[str, int, int | None], None]:
        """Return what moves a bar of the page, and ends the work where somebody asks for that from now on."""
        stop.clear()

        def show(stage: str, done: int, total: int | None) -> None:
            if stop.is_set() or self._ended.is_set():
                raise VidcolorError("stopped", hint=hint)
            progress((done, total), desc=stage, unit="frames")

        return show
