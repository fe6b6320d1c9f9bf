"""How events of the page are done: one after another, but for long work; what is expected to fail is said in a line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from threading import Event, Lock
from typing import Any

import gradio as gr

from vidcolor.errors import VidcolorError
from vidcolor.web.saying import in_one_line

_WAITING = 12
"""Long work that waits in a thread, of which the server has 40 for all events."""


class Events:
    """The events of one page.

    Attributes:
        ended: No more are done.
    """

    def __init__(self) -> None:
        self.ended = Event()
        self._working, self._at_length = Lock(), Lock()

    def on(
        self,
        trigger: Callable[..., Any],
        act: Callable[..., Any],
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        *,
        follows: bool = False,
        long: bool = False,
        again: bool = False,
    ) -> Any:
        """Let an event act, and return what gradio calls it.

        Args:
            trigger: Of a control, such as `button.click`.
            act: Is given what stands in the inputs, and returns what the outputs are to show.
            inputs: Controls. Where a slider is among them the others are read as the browser sends them.
            outputs: Controls.
            follows: Of events that come faster than they are done the last one counts, as for a slider.
            long: The others do not wait for it, but for each other; it waits for its like, and says so.
            again: Asked for before it is done, it is done once more, for what stands in the inputs then.
        """
        sliders = {place: each for place, each in enumerate(inputs) if isinstance(each, gr.Slider)}
        return trigger(
            self._told(act, sliders, long=long),
            [*inputs],
            [*outputs],
            trigger_mode="always_last" if follows else "multiple" if again else "once",
            preprocess=not sliders,  # gradio fails where a slider's field is empty, and gives no reason
            concurrency_id="long" if long else "short",
            concurrency_limit=_WAITING if long else 1,  # gradio lets what is beyond it wait without a word
            api_visibility="private",
        )

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Let nothing begin any more, and hold the block back until what is being done has ended."""
        self.ended.set()
        with self._working, self._at_length:
            yield

    @contextmanager
    def _turn(self, *, long: bool) -> Iterator[None]:
        """Hold the block back until it is its turn."""
        turn = self._at_length if long else self._working
        if not turn.acquire(blocking=not long):
            gr.Info("it begins when what is being coloured now is done", title="Waiting")
            turn.acquire()
        try:
            yield
        finally:
            turn.release()

    def _told(self, act: Callable[..., Any], sliders: Mapping[int, gr.Slider], *, long: bool) -> Callable[..., Any]:
        """Return a handler whose expected failures are shown on the page, in one line, and change nothing on it."""

        @wraps(act)
        def telling(*given: Any, **named: Any) -> Any:
            with self._turn(long=long):
                if self.ended.is_set():
                    return gr.skip()
                try:
                    numbers = {place: number_in(slider, given[place]) for place, slider in sliders.items()}
                    return act(*(numbers.get(place, each) for place, each in enumerate(given)), **named)
                except (VidcolorError, OSError) as error:
                    gr.Warning(in_one_line(error), title="Not done")
                    return gr.skip()

        return telling


def number_in(slider: gr.Slider, value: object) -> float:
    """Return what stands in a slider's field, which may be empty, or beyond its ends, while somebody types.

    Raises:
        VidcolorError: It is empty.
    """
    if not isinstance(value, int | float):
        raise VidcolorError(f"there is no number in the field '{slider.label}'", hint="nothing is changed; type one")
    return min(max(value, slider.minimum), slider.maximum)
