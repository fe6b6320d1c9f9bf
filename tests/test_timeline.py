"""The clock of an output film: a segment has the time code of its first picture."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from films import Film, render

from vidcolor.errors import VideoError
from vidcolor.video import plain_transcode, probe
from vidcolor.video.packets import read_packets
from vidcolor.video.timeline import time_code_at

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
def test_a_segment_has_the_time_code_of_its_first_picture(tmp_path: Path, suffix: str) -> None:
    film = Film(suffix=".mov", codec="libx264", rate=NTSC, frames=90, time_code="01:00:59;20", audio=("aac",))
    source = render(tmp_path / "film", film)
    output = tmp_path / f"segment{suffix}"
    # Frame 10 is the first of a minute that has no numbers 0 and 1.
    plain_transcode(source, output, start=10 / NTSC, end=Fraction(2))
    assert read_packets(output, container="mov").time_code == "01:01:00;02"
    plain_transcode(source, output, end=Fraction(2), overwrite=True)
    assert read_packets(output, container="mov").time_code == "01:00:59;20"


@pytest.mark.parametrize(
    ("rate", "code", "frame", "expected"),
    [
        (Fraction(25), "01:00:00:00", 26, "01:00:01:01"),
        (Fraction(24), "23:59:59:23", 1, "00:00:00:00"),
        (Fraction(24000, 1001), "00:00:00:00", 24 * 60, "00:01:00:00"),
        (NTSC, "00:00:00:00", 1800, "00:01:00:00"),
        (NTSC, "00:00:00;00", 1800, "00:01:00;02"),
        (NTSC, "00:08:59;29", 1, "00:09:00;02"),
        (NTSC, "00:09:59;29", 1, "00:10:00;00"),
        (NTSC, "00:00:00;00", 107892, "01:00:00;00"),
        (2 * NTSC, "00:00:59;59", 1, "00:01:00;04"),
        (Fraction(25), "at noon", 1, None),
    ],
)
def test_time_codes_count_as_smpte_has_it(
    tmp_path: Path, rate: Fraction, code: str, frame: int, expected: str | None
) -> None:
    info = replace(probe(render(tmp_path / "film", Film(frames=1))), average_rate=rate, start=Fraction(3600))
    assert time_code_at(code, info, 3600 + frame / rate) == expected


def test_a_start_beyond_all_reason_is_a_segment_beside_the_film(tmp_path: Path) -> None:
    source = render(tmp_path / "film", Film(frames=3, audio=("flac",)))
    with pytest.raises(VideoError, match="no frame from"):
        plain_transcode(source, tmp_path / "out.mkv", start=Fraction(10**30))
    assert [path.name for path in tmp_path.iterdir()] == ["film.mkv"]
