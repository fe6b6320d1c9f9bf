"""Streams that begin in mid-film, behind what is looked at when a film is opened: five megabytes, as FFmpeg has it."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from films import with_dvd_texts

from vidcolor.verification import verify
from vidcolor.video import VideoReader, plain_transcode

BYTES = 5_000_000


def noise(path: Path, *, sound: bool, frames: int) -> Path:
    """Write a film that takes about 90 kB a frame, with sound or without."""
    random = np.random.default_rng(frames)
    with av.open(str(path), "w") as output:
        video: Any = output.add_stream("mpeg2video", rate=25)
        video.width, video.height, video.pix_fmt, video.bit_rate = 320, 240, "yuv420p", 60_000_000
        video.codec_context.qmin, video.codec_context.qmax = 1, 2
        audio: Any = output.add_stream("mp2", rate=48000, layout="mono") if sound else None
        for number in range(frames):
            grey = random.integers(0, 256, (240, 320), np.uint8)
            output.mux(video.encode(av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")))
            if audio is not None:
                tone = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), format="s16", layout="mono")
                tone.sample_rate, tone.pts = 48000, number * 1920
                output.mux(audio.encode(tone))
        for each in filter(None, (video, audio)):
            output.mux(each.encode(None))
    return path


def test_subtitles_of_a_program_stream_are_found_that_begin_late(tmp_path: Path) -> None:
    """It does not list its streams; a DVD's subtitles may begin a minute into it."""
    plain = noise(tmp_path / "plain.ts", sound=False, frames=80)
    film = with_dvd_texts(plain, tmp_path / "film.vob", after=(70, 76), muxer="vob")
    with VideoReader(film) as reader:
        assert [each.codec for each in reader.info.streams] == ["dvdsub"]
    output_film = tmp_path / "out.mkv"
    plain_transcode(film, output_film, preset="ultrafast")
    found = verify(film, output_film)
    assert found.differences == ()
    assert found.packets == 2


def test_a_capture_whose_sound_begins_in_mid_film_is_read(tmp_path: Path) -> None:
    parts = [noise(tmp_path / f"{frames}.ts", sound=frames == 10, frames=frames) for frames in (60, 10)]
    film = tmp_path / "film.ts"
    film.write_bytes(parts[0].read_bytes() + parts[1].read_bytes() + parts[0].read_bytes())
    assert parts[0].stat().st_size > BYTES
    told = [line for line in plain_transcode(film, tmp_path / "out.mkv", preset="ultrafast") if "mid-film" in line]
    assert told == ["sound, texts or data that begin in mid-film are left out: the film does not announce them"]
    found = verify(film, tmp_path / "out.mkv")
    assert found.frames == 130
    assert any("mid-film" in warning for warning in found.warnings)
