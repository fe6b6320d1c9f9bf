"""Propagation: every frame of a shot, from keyframes, with nothing lost, smeared or carried between calls."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, pairwise, product

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from vidcolor.color import Chroma
from vidcolor.propagation import Effort, WorkingFrame, flow_only, propagate
from vidcolor.propagation.inside import waypoints

Floats = npt.NDArray[np.float32]

HEIGHT, WIDTH = 96, 128


def texture(seed: int, height: int = HEIGHT, width: int = WIDTH, detail: float = 2.5) -> Floats:
    """A smooth random picture in [0, 1], rich enough for flow."""
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), detail) + 0.5 * cv2.GaussianBlur(noise, (0, 0), 4 * detail) * 4
    return np.asarray(np.interp(smooth, (smooth.min(), smooth.max()), (0.1, 0.9)), dtype=np.float32)


def palette(luma: Floats) -> Floats:
    """Colours that follow the picture: ab (h, w, 2)."""
    return np.dstack([80 * (luma - 0.5), 40 - 60 * luma]).astype(np.float32)


def certain(ab: Floats, confidence: float = 1.0) -> Chroma:
    return Chroma(ab, np.full(ab.shape[:2], confidence, dtype=np.float32))


def flat(a: float, b: float, confidence: float = 1.0) -> Chroma:
    return certain(np.full((HEIGHT, WIDTH, 2), (a, b), dtype=np.float32), confidence)


class Painter:
    """Stands where the networks will: gives known colours and notes what it was asked."""

    def __init__(self, colors: dict[int, Floats] | Floats) -> None:
        self.colors = colors
        self.asked: list[int] = []
        self.evidence: dict[int, Chroma | None] = {}

    def __call__(self, frame: WorkingFrame, propagated: Chroma | None) -> Chroma:
        self.asked.append(frame.index)
        self.evidence[frame.index] = propagated
        return certain(self.colors[frame.index] if isinstance(self.colors, dict) else self.colors, 0.5)


def film(lumas: Iterable[Floats], stills: dict[int, Chroma] | None = None) -> list[WorkingFrame]:
    return [WorkingFrame(index, luma, (stills or {}).get(index)) for index, luma in enumerate(lumas)]


def pan(frames: int, speed: int = 2) -> list[Floats]:
    wide = texture(1, HEIGHT, WIDTH + speed * frames)
    return [np.ascontiguousarray(wide[:, speed * i : speed * i + WIDTH]) for i in range(frames)]


def moving_square(frames: int, speed: int = 3, size: int = 28) -> tuple[list[Floats], list[Floats]]:
    """A red square before a blue background, both textured: lumas and ab."""
    ground, patch = texture(2), texture(3, size, size, 2.0)
    lumas, colors = [], []
    for index in range(frames):
        luma, ab = ground.copy(), np.full((HEIGHT, WIDTH, 2), (0, -40), dtype=np.float32)
        x = 10 + speed * index
        luma[30 : 30 + size, x : x + size] = patch
        ab[30 : 30 + size, x : x + size] = (50, 30)
        lumas.append(luma)
        colors.append(ab)
    return lumas, colors


def errors(result: Chroma, truth: Floats) -> Floats:
    return np.asarray(np.linalg.norm(result.ab - truth, axis=-1), dtype=np.float32)


@pytest.mark.parametrize("frames", [1, 2, 16, 17, 80])
def test_one_chroma_per_frame(frames: int) -> None:
    luma = texture(0, 32, 48)
    results = list(propagate(film([luma] * frames), Painter(palette(luma))))
    assert len(results) == frames
    assert all(result.ab.shape == (32, 48, 2) and result.confidence.shape == (32, 48) for result in results)


def test_an_empty_shot_has_no_colours() -> None:
    assert list(propagate([], Painter(np.zeros((1, 1, 2), np.float32)))) == []


def test_an_impossible_effort_is_refused() -> None:
    with pytest.raises(ValueError, match="max_gap is 0; expected at least 1"):
        Effort(max_gap=0)
    with pytest.raises(ValueError, match="reach is -1; expected 0 or more"):
        Effort(reach=-1)
    for views in ((), (640, 384)):
        with pytest.raises(ValueError, match="at least one, the smallest first"):
            Effort(views=views)


def test_a_still_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one size"):
        WorkingFrame(0, texture(0, 32, 48), flat(0, 0))


def test_repr_prints_shapes() -> None:
    assert repr(WorkingFrame(3, texture(0), flat(1, 2))) == (
        f"WorkingFrame(index=3, luma=float32({HEIGHT}, {WIDTH}), "
        f"still=Chroma(ab=float32({HEIGHT}, {WIDTH}, 2), confidence=float32({HEIGHT}, {WIDTH})))"
    )


def test_a_static_shot_keeps_the_keys_colours_exactly() -> None:
    luma = texture(0)
    painter = Painter(palette(luma))
    for result in propagate(film([luma] * 20), painter, effort=Effort(max_gap=16)):
        np.testing.assert_array_equal(result.ab, palette(luma))
    assert painter.asked == [0, 16]


def test_a_gap_of_one_asks_for_every_frame() -> None:
    painter = Painter(palette(texture(0)))
    list(propagate(film(pan(5)), painter, effort=Effort(max_gap=1)))
    assert painter.asked == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (95, 127)])
def test_a_pan_is_followed(size: tuple[int, int]) -> None:
    lumas = [np.ascontiguousarray(luma[: size[0], : size[1]]) for luma in pan(17, speed=1)]
    painter = Painter({index: palette(luma) for index, luma in enumerate(lumas)})
    results = list(propagate(film(lumas), painter, between=Painter(painter.colors), effort=Effort(max_gap=16)))
    assert painter.asked == [0, 16]
    for luma, result in zip(lumas, results, strict=True):
        assert errors(result, palette(luma)).mean() < 1.0


def test_flow_only_follows_a_pan_and_says_where_it_cannot_know() -> None:
    lumas = pan(9)
    results = list(flow_only(film(lumas), certain(palette(lumas[0]))))
    assert len(results) == 9
    known = np.s_[:, : WIDTH - 9 * 2 - 4]
    assert errors(results[-1], palette(lumas[-1]))[known].mean() < 1.5
    assert results[-1].confidence[known].mean() > 0.8
    assert results[-1].confidence[:, -8:].max() < 0.1


def test_a_bound_still_is_returned_exactly_and_colours_both_sides() -> None:
    lumas = pan(24, speed=1)
    still = certain(palette(lumas[10]))
    grey = Painter(np.zeros((HEIGHT, WIDTH, 2), np.float32))
    results = list(propagate(film(lumas, {10: still}), grey, effort=Effort(ask_share=0.05)))
    assert results[10] is still
    assert 10 not in grey.asked
    for index in (9, 11):
        assert errors(results[index], palette(lumas[index])).mean() < 8
        assert np.abs(results[index].ab).mean() > 0.7 * np.abs(still.ab).mean()
    for early, late in ((6, 8), (14, 12)):
        assert np.abs(results[early].ab).mean() < np.abs(results[late].ab).mean()


def test_a_still_ahead_is_evidence_for_the_first_frame() -> None:
    lumas = pan(12, speed=2)
    painter = Painter(palette(lumas[0]))
    list(propagate(film(lumas, {8: certain(palette(lumas[8]))}), painter, effort=Effort(ask_share=0.05), begin=8))
    evidence = painter.evidence[0]
    assert evidence is not None
    inner = np.s_[8:-8, 24:-24]
    assert evidence.confidence[inner].mean() > 0.8
    assert errors(evidence, palette(lumas[0]))[inner].mean() < 1.5


def test_a_still_far_into_the_shot_colours_it_back_to_its_start() -> None:
    lumas = pan(60, speed=1)
    colors = {index: palette(luma) for index, luma in enumerate(lumas)}

    def keep(_: WorkingFrame, propagated: Chroma | None) -> Chroma:
        """What flow brought, and nothing of one's own."""
        return flat(0, 0, 0.0) if propagated is None else propagated

    inner = np.s_[8:-8, 56:-8]
    stills = {50: certain(colors[50])}
    near, far = (
        list(propagate(film(lumas, stills), keep, effort=Effort(max_gap=16), begin=begin)) for begin in (0, 50)
    )
    assert len(near) == len(far) == 60
    assert np.abs(near[0].ab).max() == 0
    assert errors(far[0], colors[0])[inner].mean() < 4
    assert far[50] is stills[50]


@pytest.mark.parametrize(("second", "keys"), [(16, []), (17, [9]), (32, [16]), (33, [11, 22])])
def test_colours_blend_into_those_of_a_still_that_is_known_to_come(second: int, keys: list[int]) -> None:
    stills = {0: flat(40, 0), second: flat(0, 40)}
    frames = [replace(frame, until=second) for frame in film([texture(0)] * second)]
    frames.append(WorkingFrame(second, texture(0), stills[second]))
    frames[0] = replace(frames[0], still=stills[0])
    asked = []

    def carried(frame: WorkingFrame, propagated: Chroma | None) -> Chroma:
        asked.append(frame.index)
        assert propagated is not None
        return propagated

    results = list(propagate(frames, carried, effort=Effort(max_gap=16)))
    assert asked == keys
    steps = [errors(after, before.ab).max() for before, after in pairwise(results)]
    last = second - max(keys, default=0)
    assert max(steps) < 1.2 * np.hypot(40, 40) / last


def test_the_first_frame_of_a_shot_without_stills_has_no_evidence_and_later_keys_have() -> None:
    lumas = pan(18, speed=1)
    painter = Painter({index: palette(luma) for index, luma in enumerate(lumas)})
    list(propagate(film(lumas), painter, effort=Effort(max_gap=16)))
    assert painter.evidence[0] is None
    evidence = painter.evidence[16]
    assert evidence is not None
    inner = np.s_[8:-8, 8:-24]
    assert errors(evidence, palette(lumas[16]))[inner].mean() < 1.5
    assert evidence.confidence[:, -6:].max() == 0
    assert not evidence.ab[:, -6:].any()


def test_a_still_of_no_confidence_is_as_none() -> None:
    lumas = pan(12)
    colors = {index: palette(luma) for index, luma in enumerate(lumas)}
    with_still = propagate(film(lumas, {5: flat(90, 90, 0.0)}), Painter(colors))
    without = propagate(film(lumas), Painter(colors))
    for one, other in zip(with_still, without, strict=True):
        np.testing.assert_array_equal(one.ab, other.ab)
        np.testing.assert_array_equal(one.confidence, other.confidence)


def test_a_still_counts_as_far_as_it_is_confident() -> None:
    half = np.zeros((HEIGHT, WIDTH), np.float32)
    half[:, : WIDTH // 2] = 1
    still = Chroma(np.full((HEIGHT, WIDTH, 2), 60, np.float32), half)
    result = next(propagate(film([texture(0)], {0: still}), Painter(np.full((HEIGHT, WIDTH, 2), -10, np.float32))))
    assert (result.ab[:, : WIDTH // 2] == 60).all()
    assert (result.ab[:, WIDTH // 2 :] == -10).all()


def test_occlusion_does_not_smear() -> None:
    lumas, colors = moving_square(17)
    results = list(propagate(film(lumas), Painter(dict(enumerate(colors))), effort=Effort(max_gap=16)))
    for index in range(1, 16):
        error = errors(results[index], colors[index])
        edge = np.abs(cv2.Laplacian(colors[index][..., 0], cv2.CV_32F)) > 0
        away = ~cv2.dilate(edge.astype(np.uint8), np.ones((13, 13), np.uint8)).astype(bool)
        assert error[away].mean() < 1.0
        assert (error[away] > 30).mean() < 0.015
        assert error.mean() < 5.0


@pytest.mark.parametrize("flash", ["white", "gain", "black"])
def test_a_flash_does_not_derail(flash: str) -> None:
    lumas = pan(17, speed=1)
    truth = [palette(luma) for luma in lumas]
    seen = list(lumas)
    seen[8] = {
        "white": np.ones_like(lumas[8]),
        "gain": np.clip(lumas[8] * np.float32(1.4) + np.float32(0.1), 0, 1),
        "black": np.zeros_like(lumas[8]),
    }[flash]
    assert_looked_across(seen, truth)


def assert_looked_across(seen: list[np.ndarray], truth: list[np.ndarray]) -> None:
    """Colour a span whose frames are seen otherwise than they are; only its two ends may be keyframes."""
    painter, inside = (Painter(dict(enumerate(truth))) for _ in range(2))
    results = list(propagate(film(seen), painter, between=inside, effort=Effort(max_gap=len(seen) - 1)))
    assert painter.asked == [0, len(seen) - 1]
    for result, ab in zip(results, truth, strict=True):
        assert errors(result, ab).mean() < 2.0


@pytest.mark.parametrize("at", [1, 8, 14])
@pytest.mark.parametrize("flashes", [(1.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
def test_two_flash_frames_in_a_row_do_not_derail(at: int, flashes: tuple[float, float]) -> None:
    lumas = pan(18, speed=1)
    truth = [palette(luma) for luma in lumas]
    seen = list(lumas)
    seen[at], seen[at + 1] = (np.full_like(lumas[0], value) for value in flashes)
    assert_looked_across(seen, truth)


@pytest.mark.parametrize("at", [14, 15, 16])
def test_two_flash_frames_where_a_keyframe_is_due_do_not_become_one(at: int) -> None:
    lumas = pan(24, speed=1)
    truth = [palette(luma) for luma in lumas]
    seen = [*lumas[:at], np.ones_like(lumas[at]), np.ones_like(lumas[at]), *lumas[at + 2 :]]
    painter = Painter(dict(enumerate(truth)))
    results = list(propagate(film(seen), painter, effort=Effort(max_gap=16)))
    assert not {at, at + 1} & set(painter.asked)
    for result, ab in zip(results, truth, strict=True):
        assert errors(result, ab).mean() < 2.0


def test_a_frame_that_begins_anew_is_no_second_frame_of_a_flash() -> None:
    lumas = pan(18, speed=1)
    seen = [*lumas[:8], np.ones_like(lumas[8]), np.ones_like(lumas[8]), *lumas[10:]]
    frames = film(seen)
    frames[9] = replace(frames[9], anew=True)
    painter = Painter({index: palette(luma) for index, luma in enumerate(lumas)})
    assert len(list(propagate(frames, painter, effort=Effort(max_gap=17)))) == 18
    assert 9 in painter.asked


@pytest.mark.parametrize("max_gap", [1, 2, 3])
def test_flashes_in_short_spans_end(max_gap: int) -> None:
    lumas = pan(9, speed=1)
    seen = [lumas[0], np.ones_like(lumas[0]), np.ones_like(lumas[0]), *lumas[3:]]
    painter = Painter({index: palette(luma) for index, luma in enumerate(lumas)})
    assert len(list(propagate(film(seen), painter, effort=Effort(max_gap=max_gap)))) == 9


def test_a_flash_where_a_keyframe_is_due_does_not_become_one() -> None:
    lumas = pan(24, speed=1)
    truth = [palette(luma) for luma in lumas]
    seen = [*lumas[:16], np.ones_like(lumas[16]), *lumas[17:]]
    painter = Painter(dict(enumerate(truth)))
    results = list(propagate(film(seen), painter, effort=Effort(max_gap=16)))
    assert 16 not in painter.asked
    assert 15 in painter.asked
    for result, ab in zip(results, truth, strict=True):
        assert errors(result, ab).mean() < 2.0


def test_flicker_is_no_reason_for_a_keyframe() -> None:
    lumas = [luma * np.float32(0.75 + 0.2 * (index % 3)) for index, luma in enumerate(pan(17, speed=1))]
    painter = Painter(dict(enumerate(palette(luma) for luma in pan(17, speed=1))))
    list(propagate(film(lumas), painter, between=Painter(painter.colors), effort=Effort(max_gap=16)))
    assert painter.asked == [0, 16]


def test_an_unexplained_picture_becomes_a_keyframe() -> None:
    lumas = [texture(4)] * 6 + [texture(5)] * 6
    painter = Painter({index: np.full((HEIGHT, WIDTH, 2), 10 * index, np.float32) for index in range(12)})
    results = list(propagate(film(lumas), painter))
    assert painter.asked == [0, 6]
    for index, result in enumerate(results):
        assert errors(result, np.full((HEIGHT, WIDTH, 2), 60 * (index // 6), np.float32)).mean() < 1.5


def test_a_reversed_shot_fuses_alike() -> None:
    lumas, colors = moving_square(17, speed=2)
    both_ends = Effort(max_gap=16, ask_share=1.0)
    forward = list(propagate(film(lumas), Painter(dict(enumerate(colors))), effort=both_ends))
    backward = list(propagate(film(lumas[::-1]), Painter(dict(enumerate(colors[::-1]))), effort=both_ends))
    for one, other in zip(forward, reversed(backward), strict=True):
        assert errors(one, other.ab).mean() < 0.5


def test_frames_between_keyframes_are_asked_of_another() -> None:
    lumas, colors = moving_square(20)
    keys, inside = (Painter(dict(enumerate(colors))) for _ in range(2))
    list(propagate(film(lumas), keys, between=inside, effort=Effort(max_gap=8, key_share=1.0, ask_share=0.01)))
    assert keys.asked[:3] == [0, 8, 16]
    assert inside.asked
    assert not set(keys.asked) & set(inside.asked)


@pytest.mark.parametrize("reach", [0, 1, 2, 4])
def test_waypoints_are_the_fewest_that_reach_every_lost_frame(reach: int) -> None:
    for pattern in product([False, True], repeat=9):
        lost = [at for at, is_lost in enumerate(pattern) if is_lost]

        def serve(chosen: Sequence[int], lost: Sequence[int] = lost) -> bool:
            return all(any(abs(at - there) <= reach for there in chosen) for at in lost)

        found = waypoints(pattern, reach)
        assert found == sorted(set(found) & set(lost))
        assert serve(found)
        assert not any(serve(fewer) for count in range(len(found)) for fewer in combinations(lost, count))


def test_what_flow_loses_is_coloured_from_few_frames_that_the_networks_see() -> None:
    """A disc that leaps too far for flow over a still ground, and turns up between keyframes."""
    ground, disc = texture(1), texture(2)
    lumas, colors = [], []
    for index in range(17):
        leap = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.circle(leap, (20 + 37 * index % 90, 20 + 29 * index % 55), 14, 1, -1)
        lumas.append(np.where(leap, disc, ground).astype(np.float32))
        colors.append(np.where(leap[..., None], 60, -20).repeat(2, axis=2).astype(np.float32))
    truth, mean = Painter(dict(enumerate(colors))), {}
    for ask_share in (1.0, 0.03):
        inside = Painter(truth.colors)
        effort = Effort(max_gap=16, key_share=1.0, ask_share=ask_share)
        results = list(propagate(film(lumas), truth, between=inside, effort=effort))
        mean[ask_share] = np.mean([errors(*each).mean() for each in zip(results, colors, strict=True)])
    assert 1 <= len(inside.asked) <= 3
    for at in inside.asked:
        np.testing.assert_array_equal(results[at].ab, colors[at])
    assert mean[0.03] < mean[1.0]


def test_the_next_keyframe_is_coloured_while_frames_before_it_are_delivered() -> None:
    reached, painter = threading.Event(), Painter(palette(texture(0)))

    def colorize(frame: WorkingFrame, carried: Chroma | None) -> Chroma:
        chroma = painter(frame, carried)
        if frame.index == 10:
            reached.set()
        return chroma

    results = propagate(film([texture(0)] * 30), colorize, effort=Effort(max_gap=5))
    for _ in range(2):  # of the first span, from frame 0 to 5
        next(results)
    assert reached.wait(20)
    assert painter.asked == [0, 5, 10]
    results.close()


def test_look_ahead_is_bounded() -> None:
    pulled = 0

    def frames() -> Iterator[WorkingFrame]:
        nonlocal pulled
        for index, luma in enumerate(pan(40, speed=1)):
            pulled += 1
            yield WorkingFrame(index, luma)

    for index, _ in enumerate(propagate(frames(), Painter(palette(texture(0))), effort=Effort(max_gap=5))):
        assert pulled <= index + 1 + 2 * 5 + 11

    pulled = 0
    for index, _ in enumerate(propagate(frames(), Painter(palette(texture(0))), effort=Effort(max_gap=5), begin=20)):
        assert pulled <= max(20, index) + 1 + 2 * 5 + 11


def test_nothing_is_carried_between_two_calls() -> None:
    lumas = pan(10)
    alone = list(propagate(film(lumas), Painter(palette(lumas[0]))))
    list(propagate(film([texture(7)] * 10), Painter(np.full((HEIGHT, WIDTH, 2), 99, np.float32))))
    after = list(propagate(film(lumas), Painter(palette(lumas[0]))))
    for one, other in zip(alone, after, strict=True):
        np.testing.assert_array_equal(one.ab, other.ab)


def test_an_early_stop_leaves_nothing_running() -> None:
    results = propagate(film(pan(30)), Painter(palette(texture(0))))
    next(results)
    results.close()
    assert next(results, None) is None
    assert not [
        thread.name for thread in threading.enumerate() if thread.name in {"vidcolor-flow", "vidcolor-keyframes"}
    ]
