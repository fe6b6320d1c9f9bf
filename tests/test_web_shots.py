"""Whole shots on the page: coloured as the film will have them, shown frame by frame, and used again by the film."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import Film, picture, render
from numpy.typing import NDArray
from PIL import Image

from vidcolor.color import rgb_to_ab
from vidcolor.coloring import load_stills
from vidcolor.errors import PlanError, VidcolorError, VideoError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.filmwork import color_film
from vidcolor.framing import show_colored, show_own
from vidcolor.grading import grade
from vidcolor.jobs import Job, ShotKey, kept_frame, rounded
from vidcolor.pipeline import Colorizer
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot
from vidcolor.plan.painted import settle
from vidcolor.references import load_reference
from vidcolor.reports import Clock
from vidcolor.video import VideoReader, probe
from vidcolor.web.painting import paint_over
from vidcolor.web.session import Session

FRAMES, CUT = 24, 12
Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(tmp_path_factory.mktemp("film") / "film", Film(frames=FRAMES, width=96, height=64))


def begin(film: Path, networks: ExemplarColorizer, folder: Path, *, dissolve: int = 0) -> Session:
    """Return a session of two shots; the first has its first frame as a still."""
    still = folder / "still_000000.png"
    Image.fromarray(picture(0, FRAMES, 96, 64)).save(still)
    shots = [
        PlannedShot(start=0, stop=CUT, looks="grey", references=[PlannedReference(path=str(still), frame=0)]),
        PlannedShot(start=CUT, stop=FRAMES, looks="grey", dissolve=dissolve),
    ]
    plan = ColorPlan(video=str(film), frames=FRAMES, shots=shots)
    session = Session(probe(film), plan, networks, path=folder / "film.plan.json", folder=folder / "film.stills")
    session.save()
    session.work = replace(session.work, output=folder / "film.color.mkv", quality="fast")
    return session


@pytest.fixture
def session(film: Path, networks: ExemplarColorizer, tmp_path: Path) -> Session:
    return begin(film, networks, tmp_path)


def sources(session: Session, frames: Sequence[int] = range(FRAMES)) -> list[str]:
    return [session.see(frame).source for frame in frames]


def in_film(session: Session, networks: ExemplarColorizer) -> list[Picture]:
    """Return the frames of the film as a run without a job colours them, shown as the page shows frames."""
    settled = settle(session.plan)
    assert settled.plan is not None
    stills, shown = load_stills(settled.references, networks, session.info), []
    with VideoReader(session.info.path) as reader:
        quality = session.work.quality
        colors = color_film(reader, settled.plan, stills, networks, quality=quality, clock=Clock())
        with closing(colors):
            for item in colors:
                assert item.chroma is not None
                graded = grade(item.chroma, item.luma, session.plan.grading_at(item.frame.index))
                shown.append(show_colored(item.frame, graded, session.info))
    return shown


def ab_of(shown: Picture) -> NDArray[np.float32]:
    return rgb_to_ab(shown.astype(np.float32) / 255)


def stroke() -> Picture:
    layer = np.zeros((64, 96, 4), np.uint8)
    layer[10:30, 20:60] = 200, 30, 30, 255
    return layer


def test_a_coloured_shot_is_shown_as_the_film_has_it_and_the_film_uses_it_again(
    session: Session, networks: ExemplarColorizer, tmp_path: Path
) -> None:
    session.adjust(5, saturation=0.7, hue=20.0)
    alone = [session.look(frame).colored for frame in range(FRAMES)]
    assert sources(session) == ["alone"] * FRAMES
    calls: list[tuple[str, int, int | None]] = []
    report = session.color_shot(5, progress=lambda *call: calls.append(call))
    assert (report.shot.start, report.shot.stop, report.reused, report.remarks) == (0, CUT, False, ())
    assert calls == [("color", done, CUT) for done in range(1, CUT + 1)]
    assert sources(session) == ["film"] * CUT + ["alone"] * (FRAMES - CUT)
    shown = [session.look(frame).colored for frame in range(FRAMES)]
    for number, expected in enumerate(in_film(session, networks)[:CUT]):
        np.testing.assert_array_equal(shown[number], expected)
    np.testing.assert_array_equal(shown[CUT:], alone[CUT:])

    # The file that `colorize` makes by itself, without this job.
    output = tmp_path / "apart.mkv"
    Colorizer(networks).colorize(
        session.info.path, plan=session.plan, output=output, quality="fast", codec="ffv1", lossless=True
    )
    with VideoReader(output) as reader:
        made = [show_own(frame, reader.info) for frame in reader]
    near, far = (
        np.mean([np.abs(ab_of(each[frame]) - ab_of(made[frame])).mean() for frame in range(1, CUT)])
        for each in (shown, alone)
    )
    assert near < 2  # the file has planes of half the size, in whole codes
    assert far > 1.5 * near

    made_before = session.work.job
    film_report = session.colorize(tmp_path / "film.color.mkv", quality="fast", overwrite=False)
    assert (film_report.job, film_report.shots_reused, film_report.shots_colored) == (made_before, 1, 1)
    assert sources(session) == ["film"] * FRAMES
    again = session.color_shot(20)
    assert (again.shot.start, again.reused) == (CUT, True)


def test_what_is_kept_is_shown_only_where_it_fits(session: Session, tmp_path: Path) -> None:
    session.color_shot(0)
    kept = session.look(5)
    session.adjust(5, saturation=0.5)
    graded = session.look(5)
    assert session.see(5).source == "film"
    np.testing.assert_array_equal(graded.ungraded, kept.ungraded)
    assert np.abs(ab_of(graded.colored)).mean() < 0.7 * np.abs(ab_of(kept.colored)).mean()

    session.paint(8, [stroke()])
    assert sources(session, (0, 5, 8)) == ["alone"] * 3
    session.undo()
    assert session.see(5).source == "film"
    session.cut(6)
    assert sources(session, (5, 6)) == ["alone"] * 2
    session.undo()
    for work in (replace(session.work, quality="best"), replace(session.work, output=tmp_path / "other.mkv")):
        before, session.work = session.work, work
        assert session.see(5).source == "alone"
        session.work = before
    assert session.see(5).source == "film"
    still = tmp_path / "still_000000.png"
    Image.fromarray(255 - picture(0, FRAMES, 96, 64)).save(still)
    assert session.see(5).source == "alone"
    session.color_shot(5)
    assert session.see(5).source == "film"
    assert np.abs(session.look(5).colored.astype(int) - graded.colored).mean() > 1


def test_colours_of_another_film_under_the_same_name_are_not_shown(
    film: Path, networks: ExemplarColorizer, tmp_path: Path
) -> None:
    copy = tmp_path / "reel.mkv"
    copy.write_bytes(film.read_bytes())
    session = begin(copy, networks, tmp_path)
    session.color_shot(0)
    assert session.see(5).source == "film"
    render(tmp_path / "reel", Film(frames=FRAMES, width=96, height=64, look="sepia"))
    assert session.see(5).source == "alone"


def test_frames_in_a_dissolve_are_shown_as_in_the_film_once_both_shots_are_coloured(
    film: Path, networks: ExemplarColorizer, tmp_path: Path
) -> None:
    session = begin(film, networks, tmp_path, dissolve=6)
    session.adjust(CUT, saturation=0.3)
    session.color_shot(0)
    missing = [session.see(frame).missing for frame in (8, 9, 11)]
    assert missing == [None, CUT, CUT]
    session.color_shot(CUT)
    assert [session.see(frame).missing for frame in range(FRAMES)] == [None] * FRAMES
    for number, expected in enumerate(in_film(session, networks)):
        np.testing.assert_array_equal(session.look(number).colored, expected)


def test_strokes_lie_on_what_is_shown(session: Session) -> None:
    alone = session.look(8).ungraded
    session.color_shot(8)
    ground = session.look(8).ungraded
    assert np.abs(ground.astype(int) - alone).mean() > 0.5
    still = session.paint(8, [stroke()])
    np.testing.assert_array_equal(load_reference(still).rgb, paint_over(ground, [stroke()], matrix=session.info.matrix))
    # Begun before the shot was coloured, a painting keeps what it was begun on.
    session.undo()
    still = session.paint(8, [stroke()], ground=alone)
    np.testing.assert_array_equal(load_reference(still).rgb, paint_over(alone, [stroke()], matrix=session.info.matrix))


def test_thumbnails_are_as_in_the_film_too(session: Session) -> None:
    alone = session.thumbnail(1)
    session.color_shot(0)
    assert np.abs(session.thumbnail(1).astype(int) - alone).mean() > 0.5


def test_what_is_damaged_is_not_shown_and_coloured_again(session: Session) -> None:
    session.color_shot(0)
    (kept,) = (session.work.job / "shots").iterdir()
    data = kept.read_bytes()
    kept.write_bytes(data[:-40] + bytes(40))
    assert session.see(5).source == "alone"
    report = session.color_shot(0)
    assert not report.reused
    (remark,) = report.remarks
    assert "is damaged: frames 0 to 11 are coloured again" in remark
    assert session.see(5).source == "film"
    assert kept.read_bytes() == data


def test_a_shot_that_is_stopped_leaves_nothing_half_done(session: Session) -> None:
    def stop(_stage: str, done: int, _total: int | None) -> None:
        if done == 3:
            raise VidcolorError("stopped")

    session.look(5)
    assert not session.work.job.exists()  # to look for colours makes no folder
    with pytest.raises(VidcolorError, match="stopped"):
        session.color_shot(0, progress=stop)
    assert not session.work.job.exists()
    assert session.see(5).source == "alone"


def test_a_long_shot_that_is_stopped_shows_what_is_kept_and_goes_on_from_there(
    session: Session, networks: ExemplarColorizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcolor.filmwork._MARKS_APART", 4)
    second = tmp_path / "second_000006.png"
    Image.fromarray(picture(6, FRAMES, 96, 64)).save(second)
    first = session.plan.shots[0].references
    session.adjust(0, references=[*first, PlannedReference(path=str(second), frame=6)])  # a keyframe, which is marked

    def stop(_stage: str, done: int, _total: int | None) -> None:
        if done == 10:
            raise VidcolorError("stopped")

    with pytest.raises(VidcolorError, match="stopped"):
        session.color_shot(0, progress=stop)
    found = sources(session, range(CUT))
    kept = found.count("film")
    assert 4 <= kept <= 10
    assert found == ["film"] * kept + ["alone"] * (CUT - kept)
    report = session.color_shot(0)
    assert report.remarks == (f"frames 0 to {kept - 1} are taken from a run that was cut off",)
    assert sources(session, range(CUT)) == ["film"] * CUT
    for number, expected in enumerate(in_film(session, networks)[:CUT]):
        np.testing.assert_array_equal(session.look(number).colored, expected)


def test_shots_without_colours_of_their_own_say_what_they_show(session: Session) -> None:
    session.adjust(0, treatment="keep")
    session.adjust(CUT, looks="title")
    assert sources(session, (5, 15)) == ["own", "neutral"]
    for frame, reason in ((5, "keeps the film's own colours"), (15, "is a title and stays neutral")):
        with pytest.raises(PlanError, match=reason):
            session.color_shot(frame)
    assert not session.work.job.exists()


def test_an_output_in_no_folder_is_refused(session: Session, tmp_path: Path) -> None:
    for output, reason in ((Path(), "names no file"), (tmp_path / "missing" / "film.mkv", "is not a folder")):
        session.work = replace(session.work, output=output)
        assert session.see(5).source == "alone"
        with pytest.raises(VideoError, match=reason):
            session.color_shot(0)
    assert not (tmp_path / "missing").exists()
    session.work = replace(session.work, output=Path("n" * 5000))
    assert session.see(5).source == "alone"
    with pytest.raises(VidcolorError, match="unknown quality"):
        replace(session.work, quality="fine")


def test_a_film_whose_times_mislead_is_decoded_from_its_beginning(
    session: Session, networks: ExemplarColorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [time + Fraction(1, 100) for time in session.times]
    monkeypatch.setattr(Session, "times", property(lambda _: times))
    calls: list[int] = []
    session.color_shot(CUT, progress=lambda _stage, done, _total: calls.append(done))
    assert calls == [0] * CUT + [*range(1, FRAMES - CUT + 1)]
    monkeypatch.undo()
    np.testing.assert_array_equal(session.look(15).colored, in_film(session, networks)[15])


def test_one_frame_is_read_from_whichever_file_has_it(tmp_path: Path) -> None:
    shot = ShotKey(10, 20, "0123456789abcdef0123")
    rng = np.random.default_rng(3)
    frames = [rounded(rng.normal(0, 20, (6, 8, 2)).astype(np.float32)) for _ in range(10)]
    with Job(tmp_path / "job") as job, job.keep(shot, first=10, width=8, height=6) as keep:
        for number, ab in enumerate(frames):
            keep(ab, b"a mark" if number == 6 else b"")
            if number == 8:  # of the second file nothing is published yet
                assert [_read(tmp_path / "job", shot, each) is not None for each in (10, 15, 16)] == [True, True, False]
    for number, ab in enumerate(frames, 10):
        np.testing.assert_array_equal(_read(tmp_path / "job", shot, number), ab)
    assert kept_frame(tmp_path / "job", ShotKey(10, 20, "f" * 20), 12) is None
    assert kept_frame(tmp_path / "none", shot, 12) is None
    assert not (tmp_path / "none").exists()


def _read(folder: Path, shot: ShotKey, frame: int) -> NDArray[np.float32] | None:
    found = kept_frame(folder, shot, frame)
    return None if found is None else found.read()
