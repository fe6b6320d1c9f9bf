"""The shipped weights on the sample film, against its truth."""

from pathlib import Path

import pytest
from heldout import TRUTH, score_sample
from heldout_stills import Clip, color, turn_between, turned, working_clip
from heldout_stills import scores as scores_of

from vidcolor import VideoReader
from vidcolor.evaluation import Scores
from vidcolor.evaluation.pictures import picture
from vidcolor.exemplar import ExemplarColorizer

SHIPPED = Path(__file__).parent.parent / "weights" / "vidcolor-base.safetensors"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scores() -> Scores:
    return score_sample(SHIPPED, every=4)


def test_every_shot_has_its_still(scores: Scores) -> None:
    assert [len(table.excluded) for table in scores.shots] == [1] * 6
    assert scores.excluded == (14, 34, 120, 160, 200, 246)


# The last shot is eight frames around its still, where flow alone is all there is to do: a tie is as it should be.
@pytest.mark.parametrize(("baseline", "tie"), [("grey", 0.0), ("flow", 0.03)])
def test_the_result_beats_the_trivial_answers_in_every_shot(scores: Scores, baseline: str, tie: float) -> None:
    found = {
        table.shot: (table["result"].ciede2000, table[baseline].ciede2000)
        for table in scores.shots
        if table["result"].ciede2000 >= table[baseline].ciede2000 + tie
    }
    assert not found, f"shots with (result, {baseline}) CIEDE2000 the wrong way round"
    assert scores["result"].ciede2000 < 0.9 * scores[baseline].ciede2000


def test_the_stills_own_frames_come_back(scores: Scores) -> None:
    assert max(scores.returned) < 0.5  # DESIGN promises 1; measured are 0.04 to 0.24


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """Sixteen frames each of three shots of the film in its true colours, and the first of a fourth one."""
    spans = [range(30, 46), range(137, 153), range(187, 203), range(76, 77)]
    with VideoReader(TRUTH) as reader:
        pictures = {frame.index: picture(frame, reader.info) for frame in reader if frame.index < spans[2].stop}
    return [working_clip(str(span), [pictures[number] for number in span]) for span in spans]


@pytest.mark.parametrize("shot", range(3))
def test_colours_turn_with_those_of_the_still(clips: list[Clip], shot: int) -> None:
    networks, clip = ExemplarColorizer.load(SHIPPED), clips[shot]
    true, other = (color(networks, clip, still, frame=0)[1:] for still in (clip.frames[0], turned(clip.frames[0])))
    assert turn_between(true, other) == pytest.approx(90, abs=10)


@pytest.mark.parametrize("shot", range(3))
def test_a_still_of_something_else_costs_at_most_a_tenth_over_none(clips: list[Clip], shot: int) -> None:
    networks, clip = ExemplarColorizer.load(SHIPPED), clips[shot]
    _, unrelated = scores_of(clip, color(networks, clip, clips[3].whole[0], frame=None))
    _, none = scores_of(clip, color(networks, clip, None, frame=None))
    assert unrelated < 1.1 * none
