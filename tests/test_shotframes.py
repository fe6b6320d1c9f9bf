"""Where the colours of a shot begin: with its still, or with the frame that shows best what its stills show."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from films import Film, Rgb, hashes, render

from vidcolor import Colorizer, VideoReader
from vidcolor.color import LONG_SIDE, Chroma
from vidcolor.coloring import encode
from vidcolor.exemplar import ExemplarColorizer, ScaledReference, Views
from vidcolor.marks import Mark
from vidcolor.plan import ColorPlan, PlannedReference, PlannedShot
from vidcolor.propagation import EFFORTS, PaintedStill
from vidcolor.references import Reference
from vidcolor.reports import Clock
from vidcolor.shotframes import ShotFrames, ShotOutset
from vidcolor.video import Frame

FRAMES = 60
WIDTH, HEIGHT = 192, 128


def pan(speed: float) -> list[Rgb]:
    """Return grey frames of a window that moves over a picture."""
    coffee = skimage.data.coffee()  # type: ignore[no-untyped-call]
    picture = cv2.resize(coffee, (600, 400), interpolation=cv2.INTER_AREA)
    grey = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    starts = [round(speed * index) for index in range(FRAMES)]
    return [np.ascontiguousarray(grey[120 : 120 + HEIGHT, start : start + WIDTH]) for start in starts]


@pytest.fixture(scope="module")
def networks() -> ExemplarColorizer:
    return ExemplarColorizer.load(device="cpu")


def begun(
    tmp_path: Path,
    networks: ExemplarColorizer,
    pictures: Sequence[Rgb],
    stills: Sequence[Rgb],
    *,
    spans: Sequence[range | None] | None = None,
    painted: Sequence[int] = (),
    emerging: int = 0,
) -> tuple[int, int]:
    """Return with which frame of a film colours begin, and how many frames were read to know."""
    read = 0
    film = render(tmp_path / "film", Film(frames=len(pictures), width=WIDTH, height=HEIGHT), pictures=pictures)
    with VideoReader(film) as reader:

        def frames() -> Iterator[Frame]:
            nonlocal read
            for frame in reader:
                read += 1
                yield frame

        def reference(still: Rgb) -> ScaledReference:
            def copy(long_side: int) -> object:
                return encode(Reference(None, still), networks, "bt709", long_side)

            return ScaledReference(copy(LONG_SIDE), copy, long_side=LONG_SIDE)  # type: ignore[arg-type]

        effort, clock = EFFORTS["balanced"], Clock()
        shot = networks.shot([reference(still) for still in stills], spans)
        blank = PaintedStill((2, 2), lambda size: np.full((size[1], size[0], 3), 0.5, np.float32), "bt709", (384, 256))
        found = ShotFrames(
            frames(),
            reader.info,
            Views([(LONG_SIDE, shot)]),
            ShotOutset(0, len(pictures), dict.fromkeys(painted, blank), emerging=emerging),
            effort=effort,
            clock=clock,
        )
        leader = [frame.index for frame, _ in found.leader()]
        ahead = read
        assert "networks" not in clock.calls  # no frame is coloured yet
        assert [*leader, *(working.index for working in found.working())] == list(range(len(pictures)))
        return found.first + found.begin, ahead


def test_a_shot_begins_where_its_still_looks_like_it(tmp_path: Path, networks: ExemplarColorizer) -> None:
    pictures = pan(5)
    for frame in (0, 24, 48):
        begin, _ = begun(tmp_path, networks, pictures, [pictures[frame]])
        assert begin == pytest.approx(frame, abs=7)
    other = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    assert begun(tmp_path, networks, pictures, [other, pictures[48]])[0] > 40


def test_what_stands_still_begins_at_once(tmp_path: Path, networks: ExemplarColorizer) -> None:
    pictures = pan(0)
    assert begun(tmp_path, networks, pictures, [pictures[40]])[0] == 0


def test_a_still_of_one_of_its_frames_goes_first(tmp_path: Path, networks: ExemplarColorizer) -> None:
    pictures = pan(5)
    assert begun(tmp_path, networks, pictures, [pictures[48]], painted=[13, 20])[0] == 13


def test_other_references_that_count_later_say_nothing_of_the_beginning(
    tmp_path: Path, networks: ExemplarColorizer
) -> None:
    pictures = pan(5)
    spans = [range(20), range(20, FRAMES)]
    begin, _ = begun(tmp_path, networks, pictures, [pictures[0], pictures[48]], spans=spans)
    assert begin == 0
    begin, _ = begun(tmp_path, networks, pictures, [pictures[48], pictures[0]], spans=spans)
    assert 0 < begin < 20


def test_colours_turn_slowly_into_those_of_the_next_still(tmp_path: Path, untrained: Path) -> None:
    still, stop = pan(0)[0], 26
    film = render(tmp_path / "film.mkv", Film(frames=stop, width=WIDTH, height=HEIGHT), pictures=[still] * stop)
    references = []
    for frame, tint in ((0, (30, -10, -30)), (stop - 1, (-30, 0, 40))):
        painted = np.clip(still + np.array(tint), 0, 255).astype(np.uint8)
        cv2.imwrite(str(path := tmp_path / f"film_{frame:06d}.png"), painted[..., ::-1])
        references.append(path)
    output = tmp_path / "out.mkv"
    Colorizer.load(untrained).colorize(film, references=references, output=output, lossless=True)
    with VideoReader(output) as reader:
        shades = [float(frame.source_chroma.cr.mean()) for frame in reader if frame.source_chroma is not None]
    # They used to wait for the keyframe before the still, 24 frames from the first, and to turn all at once.
    assert max(abs(after - before) for before, after in pairwise(shades)) < 0.15 * (max(shades) - min(shades))


def test_automatic_colours_wait_for_no_frame(tmp_path: Path, networks: ExemplarColorizer) -> None:
    begin, read = begun(tmp_path, networks, pan(0), [])
    assert begin == 0
    assert read < 10


def test_frames_before_are_no_choice_where_another_shot_shows_in_them(
    tmp_path: Path, networks: ExemplarColorizer
) -> None:
    pictures = pan(5)
    assert begun(tmp_path, networks, pictures, [pictures[0]], emerging=12)[0] == 12
    assert begun(tmp_path, networks, pictures, [], emerging=12)[0] == 12


def test_another_run_knows_how_dark_the_stills_are_that_lie_behind(tmp_path: Path, networks: ExemplarColorizer) -> None:
    pictures = [np.asarray(each * (1.0 if index < 8 else 0.4), np.uint8) for index, each in enumerate(pan(0)[:24])]
    film = render(tmp_path / "film", Film(frames=24, width=WIDTH, height=HEIGHT), pictures=pictures)
    tint = np.array([0.3, 0.2, 0.25], np.float32)
    still = PaintedStill((2, 2), lambda size: np.full((*size[::-1], 3), tint, np.float32), "bt709", (WIDTH, HEIGHT))
    effort, clock, views = EFFORTS["balanced"], Clock(), Views([(LONG_SIDE, networks.shot([], []))])

    def shown(first: int, outset: ShotOutset) -> ShotFrames:
        frames = (frame for frame in reader if frame.index >= first)
        return ShotFrames(frames, reader.info, views, outset, effort=effort, clock=clock)

    with VideoReader(film) as reader:
        whole = shown(0, ShotOutset(0, 24, dict.fromkeys((2, 12, 16), still)))
        assert not list(whole.leader())
        working = {frame.index: frame for frame in whole.working()}
    lit, *dark = (np.abs(known.colors.ab).mean() for at in (2, 12, 16) if (known := working[at].painting) is not None)
    assert all(each > 1.5 * lit for each in dark)
    for at in (16, 20):
        passed = [(number, working[number].luma) for number in (2, 12, 16) if number < at][-2:]
        chroma, memory = Chroma.neutral(working[at].luma), np.zeros((4, 4, 2), np.float32)
        mark = Mark(at, chroma, memory, whole.exposures[at])
        outset = ShotOutset(0, 24, dict.fromkeys((2, 12, 16), still), going_on=mark, passed=passed)
        with VideoReader(film) as reader:
            again = shown(at, outset)
            known_before = again.landmarks()
            after = next(again.working())
        assert len(known_before) == 2
        for (number, _), painting in zip(passed, known_before, strict=True):
            before = working[number].painting
            assert before is not None
            np.testing.assert_array_equal(painting.colors.ab, before.colors.ab)
        if (own := working[at].still) is not None:
            assert after.still is not None
            np.testing.assert_array_equal(after.still.ab, own.ab)


def test_a_still_that_counts_in_the_whole_shot_is_as_one_without_frames(colorizer: Colorizer, tmp_path: Path) -> None:
    """Coloured backwards from it the first frame used to be coloured afresh, and keyframes were laid to the end."""
    grey = pan(2)[:FRAMES]
    film = render(tmp_path / "film", Film(frames=FRAMES, width=WIDTH, height=HEIGHT), pictures=grey)
    painted = np.clip(grey[30].astype(np.int16) + np.array([40, -20, -40]), 0, 255).astype(np.uint8)
    cv2.imwrite(path := str(tmp_path / "still.png"), painted[..., ::-1])

    def colored(frames: tuple[int, int] | None) -> list[str]:
        shot = PlannedShot(start=0, stop=FRAMES, references=[PlannedReference(path=path, frame=30, frames=frames)])
        plan, output = ColorPlan(video=str(film), frames=FRAMES, shots=[shot]), tmp_path / "out.mkv"
        colorizer.colorize(film, plan=plan, output=output, lossless=True, overwrite=True)
        return hashes(output)

    assert colored((0, FRAMES)) == colored(None)


def test_black_leader_is_passed_on_and_none_of_it_waits(tmp_path: Path, networks: ExemplarColorizer) -> None:
    pictures = pan(5)
    black = [np.full_like(pictures[0], 12)] * 150
    coming = [np.asarray(each * min(index / 20, 1.0), np.uint8) for index, each in enumerate(pan(1))]
    begin, read = begun(tmp_path, networks, [*black, *coming], [])
    assert 150 + 15 < begin <= 150 + 20
    assert begin < read < 150 + 40
    fast = [np.asarray(each * min(index / 20, 1.0), np.uint8) for index, each in enumerate(pictures)]
    assert begun(tmp_path, networks, [*black, *fast], [pictures[48]])[0] > 150 + 40
    assert begun(tmp_path, networks, black, [pictures[48]])[0] == 150
    assert begun(tmp_path, networks, [*black, *coming], [], painted=[100])[0] == 100
