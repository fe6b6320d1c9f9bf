"""Chapters come through as they are, or as mp4 and mov hold them, and a note says what is other then."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from films import Film, render

from vidcolor.verification import verify
from vidcolor.video import plain_transcode
from vidcolor.video.chapters import Chapter, as_pyav, chapters_of

Parts = list[tuple[float, float, str | None]]

GAPS: Parts = [(0.2, 0.4, "a"), (0.5, 0.8, "b"), (0.801, 1, "c")]
OVERLAPPING: Parts = [(0, 0.5, "a"), (0.25, 0.75, "b"), (0.75, 1, "c")]
UNTITLED: Parts = [(0, 0.25, "a"), (0.25, 0.5, None), (0.5, 3, "c")]


def divided(folder: Path, parts: Parts) -> Path:
    """Render a film of one second, and copy it with chapters."""
    film = folder / "film.mkv"
    with av.open(str(render(folder / "plain", Film(frames=24)))) as plain, av.open(str(film), "w") as copy:
        stream = copy.add_stream_from_template(plain.streams[0], opaque=True)
        copy.set_chapters(
            as_pyav(
                [
                    Chapter(Fraction(start), Fraction(end), {} if title is None else {"title": title})
                    for start, end, title in parts
                ]
            )
        )
        for packet in plain.demux():
            if packet.size:
                packet.stream = stream
                copy.mux_one(packet)
    return film


def chapters(path: Path) -> Parts:
    with av.open(str(path)) as film:
        return [(round(float(each.start), 3), round(float(each.end), 3), each.title) for each in chapters_of(film)]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize(
    ("parts", "expected", "note"),
    [
        (
            GAPS,
            [(0, 0.2, ""), (0.2, 0.4, "a"), (0.4, 0.5, ""), (0.5, 0.801, "b"), (0.801, 1, "c")],
            "2 gaps between chapters become chapters without a title",
        ),
        (OVERLAPPING, [(0, 0.25, "a"), (0.25, 0.75, "b"), (0.75, 1, "c")], "1 chapters end when the next one begins"),
        (UNTITLED, [(0, 0.25, "a"), (0.25, 0.5, ""), (0.5, 3, "c")], None),
    ],
)
def test_mp4_and_mov_hold_chapters_in_turn(
    tmp_path: Path, suffix: str, parts: Parts, expected: Parts, note: str | None
) -> None:
    source, output = divided(tmp_path, parts), tmp_path / f"out{suffix}"
    notes = [each for each in plain_transcode(source, output) if "chapters" in each]
    assert [each.split(":")[0] for each in notes] == ([] if note is None else [note])
    assert chapters(output) == expected
    assert verify(source, output).differences == ()


@pytest.mark.parametrize("parts", [GAPS, OVERLAPPING, UNTITLED])
def test_matroska_holds_them_as_they_are(tmp_path: Path, parts: Parts) -> None:
    source, output = divided(tmp_path, parts), tmp_path / "out.mkv"
    assert plain_transcode(source, output) == []
    assert chapters(output) == chapters(source) == [(start, end, title or "") for start, end, title in parts]
    assert verify(source, output).differences == ()


def test_a_segment_has_the_chapters_that_lie_in_it(tmp_path: Path) -> None:
    source, output = divided(tmp_path, UNTITLED), tmp_path / "out.mkv"
    plain_transcode(source, output, start=Fraction(3, 8), end=Fraction(3, 4))
    assert chapters(output) == [(0, 0.125, ""), (0.125, 0.375, "c")]
