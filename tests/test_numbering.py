"""When is which frame shown? Without a decode where packets say it, and always as a decode counts."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import Film, render

from vidcolor.errors import PlanError, VideoError
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.plan.segment import check_length, fit_to_segment
from vidcolor.video import VideoReader, probe
from vidcolor.video.numbering import frame_at, frame_times, packet_times
from vidcolor.video.single_frames import read_frames

_B_FRAMES = Film(frames=48, codec="libx264", suffix=".mp4", options=(("bf", "2"), ("g", "12")))
_MPEG2 = Film(frames=48, codec="mpeg2video", options=(("bf", "2"), ("g", "12"), ("b", "2000k")))


def _shown(path: Path) -> list[Fraction]:
    with VideoReader(path) as reader:
        return [reader.info.time(frame.pts) for frame in reader]


def _captured(folder: Path) -> Path:
    """A film that begins at its second group of pictures, as a broadcast is captured: two pictures want the first."""
    path = folder / "captured.mkv"
    with av.open(str(render(folder / "film", _MPEG2))) as film, av.open(str(path), "w") as copy:
        stream = copy.add_stream_from_template(film.streams.video[0])
        groups = 0
        for packet in film.demux(video=0):
            groups += packet.is_keyframe
            if packet.size and groups > 1:
                packet.stream = stream
                copy.mux(packet)
    return path


def _damaged(folder: Path) -> Path:
    """A film in whose middle a packet is lost without a trace in the container."""
    path = folder / "damaged.mkv"
    with av.open(str(render(folder / "film", _MPEG2))) as film, av.open(str(path), "w") as copy:
        stream = copy.add_stream_from_template(film.streams.video[0])
        for number, packet in enumerate(film.demux(video=0)):
            if packet.size:
                kept = av.Packet(b"\0" * 40 if number == 25 else bytes(packet))
                kept.pts, kept.dts, kept.is_keyframe = packet.pts, packet.dts, packet.is_keyframe
                kept.time_base, kept.stream = packet.time_base, stream
                copy.mux(kept)
    return path


@pytest.mark.parametrize(
    ("film", "told"),
    [
        (Film(), True),
        (_B_FRAMES, True),
        (Film(codec="libx264", suffix=".mp4", options=(("bf", "2"),), edit_from=8, time_base=Fraction(1, 24)), True),
        (Film(codec="mjpeg", pixel_format="yuvj420p", suffix=".avi"), True),
        (Film(codec="libx264", suffix=".avi", options=(("bf", "2"), ("g", "10")), frames=40), False),
        (Film(codec="libx264", suffix=".h264", options=(("bf", "2"), ("g", "10")), frames=40), False),
        (replace(_MPEG2, suffix=".mpg"), False),
    ],
    ids=["ffv1", "b-frames", "edit list", "motion jpeg in avi", "b-frames in avi", "raw", "program stream"],
)
def test_packets_are_asked_where_they_tell_what_a_decode_shows(tmp_path: Path, film: Film, told: bool) -> None:
    path = render(tmp_path / "film", film)
    shown = _shown(path)
    assert packet_times(path) == (shown if told else None)
    assert frame_times(path) == shown
    with VideoReader(path) as reader:
        whole = [(frame.pts, frame.luma.tobytes()) for frame in reader]
    for first in range(0, len(shown), 3):  # a decode from anywhere gives the same frames at the same times
        with VideoReader(path, start=shown[first]) as reader:
            assert [(frame.pts, frame.luma.tobytes()) for frame in reader] == whole[first:]


def test_pictures_that_a_capture_begins_with_and_nobody_sees_do_not_count(tmp_path: Path) -> None:
    path = _captured(tmp_path)
    shown = _shown(path)
    assert len(shown) == (probe(path).frames or 0) - 2
    assert packet_times(path) == frame_times(path) == shown
    with VideoReader(path) as reader:
        whole = {frame.index: frame.luma for frame in reader}
    wanted = [0, 17, len(shown) - 1]
    found = list(read_frames(probe(path), wanted, of=len(shown)))
    assert [frame.index for frame in found] == wanted
    for frame in found:
        np.testing.assert_array_equal(frame.luma, whole[frame.index])


def test_damage_in_the_middle_is_seen_where_the_frames_were_counted(tmp_path: Path) -> None:
    path = _damaged(tmp_path)
    shown = _shown(path)
    assert len(shown) < len(packet_times(path) or ())
    assert frame_times(path, frames=len(shown)) == shown


@pytest.mark.parametrize("make", [_captured, _damaged])
def test_a_plan_is_cut_where_its_frames_are(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    shown = _shown(path)
    plan = ColorPlan(
        video=str(path),
        frames=len(shown),
        shots=[PlannedShot(start=0, stop=30), PlannedShot(start=30, stop=len(shown))],
    )
    check_length(plan, probe(path))
    part = fit_to_segment(plan, path, start=shown[10], end=shown[35])
    assert [(shot.start, shot.stop) for shot in part.shots] == [(0, 20), (20, 25)]
    assert fit_to_segment(part, path, start=shown[10], end=shown[35]) is part


def test_a_plan_of_neither_the_film_nor_its_segment_is_refused(tmp_path: Path) -> None:
    path = render(tmp_path / "film", _B_FRAMES)
    plan = ColorPlan(video=str(path), frames=60, shots=[PlannedShot(start=0, stop=60)])
    with pytest.raises(PlanError, match=r"the plan has 60 frames, the film 48, its segment 24"):
        fit_to_segment(plan, path, start=Fraction(1), end=None)


def test_the_frame_at_a_time_is_the_one_on_screen(tmp_path: Path) -> None:
    path = render(tmp_path / "film", Film(frames=5, rate=Fraction(10)))
    info, times = probe(path), frame_times(path)
    asked = ["0", "0.09", "0.1", "0.39", "0.49"]
    assert [frame_at(Fraction(time), times, info) for time in asked] == [0, 0, 1, 3, 4]
    for outside in ("-0.1", "0.5"):
        with pytest.raises(VideoError, match="no frame at"):
            frame_at(Fraction(outside), times, info)
