"""Texts that overlap are shown one after the other where a container shows one at a time."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from films import Film, render

from vidcolor.verification import verify
from vidcolor.video import plain_transcode

Shown = list[tuple[float, float]]

OVERLAPPING = ((200, 1000), (700, 400), (1100, 300), (1200, 4000), (6500, 300), (7000, 900))


def shown(path: Path) -> Shown:
    """Return when each text begins and ends, in milliseconds."""
    with av.open(str(path)) as film:
        texts: list[Any] = [packet for packet in film.demux(film.streams.subtitles[0]) if packet.size > 2]
    base = 1000 * Fraction(texts[0].time_base)
    return [(float(text.pts * base), float((text.pts + text.duration) * base)) for text in texts]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("audio", [(), ("aac",)])
def test_a_text_ends_where_the_next_one_begins(tmp_path: Path, suffix: str, audio: tuple[str, ...]) -> None:
    film = Film(rate=Fraction(5), frames=40, subtitles="srt", texts=OVERLAPPING, audio=audio)
    source, output = render(tmp_path / "film", film), tmp_path / f"out{suffix}"
    notes = plain_transcode(source, output)
    assert f"2 texts end when the next one begins: {suffix[1:]} shows one at a time" in notes
    assert shown(output) == [(200, 700), (700, 1100), (1100, 1200), (1200, 5200), (6500, 6800), (7000, 7900)]
    assert verify(source, output).differences == ()


def test_matroska_keeps_texts_that_overlap(tmp_path: Path) -> None:
    film = Film(rate=Fraction(5), frames=40, subtitles="srt", texts=OVERLAPPING)
    source, output = render(tmp_path / "film", film), tmp_path / "out.mkv"
    assert plain_transcode(source, output) == []
    assert shown(output) == shown(source)


def test_a_segment_cuts_texts_at_its_own_times(tmp_path: Path) -> None:
    film = Film(rate=Fraction(5), frames=40, subtitles="srt", texts=OVERLAPPING, audio=("aac",))
    source, output = render(tmp_path / "film", film), tmp_path / "out.mp4"
    plain_transcode(source, output, start=Fraction(1), end=Fraction(4))
    assert shown(output)[-3:] == [(0, 100), (100, 200), (200, 4200)]
