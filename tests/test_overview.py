"""A film at a glance: single frames by their numbers, and one coloured frame of every shot."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import Film, picture, render

from vidcolor.coloring import load_stills
from vidcolor.errors import VideoError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.overview import shots_at_a_glance
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot
from vidcolor.references import Reference
from vidcolor.video import VideoReader, probe
from vidcolor.video.single_frames import read_frames

B_FRAMES = Film(codec="libx264", suffix=".mp4", frames=40, options=(("bf", "3"), ("g", "12"), ("qp", "0")))
UNEVEN = tuple(int(i * 40 + (i % 3) * 11) for i in range(12))


@pytest.mark.parametrize(
    "film",
    [
        Film(frames=12),
        B_FRAMES,
        Film(codec="libx264", suffix=".mp4", frames=30, edit_from=512 * 5, time_base=Fraction(1, 12288)),
        Film(codec="ffv1", times=UNEVEN, time_base=Fraction(1, 1000)),
        Film(codec="mpeg4", suffix=".avi", frames=20),
    ],
    ids=["ffv1", "b-frames", "edit list", "uneven", "avi"],
)
def test_a_frame_by_its_number_is_the_frame_that_a_whole_decode_gives(tmp_path: Path, film: Film) -> None:
    path = render(tmp_path / "film", film)
    with VideoReader(path) as reader:
        whole = list(reader)
    wanted = [len(whole) - 1, 0, len(whole) // 2, 7]
    found = list(read_frames(probe(path), wanted, of=len(whole)))
    assert [frame.index for frame in found] == sorted(set(wanted))
    for frame in found:
        assert frame.pts == whole[frame.index].pts
        np.testing.assert_array_equal(frame.luma, whole[frame.index].luma)


def test_a_frame_beyond_the_film_is_an_error(tmp_path: Path) -> None:
    path = render(tmp_path / "film", Film(frames=5))
    with pytest.raises(VideoError, match="no frame 5"):
        list(read_frames(probe(path), [2, 5], of=5))


@pytest.fixture
def plan(tmp_path: Path) -> ColorPlan:
    path = render(tmp_path / "film", Film(frames=12))
    shots = [
        PlannedShot(start=0, stop=4, references=[PlannedReference(path="own", frame=2)]),
        PlannedShot(start=4, stop=12),
    ]
    return ColorPlan(video=str(path), frames=12, shots=shots)


def test_a_row_shows_film_stills_and_result(plan: ColorPlan, networks: ExemplarColorizer) -> None:
    info = probe(plan.video)
    still = Reference(Path("own"), picture(2, 12, 96, 64))
    stills = load_stills([still], networks, info)
    first, second = shots_at_a_glance(info, plan, stills, networks)
    assert [row.caption.rpartition(" ")[2] for row in (first, second)] == ["2", "8"]
    assert first.labels == ("film", "own", "result")
    assert second.labels == ("film", "result")
    film, own, result = first.pictures
    assert np.ptp(film, axis=2).max() == 0
    # The still was painted on this very frame: its colours are the result, at the film's luma.
    assert np.abs(own[:60].astype(int) - result[:60]).mean() < 12
    assert np.abs(film[:60].astype(int) - result[:60]).mean() > 12


def test_candidates_are_tried_alone(plan: ColorPlan, networks: ExemplarColorizer) -> None:
    info = probe(plan.video)
    red, blue = (np.full((64, 96, 3), color, np.uint8) for color in ((200, 60, 60), (60, 60, 200)))
    stills = load_stills([Reference(Path("red.png"), red), Reference(Path("blue.png"), blue)], networks, info)
    rows = list(shots_at_a_glance(info, plan, stills, networks, candidates=["red.png", "blue.png"]))
    assert [row.labels for row in rows] == [("film", "red.png", "blue.png")] * 2
    red_alone = [PlannedReference(path="red.png")]
    shots = [shot.model_copy(update={"references": red_alone}) for shot in plan.shots]
    alone = shots_at_a_glance(info, plan.model_copy(update={"shots": shots}), stills, networks)
    for row, single in zip(rows, alone, strict=True):
        np.testing.assert_array_equal(row.pictures[1], single.pictures[2])
        assert (row.pictures[1] != row.pictures[2]).any()


def test_a_row_shows_the_frame_worth_painting_as_graded(plan: ColorPlan, networks: ExemplarColorizer) -> None:
    info = probe(plan.video)
    stills = load_stills([Reference(Path("own"), picture(1, 12, 96, 64))], networks, info)
    own = [PlannedReference(path="own", frame=1)]

    def result(**settings: object) -> np.ndarray:
        shot = plan.shots[0].model_copy(update={"keyframe": 1, "references": own, **settings})
        row = next(shots_at_a_glance(info, plan.with_shots([shot, plan.shots[1]]), stills, networks))
        assert row.caption.endswith("frame 1")
        return row.pictures[-1].astype(int)

    assert np.ptp(result(saturation=0.0), axis=2).max() <= 1
    assert np.ptp(result(), axis=2).max() > 50
    # A still that counts in other frames only is neither shown nor used.
    elsewhere = plan.shots[0].model_copy(
        update={"keyframe": 1, "references": [PlannedReference(path="own", frames=(2, 4))]}
    )
    row = next(shots_at_a_glance(info, plan.with_shots([elsewhere, plan.shots[1]]), stills, networks))
    assert row.labels == ("film", "result")


def test_a_shot_that_keeps_its_colours_shows_them(tmp_path: Path, networks: ExemplarColorizer) -> None:
    path = render(tmp_path / "film", Film(look="color", frames=6))
    shot = PlannedShot(start=0, stop=6, treatment="keep")
    (row,) = shots_at_a_glance(probe(path), ColorPlan(video=str(path), frames=6, shots=[shot]), {}, networks)
    film, kept = row.pictures
    np.testing.assert_array_equal(film, kept)
    assert np.ptp(kept, axis=2).max() > 50
