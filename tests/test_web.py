"""A plan worked on by looking: what a session does to it, and the page that serves it, asked as a browser asks."""

import gc
from pathlib import Path

import numpy as np
import pytest
from films import Film, picture, render
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from vidcolor import coloring, references
from vidcolor.color import rgb_to_ab, rgb_to_luma
from vidcolor.errors import PlanError, ReferenceImageError
from vidcolor.exemplar import EncodedReference, ExemplarColorizer
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot
from vidcolor.references import load_reference
from vidcolor.video import VideoReader, probe
from vidcolor.web.painting import has_strokes, paint_over
from vidcolor.web.session import Session
from vidcolor.web.spreading import spread

FRAMES = 24
RED = (0.8, 0.1, 0.1)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(tmp_path_factory.mktemp("film") / "film", Film(frames=FRAMES, width=96, height=64))


def begin(film: Path, networks: ExemplarColorizer, folder: Path, *shots: PlannedShot) -> Session:
    """Return a session of two shots, or those given, whose plan and stills lie in a folder."""
    given = [*shots] or [
        PlannedShot(start=0, stop=12, keyframe=4, looks="grey"),
        PlannedShot(start=12, stop=FRAMES, keyframe=15, looks="grey"),
    ]
    plan = ColorPlan(video=str(film), frames=FRAMES, shots=given)
    session = Session(probe(film), plan, networks, path=folder / "film.plan.json", folder=folder / "film.stills")
    session.save()
    return session


@pytest.fixture
def session(film: Path, networks: ExemplarColorizer, tmp_path: Path) -> Session:
    return begin(film, networks, tmp_path)


def stroke(color: tuple[float, ...], box: tuple[slice, slice], size: tuple[int, int] = (64, 96)) -> NDArray[np.uint8]:
    """Return a layer with one filled box."""
    layer = np.zeros((*size, 4), np.uint8)
    layer[box] = [*(round(255 * value) for value in color), 255]
    return layer


def saved(session: Session) -> ColorPlan:
    return ColorPlan.load(session.path)


# Painting


def test_a_stroke_gives_its_colour_and_the_film_its_light() -> None:
    rng = np.random.default_rng(0)
    grey = np.repeat(rng.integers(60, 200, (40, 60, 1), np.uint8), 3, axis=2)
    box = np.s_[10:20, 10:30]
    painted = paint_over(grey, [stroke(RED, box, (40, 60))], matrix="bt601")
    luma, before = (rgb_to_luma(each.astype(np.float32) / 255, "bt601") for each in (painted, grey))
    np.testing.assert_allclose(luma, before, atol=1.01 / 255)
    wanted = rgb_to_ab(np.array([[RED]], np.float32))[0, 0]
    middle = np.abs(before[box] - 0.45) < 0.05  # where the red is in gamut at the film's light
    np.testing.assert_allclose(rgb_to_ab(painted.astype(np.float32) / 255)[box][middle].mean(0), wanted, atol=12)
    outside = np.ones((40, 60), bool)
    outside[box] = False
    np.testing.assert_array_equal(painted[outside], grey[outside])


def test_what_is_in_less_light_than_the_brush_is_less_colourful() -> None:
    skin = (0.89, 0.67, 0.54)
    dark, same, light = (
        paint_over(np.full((8, 8, 3), level, np.uint8), [stroke(skin, np.s_[:, :], (8, 8))], matrix="bt601")[0, 0]
        for level in (60, 181, 192)
    )
    ab = [rgb_to_ab(each[None, None].astype(np.float32) / 255)[0, 0] for each in (dark, same, light)]
    # The same surface under less light: linear RGB in the proportions of the brush.
    linear = [(each.astype(float) / 255) ** 2.2 for each in (dark, same)]
    np.testing.assert_allclose(linear[0] / linear[0].sum(), linear[1] / linear[1].sum(), atol=0.03)
    assert 0.4 < np.linalg.norm(ab[0]) / np.linalg.norm(ab[1]) < 0.6
    np.testing.assert_allclose(ab[2], ab[1], atol=1.5)


def test_half_a_stroke_mixes_and_grey_takes_colour_away() -> None:
    red = np.full((8, 8, 3), (200, 90, 90), np.uint8)
    grey = stroke((0.5, 0.5, 0.5), np.s_[:, :], (8, 8))
    assert np.ptp(paint_over(red, [grey], matrix="bt601"), axis=2).max() <= 2
    half = grey.copy()
    half[..., 3] = 128
    ab, whole = (rgb_to_ab(each.astype(np.float32) / 255) for each in (paint_over(red, [half], matrix="bt601"), red))
    np.testing.assert_allclose(ab.mean((0, 1)), whole.mean((0, 1)) / 2, atol=1.5)


def test_layers_of_another_size_are_scaled_without_dark_borders() -> None:
    grey = np.full((64, 96, 3), 128, np.uint8)
    large = paint_over(grey, [stroke(RED, np.s_[32:64, 32:96], (128, 192))], matrix="bt601")
    small = paint_over(grey, [stroke(RED, np.s_[16:32, 16:48])], matrix="bt601")
    np.testing.assert_array_equal(large[18:30, 18:46], small[18:30, 18:46])
    # At its border a stroke fades into the grey; black mixed in would turn it elsewhere.
    ab = rgb_to_ab(large.astype(np.float32) / 255).reshape(-1, 2)
    ab = ab[np.linalg.norm(ab, axis=1) > 8]
    angles = np.rad2deg(np.arctan2(ab[:, 1], ab[:, 0]))
    assert np.ptp(angles) < 12


def test_strokes_are_told_from_none() -> None:
    assert not has_strokes([])
    assert not has_strokes([np.zeros((4, 4, 4), np.uint8)])
    assert has_strokes([np.zeros((4, 4, 4), np.uint8), stroke(RED, np.s_[1:2, 1:2], (4, 4))])


def two_walls() -> NDArray[np.float32]:
    """Return luma of two grainy walls, the darker one left, with a door to the right one that lets nothing through."""
    rng = np.random.default_rng(1)
    luma = np.where(np.arange(320) < 160, 0.35, 0.6) * np.ones((192, 1))
    return np.asarray(luma + rng.normal(0, 0.008, luma.shape), np.float32)


def test_a_spread_stroke_fills_what_it_lies_on_and_stops_at_its_edge() -> None:
    luma = two_walls()
    strokes = np.zeros((192, 320, 3), np.float32)
    strokes[90:100, 60:90] = 40.0, 20.0, 1.0
    grown = spread(strokes, luma, reach=0.5)
    share = grown[..., 2]
    assert share.min() >= 0
    assert share.max() <= 1
    np.testing.assert_array_equal(grown[90:100, 60:90], strokes[90:100, 60:90])
    assert share[60:130, 30:150].mean() > 0.8
    assert share[:, 164:].max() == 0
    np.testing.assert_allclose(grown[80, 100, :2] / share[80, 100], (40, 20), rtol=0.02)
    near = spread(strokes, luma, reach=0.05)[..., 2]
    assert near[95, 95] > 0.5
    assert near[95, 150] == 0


def test_spread_strokes_of_two_colours_meet_halfway() -> None:
    strokes = np.zeros((192, 320, 3), np.float32)
    strokes[90:100, 10:20] = 40.0, 0.0, 1.0
    strokes[90:100, 140:150] = -40.0, 0.0, 1.0
    a, share = np.moveaxis(spread(strokes, np.full((192, 320), 0.5, np.float32)), 2, 0)[[0, 2]]
    row = a[95] / np.maximum(share[95], 1e-3)
    assert row[40] > 25
    assert row[120] < -25
    assert abs(row[79:81].mean()) < 8
    assert (np.diff(row[20:140]) < 0.1).all()


def test_the_page_spreads_strokes_where_it_is_asked_to(session: Session) -> None:
    layers = [stroke(RED, np.s_[30:34, 40:50])]
    session.paint(4, layers)
    some = np.abs(session.look(4).colored.astype(int) - session.look(4).film).mean()
    session.undo()
    session.paint(4, layers, reach=0.12)
    assert np.abs(session.look(4).colored.astype(int) - session.look(4).film).mean() > some


# Sessions


def test_the_plan_is_saved_with_every_change_and_each_can_be_taken_back(session: Session) -> None:
    first = saved(session)
    session.adjust(5, saturation=0.5, hue=-20.0)
    assert (saved(session).shots[0].saturation, saved(session).shots[0].hue) == (0.5, -20.0)
    assert saved(session).shots[1] == first.shots[1]
    session.cut(8)
    assert [shot.start for shot in saved(session).shots] == [0, 8, 12]
    session.undo()
    session.undo()
    assert saved(session).shots == first.shots == session.plan.shots
    with pytest.raises(PlanError, match="nothing was changed yet"):
        session.undo()


def test_a_slider_that_is_dragged_makes_one_change(session: Session) -> None:
    for hue in (5.0, 10.0, 15.0):
        session.adjust(5, hue=hue)
    session.adjust(5, saturation=0.5)
    session.undo()
    assert saved(session).shots[0].hue == 15
    session.undo()
    assert saved(session).shots[0].hue == 0


def test_a_plan_that_appears_meanwhile_is_not_replaced(film: Path, networks: ExemplarColorizer, tmp_path: Path) -> None:
    path = tmp_path / "film.plan.json"
    plan = ColorPlan(video=str(film), frames=FRAMES, shots=[PlannedShot(start=0, stop=FRAMES)])
    session = Session(probe(film), plan, networks, path=path, folder=tmp_path)
    path.write_text("somebody's")
    with pytest.raises(PlanError, match="changed by another program"):
        session.save()
    assert path.read_text() == "somebody's"
    Session(probe(film), plan, networks, path=path, folder=tmp_path, replaces=path.read_bytes()).save()
    assert ColorPlan.load(path) == plan


def test_a_painting_without_colour_is_refused(session: Session) -> None:
    with pytest.raises(ReferenceImageError, match="the painting is grey"):
        session.paint(4, [stroke((0.5, 0.5, 0.5), np.s_[:, :])])
    assert not saved(session).stills()
    assert not (session.path.parent / "film.stills").exists()


def test_painting_again_keeps_the_frames_that_a_still_counts_for(session: Session) -> None:
    still = session.paint(4, [stroke(RED, np.s_[:, :])])
    session.adjust(4, references=[PlannedReference(path=str(still), frame=4, frames=(0, 6))])
    session.paint(4, [stroke((0.1, 0.2, 0.8), np.s_[:, :])])
    assert [each.frames for each in session.plan.shots[0].references] == [(0, 6)]


def test_stills_of_one_name_and_two_formats_do_not_stand_for_each_other(session: Session, tmp_path: Path) -> None:
    for name in ("kitchen.png", "kitchen.jpg"):
        Image.fromarray(picture(5, FRAMES, 96, 64)).save(tmp_path / name)
    first, _ = session.add_still(tmp_path / "kitchen.png", 5, own=False)
    second, _ = session.add_still(tmp_path / "kitchen.jpg", 15, own=False)
    assert (first.name, second.name) == ("kitchen.png", "kitchen-2.jpg")


def test_a_change_of_nothing_is_none(session: Session) -> None:
    session.adjust(5, saturation=1.0)
    with pytest.raises(PlanError, match="nothing was changed yet"):
        session.undo()


def test_a_plan_that_was_edited_meanwhile_is_not_saved_over(session: Session) -> None:
    edited = session.path.read_text().replace('"saturation": 1.0', '"saturation": 0.25')
    session.path.write_text(edited)
    before = session.plan
    with pytest.raises(PlanError, match="changed by another program"):
        session.adjust(5, hue=10.0)
    with pytest.raises(PlanError, match="changed by another program"):
        session.cut(8)
    with pytest.raises(PlanError, match="changed by another program"):
        session.paint(4, [stroke(RED, np.s_[:, :])])
    assert not (session.path.parent / "film.stills").exists()
    assert session.plan == before
    assert session.path.read_text() == edited


def test_painting_makes_a_still_of_its_frame_that_the_frame_then_shows(session: Session) -> None:
    before = session.look(4)
    still = session.paint(4, [stroke(RED, np.s_[10:50, 20:70])])
    assert still.name == "film_000004.png"
    assert [(each.frame, Path(each.path)) for each in saved(session).shots[0].references] == [(4, still)]
    after = session.look(4)
    np.testing.assert_array_equal(after.film, before.film)
    ab = rgb_to_ab(after.colored[20:40, 30:60].astype(np.float32) / 255).mean((0, 1))
    assert ab[0] > 25
    np.testing.assert_allclose(after.colored[54:], before.colored[54:], atol=24)
    assert np.abs(after.colored[54:].astype(int) - before.colored[54:]).mean() < 4
    with VideoReader(session.info.path) as reader:
        luma = next(frame for frame in reader if frame.index == 4).luma
    np.testing.assert_allclose(after.film[..., 0], (luma.astype(float) - 16) / 219 * 255, atol=1)


def test_painting_again_keeps_the_earlier_still_as_a_file(session: Session) -> None:
    first = session.paint(4, [stroke(RED, np.s_[10:50, 20:70])])
    pixels = first.read_bytes()
    second = session.paint(4, [stroke((0.1, 0.2, 0.8), np.s_[10:50, 20:70])])
    assert second.name == "film-2_000004.png"
    assert load_reference(second).frame == 4
    assert first.read_bytes() == pixels
    assert [each.path for each in session.plan.shots[0].references] == [str(second)]
    session.undo()
    assert [each.path for each in session.plan.shots[0].references] == [str(first)]


def test_what_is_painted_on_a_graded_shot_is_graded_once(session: Session) -> None:
    session.adjust(4, saturation=0.5)
    session.paint(4, [stroke(RED, np.s_[:, :])])
    glance = session.look(4)
    graded, plain = (rgb_to_ab(each.astype(np.float32) / 255) for each in (glance.colored, glance.ungraded))
    light = (glance.film[..., 0] > 90) & (glance.film[..., 0] < 150)
    assert light.any()
    np.testing.assert_allclose(graded[light].mean(0), plain[light].mean(0) / 2, atol=2)


def test_a_still_is_copied_and_used_in_the_shot(session: Session, tmp_path: Path) -> None:
    given = tmp_path / "kitchen.png"
    Image.fromarray(picture(5, FRAMES, 96, 64)).save(given)
    still, bound = session.add_still(given, 14, own=False)
    assert (still.parent.name, still.name, bound) == ("film.stills", "kitchen.png", None)
    assert saved(session).shots[1].references == [PlannedReference(path=str(still))]
    again, bound = session.add_still(given, 14, own=True)
    assert (again.name, bound) == ("kitchen_000014.png", 14)
    assert [each.frame for each in session.plan.shots[1].references] == [None, 14]
    np.testing.assert_array_equal(load_reference(still).rgb, load_reference(given).rgb)
    assert session.remove_still(20, str(still))
    assert not session.remove_still(20, str(still))
    assert [each.frame for each in saved(session).shots[1].references] == [14]
    assert still.exists()


def test_a_still_named_after_a_frame_goes_there(session: Session, tmp_path: Path) -> None:
    given = tmp_path / "any_000003.png"
    Image.fromarray(picture(3, FRAMES, 96, 64)).save(given)
    still, bound = session.add_still(given, 20, own=False)
    assert bound == 3
    assert session.plan.shots[0].references == [PlannedReference(path=str(still), frame=3)]
    assert not session.plan.shots[1].references


def test_what_is_no_picture_is_refused_and_nothing_is_left(session: Session, tmp_path: Path) -> None:
    given = tmp_path / "notes.png"
    given.write_text("no picture")
    with pytest.raises(ReferenceImageError, match="not a picture"):
        session.add_still(given, 3, own=False)
    assert not (tmp_path / "film.stills").exists()
    assert not saved(session).stills()


def test_cuts_and_joins_keep_stills_and_settings(film: Path, networks: ExemplarColorizer, tmp_path: Path) -> None:
    for frame in (4, 9, 15):
        Image.fromarray(picture(frame, FRAMES, 96, 64)).save(tmp_path / f"{frame}.png")
    first = PlannedShot(
        start=0,
        stop=12,
        keyframe=4,
        looks="grey",
        saturation=0.8,
        references=[PlannedReference(path=str(tmp_path / f"{frame}.png"), frame=frame) for frame in (4, 9)],
    )
    second = PlannedShot(
        start=12, stop=FRAMES, dissolve=4, references=[PlannedReference(path=str(tmp_path / "15.png"))]
    )
    session = begin(film, networks, tmp_path, first, second)
    session.cut(8)
    a, b, c = session.plan.shots
    assert [[each.frame for each in shot.references] for shot in (a, b, c)] == [[4], [9], [None]]
    assert [(shot.keyframe, shot.saturation, shot.looks) for shot in (a, b)] == [(4, 0.8, "grey"), (None, 0.8, "grey")]
    assert (b.dissolve, c) == (0, second)
    session.join(20)
    assert [(shot.start, shot.stop) for shot in session.plan.shots] == [(0, 8), (8, FRAMES)]
    assert [each.frame for each in session.plan.shots[1].references] == [9, None]
    with pytest.raises(PlanError, match="cannot cut at frame 8"):
        session.cut(8)
    with pytest.raises(PlanError, match="no shot to join starts at frame 0"):
        session.join(3)
    assert saved(session).shots == session.plan.shots


def test_a_shot_borrows_what_another_was_painted_with(session: Session) -> None:
    alone = session.look(15).colored
    session.paint(4, [stroke(RED, np.s_[:, :])])
    session.adjust(15, borrow=[4])
    assert np.abs(session.look(15).colored.astype(int) - alone).mean() > 1


def test_a_still_edited_in_another_program_is_seen_at_once(session: Session) -> None:
    still = session.paint(4, [stroke(RED, np.s_[:, :])])
    red = session.look(4).colored
    blue = paint_over(load_reference(still).rgb, [stroke((0.1, 0.2, 0.8), np.s_[:, :])], matrix="bt601")
    Image.fromarray(blue).save(still)
    assert np.abs(session.look(4).colored.astype(int) - red).mean() > 10


def test_of_the_encoded_copies_of_stills_the_latest_are_kept(
    film: Path, networks: ExemplarColorizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coloring, "_COPIES_KEPT", 2)
    shots = []
    for number in range(6):
        still = tmp_path / f"{number}.png"
        Image.fromarray(picture(number, 6, 960, 640)).save(still)
        shots.append(PlannedShot(start=4 * number, stop=4 * number + 4, references=[PlannedReference(path=str(still))]))
    session = begin(film, networks, tmp_path, *shots)

    def held() -> int:
        gc.collect()
        return sum(type(each) is EncodedReference for each in gc.get_objects())

    before = held()
    for shot in shots:
        session.look(shot.start)
    assert 0 < held() - before <= 2 * 2


def test_a_still_is_decoded_once_while_its_file_stays_as_it_is(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "kitchen.png"
    Image.fromarray(picture(5, FRAMES, 960, 640)).save(given)
    still, _ = session.add_still(given, 4, own=False)
    decoded: list[Path] = []
    decode = references._decode

    def counted(path: Path, image: ImageFile, notes: list[str]) -> NDArray[np.uint8]:
        decoded.append(path)
        return decode(path, image, notes)

    monkeypatch.setattr(references, "_decode", counted)
    for frame in (4, 5, 4, 6):
        session.look(frame)
        ((_, known),) = session.stills(frame)
        assert known is not None
        small = known.small
        assert small.shape == (180, 270, 3)
    assert decoded == [still]
    Image.fromarray(255 - picture(5, FRAMES, 96, 64)).save(still)
    ((_, other),) = session.stills(4)
    assert other is not None
    assert np.abs(other.small.astype(int) - small).mean() > 20
    still.write_text("no picture")
    assert [each for _, each in session.stills(4)] == [None]


def test_a_preview_shows_the_seconds_from_a_frame_on(session: Session, tmp_path: Path) -> None:
    report = session.preview(4, 1, tmp_path)
    assert report.frames == FRAMES - 4
    with VideoReader(report.side_by_side) as reader:
        assert reader.info.width == 2 * 96 + 4
        assert len(list(reader)) == FRAMES - 4
