"""Titles and languages of streams come through in any letters, and what a container does not hold is named."""

from pathlib import Path
from typing import Any

import av
import pytest
from films import Film, render

from vidcolor.verification import verify
from vidcolor.video import plain_transcode, probe
from vidcolor.video.labels import held_language, same_language


def labelled(folder: Path, *, title: str, language: str) -> Path:
    """Render a film with sound, and copy it with other labels on that."""
    film = folder / "film.mkv"
    with av.open(str(render(folder / "plain", Film(audio=("aac",))))) as plain, av.open(str(film), "w") as copy:
        streams: list[Any] = [copy.add_stream_from_template(each, opaque=True) for each in plain.streams]
        streams[1].metadata.update({"title": title, "language": language})
        for packet in plain.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                copy.mux_one(packet)
    return film


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
@pytest.mark.parametrize("title", ["Tonspur für Hörgeschädigte", "コメント", "T ü", "T"])
def test_titles_are_kept_in_any_letters_over_many_copies(tmp_path: Path, suffix: str, title: str) -> None:
    source = labelled(tmp_path, title=title, language="deu")
    first, second, back = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}", tmp_path / "back.mkv"
    for film, output in ((source, first), (first, second), (second, back)):
        # Without loss: x264's lossy copies of pictures this small differ from run to run.
        plain_transcode(film, output, lossless=True)
        assert verify(film, output).differences == ()
        assert [each.title for each in probe(output).streams] == [title]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize(
    ("language", "lost"),
    [("swe", ""), ("cze", ""), ("fra", ""), ("eng", ""), ("hrv", ".mov"), ("mul", ".mov"), ("zh-Hans", ".mp4 .mov")],
)
def test_a_language_is_kept_or_named(tmp_path: Path, suffix: str, language: str, lost: str) -> None:
    source, output = labelled(tmp_path, title="a", language=language), tmp_path / f"out{suffix}"
    named = [
        note for note in plain_transcode(source, output) if note.endswith(f"{suffix[1:]} does not hold its language")
    ]
    assert len(named) == (suffix in lost.split())
    assert verify(source, output).differences == ()
    kept = probe(output).streams[0].language
    assert same_language(kept, None if named else language)


def test_languages_have_two_codes() -> None:
    assert same_language("ger", "deu")
    assert same_language(None, "und")
    assert not same_language("dan", "deu")
    assert held_language("rum", "mov") == "ron"
    assert held_language("rum", "mp4") == "rum"
    assert held_language("en", "mp4") is None
    assert held_language("en", "matroska") == "en"
