from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from films import Film, picture, render, write_rgb

from vidcolor import Colorizer
from vidcolor.color import Chroma
from vidcolor.errors import VideoError
from vidcolor.exemplar import ExemplarColorizer, Views
from vidcolor.framing import as_stored
from vidcolor.marking import MarkingColorizer
from vidcolor.networks import ExemplarNetwork
from vidcolor.plan import make_plan
from vidcolor.propagation import EFFORTS, WorkingFrame, propagate
from vidcolor.provenance import AUTOMATIC, FILLED, MATCHED, SOURCES, STILL, everywhere, paint
from vidcolor.reports import Clock
from vidcolor.video import RgbVideoWriter, VideoReader, probe

Floats = np.ndarray
_FILM = Film(look="grey", codec="libx264", frames=30)
_HEIGHT, _WIDTH, _SIDE = 128, 192, 48


@pytest.fixture(scope="module")
def networks() -> ExemplarColorizer:
    torch.manual_seed(0)
    return ExemplarColorizer(ExemplarNetwork(), torch.device("cpu"))


@pytest.fixture
def luma() -> Floats:
    return np.random.default_rng(0).random((64, 96), dtype=np.float32)


def _ab(luma: Floats) -> Floats:
    return np.random.default_rng(1).normal(0, 25, (*luma.shape, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes in grey, with cuts at 10 and 20."""
    return render(tmp_path_factory.mktemp("film") / "grey", _FILM)


def _planes(path: Path) -> list[tuple[Floats, Floats, Floats]]:
    with VideoReader(path) as reader:
        return [(f.luma, f.source_chroma.cb, f.source_chroma.cr) for f in reader if f.source_chroma]


def _moving(index: int) -> tuple[Floats, slice, slice]:
    """Luma of a frame in which a textured square moves by three pixels a frame, and where it is."""
    rng = np.random.default_rng(7)
    ground = cv2.resize(rng.random((24, 36), dtype=np.float32), (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC)
    patch = cv2.resize(rng.random((12, 12), dtype=np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    rows, columns = slice(40, 40 + _SIDE), slice(30 + 3 * index, 30 + 3 * index + _SIDE)
    luma = 0.35 + 0.3 * ground
    luma[rows, columns] = 0.1 + 0.8 * patch
    return luma.clip(0, 1).astype(np.float32), rows, columns


def test_a_moving_objects_provenance_travels_with_it() -> None:
    first, rows, columns = _moving(0)
    provenance = everywhere(AUTOMATIC, first).copy()
    provenance[rows.start // 2 : rows.stop // 2, columns.start // 2 : columns.stop // 2] = STILL
    still = Chroma(np.zeros((*first.shape, 2), np.float32), np.ones_like(first), provenance)
    frames = [WorkingFrame(i, _moving(i)[0], still if i == 0 else None) for i in range(9)]

    def colorize(frame: WorkingFrame, propagated: Chroma | None) -> Chroma:
        assert propagated is not None
        assert propagated.provenance is not None
        return propagated

    *_, last = propagate(frames, colorize, effort=EFFORTS["balanced"])
    assert last.provenance is not None
    np.testing.assert_allclose(last.provenance.sum(2), 1, atol=1e-3)
    share = cv2.resize(np.ascontiguousarray(last.provenance[..., SOURCES.index("still")]), (_WIDTH, _HEIGHT))
    _, rows, columns = _moving(8)
    inside = share[rows.start + 6 : rows.stop - 6, columns.start + 6 : columns.stop - 6]
    assert inside.mean() > 0.9
    uncovered = share[rows.start + 6 : rows.stop - 6, 30:46]
    assert uncovered.mean() < 0.4
    assert share[:30].max() < 0.05


def test_holes_that_are_filled_say_so() -> None:
    # The square covers other ground in each frame: what it uncovers is in no keyframe.
    first = _moving(0)[0]
    still = Chroma(np.zeros((*first.shape, 2), np.float32), np.ones_like(first), everywhere(STILL, first))
    frames = [WorkingFrame(i, _moving(i)[0], still if i == 0 else None) for i in range(9)]
    *_, last = propagate(frames, lambda frame, carried: carried or still, effort=EFFORTS["fast"])
    assert last.provenance is not None
    filled = last.provenance[20:44, 15:27, SOURCES.index("filled")]
    assert filled.max() > 0.9
    assert np.median(last.provenance[3:15, 3:-3, SOURCES.index("filled")]) < 0.01


def test_untraced_colours_stay_untraced(networks: ExemplarColorizer, luma: Floats) -> None:
    reference = networks.encode_reference(luma, _ab(luma))
    plain, traced = networks.shot([reference]), networks.tracing().shot([reference])
    for _ in range(3):
        a, b = plain.colorize(luma, None).chroma, traced.colorize(luma, None).chroma
        assert a.provenance is None
        assert b.provenance is not None
        np.testing.assert_array_equal(a.ab, b.ab)
        np.testing.assert_array_equal(a.confidence, b.confidence)


def test_keyframes_after_those_coloured_backwards_remember_the_one_that_both_began_with(
    networks: ExemplarColorizer, luma: Floats
) -> None:
    frames = {number: np.roll(luma, 11 * number, axis=1) for number in (4, 2, 0, 6)}

    def colored(*numbers: int) -> list[Chroma]:
        views = Views([(96, networks.tracing().shot([]))])
        states = dict.fromkeys(frames, np.zeros(1))
        colorizer = MarkingColorizer(
            views, lambda number, _: frames[number], states, clock=Clock(), begin=4, marks_every=None, going_on=None
        )
        return [colorizer.keyframe(WorkingFrame(each, frames[each]), None) for each in numbers]

    for there_and_back, onwards in (((4, 2, 0, 6), (4, 6)), ((2, 0, 6), (6,))):  # a still may cover frame 4
        a, b = colored(*there_and_back)[-1], colored(*onwards)[-1]
        np.testing.assert_array_equal(a.ab, b.ab)
        np.testing.assert_array_equal(a.provenance, b.provenance)


def test_automatic_colours_stay_automatic_when_a_keyframe_lends_them(networks: ExemplarColorizer, luma: Floats) -> None:
    shot = networks.tracing().shot([])
    shot.colorize(luma, None)
    second = shot.colorize(luma, None)
    assert second.gate[..., 0].max() > 0.01  # it did borrow
    assert second.chroma.provenance is not None
    assert second.chroma.provenance[..., SOURCES.index("automatic")].min() > 0.999


def test_the_gate_says_how_much_a_still_lends(networks: ExemplarColorizer, luma: Floats) -> None:
    colored = networks.tracing().shot([networks.encode_reference(luma, _ab(luma))]).colorize(luma, None)
    assert colored.chroma.provenance is not None
    gate = cv2.resize(colored.gate, (48, 32), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(colored.chroma.provenance[..., SOURCES.index("matched")], gate[..., 0], atol=0.05)
    assert colored.chroma.provenance[..., SOURCES.index("still")].max() < 1e-6  # nothing was painted on this frame
    np.testing.assert_allclose(colored.chroma.provenance.sum(2), 1, atol=1e-5)


def test_carried_colours_keep_where_they_came_from(networks: ExemplarColorizer, luma: Floats) -> None:
    sure = Chroma(_ab(luma), np.ones_like(luma), everywhere(FILLED, luma))
    provenance = networks.tracing().shot([]).colorize(luma, sure).chroma.provenance
    assert provenance is not None
    assert provenance[..., SOURCES.index("filled")].min() > 0.999


def test_what_a_coloured_keyframe_lends_of_a_still_is_matched(networks: ExemplarColorizer, luma: Floats) -> None:
    shot = networks.tracing().shot([])
    shot.colorize(luma, Chroma(_ab(luma), np.ones_like(luma), everywhere(STILL, luma)))
    second = shot.colorize(luma, None)
    assert second.chroma.provenance is not None
    lent = cv2.resize(second.gate[..., 0], (48, 32), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(second.chroma.provenance[..., SOURCES.index("matched")], lent, atol=0.05)


def test_the_provenance_of_a_film_shows_its_still_and_leaves_the_film_as_it_was(
    untrained: Path, film: Path, tmp_path: Path
) -> None:
    colorizer = Colorizer.load(untrained, device="cpu")
    cv2.imwrite(str(tmp_path / "s_000000.png"), picture(0, _FILM.frames, _FILM.width, _FILM.height)[:, :, ::-1])
    for name, stills in (("still", [tmp_path / "s_000000.png"]), ("none", [])):
        output, sources = tmp_path / f"{name}.mkv", tmp_path / f"{name}.sources.mp4"
        colorizer.colorize(film, references=stills, output=output, lossless=True, provenance=sources)
        plain = colorizer.colorize(film, references=stills, output=tmp_path / f"{name}.plain.mkv", lossless=True)
        for traced, untraced in zip(_planes(output), _planes(plain.output), strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(traced, untraced, strict=True))
    still, none = _planes(tmp_path / "still.sources.mp4"), _planes(tmp_path / "none.sources.mp4")
    assert len(still) == len(none) == _FILM.frames
    # Blue has Cb above the middle, orange below it, each by far.
    assert still[0][1].min() > 140
    assert np.median(still[5][1]) > 140
    assert none[0][1].max() < 112
    # White where holes are filled, nowhere blue; a pixel may ring, for the sources are written with loss.
    assert all(np.percentile(cb, 99) < 135 for _, cb, _ in none)


def test_a_shot_that_keeps_its_own_colours_is_dark(untrained: Path, film: Path, tmp_path: Path) -> None:
    plan = make_plan(film, [])
    treatments = ["color", "keep", "color"]
    plan = plan.with_shots(
        shot.model_copy(update={"treatment": each}) for shot, each in zip(plan.shots, treatments, strict=True)
    )
    Colorizer.load(untrained, device="cpu").colorize(
        film, plan=plan, output=tmp_path / "out.mkv", provenance=tmp_path / "sources.mkv"
    )
    shown = _planes(tmp_path / "sources.mkv")
    assert len(shown) == _FILM.frames
    kept, colored = shown[10:20], [*shown[:10], *shown[20:]]
    darkest = 16 + 219 / 4 + 2  # a quarter of white, and what encoding adds
    assert all(luma.max() <= darkest for luma, _, _ in kept)
    assert all(np.abs(np.stack([cb, cr]).astype(int) - 128).max() <= 2 for _, cb, cr in kept)
    assert all(np.median(cb) < 112 for _, cb, _ in colored)


def test_a_shot_whose_stills_change_forgets_where_colours_came_from(networks: ExemplarColorizer, luma: Floats) -> None:
    references = [networks.encode_reference(luma, _ab(luma))]
    shot = networks.tracing().shot(references, [range(5)])
    shot.colorize(luma, None, frame=4)
    alone = shot.colorize(luma, None, frame=5).chroma.provenance  # no still counts here, and no keyframe of one
    assert alone is not None
    assert alone[..., SOURCES.index("automatic")].min() > 0.999


def test_provenance_turns_with_the_picture(tmp_path: Path, luma: Floats) -> None:
    info = probe(render(tmp_path / "film", Film(suffix=".mp4", codec="libx264", rotation=270)))
    provenance = everywhere(AUTOMATIC, luma).copy()
    provenance[:4, :10] = STILL
    stored = as_stored(Chroma(_ab(luma), np.ones_like(luma), provenance), info).provenance
    assert stored is not None
    np.testing.assert_array_equal(stored[-10:, :4, SOURCES.index("still")], 1)
    assert stored[..., SOURCES.index("still")].sum() == 40
    np.testing.assert_array_equal(info.upright(stored), provenance)


@pytest.mark.parametrize("spelling", ["a.mp4", "sub/../a.mp4", "folder link/a.mp4", "link.mp4"])
def test_the_film_and_its_provenance_are_never_one_file(
    untrained: Path, film: Path, tmp_path: Path, spelling: str
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "folder link").symlink_to(tmp_path)
    (tmp_path / "link.mp4").symlink_to(tmp_path / "a.mp4")
    before = sorted(tmp_path.iterdir())
    asked: list[str] = []
    with pytest.raises(VideoError, match="is the coloured film"):
        Colorizer.load(untrained, device="cpu").colorize(
            film,
            output=tmp_path / "a.mp4",
            provenance=tmp_path / spelling,
            overwrite=True,
            progress=lambda stage, *_: asked.append(stage),
        )
    assert not asked  # before any work
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["name", "dots", "symlink", "hard link"])
def test_the_provenance_is_never_the_film_that_is_read(untrained: Path, film: Path, tmp_path: Path, kind: str) -> None:
    given, data = tmp_path / "given.mkv", film.read_bytes()
    if kind == "name":
        given = film
    elif kind == "dots":
        given = film.parent / ".." / film.parent.name / film.name
    elif kind == "symlink":
        given.symlink_to(film)
    else:
        given.hardlink_to(film)
    with pytest.raises(VideoError, match="is the film itself"):
        Colorizer.load(untrained, device="cpu").colorize(
            film, output=tmp_path / "a.mp4", provenance=given, overwrite=True
        )
    assert film.read_bytes() == data
    assert not (tmp_path / "a.mp4").exists()


def test_paint_tells_sources_apart_without_red_and_green() -> None:
    luma = np.full((8, 8), 0.7, np.float32)
    shown = [paint(everywhere(source, luma), luma)[4, 4].astype(int) for source in (STILL, MATCHED, AUTOMATIC, FILLED)]
    assert len(SOURCES) == len(shown)
    # Blue against yellow is the axis that most colour-blind viewers have.
    axis = [int(rgb[2]) - (int(rgb[0]) + int(rgb[1])) // 2 for rgb in shown]
    assert axis[0] > 100
    assert axis[0] - 40 > axis[1] > 40
    assert axis[2] < -100
    assert abs(axis[3]) < 10
    assert paint(None, luma).max() < min(rgb.max() for rgb in shown) / 2


def test_pictures_written_one_at_a_time_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    grey = np.full((33, 47, 3), 128, np.uint8)
    with RgbVideoWriter(tmp_path / "a.mp4", rate=Fraction(24)) as writer:
        for _ in range(3):
            writer.write(grey)
        assert not (tmp_path / "a.mp4").exists()
    with VideoReader(tmp_path / "a.mp4") as reader:
        assert len(list(reader)) == 3
    with pytest.raises(VideoError, match="another size"):
        write_rgb(tmp_path / "b.mp4", [grey, grey[:20]])
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_provenance_of_another_size_is_refused(luma: Floats) -> None:
    with pytest.raises(ValueError, match=r"provenance is \(64, 96, 4\); expected \(32, 48, 4\)"):
        Chroma(_ab(luma), np.ones_like(luma), np.zeros((64, 96, 4), np.float32))
