"""The shipped weights on the sample film, against its truth."""

from pathlib import Path

import pytest
from heldout import score_sample

from vidcolor.evaluation import Scores

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
    assert max(scores.returned) < 3
