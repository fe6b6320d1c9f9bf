import pytest
from pulse import curve, marks, steps


def test_a_jump_at_a_keyframe_is_found_and_one_elsewhere_is_not_taken_for_it() -> None:
    means = [10.0, 10.1, 10.2, 13.2, 13.3, 13.4]
    assert steps(means, {3}) == pytest.approx((3.0, 0.1))
    assert steps(means, {5}) == pytest.approx((0.1, 0.1))


def test_a_jump_out_of_a_keyframe_counts_too() -> None:
    assert steps([10.0, 10.0, 13.0, 13.0], {1})[0] == pytest.approx(3.0)


def test_without_keyframes_or_without_other_frames_there_is_no_step() -> None:
    assert steps([1.0, 2.0, 3.0], ()) == pytest.approx((0.0, 1.0))
    assert steps([1.0, 3.0], {0, 1}) == pytest.approx((2.0, 0.0))


def test_curves_and_marks_stand_above_each_other() -> None:
    assert curve([0.0, 4.0, 7.9, 20.0], high=8.0) == "▁▅██"
    assert marks({2}, 4) == "  ^"
    assert len(curve([1.0] * 100, high=2.0, columns=10)) == 10
    assert marks({99}, 100, columns=10) == " " * 9 + "^"
