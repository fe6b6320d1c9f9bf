"""How commands talk: data to stdout, everything else to stderr, failures as one `error:` and one `hint:` line."""

import json
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperGroup

from vidcolor.errors import VidcolorError, no_room
from vidcolor.places import real_place

if TYPE_CHECKING:
    from vidcolor.cli.bars import Bars
    from vidcolor.video.encoders import EncoderSettings

_PATIENCE = 30.0
"""Seconds in which a second signal is the same wish as the first: it would only cut short the end in order."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_OS_HINT = "check that the path exists and may be read and written; VIDCOLOR_DEBUG=1 shows where this happened"
_FULL_HINT = "free space there, or write to another disk"


class Commands(TyperGroup):
    """The group of all commands, which turns expected failures into messages and exit statuses."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            with signals_interrupt():
                return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            hint = "nothing half-done was left under an output's name; run the same command again"
            complain("interrupted", hint=str(stop) or hint)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise  # the reader of our stdout has gone: typer ends quietly
        except (VidcolorError, OSError) as error:
            if os.environ.get("VIDCOLOR_DEBUG") == "1":
                raise
            if isinstance(error, VidcolorError):
                complain(error.message, hint=error.hint)
            else:
                full = no_room(error.errno)
                named = f": {error.filename}" if error.filename else ""
                reason = f"{full or error.strerror}{named}" if full or (named and error.strerror) else str(error)
                complain(reason, hint=_FULL_HINT if full else _OS_HINT)
            raise typer.Exit(1) from error


@dataclass
class _Wish:
    """When a signal last asked for the end; what it raised may be lost, where it came as an object was deleted."""

    at: float | None = None


_wish = _Wish()


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP end a command through every `with` block, at the next step if not at once."""
    _wish.at = None
    before = _heed_signals()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def signals_end_in_order() -> Iterator[None]:
    """Heed signals where no command runs, too, but not while Python itself ends after the block."""
    before = _heed_signals()
    try:
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)


def _heed_signals() -> dict[signal.Signals, Any]:
    """Let SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, once in a while; return the handlers before."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    # What is ignored stays so: `nohup` has it that the end of a terminal session is not the end of the work.
    return {each: signal.signal(each, _interrupt) for each in numbers if signal.getsignal(each) != signal.SIG_IGN}


def _interrupt(_number: int, _frame: object) -> None:
    now = time.monotonic()
    # An impatient Ctrl-C, or the SIGHUPs of a shell and of its terminal: threads must not be left as Python ends.
    if _wish.at is None or now - _wish.at > _PATIENCE:
        _wish.at = now
        raise KeyboardInterrupt


def complain(message: str, *, hint: str | None = None) -> None:
    """Print an error, and what to try, in one line each."""
    _say(f"error: {message}")
    if hint:
        _say(f"hint: {hint}")


def one_line(text: str) -> str:
    """Return a text for one line: names of files may hold ends of lines, and codes that terminals obey."""
    return _CONTROL.sub(" ", text)


def _say(line: str) -> None:
    with suppress(OSError):  # the terminal may be gone: that is no failure of the run
        typer.echo(one_line(line), err=True)


def refuse(message: str, *, hint: str) -> NoReturn:
    """End with the exit status of wrong usage."""
    complain(message, hint=hint)
    raise typer.Exit(2)


def given_encoder(codec: str, *, crf: float | None, preset: str | None, lossless: bool) -> "EncoderSettings":
    """Return the encoder settings of a command line; refuse those that the codec has for no film, before any work."""
    from vidcolor.video.encoders import EncoderSettings

    settings = EncoderSettings(codec=codec, crf=crf, preset=preset, lossless=lossless)
    try:
        settings.rate_options()
    except VidcolorError as error:
        refuse(error.message, hint=error.hint or "see -h")
    return settings


def check_output(output: Path, *, inputs: Iterable[Path], overwrite: bool, option: str = "-o") -> None:
    """Refuse an output that is one of the inputs or a folder, or that exists and may not be replaced.

    Args:
        output: File to be written.
        inputs: Files that the command reads.
        overwrite: The user allowed an existing output to be replaced.
        option: What names the output.
    """
    for given in inputs:
        if real_place(output) == real_place(given) or (output.exists() and given.exists() and output.samefile(given)):
            refuse(f"the output {output} is the input {given}", hint=f"name another file with {option}")
    if output.is_dir():
        refuse(f"the output {output} is a folder", hint=f"name a file in it with {option}")
    if output.exists() and not overwrite:
        refuse(f"{output} exists already", hint=f"-y replaces it, {option} names another file")


def check_folder(folder: Path, *, made: bool = False, option: str = "-o") -> None:
    """Refuse a folder that cannot be written to, before any work.

    Args:
        folder: Where files will be written.
        made: It is made where it is missing.
        option: What names it.

    Raises:
        VidcolorError: With the reason.
    """
    there = folder.absolute()
    if made:
        there = next(each for each in (there, *there.parents) if each.exists())
    if not there.is_dir():
        raise VidcolorError(f"{there} is not a folder", hint="make the folder first, or choose another")
    if not os.access(there, os.W_OK):
        raise VidcolorError(f"{there} cannot be written to", hint=f"choose another folder with {option}")


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON document to stdout."""
    narrow = not str(sys.stdout.encoding).lower().startswith("utf")  # an escape of ours would be no JSON
    typer.echo(json.dumps(value, indent=2, ensure_ascii=narrow, default=str))


def open_streams() -> None:
    """Make stdin, stdout and stderr fit to be used: each open, and able to print any name."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # Closed by the shell: the next file opened, such as the film, would take the number.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class _OneLine(logging.Formatter):
    """Log records as lines like all others."""

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


class Talk:
    """What a command says on stderr while it runs: bars on a terminal, log records, notes and warnings.

    Used as a context manager around the work; silent but for warnings and errors with `quiet`.

    Args:
        quiet: Say nothing but warnings and errors.
        json: The user reads stdout by machine, so draw no bars.
    """

    def __init__(self, *, quiet: bool, json: bool) -> None:
        self.quiet = quiet
        self._draws = sys.stderr.isatty() and not quiet and not json
        self._bars: Bars | None = None

    def __enter__(self) -> "Talk":
        from rich.console import Console
        from rich.logging import RichHandler

        console = Console(stderr=True)
        log = logging.getLogger("vidcolor")
        self._before = log.handlers, log.level
        handler = RichHandler(console=console, show_time=False, show_path=False, markup=False)
        handler.setFormatter(_OneLine())
        log.handlers = [handler]
        log.setLevel(logging.WARNING if self.quiet else logging.INFO)
        if self._draws:
            from vidcolor.cli.bars import Bars

            self._bars = Bars(console)
            with suppress(OSError):
                self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            with suppress(OSError):
                self._bars.stop()
        log = logging.getLogger("vidcolor")  # as the program that called found it
        log.handlers, level = self._before
        log.setLevel(level)

    def progress(self, stage: str, done: int, total: int | None, unit: str = "frames") -> None:
        """Move a bar: `done` of `total` units of a stage, None when nobody knows how many there are.

        Raises:
            KeyboardInterrupt: A signal has asked for the end.
        """
        if _wish.at is not None:
            raise KeyboardInterrupt
        if self._bars is not None:
            with suppress(OSError):
                self._bars.move(stage, done, total, unit)

    def note(self, message: str) -> None:
        """Tell something that the user may want to know."""
        if not self.quiet:
            _say(message)

    def report(self, *, notes: Iterable[str], warnings: Iterable[str]) -> None:
        """Tell what the library noticed on the way."""
        for note in notes:
            self.note(f"note: {note}")
        for warning in warnings:
            _say(f"warning: {warning}")
