"""The settings with which one film is encoded: its pixel format, tags and chroma planes, and the encoder's options."""

from dataclasses import dataclass
from fractions import Fraction

import av
import av.error

from vidcolor.errors import VideoError
from vidcolor.video.encoders import EncoderSettings, check_fit
from vidcolor.video.info import ChromaFormat, ColorTags, VideoInfo

_SHIFTS = {"420": (1, 1), "422": (1, 0), "444": (0, 0), "440": (0, 1), "411": (2, 0), "410": (2, 2)}
"""Chroma subsampling, across and down, as powers of two."""
_SUBSAMPLINGS = {shifts: name for name, shifts in _SHIFTS.items()}
_FINER_THEN_COARSER = {
    "420": ("422", "444"),
    "422": ("444", "420"),
    "444": ("422", "420"),
    "440": ("444", "422", "420"),
    "411": ("422", "444", "420"),
    "410": ("420", "422", "444"),
}
"""Where an encoder does not take a film's subsampling, the first of these that it takes is written instead."""
_MATRIX_TAGS = {"bt709": 1, "bt601": 6, "smpte240m": 7, "bt2020": 9}
_ONLY_PRORES_DEPTH = 10


@dataclass(frozen=True)
class Encoding:
    """The settings for one film.

    Args:
        codec: FFmpeg's name of the encoder.
        pixel_format: The encoder's input format, planar.
        options: Encoder options.
        tags: Colour tags for the codec context and every frame.
        chroma: The chroma planes to be delivered.
        widen: Bits by which luma is shifted up (ProRes is 10 bit only).
        gop: Frames between keyframes, or None for the encoder's default.
        captions: Closed captions of the pictures come through.
        notes: What differs from the source and why.
    """

    codec: str
    pixel_format: str
    options: dict[str, str]
    tags: ColorTags
    chroma: ChromaFormat
    widen: int
    gop: int | None
    captions: bool
    notes: tuple[str, ...]


def choose_encoding(film: VideoInfo, settings: EncoderSettings, *, container: str) -> Encoding:
    """Choose format and options for a film, keeping its luma values, range, tags and chroma subsampling.

    Args:
        film: The source.
        settings: Of the encoder.
        container: FFmpeg's name of the output container.

    Raises:
        VideoError: The encoder has no such settings, or it or the container cannot hold this film.
    """
    codec, encoder, rate = settings.codec, settings.encoder, settings.rate_options()
    check_fit(film, settings, container=container)
    depth = _ONLY_PRORES_DEPTH if codec == "prores" else film.bit_depth
    subsampling, notes = _choose_subsampling(film, settings, depth)
    pixel_format = _pixel_format(subsampling, depth)
    options = {**encoder.options, **rate, **_film_options(film, codec, pixel_format)}
    if film.bit_depth < depth:
        notes.append(f"luma is widened from {film.bit_depth} to {depth} bit, the only depth of ProRes")
    if film.hdr:
        with_hdr = film.hdr.options(encoder.codec, options)
        if with_hdr is None:
            notes.append(f"{codec} does not carry the mastering display and light levels of HDR; x264 and x265 do")
        options = with_hdr or options
    return Encoding(
        codec=encoder.codec,
        pixel_format=pixel_format,
        options=options,
        tags=_tags(film),
        chroma=_chroma_format(film, subsampling, depth),
        widen=depth - film.bit_depth,
        gop=1 if codec == "ffv1" else None,
        captions=encoder.captions,
        notes=tuple(notes),
    )


def _pixel_format(subsampling: str, depth: int) -> str:
    return f"yuv{subsampling}p" + (f"{depth}le" if depth > 8 else "")


def _tags(film: VideoInfo) -> ColorTags:
    """Return the colour tags of a film as it is written: as Y'CbCr, where it is stored as RGB."""
    matrix = _MATRIX_TAGS[film.matrix] if film.rgb else film.tags.matrix
    return ColorTags(
        2 if film.full_range else film.tags.range,
        2 if matrix in (0, 3) else matrix,
        film.tags.primaries,
        film.tags.transfer,
    )


def _chroma_format(film: VideoInfo, subsampling: str, depth: int) -> ChromaFormat:
    log2_x, log2_y = _SHIFTS[subsampling]
    return ChromaFormat(
        width=-(-film.width >> log2_x),
        height=-(-film.height >> log2_y),
        bit_depth=depth,
        full_range=film.full_range,
        matrix=film.matrix,
        siting=film.siting,
        log2_x=log2_x,
        log2_y=log2_y,
        interlaced=film.interlaced,
    )


def _film_options(film: VideoInfo, codec: str, pixel_format: str) -> dict[str, str]:
    """Return the encoder options that depend on the film."""
    if codec == "x264" and film.interlaced and not film.top_field_first:
        # Fields flagged bottom first on the pictures alone give a stream that decodes to other pixels (measured).
        return {"x264-params": "bff=1"}
    if codec == "ffv1":
        return ffv1_slices(film.width, film.height, pixel_format)
    if codec == "prores":
        return {"profile": "4444" if pixel_format.startswith("yuv444") else "hq"}
    return {}


def ffv1_slices(width: int, height: int, pixel_format: str) -> dict[str, str]:
    """Return the option for the slices that FFV1 encodes in parallel, empty to let it choose.

    Left to itself FFV1 takes the first number that works. It refuses any other where a row or column of chroma would be
    cut in two, as at many odd sizes: 161x119 in four.
    """
    wanted: dict[str, str] = {"slices": "16" if height >= 720 else "4"}
    for options in (wanted, {}):
        trial = av.VideoCodecContext.create("ffv1", "w")
        trial.width, trial.height, trial.pix_fmt = width, height, pixel_format
        trial.time_base = Fraction(1, 25)
        trial.options = {"level": "3", **options}
        try:
            trial.open()
        except (av.error.FFmpegError, ValueError):
            continue
        return options
    return {"slices": "1"}


def _choose_subsampling(film: VideoInfo, settings: EncoderSettings, depth: int) -> tuple[str, list[str]]:
    """Return the chroma subsampling to write, such as 420, and notes on how it differs from the film's.

    Raises:
        VideoError: The encoder takes the film's size and depth in none.
    """
    codec, encoder = settings.codec, settings.encoder
    source = "420" if film.grey else _SUBSAMPLINGS.get((film.log2_x, film.log2_y), "444")
    if film.grey and (film.width % 2 or film.height % 2):
        source = "444"
    formats = {form.name for form in av.Codec(encoder.codec, "w").video_formats or ()}
    for name in (source, *_FINER_THEN_COARSER[source]):
        log2_x, log2_y = _SHIFTS[name]
        divides = film.width % (1 << log2_x) == 0 and film.height % (1 << log2_y) == 0
        if _pixel_format(name, depth) in formats and (divides or encoder.odd_sizes):
            break
    else:
        raise VideoError(
            f"{codec} cannot hold a {film.width}x{film.height} film of {film.bit_depth} bit",
            hint="choose ffv1 or x264, which take odd sizes",
        )
    notes = []
    if film.rgb:
        notes.append(f"the film is stored as RGB ({film.pixel_format}); it is written as full-range bt709 Y'CbCr 4:4:4")
    elif not film.grey and name != source:
        reason = "an odd size" if film.width % 2 or film.height % 2 else f"a film in {_colons(source)}"
        notes.append(f"chroma is written as {_colons(name)}: {codec} does not take {reason}; luma is unchanged")
    elif film.grey:
        notes.append(f"the film has no chroma planes ({film.pixel_format}); it is written as {_colons(name)}")
    return name, notes


def _colons(subsampling: str) -> str:
    return ":".join(subsampling)
