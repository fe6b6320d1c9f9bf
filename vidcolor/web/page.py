"""What the page does when somebody clicks. This room alone knows gradio, which is an optional extra."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from vidcolor.errors import ReferenceImageError, VidcolorError
from vidcolor.web.controls import BLANK, UNKNOWN, Controls, slider_ends, still_in_gallery
from vidcolor.web.events import Events
from vidcolor.web.longwork import LongWork
from vidcolor.web.painting import Ground, has_strokes
from vidcolor.web.saying import say_source
from vidcolor.web.session import Session
from vidcolor.web.sights import Seen
from vidcolor.web.wholeshots import Work

_SHOTS_AT_ONCE = 24
_HOSTS = ["127.0.0.1", "localhost"]
_FONTS = ["system-ui", "sans-serif"]
"""The theme's own would be asked for from the net."""
_PROGRESS = gr.Progress()


class Page:
    """The page of one session; its events come one after another, but a film is coloured beside them.

    Args:
        session: The film and its plan.
        scratch: A folder for previews, which may be deleted when the page has ended.

    Attributes:
        blocks: What gradio serves.
    """

    def __init__(self, session: Session, scratch: Path) -> None:
        self._session, self._events = session, Events()
        self._long = LongWork(session, scratch, self._events.ended)
        with gr.Blocks(
            title=f"{session.info.path.name} - vidcolor", analytics_enabled=False, fill_width=True
        ) as self.blocks:
            self._controls = Controls(
                session.info,
                plan=session.path,
                first=session.plan.shots[0].representative,
                frames=session.plan.frames,
                several_pages=len(session.plan.shots) > _SHOTS_AT_ONCE,
            )
            self._connect(self._controls)

    def launch(self, *, port: int | None, browser: bool) -> str:
        """Serve the page to this machine alone, and return its address.

        Args:
            port: Number of the port, or None for a free one.
            browser: Open it there.

        Raises:
            VidcolorError: The port is taken.
        """
        try:
            _, address, _ = self.blocks.launch(
                server_name="127.0.0.1",
                server_port=port,
                inbrowser=browser,
                share=False,
                quiet=True,
                prevent_thread_lock=True,
                ssr_mode=False,
                footer_links=[],
                # Other pages can have their own names lead to this machine, but not ask under its name.
                app_kwargs={"middleware": [Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS)]},
                theme=gr.themes.Default(font=_FONTS, font_mono=["ui-monospace", "monospace"]),
            )
        except OSError as error:
            raise VidcolorError(f"no page on port {port}: it is taken", hint="choose another with --port") from error
        return address

    def close(self) -> None:
        """End the page, once what it works on has stopped and is put away; a film stops at its next frame."""
        with self._events.ending():
            if server := getattr(self.blocks, "server", None):
                # A browser that shows the page keeps a connection open, and that it is cut off is no error here.
                logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
                server.force_exit = True
            self.blocks.close(verbose=False)

    def _connect(self, on: Controls) -> None:
        frame, shots = on.frame, [on.listed_from, on.frame]
        self._on(self.blocks.load, self._open, [frame], [*self._shown, on.output, on.quality], renews=True)
        self._on(on.slider.input, self._follow, [on.slider], follows=True)
        self._on(on.shots.select, self._choose_shot, [on.listed_from])
        self._on(on.earlier.click, partial(self._turn, -_SHOTS_AT_ONCE), shots, [on.shots, on.listed_from])
        self._on(on.later.click, partial(self._turn, _SHOTS_AT_ONCE), shots, [on.shots, on.listed_from])
        self._on(on.undo.click, partial(self._change, lambda _: self._session.undo()), [frame], renews=True)
        self._on(on.stills.select, self._choose_still, [frame], [on.chosen])
        self._on(
            on.upload.upload,
            self._add_still,
            [frame, on.upload, on.own],
            [*self._shown, on.upload, on.own],
            renews=True,
        )
        self._on(on.remove.click, self._remove_still, [frame, on.chosen], renews=True)
        painting = [on.editor, on.painting]
        self._on(on.begin.click, self._begin_painting, [frame, *painting], painting)
        # `Events.on` has the editor read as the browser sends it where a slider is an input, too.
        self._on(on.reach.change, lambda growth: growth, [on.reach], [on.growth], follows=True)
        self._on(
            on.keep.click, self._keep_painting, [frame, *painting, on.growth], [*self._shown, *painting], renews=True
        )
        for name in ("saturation", "hue", "temperature", "treatment", "looks"):
            control = getattr(on, name)  # each sends its own value only: another tab may have changed the others
            self._on(control.input, partial(self._adjust, name), [frame, control], renews=True, follows=True)
        self._on(on.cut.click, partial(self._change, self._session.cut), [frame], renews=True)
        self._on(on.join.click, partial(self._change, self._session.join), [frame], renews=True)
        self._on(on.preview.click, self._long.make_preview, [frame, on.seconds], [on.clip])
        work, seen = [on.output, on.quality], [on.title, on.colored, on.standing]
        for changed in (on.output.blur, on.quality.input):
            self._on(changed, self._choose_work, [frame, *work], seen, renews=True)
        film = self._events.on(on.colorize.click, self._long.color_film, [*work, on.replace], [on.report], long=True)
        shot = self._events.on(on.color.click, self._long.color_shot, [frame, *work], [on.news], long=True, again=True)
        for done in (film, shot):  # what was shown by itself may be kept by now
            self._on(done.success, self._see_again, [frame], seen, renews=True)
        on.stop.click(self._long.stop_shot, queue=False, api_visibility="private")
        on.cancel.click(self._long.stop, queue=False, api_visibility="private")

    def _on(
        self,
        trigger: Callable[..., Any],
        act: Callable[..., Any],
        inputs: Sequence[Any],
        outputs: Sequence[Any] | None = None,
        *,
        renews: bool = False,
        follows: bool = False,
    ) -> None:
        """Let an event act, by default on what is shown of the frame; `renews` has the shots listed again after it."""
        done = self._events.on(trigger, act, inputs, self._shown if outputs is None else outputs, follows=follows)
        on = self._controls
        if renews:
            self._events.on(done.success, self._list, [on.listed_from, on.frame], [on.shots, on.listed_from])

    @property
    def _shown(self) -> list[Any]:
        """What `_view` returns values for."""
        on = self._controls
        return [
            on.frame,
            on.title,
            on.film,
            on.colored,
            on.standing,
            on.slider,
            on.stills,
            on.chosen,
            on.saturation,
            on.hue,
            on.temperature,
            on.treatment,
            on.looks,
        ]

    def _view(self, frame: float) -> list[Any]:
        session = self._session
        frame = min(max(int(frame), 0), session.plan.frames - 1)  # typed into the slider's field, it may be any number
        shot = session.plan.shot_at(frame)
        words = [
            f"**Shot {session.number_of(frame)}** of {len(session.plan.shots)}, frames {shot.start} to {shot.stop - 1}",
            f"frame {frame} at {float(session.times[frame]):.3f} s",
        ]
        film = colored = None
        standing = ""
        try:
            seen = session.see(frame)
            film, colored, standing = seen.glance.film, seen.glance.colored, self._standing(seen)
            words += seen.remarks
        except ReferenceImageError as error:  # the rest is shown all the same, so that the still can be taken out
            words.append(f"**{error.message}**")
        stills = [still_in_gallery(planned, still) for planned, still in session.stills(frame)]
        return [
            frame,
            "; ".join(words),
            film,
            colored,
            standing,
            gr.Slider(**slider_ends(shot), value=frame),
            gr.Gallery(value=stills, selected_index=None),
            None,
            shot.saturation,
            shot.hue,
            shot.temperature,
            shot.treatment,
            shot.looks or UNKNOWN,
        ]

    def _open(self, frame: float) -> list[Any]:
        """Show a frame on a page that was just opened, or opened again, with the output and quality that count."""
        work = self._session.work
        return [*self._view(frame), str(work.output), work.quality]

    def _see_again(self, frame: int) -> list[Any]:
        """Show a frame's colours anew, and nothing else: somebody may be at work on the rest."""
        values = dict(zip(self._shown, self._view(frame), strict=True))
        return [values[each] for each in (self._controls.title, self._controls.colored, self._controls.standing)]

    def _choose_work(self, frame: int, output: str, quality: str) -> list[Any]:
        self._session.work = Work(Path(output), quality)
        return self._see_again(frame)

    def _standing(self, seen: Seen) -> str:
        missing = None if seen.missing is None else self._session.number_of(seen.missing)
        return say_source(seen.source, quality=self._session.work.quality, missing=missing)

    def _list(self, first: int, frame: int, progress: Any = _PROGRESS) -> tuple[Any, int]:
        """Return the gallery of shots from the one that `first` counts from 0, and which it is."""
        shots = self._session.plan.shots
        first = max(0, min(first, (len(shots) - 1) // _SHOTS_AT_ONCE * _SHOTS_AT_ONCE))
        numbers = range(first + 1, min(first + _SHOTS_AT_ONCE, len(shots)) + 1)
        pictures = []
        for number in progress.tqdm(numbers, desc="shots"):
            if self._events.ended.is_set():
                break
            shot = shots[number - 1]
            try:
                pictures.append((self._session.thumbnail(number), f"{number}: {shot.start} to {shot.stop - 1}"))
            except VidcolorError:  # the reason is told where the shot is looked at
                pictures.append((BLANK, f"{number}: cannot be coloured"))
        current = self._session.number_of(frame) - 1 - first
        return gr.Gallery(value=pictures, selected_index=current if 0 <= current < len(pictures) else None), first

    def _turn(self, by: int, first: int, frame: int) -> tuple[Any, int]:
        return self._list(first + by, frame)

    def _follow(self, frame: float) -> list[Any]:
        """Show the frame that a slider is moved to, but leave the slider alone: it may have been moved on meanwhile."""
        values = self._view(frame)
        ends = slider_ends(self._session.plan.shot_at(values[0]))
        values[self._shown.index(self._controls.slider)] = gr.Slider(**ends)
        return values

    def _choose_shot(self, first: int, chosen: gr.SelectData) -> list[Any]:
        shots = self._session.plan.shots  # joined, there may be fewer than another tab still lists
        return self._view(shots[min(first + chosen.index, len(shots) - 1)].representative)

    def _choose_still(self, frame: int, chosen: gr.SelectData) -> str | None:
        references = self._session.plan.shot_at(frame).references
        return references[chosen.index].path if chosen.index < len(references) else None

    def _change(self, change: Callable[[int], None], frame: int) -> list[Any]:
        change(frame)
        return self._view(frame)

    def _add_still(self, frame: int, file: str, own: bool) -> list[Any]:
        try:
            still, bound = self._session.add_still(Path(file), frame, own=own)
        except ReferenceImageError as error:  # it names the place where gradio put the file
            raise VidcolorError(error.message.replace(file, Path(file).name), hint=error.hint) from error
        shot = self._session.number_of(frame if bound is None else bound)
        gr.Info(
            f"{still.name} is used in shot {shot}" + ("" if bound is None else f", as the colours of frame {bound}")
        )
        return [*self._view(frame if bound is None else bound), None, False]

    def _remove_still(self, frame: int, chosen: str | None) -> list[Any]:
        if chosen is None or not self._session.remove_still(frame, chosen):
            raise VidcolorError("no still is chosen", hint="click the one that is to go")
        return self._view(frame)

    def _begin_painting(self, frame: int, editor: Any, painting: Ground | None) -> tuple[Any, Ground]:
        if painting is not None and editor is not None and has_strokes(editor["layers"]):
            raise VidcolorError(
                f"there are strokes on frame {painting.frame}",
                hint="keep them, or clear them in the editor, and try again",
            )
        return self._canvas(frame)

    def _keep_painting(self, frame: int, editor: Any, painting: Ground | None, growth: float) -> list[Any]:
        if painting is None or editor is None or not has_strokes(editor["layers"]):
            raise VidcolorError("nothing is painted yet", hint="take a frame, and paint on it with the brush")
        still = self._session.paint(painting.frame, editor["layers"], reach=growth / 100, ground=painting.picture)
        gr.Info(f"{still.name} is the still of frame {painting.frame}")
        return [*self._view(frame), *self._canvas(painting.frame)]

    def _canvas(self, frame: int) -> tuple[Any, Ground]:
        """Return the editor with a frame on it and nothing painted, and what is to be painted on."""
        ground = Ground(frame, self._session.look(frame).ungraded)
        value: Any = {"background": ground.picture, "layers": [], "composite": None}
        return gr.ImageEditor(value=value, label=f"Frame {frame}"), ground

    def _adjust(self, name: str, frame: int, value: float | str) -> list[Any]:
        self._session.adjust(frame, **{name: None if value == UNKNOWN else value})
        values = self._view(frame)
        values[self._shown.index(getattr(self._controls, name))] = gr.skip()  # as in `_follow`
        return values
