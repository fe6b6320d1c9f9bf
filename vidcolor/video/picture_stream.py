"""The stream that pictures are encoded into: its size, its times and everything that players must know of it."""

import os
from fractions import Fraction

from av.codec.context import Flags
from av.container import OutputContainer
from av.video.stream import VideoStream

from vidcolor.video.encoding import Encoding
from vidcolor.video.info import VideoInfo


def add_picture_stream(
    output: OutputContainer, film: VideoInfo, encoding: Encoding, *, threads: int | None
) -> VideoStream:
    """Add the stream of a film's pictures to an output, described as in the source.

    Args:
        output: Where it is added, not started yet.
        film: The source.
        encoding: How the pictures are encoded.
        threads: Of the encoder; None lets it choose.
    """
    if encoding.codec == "libsvtav1":
        # It prints its banner past Python unless told not to; it reads the environment when it is opened.
        os.environ.setdefault("SVT_LOG", "1")
    video = output.add_stream(encoding.codec, rate=_frame_rate(film), options=dict(encoding.options))
    assert isinstance(video, VideoStream)
    context = video.codec_context
    video.width, video.height, video.pix_fmt = film.width, film.height, encoding.pixel_format
    context.time_base = video.time_base = film.time_base
    context.sample_aspect_ratio = film.sar
    context.color_range, context.colorspace = encoding.tags.range, encoding.tags.matrix
    context.color_primaries, context.color_trc = encoding.tags.primaries, encoding.tags.transfer
    context.flags |= Flags.frame_duration
    if encoding.chroma.log2_y:
        context.options["chroma_sample_location"] = film.siting
    if encoding.gop is not None:
        context.gop_size = encoding.gop
    if film.interlaced:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        context.field_order = 2 if film.top_field_first else 3
    if threads is not None:
        context.thread_count = threads
    if film.display_matrix is not None:
        video.set_display_matrix(film.display_matrix)
    if encoding.codec == "libx265" and output.format.name != "matroska":
        context.codec_tag = "hvc1"
    return video


def _frame_rate(film: VideoInfo) -> Fraction:
    """Return the rate to tell an encoder, which plans its bits by it; timestamps decide when a frame is shown."""
    rate = film.average_rate or Fraction(25)
    return min(max(rate, Fraction(1)), Fraction(240)).limit_denominator(1001)
