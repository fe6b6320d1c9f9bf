"""What is on the page: every control, and where it stands."""

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from vidcolor.grading import MOST_HUE, MOST_SATURATION, MOST_TEMPERATURE
from vidcolor.plan.entries import PlannedReference, PlannedShot
from vidcolor.propagation import EFFORTS
from vidcolor.video import VideoInfo, default_output
from vidcolor.web.knownstills import KnownStill
from vidcolor.web.saying import KEEP_COLOR, REPLACE
from vidcolor.web.spreading import USUAL_REACH

UNKNOWN = "unknown"
"""What a shot is said to look like where nobody looked."""
_LOOKS = ["grey", "tinted", "color", "title", UNKNOWN]
BLANK = np.full((90, 160, 3), 64, np.uint8)
"""Stands in galleries for what cannot be shown."""
_FURTHEST = 50
_LONGEST_PREVIEW = 30
_PALETTE: list[str | tuple[str, float]] = [
    "#e3ac8a",  # skin
    "#a66b4b",
    "#c3423a",  # red
    "#d98032",
    "#d9b64a",
    "#6f8f3f",  # foliage
    "#3f7f6c",
    "#6ea8dc",  # sky
    "#3a5a9c",
    "#7d5aa0",
    "#7a5636",  # wood
    "#808080",  # no colour
]


class Controls:
    """The controls of the page, laid out inside the `gr.Blocks` that is open.

    Args:
        info: The film.
        plan: Where the plan is saved.
        first: The frame that is shown first.
        frames: Of the film.
        several_pages: There are more shots than are listed at once.

    Attributes:
        frame: Number of the frame that is shown.
        listed_from: Number, from 0, of the first shot that is listed.
        painting: The `Ground` in the editor, or None.
        chosen: Path of the shot's still that was clicked, as the plan has it, or None.
        growth: Of strokes, in % of the longer side of the picture.
    """

    def __init__(self, info: VideoInfo, *, plan: Path, first: int, frames: int, several_pages: bool) -> None:
        self.frame = gr.State(first)
        self.listed_from = gr.State(0)
        self.painting = gr.State(None)
        self.chosen = gr.State(None)
        self.growth = gr.State(0)
        gr.HTML(f"<h3>{escape(info.path.name)}</h3>Every change is saved in <code>{escape(str(plan))}</code>.")
        with gr.Row():
            with gr.Column(scale=1, min_width=260):
                self.shots = gr.Gallery(label="Shots", columns=2, allow_preview=False, height=720, object_fit="contain")
                with gr.Row(visible=several_pages):
                    self.earlier, self.later = gr.Button("Earlier", size="sm"), gr.Button("Later", size="sm")
                self.undo = gr.Button("Take the last change back", size="sm")
            with gr.Column(scale=3):
                self.title = gr.Markdown(label="About")
                with gr.Row():
                    self.film = gr.Image(label="Film", interactive=False, buttons=["fullscreen"], format="png")
                    self.colored = gr.Image(label="Result", interactive=False, buttons=["fullscreen"], format="png")
                self.slider = gr.Slider(label="Frame", step=1, minimum=0, maximum=max(frames - 1, 1), interactive=True)
                with gr.Row():
                    with gr.Column(scale=3):
                        self.standing = gr.Markdown(label="Colours")
                        # The bar moves over it, which shows only where there is room.
                        self.news = gr.Markdown(
                            "A shot that is coloured is kept for the film. Meanwhile you can go on working.",
                            label="News",
                            min_height=64,
                        )
                    with gr.Column(scale=1, min_width=160):
                        self.color = gr.Button("Colour this shot", size="sm")
                        self.stop = gr.Button("Stop the shot", size="sm")
                with gr.Tabs():
                    self._lay_out_stills()
                    self._lay_out_painting()
                    self._lay_out_settings()
                    self._lay_out_previews()
                    self._lay_out_output(info)

    def _lay_out_stills(self) -> None:
        with gr.Tab("Stills"):
            self.stills = gr.Gallery(
                label="Stills of this shot", columns=4, height=240, allow_preview=False, object_fit="contain"
            )
            with gr.Row():
                # Of any type: what a picture is the library knows, and says where it is none.
                self.upload = gr.File(label="Add a colour still", height=120)
                with gr.Column():
                    self.own = gr.Checkbox(label="It shows the very frame above", value=False)
                    self.remove = gr.Button("Take the chosen still out of the shot", size="sm")

    def _lay_out_painting(self) -> None:
        with gr.Tab("Paint"):
            gr.Markdown(
                "The brush gives colour, the film keeps its light. What you keep becomes the still of that frame, and "
                f"the shot follows it. With growth (try {100 * USUAL_REACH:.0f}) a scribble fills what it lies on, up "
                "to its edges. Colours are shown here before the settings of the shot."
            )
            with gr.Row():
                self.begin = gr.Button("Paint on the frame above", size="sm")
                self.reach = gr.Slider(
                    0,
                    _FURTHEST,
                    value=0,
                    step=1,
                    label="Growth of strokes, in % of the longer side",
                )
                self.keep = gr.Button("Keep as the still of its frame", size="sm", variant="primary")
            self.editor = gr.ImageEditor(
                label="No frame yet",
                sources=(),
                transforms=(),
                layers=False,
                brush=gr.Brush(colors=_PALETTE, default_color=_PALETTE[0], default_size=12),
                eraser=gr.Eraser(default_size=16),
                format="png",
                height=560,
            )

    def _lay_out_settings(self) -> None:
        with gr.Tab("Settings"):
            with gr.Row():
                self.saturation = gr.Slider(0, MOST_SATURATION, label="Saturation", step=0.05)
                self.hue = gr.Slider(-MOST_HUE, MOST_HUE, label="Hue (degrees; 90 makes red yellow)", step=1)
                self.temperature = gr.Slider(
                    -MOST_TEMPERATURE, MOST_TEMPERATURE, label="Temperature (mired; above 0 warmer)", step=1
                )
            with gr.Row():
                self.treatment = gr.Radio([("give it colours", "color"), (KEEP_COLOR, "keep")], label="Treatment")
                self.looks = gr.Dropdown(_LOOKS, label="The film looks (titles stay neutral)")
            with gr.Row():
                self.cut = gr.Button("Let a shot begin at the frame above", size="sm")
                self.join = gr.Button("Join this shot to the one before", size="sm")

    def _lay_out_previews(self) -> None:
        with gr.Tab("Preview"):
            with gr.Row():
                self.seconds = gr.Slider(1, _LONGEST_PREVIEW, value=3, step=1, label="Seconds from the frame above on")
                self.preview = gr.Button("Colour them", variant="primary")
            self.clip = gr.Video(label="Film and result", autoplay=True, loop=True, interactive=False)

    def _lay_out_output(self, info: VideoInfo) -> None:
        with gr.Tab("Film"):
            self.output = gr.Textbox(str(default_output(info)), label="Output")
            with gr.Row():
                self.quality = gr.Radio(list(EFFORTS), value="balanced", label="Quality")
                self.replace = gr.Checkbox(label=REPLACE, value=False)
            with gr.Row():
                self.colorize = gr.Button("Colour the film", variant="primary")
                self.cancel = gr.Button("Stop")
            self.report = gr.Markdown(
                "Meanwhile you can look, but change nothing. After a stop it goes on where it was.", label="Report"
            )


def still_in_gallery(planned: PlannedReference, still: KnownStill | None) -> tuple[NDArray[np.uint8], str]:
    """Return a still of a shot, None where it cannot be read, as a picture and what it is."""
    words = [Path(planned.path).name]
    if planned.frame is not None:
        words.append(f"frame {planned.frame}")
    if still is None:
        words.append("missing, or no picture")
    elif still.reference.grey:
        words.append("grey: not painted yet")
    return BLANK if still is None else still.small, ", ".join(words)


def slider_ends(shot: PlannedShot) -> dict[str, Any]:
    """Return between which frames the slider moves; gradio has none that stands still."""
    return {"minimum": shot.start, "maximum": max(shot.stop - 1, shot.start + 1)}
