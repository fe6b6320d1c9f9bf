"""Recommending photographs: the index of a library, and the ranking for a frame."""

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from films import Film, our_threads, picture, render, without_times
from PIL import Image

import vidcolor.recommendation.index as index_module
import vidcolor.recommendation.recommending as recommending
from vidcolor.color import rgb_to_ab, rgb_to_luma
from vidcolor.errors import VidcolorError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.plan import ColorPlan, PlannedShot, make_plan
from vidcolor.recommendation import (
    INDEX_NAME,
    Candidate,
    Library,
    Ranking,
    Recommendation,
    open_library,
    planned,
    recommend,
    sheet_rows,
)
from vidcolor.recommendation.looks import Looks, describe
from vidcolor.references import Reference, load_reference

Open = Callable[..., Library]


@pytest.fixture(scope="module")
def trained() -> ExemplarColorizer:
    return ExemplarColorizer.load(Path(__file__).parent.parent / "weights" / "vidcolor-base.safetensors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three colour photographs, one of them in a folder below."""
    library = tmp_path / "library"
    (library / "below").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.jpg", "below/c.png")):
        Image.fromarray(picture(12 * number + 6, 36, 96, 64)).save(library / name)
    return library


@pytest.fixture
def opened(networks: ExemplarColorizer, folder: Path) -> Open:
    return lambda **options: open_library(folder, networks, **{"weights": "one", **options})


def names(library: Library) -> list[str]:
    return list(library.photographs)


def equal(a: Library, b: Library) -> bool:
    pairs = zip(a.photographs.values(), b.photographs.values(), strict=True)
    looks = [(x.looks, y.looks) for x, y in pairs]
    return names(a) == names(b) and all(
        (x is None and y is None)
        or (x is not None and y is not None and all(np.array_equal(getattr(x, f), getattr(y, f)) for f in Looks.FIELDS))
        for x, y in looks
    )


def test_the_index_is_built_once(opened: Open, folder: Path) -> None:
    first = opened()
    assert names(first) == ["a.png", "b.jpg", "below/c.png"]
    assert first.described == 3
    written = (folder / INDEX_NAME).stat().st_mtime_ns
    again = opened()
    assert again.described == 0
    assert equal(first, again)
    assert (folder / INDEX_NAME).stat().st_mtime_ns == written
    assert sorted(path.name for path in folder.iterdir()) == [INDEX_NAME, "a.png", "b.jpg", "below"]


def test_new_changed_and_deleted_photographs_are_seen(opened: Open, folder: Path) -> None:
    before = opened()
    Image.fromarray(picture(30, 36, 96, 64)).save(folder / "a.png")
    Image.fromarray(picture(5, 36, 96, 64)).save(folder / "d.png")
    (folder / "b.jpg").unlink()
    after = opened()
    assert after.described == 2
    assert names(after) == ["a.png", "below/c.png", "d.png"]
    assert equal(after, opened(index=folder.parent / "fresh.npz"))
    old, new = (library.photographs["a.png"].looks for library in (before, after))
    assert old is not None
    assert new is not None
    assert not np.array_equal(old.colors, new.colors)
    (folder / "d.png").unlink()
    assert opened().described == 0
    assert names(opened()) == ["a.png", "below/c.png"]


def test_a_photograph_of_another_time_is_described_anew(opened: Open, folder: Path) -> None:
    opened()
    os.utime(folder / "a.png", ns=(1, 1))
    assert opened().described == 1


def test_other_weights_rebuild_the_index(opened: Open) -> None:
    opened()
    assert opened(weights="two").described == 3
    assert opened(weights="two").described == 0


@pytest.mark.parametrize("damage", ["cut", "short", "flipped", "empty"])
def test_a_damaged_index_is_made_anew(opened: Open, folder: Path, damage: str) -> None:
    whole = opened()
    path = folder / INDEX_NAME
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    path.write_bytes(
        {"cut": bytes(data[: len(data) // 2]), "short": bytes(data[:300]), "flipped": bytes(data), "empty": b""}[damage]
    )
    rebuilt = opened()
    assert rebuilt.described == 3
    assert equal(whole, rebuilt)
    assert [warning for warning in rebuilt.warnings if "damaged" in warning]
    assert opened().warnings == ()


@pytest.mark.parametrize("name", ["film.mkv", "film.plan.json", "other.npz", "library/a.png", "library/new.png"])
def test_a_file_that_is_no_index_is_never_replaced_by_one(opened: Open, folder: Path, name: str) -> None:
    path = folder.parent / name
    if name == "film.mkv":
        render(folder.parent / "film", Film(frames=3))
    elif name == "film.plan.json":
        path.write_text("{}")
    elif name == "other.npz":
        np.savez(path, about=np.zeros(3, np.uint8))
    before = {each: each.read_bytes() for each in folder.parent.rglob("*") if each.is_file()}
    with pytest.raises(VidcolorError, match=r"no index of photographs|named like a picture") as refusal:
        opened(index=path)
    assert "--index" in (refusal.value.hint or "")
    assert {each: each.read_bytes() for each in folder.parent.rglob("*") if each.is_file()} == before


def test_what_cannot_be_read_is_no_index(opened: Open, folder: Path) -> None:
    with pytest.raises(VidcolorError, match="cannot be read"):
        opened(index=folder / "below")


def test_broken_and_grey_pictures_are_left_out_and_named(opened: Open, folder: Path) -> None:
    (folder / "broken.jpg").write_bytes((folder / "b.jpg").read_bytes()[:400])
    (folder / "notes.png").write_text("not a picture")
    (folder / "readme.txt").write_text("not looked at")
    (folder / ".hidden.png").write_bytes((folder / "a.png").read_bytes())
    Image.fromarray(picture(3, 36, 96, 64, "grey")).save(folder / "old.png")
    for described in (6, 0):  # what cannot be used is remembered, and named each time
        library = opened()
        assert library.described == described
        assert [name for name, each in library.photographs.items() if each.looks is None] == [
            "broken.jpg",
            "notes.png",
            "old.png",
        ]
        assert ["broken.jpg" in library.warnings[0], "notes.png" in library.warnings[1]] == [True, True]
        assert len(library.warnings) == 2
        assert library.notes == ("1 grey pictures are left out, the first old.png",)


def test_a_stopped_run_goes_on_where_it_was(
    opened: Open, folder: Path, networks: ExemplarColorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "_SAVED_EVERY", 1)

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        opened(progress=stop)
    assert opened().described == 1


def test_of_a_large_library_the_index_is_not_written_ever_so_often(
    tmp_path: Path, networks: ExemplarColorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number:03d}.png" for number in range(400)]
    blank, written = np.zeros((32, 32), np.float32), list[int]()
    looks = Looks(*(np.zeros((1, 1), np.float16) for _ in Looks.FIELDS))
    monkeypatch.setattr(index_module, "_SAVED_EVERY", 1)
    monkeypatch.setattr(index_module, "_list_pictures", lambda _folder: dict.fromkeys(names, (1, 1)))
    monkeypatch.setattr(index_module, "_pictures", lambda _, some: ((each, "", (blank, blank)) for each in some))
    monkeypatch.setattr(index_module, "describe", lambda *_: looks)
    monkeypatch.setattr(index_module, "_save", lambda _path, photographs, _weights: written.append(len(photographs)))
    open_library(tmp_path, networks, weights="none")
    assert written[-1] == 400
    assert sum(written) < 12 * 400
    assert max(after - before for before, after in pairwise(written)) <= 400 // 8


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_library_that_cannot_be_written_to_is_used_without_an_index(opened: Open, folder: Path) -> None:
    folder.chmod(0o500)
    assert "cannot be kept" in opened().warnings[0]


def test_an_index_in_a_missing_folder_is_named(opened: Open, folder: Path) -> None:
    library = opened(index=folder / "missing" / "index.npz")
    assert len(library.photographs) == 3
    assert "cannot be kept" in library.warnings[0]


def test_a_library_without_photographs_is_refused(networks: ExemplarColorizer, tmp_path: Path) -> None:
    with pytest.raises(VidcolorError, match="is not a folder"):
        open_library(tmp_path / "none", networks, weights="one")
    with pytest.raises(VidcolorError, match="no colour photograph among 0 pictures"):
        open_library(tmp_path, networks, weights="one")


def looks_of(networks: ExemplarColorizer, rgb: np.ndarray, *, film: bool = False) -> Looks:
    whole = cv2.resize(rgb, (192, 128)).astype(np.float32) / 255
    return describe(networks, rgb_to_luma(whole), None if film else rgb_to_ab(whole))


def test_the_frame_itself_comes_first(trained: ExemplarColorizer) -> None:
    pictures = {str(number): picture(number, 36, 96, 64) for number in (0, 12, 24)}
    ranking = Ranking({name: looks_of(trained, rgb) for name, rgb in pictures.items()})
    for name, rgb in pictures.items():
        best, second, _ = ranking(looks_of(trained, rgb, film=True), count=3)
        assert best.name == name
        assert best.score > second.score
        assert best.likeness == pytest.approx(2, abs=0.02)


def test_of_photographs_that_look_alike_the_one_with_other_colours_comes_last(networks: ExemplarColorizer) -> None:
    rgb = picture(4, 36, 96, 64)
    looks = looks_of(networks, rgb)
    odd = Looks(looks.content, looks.keys, looks.tones, -looks.colors)
    ranked = Ranking({"odd": odd, **dict.fromkeys("abc", looks)})(looks_of(networks, rgb, film=True), count=4)
    assert [each.name for each in ranked] == ["a", "b", "c", "odd"]
    assert ranked[0].likeness == pytest.approx(ranked[3].likeness)


def test_a_library_of_one_is_ranked(networks: ExemplarColorizer) -> None:
    looks = looks_of(networks, picture(4, 36, 96, 64))
    assert [each.name for each in Ranking({"only": looks})(looks, count=5)] == ["only"]


def test_each_shot_gets_its_photographs(folder: Path, trained: ExemplarColorizer) -> None:
    film = render(folder.parent / "film", Film(frames=36, width=96, height=64))
    shots = make_plan(film, [])
    assert [(shot.start, shot.stop) for shot in shots.shots] == [(0, 12), (12, 24), (24, 36)]
    found = recommend(shots, open_library(folder, trained, weights="shipped"), trained, count=2)
    assert [each.candidates[0].name for each in found] == [
        str(folder / name) for name in ("a.png", "b.jpg", "below/c.png")
    ]
    assert [len(each.candidates) for each in found] == [2, 2, 2]
    assert sheet_rows(found)[1].labels[1].endswith(" b.jpg")
    plan, remarks = planned(shots, found)
    assert remarks == []
    plan.save(folder.parent / "film.plan.json")
    loaded = ColorPlan.load(folder.parent / "film.plan.json")
    assert [[(each.path, each.frame) for each in shot.references] for shot in loaded.shots] == [
        [(str(folder / name), None)] for name in ("a.png", "b.jpg", "below/c.png")
    ]


def test_a_sheet_reads_each_photograph_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    best = (Candidate(str(folder / "a.png"), 1.0, 1.0, 0.0), Candidate(str(folder / "b.jpg"), 0.5, 0.5, 0.0))
    frame = np.zeros((180, 240, 3), np.uint8)
    shots = [Recommendation(start, start + 5, start, best, frame) for start in range(0, 50, 5)]
    read: list[Path] = []

    def counted(path: Path) -> Reference:
        read.append(path)
        return load_reference(path)

    monkeypatch.setattr(recommending, "load_reference", counted)
    assert [len(row.pictures) for row in sheet_rows(shots)] == [3] * 10
    assert len(read) == 2


def test_ranking_that_is_stopped_ends_its_threads(folder: Path, networks: ExemplarColorizer) -> None:
    film = without_times(folder.parent / "film", frames=24)
    shots = [PlannedShot(start=0, stop=4), PlannedShot(start=4, stop=24)]
    library = open_library(folder, networks, weights="one")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = our_threads()
    with pytest.raises(KeyboardInterrupt) as stopped:
        recommend(ColorPlan(video=str(film), frames=24, shots=shots), library, networks, count=1, progress=stop)
    assert our_threads() <= before
    assert stopped.traceback  # it is held meanwhile, and with it all that ran


def test_a_photograph_that_is_not_worthwhile_stays_out_of_the_plan() -> None:
    shots = [PlannedShot(start=0, stop=4), PlannedShot(start=4, stop=9)]
    found = [
        Recommendation(
            shot.start, shot.stop, shot.start, (Candidate(name, score, score, 0.0),), np.zeros((1, 1, 3), np.uint8)
        )
        for shot, name, score in zip(shots, ("a.png", "b.png"), (0.7, 0.5), strict=True)
    ]
    plan, remarks = planned(ColorPlan(video="film.mkv", frames=9, shots=shots), found)
    assert [[each.path for each in shot.references] for shot in plan.shots] == [["a.png"], []]
    assert remarks == ["no photograph scores 0.6 for shot 2: automatic colours there"]
    assert plan.notes == []  # they would be read where the shot has a still by then
