"""The encoders, what each can hold, and the choice of one setting for one film.

The default is x264 at crf 17, preset medium: visually lossless on film grain, and plays everywhere. `lossless` gives
x264 qp=0 (not crf=0, which alters 10 bit), x265 lossless=1 or FFV1; the film's luma then comes back bit for bit.
SVT-AV1's lossless mode was measured to alter luma in 4 of 31 films and is not offered; ProRes has none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import av
import av.error

from vidcolor.errors import VideoError
from vidcolor.video.info import ChromaFormat, ColorTags, VideoInfo

_SUBSAMPLINGS = {(1, 1): "420", (1, 0): "422", (0, 0): "444", (0, 1): "440", (2, 0): "411", (2, 2): "410"}
_FINER_THEN_COARSER = {
    "420": ("422", "444"),
    "422": ("444", "420"),
    "444": ("422", "420"),
    "440": ("444", "422", "420"),
    "411": ("422", "444", "420"),
    "410": ("420", "422", "444"),
}
_MATRIX_TAGS = {"bt709": 1, "bt601": 6, "smpte240m": 7, "bt2020": 9}
_NAMED_PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
)  # fmt: skip
_STRIP = 26, 64
"""SVT-AV1 4.1 waits for ever for pictures less high or wide than that, and wider or higher than that (measured)."""
_NUMBERED_PRESETS = tuple(str(number) for number in range(14))


@dataclass(frozen=True)
class Encoder:
    """One encoder as the user sees it.

    Args:
        codec: FFmpeg's name of the encoder.
        containers: FFmpeg's names of the containers that hold it.
        depths: Bit depths that it stores unchanged.
        crf: Default constant rate factor; None where there is none.
        crf_range: Lowest and highest rate factor allowed.
        preset: Default preset; None where there are none.
        presets: All presets.
        lossless: How lossless is asked for: an option and its value; None where it is not exact.
        always_lossless: It has no other mode.
        interlaced: It keeps field flags.
        odd_sizes: It takes odd sizes in subsampled formats.
        bitstream_sar: Its bitstream itself holds the sample aspect ratio.
        captions: Its bitstream holds the closed captions of pictures.
        options: Of the encoder, whatever the user asks for.
    """

    codec: str
    containers: tuple[str, ...]
    depths: tuple[int, ...]
    crf: float | None = None
    crf_range: tuple[float, float] = (1, 51)
    preset: str | None = None
    presets: tuple[str, ...] = ()
    lossless: tuple[str, str] | None = None
    always_lossless: bool = False
    interlaced: bool = False
    odd_sizes: bool = False
    bitstream_sar: bool = False
    captions: bool = False
    options: dict[str, str] = field(default_factory=dict)


ENCODERS = {
    "x264": Encoder(
        "libx264", ("matroska", "mp4", "mov"), (8, 10), 17, (1, 51), "medium", _NAMED_PRESETS, ("qp", "0"),
        interlaced=True, bitstream_sar=True, captions=True,
    ),
    "x265": Encoder(
        "libx265", ("matroska", "mp4", "mov"), (8, 10, 12), 18, (1, 51), "medium", _NAMED_PRESETS,
        ("x265-params", "lossless=1"), bitstream_sar=True, captions=True,
        options={"x265-params": "log-level=none", "a53cc": "1"},
    ),
    "ffv1": Encoder(
        "ffv1", ("matroska",), (8, 9, 10, 12, 14, 16), always_lossless=True, interlaced=True, odd_sizes=True,
        options={"level": "3", "slicecrc": "1"},
    ),
    "prores": Encoder("prores_ks", ("mov", "matroska"), (8, 10), interlaced=True, odd_sizes=True),
    "svtav1": Encoder("libsvtav1", ("matroska", "mp4"), (8, 10), 24, (1, 63), "8", _NUMBERED_PRESETS),
}  # fmt: skip


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


def choose_encoding(
    film: VideoInfo, *, container: str, codec: str, crf: float | None, preset: str | None, lossless: bool
) -> Encoding:
    """Choose format and options for a film, keeping its luma values, range, tags and chroma subsampling.

    Args:
        film: The source.
        container: FFmpeg's name of the output container.
        codec: x264, x265, ffv1, prores or svtav1.
        crf: Rate factor; None takes the encoder's default.
        preset: Speed preset; None takes the encoder's default.
        lossless: Ask for an exact encode.

    Raises:
        VideoError: The encoder or the container cannot hold this film.
    """
    if codec not in ENCODERS:
        raise VideoError(f"unknown codec {codec!r}", hint=f"choose one of {', '.join(ENCODERS)}")
    encoder = ENCODERS[codec]
    options = {**encoder.options, **_rate_options(codec, encoder, crf, preset, lossless)}
    _check_fit(film, codec, encoder, container)
    if codec == "x264" and film.interlaced and not film.top_field_first:
        # Fields flagged bottom first on the pictures alone give a stream that decodes to other pixels (measured).
        options["x264-params"] = ":".join(filter(None, (options.get("x264-params"), "bff=1")))
    depth = 10 if codec == "prores" else film.bit_depth
    subsampling, notes = _choose_subsampling(film, codec, encoder, depth)
    pixel_format = f"yuv{subsampling}p" + (f"{depth}le" if depth > 8 else "")
    if codec == "ffv1":
        options.update(_slices(film, pixel_format))
    if codec == "prores":
        options["profile"] = "4444" if subsampling == "444" else "hq"
        if film.bit_depth < depth:
            notes.append(f"luma is widened from {film.bit_depth} to {depth} bit, the only depth of ProRes")
    if film.hdr:
        with_hdr = film.hdr.options(encoder.codec, options)
        if with_hdr is None:
            notes.append(f"{codec} does not carry the mastering display and light levels of HDR; x264 and x265 do")
        options = with_hdr or options
    log2_x, log2_y = next(shifts for shifts, name in _SUBSAMPLINGS.items() if name == subsampling)
    matrix_tag = _MATRIX_TAGS[film.matrix] if film.rgb else film.tags.matrix
    return Encoding(
        codec=encoder.codec,
        pixel_format=pixel_format,
        options=options,
        tags=ColorTags(
            2 if film.full_range else film.tags.range,
            2 if matrix_tag in (0, 3) else matrix_tag,
            film.tags.primaries,
            film.tags.transfer,
        ),
        chroma=ChromaFormat(
            width=-(-film.width >> log2_x),
            height=-(-film.height >> log2_y),
            bit_depth=depth,
            full_range=film.full_range,
            matrix=film.matrix,
            siting=film.siting,
            log2_x=log2_x,
            log2_y=log2_y,
            interlaced=film.interlaced,
        ),
        widen=depth - film.bit_depth,
        gop=1 if codec == "ffv1" else None,
        captions=encoder.captions,
        notes=tuple(notes),
    )


def check_settings(codec: str, *, crf: float | None, preset: str | None, lossless: bool) -> None:
    """Refuse settings that a codec has for no film at all; the arguments are those of `choose_encoding`.

    Raises:
        VideoError: There is no such codec, or it has no such rate factor, preset or lossless mode.
    """
    if codec not in ENCODERS:
        raise VideoError(f"unknown codec {codec!r}", hint=f"choose one of {', '.join(ENCODERS)}")
    _rate_options(codec, ENCODERS[codec], crf, preset, lossless)


def _rate_options(name: str, encoder: Encoder, crf: float | None, preset: str | None, lossless: bool) -> dict[str, str]:
    options: dict[str, str] = {}
    if preset is not None and preset not in encoder.presets:
        allowed = ", ".join(encoder.presets) or "none: leave it out"
        raise VideoError(f"{name} has no preset {preset!r}", hint=f"presets of {name}: {allowed}")
    if preset or encoder.preset:
        options["preset"] = preset or encoder.preset or ""
    if encoder.crf is None:
        if crf is not None:
            raise VideoError(f"{name} has no rate factor", hint="leave --crf out, or choose x264, x265 or svtav1")
        if lossless and not encoder.always_lossless:
            raise VideoError(f"{name} is never lossless", hint="choose ffv1, x264 or x265 for a lossless film")
        return options
    if lossless:
        if encoder.lossless is None:
            raise VideoError(f"{name} is not exact in its lossless mode", hint="choose ffv1, x264 or x265")
        if crf is not None:
            raise VideoError("a lossless encode has no rate factor", hint="give either --lossless or --crf")
        key, value = encoder.lossless
        options[key] = ":".join(filter(None, (encoder.options.get(key), value)))
        return options
    low, high = encoder.crf_range
    rate = encoder.crf if crf is None else crf
    if not low <= rate <= high:
        raise VideoError(
            f"crf {rate:g} is outside {low:g} to {high:g} for {name}", hint="for an exact film: --lossless"
        )
    options["crf"] = f"{rate:g}"
    return options


def _check_fit(film: VideoInfo, codec: str, encoder: Encoder, container: str) -> None:
    if container not in encoder.containers:
        raise VideoError(f"{container} does not hold {codec}", hint=f"name the output {_suffixes(encoder.containers)}")
    if film.bit_depth not in encoder.depths:
        fitting = [name for name, other in ENCODERS.items() if film.bit_depth in other.depths]
        raise VideoError(
            f"the film has {film.bit_depth} bit luma; {codec} holds {', '.join(map(str, encoder.depths))} bit",
            hint=f"choose {' or '.join(fitting)} to keep the luma",
        )
    if codec == "svtav1" and min(film.width, film.height) < _STRIP[0] and max(film.width, film.height) > _STRIP[1]:
        raise VideoError(f"svtav1 hangs on a film of {film.width}x{film.height}", hint="choose x264")
    if film.interlaced and not encoder.interlaced:
        raise VideoError(f"the film is interlaced; {codec} loses its field flags", hint="choose x264 or ffv1")
    if film.sar != 1 and container == "matroska" and not encoder.bitstream_sar:
        raise VideoError(
            f"the film's pixels are {film.sar.numerator}:{film.sar.denominator}; {codec} in mkv loses that",
            hint="choose x264 or x265 (with --lossless for an exact film)",
        )
    if codec == "prores" and film.full_range:
        raise VideoError("the film is full range; prores loses that", hint="choose x264, x265 or ffv1")


def _slices(film: VideoInfo, pixel_format: str) -> dict[str, str]:
    """Return the option for the slices that FFV1 encodes in parallel, empty to let it choose.

    Left to itself FFV1 takes the first number that works. It refuses any other where a row or column of chroma would be
    cut in two, as at many odd sizes: 161x119 in four.
    """
    wanted: dict[str, str] = {"slices": "16" if film.height >= 720 else "4"}
    for options in (wanted, {}):
        trial = av.VideoCodecContext.create("ffv1", "w")
        trial.width, trial.height, trial.pix_fmt = film.width, film.height, pixel_format
        trial.time_base = film.time_base
        trial.options = {"level": "3", **options}
        try:
            trial.open()
        except (av.error.FFmpegError, ValueError):
            continue
        return options
    return {"slices": "1"}


def _choose_subsampling(film: VideoInfo, codec: str, encoder: Encoder, depth: int) -> tuple[str, list[str]]:
    source = "420" if film.grey else _SUBSAMPLINGS.get((film.log2_x, film.log2_y), "444")
    if film.grey and (film.width % 2 or film.height % 2):
        source = "444"
    formats = {form.name for form in av.Codec(encoder.codec, "w").video_formats or ()}
    for name in (source, *_FINER_THEN_COARSER[source]):
        log2_x, log2_y = next(shifts for shifts, each in _SUBSAMPLINGS.items() if each == name)
        divides = film.width % (1 << log2_x) == 0 and film.height % (1 << log2_y) == 0
        if f"yuv{name}p" + (f"{depth}le" if depth > 8 else "") in formats and (divides or encoder.odd_sizes):
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


def frame_rate(film: VideoInfo) -> Fraction:
    """Return the rate to tell an encoder, which plans its bits by it; time stamps decide what is shown."""
    rate = film.average_rate or Fraction(25)
    return min(max(rate, Fraction(1)), Fraction(240)).limit_denominator(1001)


def other_codec(codec: str, film: VideoInfo) -> str:
    """Return what to try where an encoder refuses a film's size."""
    # Of 1 to 33 by 1 to 30,000 pixels FFV1 refused some 1 to 13 wide (1x360, 4x719); x264 took all up to 16,384.
    if codec == "ffv1" or (codec != "libx264" and min(film.width, film.height) < 16):
        return "try x264"
    return "try ffv1 in an .mkv output, it takes any size from 16x16 on"


def _colons(subsampling: str) -> str:
    return ":".join(subsampling)


def _suffixes(containers: tuple[str, ...]) -> str:
    return " or ".join({"matroska": ".mkv", "mp4": ".mp4", "mov": ".mov"}[each] for each in containers)
