"""The page of a session, asked as its front end asks, and the command that serves it."""

import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from films import Film, picture, render
from PIL import Image
from terminal import run

from vidcolor.errors import VideoError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.jobs.folder import FREE_SPACE, NO_FOLDER
from vidcolor.pipeline import Colorizer
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot
from vidcolor.video import VideoReader, probe
from vidcolor.web.page import Page
from vidcolor.web.saying import in_one_line
from vidcolor.web.session import Session
from vidcolor.web.wholeshots import Work

FRAMES = 24


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(tmp_path_factory.mktemp("film") / "film", Film(frames=FRAMES, width=96, height=64))


@pytest.fixture
def session(film: Path, untrained: Path, tmp_path: Path) -> Session:
    shots = [PlannedShot(start=0, stop=12, keyframe=4, looks="grey"), PlannedShot(start=12, stop=FRAMES, keyframe=15)]
    session = Session(
        probe(film),
        ColorPlan(video=str(film), frames=FRAMES, shots=shots),
        ExemplarColorizer.load(untrained),
        path=tmp_path / "film.plan.json",
        folder=tmp_path / "film.stills",
    )
    session.save()
    return session


class Browser:
    """Asks a page as its front end does: events by their numbers in its configuration, answers as they come."""

    def __init__(self, address: str, *, tab: str = "here") -> None:
        self._client, self._tab = httpx.Client(base_url=address, timeout=60), tab
        self.config = self._client.get("config").json()
        self.said: list[str] = []
        self._components = {each["id"]: each["props"] for each in self.config["components"]}

    def find(self, label: str) -> int:
        """Return the number of the component with a label, or of the button with a text."""
        (number,) = (
            number
            for number, props in self._components.items()
            if label in (props.get("label"), props.get("value")) and "name" in props
        )
        return int(number)

    def act(self, label: str, event: str, *data: Any, selected: int | None = None) -> dict[str, Any]:
        """Let an event happen, and return what the page is told then, by label; states stay on the server."""
        number = self.find(label)
        (deed,) = (each for each in self.config["dependencies"] if [number, event] in each["targets"])
        chosen = None if selected is None else {"index": selected, "value": None, "selected": True}
        sent = {"data": [*data], "fn_index": deed["id"], "session_hash": self._tab, "event_data": chosen}
        self._client.post("gradio_api/queue/join", json=sent).raise_for_status()
        self.said = []
        told: dict[str, Any] = {"said": self.said}
        with self._client.stream("GET", "gradio_api/queue/data", params={"session_hash": self._tab}) as answers:
            for line in answers.iter_lines():
                message = json.loads(line.removeprefix("data: ") or "null")
                if message and message["msg"] == "log":
                    told["said"].append(message["log"])
                if message and message["msg"] == "process_completed":
                    assert message["success"], message
                    values = message["output"].get("data", [])
                    labels = [self._components[each].get("label") for each in deed["outputs"]]
                    return told | dict(zip(labels, values, strict=True))
        raise AssertionError("no answer")

    def upload(self, given: np.ndarray[Any, Any] | bytes, name: str = "picture.png") -> dict[str, Any]:
        """Hand a picture or a file over, and return what events call it."""
        file = io.BytesIO(given if isinstance(given, bytes) else b"")
        if not isinstance(given, bytes):
            Image.fromarray(given).save(file, format="PNG")
        answer = self._client.post("gradio_api/upload", files={"files": (name, file.getvalue())}).raise_for_status()
        return {"path": answer.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def fetch(self, shown: dict[str, Any]) -> np.ndarray[Any, Any]:
        """Return the pixels of a picture on the page."""
        with Image.open(io.BytesIO(self._client.get(shown["url"]).raise_for_status().content)) as image:
            return np.asarray(image.convert("RGB"))


@pytest.fixture
def page(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    page = Page(session, tmp_path)
    yield page
    page.close()


@pytest.fixture
def browser(page: Page) -> Browser:
    address = page.launch(port=None, browser=False)
    assert address.startswith("http://127.0.0.1:")
    return Browser(address)


KEEP = "Keep as the still of its frame"
GROWTH = "Growth of strokes, in % of the longer side"
SETTINGS = ("Saturation", "Hue (degrees; 90 makes red yellow)", "Temperature (mired; above 0 warmer)")


def test_a_frame_is_shown_with_its_colours_and_its_shot(browser: Browser, session: Session) -> None:
    told = browser.act("Frame", "input", 15)
    assert "Shot 2** of 2, frames 12 to 23; frame 15 at 0.625 s" in told["About"]
    np.testing.assert_array_equal(browser.fetch(told["Film"]), session.look(15).film)
    np.testing.assert_array_equal(browser.fetch(told["Result"]), session.look(15).colored)
    assert (told["Frame"]["minimum"], told["Frame"]["maximum"]) == (12, FRAMES - 1)
    assert "value" not in told["Frame"]  # it may have been moved on
    assert told["The film looks (titles stay neutral)"] == "unknown"
    told = browser.act("Shots", "select", None, selected=0)
    assert "Shot 1** of 2" in told["About"]
    assert told["Frame"]["value"] == 4


def test_nothing_is_asked_of_other_machines(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[object] = set()
    resolve = socket.getaddrinfo

    def noted(host: Any, *rest: Any, **named: Any) -> Any:
        asked.add(host)
        return resolve(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    browser = Browser(page.launch(port=None, browser=False))
    browser.act("Frame", "input", 15)
    assert asked <= {"127.0.0.1", b"127.0.0.1"}
    assert asked


def test_all_shots_are_listed(browser: Browser, session: Session) -> None:
    told = browser.act("Later", "click", None, None)
    captions = [each["caption"] for each in told["Shots"]["value"]]
    assert captions == ["1: 0 to 11", "2: 12 to 23"]


def test_painting_on_the_page_makes_a_still(browser: Browser, session: Session) -> None:
    told = browser.act("Shots", "select", None, selected=1)
    told = browser.act("Paint on the frame above", "click", None, None, None)
    assert told["No frame yet"]["label"] == "Frame 15"
    ground = told["No frame yet"]["value"]["background"]
    np.testing.assert_array_equal(browser.fetch(ground), session.look(15).ungraded)
    strokes = np.zeros((64, 96, 4), np.uint8)
    strokes[10:50, 20:70] = 200, 30, 30, 255
    editor = {"background": ground, "layers": [browser.upload(strokes)], "composite": None}
    # Strokes that are not kept yet are not lost to a click.
    told = browser.act("Paint on the frame above", "click", None, editor, None)
    assert "there are strokes on frame 15" in told["said"][0]
    told = browser.act(KEEP, "click", None, editor, None, None)
    assert told["said"] == ["film_000015.png is the still of frame 15"]
    (planned,) = ColorPlan.load(session.path).shots[1].references
    assert (Path(planned.path).name, planned.frame) == ("film_000015.png", 15)
    red = browser.fetch(told["Result"])[20:40, 30:60].astype(int)
    assert (red[..., 0] - red[..., 2]).mean() > 40
    assert [each["caption"] for each in told["Stills of this shot"]["value"]] == ["film_000015.png, frame 15"]


def test_what_cannot_be_done_is_said_and_changes_nothing(browser: Browser, session: Session) -> None:
    before = session.path.read_bytes()
    browser.act("Frame", "input", 4)
    for label, data, reason in (
        (KEEP, (None, None, None, 0), "nothing is painted yet; take a frame, and paint on it with the brush"),
        ("Take the chosen still out of the shot", (None, None), "no still is chosen; click the one that is to go"),
        ("Take the last change back", (None,), "nothing was changed yet"),
        ("Join this shot to the one before", (None,), "no shot to join starts at frame 0"),
    ):
        told = browser.act(label, "click", *data)
        assert reason in told["said"][0]
        assert len(told["said"]) == 1
    browser.act("Stills of this shot", "select", None, selected=7)
    told = browser.act("Take the chosen still out of the shot", "click", None, None)
    assert told["said"] == ["no still is chosen; click the one that is to go"]
    told = browser.act("Add a colour still", "upload", None, browser.upload(b"no picture", "notes.png"), False)
    assert told["said"] == ["notes.png: not a picture that can be read; save it as PNG, JPEG, WebP or TIFF"]
    assert session.path.read_bytes() == before


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", "names no file"),
        ("/", "names no file"),
        ("missing/film.mkv", "missing is not a folder"),
        ("film.txt", "an output film ends in"),
    ],
)
def test_outputs_that_cannot_be_are_refused(browser: Browser, tmp_path: Path, output: str, reason: str) -> None:
    given = output if output in ("", "/") else str(tmp_path / output)
    told = browser.act("Colour the film", "click", given, "fast", False)
    assert len(told["said"]) == 1
    assert reason in told["said"][0]
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (FREE_SPACE, "no; free space and colour the film again: finished shots are kept"),
        (NO_FOLDER, "no; choose an output in another folder"),
        ("--end 1.500 colours what lies before", "no"),
        ("go on with `vidcolor web film.mkv --plan p.json`", "no; go on with `vidcolor web film.mkv --plan p.json`"),
        ("shots follow each other without a gap", "no; shots follow each other without a gap"),
        (None, "no"),
    ],
)
def test_hints_name_no_options_that_the_page_lacks(hint: str | None, said: str) -> None:
    assert in_one_line(VideoError("no", hint=hint)) == said


def test_remarks_on_a_film_are_in_the_words_of_the_page(browser: Browser, session: Session, tmp_path: Path) -> None:
    session.adjust(4, looks="color")
    told = browser.act("Colour the film", "click", str(tmp_path / "film.color.mkv"), "fast", False)
    assert "coloured anew: shot 1; the treatment 'keep the film's own' leaves them as they are" in told["Report"]


def test_another_name_than_this_machines_is_refused(browser: Browser) -> None:
    """A page elsewhere can have its own name lead here, and would then be the page's own origin."""
    assert browser._client.get("config", headers={"Host": "evil.example:7860"}).status_code == 400


def test_one_tab_does_not_take_back_what_another_set(browser: Browser, session: Session) -> None:
    browser.act("Frame", "input", 4)
    session.adjust(4, saturation=0.5)
    browser.act(SETTINGS[1], "input", None, 30)
    assert (session.plan.shots[0].saturation, session.plan.shots[0].hue) == (0.5, 30)


def test_a_number_between_frames_is_the_one_before(browser: Browser) -> None:
    assert "frame 3 at" in browser.act("Frame", "input", 3.5)["About"]


@pytest.mark.parametrize(
    ("label", "event", "states"),
    [
        ("Frame", "input", 0),
        *((setting, "input", 1) for setting in SETTINGS),
        (GROWTH, "change", 0),
        ("Seconds from the frame above on", "click", 1),
    ],
)
def test_an_emptied_field_is_said_to_be_empty(
    browser: Browser, session: Session, capfd: pytest.CaptureFixture[str], label: str, event: str, states: int
) -> None:
    before = session.path.read_bytes()
    asked = "Colour them" if event == "click" else label
    told = browser.act(asked, event, *[None] * (states + 1))
    assert told["said"] == [f"there is no number in the field '{label}'; nothing is changed; type one"]
    assert session.path.read_bytes() == before
    assert "Traceback" not in capfd.readouterr().err


def test_strokes_grow_as_far_as_the_field_says(
    browser: Browser, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground = browser.act("Paint on the frame above", "click", None, None, None)["No frame yet"]["value"]["background"]
    strokes = browser.upload(np.full((64, 96, 4), (200, 30, 30, 255), np.uint8))
    asked: list[float] = []

    def paint(*_: Any, reach: float, **__: Any) -> Path:
        asked.append(reach)
        return Path("still.png")

    monkeypatch.setattr(session, "paint", paint)
    for growth in (12, None):
        browser.act(GROWTH, "change", growth)
        browser.act(KEEP, "click", None, {"background": ground, "layers": [strokes], "composite": None}, None, None)
    assert asked == [0.12, 0.12]


def test_a_number_beyond_the_ends_is_the_end(
    browser: Browser, session: Session, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "frame 4 at" in browser.act("Frame", "input", 4)["About"]
    assert "Shot 2** of 2, frames 12 to 23; frame 20 at" in browser.act("Frame", "input", 20)["About"]
    browser.act(SETTINGS[1], "input", None, 999)
    assert session.plan.shots[1].hue == 180
    assert f"frame {FRAMES - 1} at" in browser.act("Frame", "input", 10**6)["About"]
    assert "Traceback" not in capfd.readouterr().err


def test_settings_cuts_and_undo_reach_the_plan(browser: Browser, session: Session) -> None:
    browser.act("Frame", "input", 8)
    told = browser.act(SETTINGS[1], "input", None, 90)
    # A control that is moved is left where it is by then.
    assert "value" not in told[SETTINGS[1]]
    assert told[SETTINGS[0]] == 1
    assert ColorPlan.load(session.path).shots[0].hue == 90
    told = browser.act("The film looks (titles stay neutral)", "input", None, "unknown")
    assert ColorPlan.load(session.path).shots[0].looks is None
    told = browser.act("Let a shot begin at the frame above", "click", None)
    assert "Shot 2** of 3, frames 8 to 11" in told["About"]
    told = browser.act("Join this shot to the one before", "click", None)
    assert "Shot 1** of 2, frames 0 to 11" in told["About"]
    for _ in range(4):
        told = browser.act("Take the last change back", "click", None)
    assert (told[SETTINGS[1]], told["The film looks (titles stay neutral)"]) == (0, "grey")


def test_a_still_is_uploaded_and_taken_out(browser: Browser, session: Session) -> None:
    browser.act("Frame", "input", 15)
    file = browser.upload(picture(15, FRAMES, 96, 64), "kitchen.png")
    told = browser.act("Add a colour still", "upload", None, file, True)
    assert told["said"] == ["kitchen_000015.png is used in shot 2, as the colours of frame 15"]
    assert (told["Add a colour still"], told["It shows the very frame above"]) == (None, False)
    browser.act("Stills of this shot", "select", None, selected=0)
    told = browser.act("Take the chosen still out of the shot", "click", None, None)
    assert told["Stills of this shot"]["value"] == []
    assert not ColorPlan.load(session.path).stills()
    assert (session.path.parent / "film.stills" / "kitchen_000015.png").exists()
    told = browser.act("Add a colour still", "upload", None, browser.upload(np.full((64, 96, 3), 99, np.uint8)), False)
    assert "1 of 1 stills are not painted yet" in told["About"]


@pytest.mark.parametrize("name", ["TGA", "JPEG2000", "TIFF"])
def test_the_page_takes_every_format_that_stills_have(browser: Browser, session: Session, name: str) -> None:
    file = io.BytesIO()
    Image.fromarray(picture(15, FRAMES, 96, 64)).save(file, format=name)
    still = f"kitchen{next(suffix for suffix, each in Image.registered_extensions().items() if each == name)}"
    told = browser.act("Add a colour still", "upload", None, browser.upload(file.getvalue(), still), False)
    assert told["said"] == [f"{still} is used in shot 1"]


def test_what_is_no_picture_is_said_to_be_none(browser: Browser) -> None:
    told = browser.act("Add a colour still", "upload", None, browser.upload(b"no picture", "notes.txt"), False)
    assert told["said"] == ["notes.txt: not a picture that can be read; save it as PNG, JPEG, WebP or TIFF"]


def test_a_shot_whose_still_is_missing_can_be_mended(browser: Browser, session: Session) -> None:
    session.adjust(15, references=[PlannedReference(path="gone.png")])
    told = browser.act("Shots", "select", None, selected=1)
    assert "gone.png: no such still" in told["About"], told
    assert told["Result"] is None
    assert told["Stills of this shot"]["value"][0]["caption"] == "gone.png, missing, or no picture"
    assert [each["caption"] for each in browser.act("Later", "click", None, None)["Shots"]["value"]] == [
        "1: 0 to 11", "2: cannot be coloured",
    ]  # fmt: skip
    browser.act("Stills of this shot", "select", None, selected=0)
    told = browser.act("Take the chosen still out of the shot", "click", None, None)
    assert told["Result"] is not None


def test_a_preview_and_the_film(browser: Browser, session: Session, tmp_path: Path) -> None:
    browser.act("Frame", "input", 12)
    told = browser.act("Colour them", "click", None, 1)
    assert told["Film and result"]["url"].endswith("preview.mp4")
    output = tmp_path / "film.color.mkv"
    told = browser.act("Colour the film", "click", str(output), "fast", False)
    assert f"`{output}`: {FRAMES} frames in" in told["Report"]
    with VideoReader(output) as reader:
        assert len(list(reader)) == FRAMES
    made = output.read_bytes()
    told = browser.act("Colour the film", "click", str(output), "fast", False)
    assert told["said"] == [f"{output} exists already; choose another name, or tick 'Replace the output if it exists'"]
    assert output.read_bytes() == made


SHOT = "Colour this shot"


def slowed(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Have shots wait at their first frame; return what says that one has begun, and what lets it go on."""
    begun, go_on, color = threading.Event(), threading.Event(), Session.color_shot

    def slowly(session: Session, frame: int, *, work: Work, progress: Any) -> Any:
        def show(stage: str, done: int, total: int | None) -> None:
            begun.set()
            assert go_on.wait(60)
            progress(stage, done, total)

        return color(session, frame, work=work, progress=show)

    monkeypatch.setattr(Session, "color_shot", slowly)
    return begun, go_on


def test_a_shot_is_coloured_as_the_film_will_have_it(browser: Browser, session: Session, tmp_path: Path) -> None:
    output = tmp_path / "film.color.mkv"
    told = browser.act("Frame", "input", 15)
    assert told["Colours"].startswith("The result is of **this frame by itself**")
    alone = browser.fetch(told["Result"])
    browser.act("Quality", "input", None, str(output), "fast")
    told = browser.act(SHOT, "click", None, str(output), "fast")
    assert re.fullmatch(rf"Shot 2: 12 frames in \d+ s; `{tmp_path}/film.color.job` keeps it for the film", told["News"])
    told = browser.act("Frame", "input", 16)
    assert told["Colours"] == "The result is **as the film will have it** (fast)."
    told = browser.act("Frame", "input", 15)
    kept = browser.fetch(told["Result"])
    np.testing.assert_array_equal(kept, session.look(15).colored)
    assert (kept != alone).any()
    told = browser.act("Quality", "input", None, str(output), "balanced")
    assert "this frame by itself" in told["Colours"]
    np.testing.assert_array_equal(browser.fetch(told["Result"]), alone)
    told = browser.act("Output", "blur", None, str(output), "fast")
    assert "as the film will have it" in told["Colours"]
    told = browser.act("Output", "blur", None, "", "fast")
    assert "this frame by itself" in told["Colours"]
    told = browser.act(SHOT, "click", None, str(output), "fast")
    assert "Shot 2: was coloured already" in told["News"]
    told = browser.act("Colour the film", "click", str(output), "fast", False)
    assert re.match(rf"`{output}`: {FRAMES} frames in \d+ s; 1 of 2 shots were coloured before", told["Report"])
    assert "as the film will have it" in browser.act("Frame", "input", 4)["Colours"]


def test_one_goes_on_working_while_a_shot_is_coloured_and_can_stop_it(
    page: Page, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = page.launch(port=None, browser=False)
    begun, go_on = slowed(monkeypatch)
    told: list[dict[str, Any]] = []
    shot, other = Browser(address), Browser(address, tab="there")
    shot.act("Frame", "input", 15)
    output = tmp_path / "film.color.mkv"
    coloring = threading.Thread(target=lambda: told.append(shot.act(SHOT, "click", None, str(output), "fast")))
    coloring.start()
    try:
        assert begun.wait(60)
        assert "this frame by itself" in other.act("Frame", "input", 4)["Colours"]
        assert other.act(SETTINGS[1], "input", None, 30)["said"] == []
        assert session.plan.shots[0].hue == 30
        other.act("Stop the shot", "click")
    finally:
        go_on.set()
        coloring.join(timeout=60)
    assert told[0]["said"] == ["stopped; colour it again: a long shot goes on from there, a short one begins anew"]
    assert not output.with_suffix(".job").exists()
    assert session.see(15).source == "alone"


def test_a_shot_may_be_asked_for_while_another_is_coloured_and_says_that_it_waits(
    page: Page, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = page.launch(port=None, browser=False)
    begun, go_on = slowed(monkeypatch)
    told: dict[int, dict[str, Any]] = {}
    tabs = {frame: Browser(address, tab=str(frame)) for frame in (15, 4)}
    (deed,) = (each for each in tabs[4].config["dependencies"] if [tabs[4].find(SHOT), "click"] in each["targets"])
    assert deed["trigger_mode"] == "multiple"  # else the front end drops what is clicked before the first is done
    output = str(tmp_path / "film.color.mkv")

    def color(frame: int) -> None:
        tabs[frame].act("Frame", "input", frame)
        told[frame] = tabs[frame].act(SHOT, "click", None, output, "fast")

    asked = [threading.Thread(target=color, args=(frame,)) for frame in tabs]
    asked[0].start()
    try:
        assert begun.wait(60)
        asked[1].start()
        while (waiting := tabs[4].said) == [] and asked[1].is_alive():
            time.sleep(0.01)
        assert told == {}
        Browser(address, tab="there").act("Quality", "input", None, output, "best")
    finally:
        go_on.set()
        for each in asked:
            each.join(timeout=60)
    assert waiting == ["it begins when what is being coloured now is done"]
    assert told[15]["said"] == []
    assert [told[frame]["News"][:6] for frame in tabs] == ["Shot 2", "Shot 1"]
    assert session.work.quality == "best"  # chosen meanwhile
    assert [session.see(frame).source for frame in tabs] == ["alone", "alone"]
    Browser(address, tab="there").act("Quality", "input", None, output, "fast")
    assert [session.see(frame).source for frame in tabs] == ["film", "film"]


def test_strokes_stay_on_what_they_were_painted_on(browser: Browser, session: Session, tmp_path: Path) -> None:
    browser.act("Frame", "input", 15)
    told = browser.act("Paint on the frame above", "click", None, None, None)
    ground = told["No frame yet"]["value"]["background"]
    shown = browser.fetch(ground)
    browser.act("Quality", "input", None, str(tmp_path / "film.color.mkv"), "fast")
    browser.act(SHOT, "click", None, str(tmp_path / "film.color.mkv"), "fast")
    strokes = np.zeros((64, 96, 4), np.uint8)
    strokes[:20, :20] = 200, 30, 30, 255
    editor = {"background": ground, "layers": [browser.upload(strokes)], "composite": None}
    browser.act(KEEP, "click", None, editor, None, None)
    (still,) = session.plan.shots[1].references
    with Image.open(still.path) as image:
        np.testing.assert_array_equal(np.asarray(image)[30:], shown[30:])


def test_the_end_of_the_page_waits_for_a_film_to_be_put_away(page: Page, browser: Browser, tmp_path: Path) -> None:
    output, failures = tmp_path / "film.color.mkv", list[httpx.HTTPError]()

    def color() -> None:
        try:
            browser.act("Colour the film", "click", str(output), "best", False)
        except httpx.HTTPError as error:  # the page has gone
            failures.append(error)

    asking = threading.Thread(target=color)
    asking.start()
    job = output.with_suffix(".job")
    while not job.exists() and not failures:
        time.sleep(0.01)
    page.close()
    left = [path.name for path in tmp_path.iterdir() if "color" in path.name and path != job]
    assert left == []
    asking.join(timeout=60)
    assert not asking.is_alive()
    assert job.exists()
    assert not output.exists()


def test_one_can_look_but_change_nothing_while_the_film_is_coloured(
    page: Page, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = page.launch(port=None, browser=False)
    begun, go_on, color = threading.Event(), threading.Event(), Colorizer.colorize

    def slowly(*given: Any, progress: Any, **named: Any) -> Any:
        def show(stage: str, done: int, total: int | None) -> None:
            begun.set()
            assert go_on.wait(60)
            progress(stage, done, total)

        return color(*given, progress=show, **named)

    monkeypatch.setattr(Colorizer, "colorize", slowly)
    told: list[dict[str, Any]] = []
    output, film, other = tmp_path / "film.color.mkv", Browser(address), Browser(address, tab="there")
    coloring = threading.Thread(
        target=lambda: told.append(film.act("Colour the film", "click", str(output), "fast", False))
    )
    coloring.start()
    try:
        assert begun.wait(60)
        before = session.path.read_bytes()
        assert "frame 15 at" in other.act("Frame", "input", 15)["About"]
        for label, data in ((SETTINGS[1], (None, 30)), ("The film looks (titles stay neutral)", (None, "color"))):
            (said,) = other.act(label, "input", *data)["said"]
            assert said == "the film is being coloured by this plan; stop that or wait, then change the plan"
        assert session.path.read_bytes() == before
    finally:
        go_on.set()
        coloring.join(timeout=60)
    assert f"`{output}`: {FRAMES} frames in" in told[0]["Report"]
    assert other.act(SETTINGS[1], "input", None, 30)["said"] == []
    assert session.plan.shots[1].hue == 30


def test_a_page_with_many_shots_lists_some_at_a_time(untrained: Path, tmp_path: Path) -> None:
    film = render(tmp_path / "film", Film(frames=30, width=96, height=64))
    shots = [PlannedShot(start=frame, stop=frame + 1, treatment="keep") for frame in range(30)]
    plan = ColorPlan(video=str(film), frames=30, shots=shots)
    networks = ExemplarColorizer.load(untrained)
    page = Page(Session(probe(film), plan, networks, path=tmp_path / "plan.json", folder=tmp_path), tmp_path)
    try:
        browser = Browser(page.launch(port=None, browser=False))
        later, end, earlier = (browser.act(name, "click", None, None) for name in ("Later", "Later", "Earlier"))
    finally:
        page.close()
    assert [each["caption"] for each in later["Shots"]["value"]] == [f"{n}: {n - 1} to {n - 1}" for n in range(25, 31)]
    assert end["Shots"]["value"][0]["caption"] == "25: 24 to 24"
    assert len(earlier["Shots"]["value"]) == 24
    assert earlier["Shots"]["value"][0]["caption"] == "1: 0 to 0"


# The command


def started(*arguments: object) -> tuple["subprocess.Popen[str]", str]:
    """Start `vidcolor web` and return it with the address that it prints."""
    command = [sys.executable, "-m", "vidcolor", "web", *map(str, arguments), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    return process, address


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_told_to_end(
    film: Path, untrained: Path, tmp_path: Path, number: signal.Signals
) -> None:
    plan = tmp_path / "reel.plan.json"
    process, address = started(film, "-o", plan, "--weights", untrained)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
    assert "film" in httpx.get(address).text
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert err.splitlines()[-2:] == ["Ctrl-C ends the page", f"the plan is in {plan}"]
    assert ColorPlan.load(plan).frames == FRAMES
    assert [path.name for path in tmp_path.iterdir()] == [plan.name]


def test_the_command_goes_on_with_a_plan_and_replaces_none(film: Path, untrained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "film.mkv"
    copy.write_bytes(film.read_bytes())
    plan = tmp_path / "film.plan.json"
    shots = [PlannedShot(start=0, stop=7, saturation=0.5), PlannedShot(start=7, stop=FRAMES)]
    ColorPlan(video=str(copy), frames=FRAMES, shots=shots).save(plan)
    before = plan.read_bytes()
    status, out, err = run("web", copy, "--no-browser")
    assert (status, out) == (2, "")
    assert (
        err == f"error: {plan} exists already\nhint: --plan {plan} goes on with it, -o names another, -y replaces it\n"
    )
    process, address = started(copy, "--plan", plan, "--weights", untrained, "--json")
    assert address == "{"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert plan.read_bytes() == before


def test_without_gradio_the_command_says_what_to_install(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    for module in [name for name in sys.modules if name.startswith("vidcolor.web.")]:
        monkeypatch.delitem(sys.modules, module)
    status, out, err = run("web", film, "-o", tmp_path / "plan.json", "--no-browser")
    assert (status, out) == (1, "")
    assert err == "error: the page needs gradio\nhint: pip install 'vidcolor[web]'\n"
    assert list(tmp_path.iterdir()) == []
