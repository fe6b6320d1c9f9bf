"""The encoders that a film can be written with: what each of them holds, and the settings that it takes.

The default is x264 at crf 17, preset medium: visually lossless on film grain, and plays everywhere. `lossless` gives
x264 qp=0 (not crf=0, which alters 10 bit), x265 lossless=1 or FFV1; the film's luma then comes back bit for bit.
SVT-AV1's lossless mode was measured to alter luma in 4 of 31 films and is not offered; ProRes has none.
"""

from dataclasses import dataclass, field

from vidcolor.errors import VideoError
from vidcolor.video.info import VideoInfo

_NAMED_PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
)  # fmt: skip
_NUMBERED_PRESETS = tuple(str(number) for number in range(14))
_THIN, _LONG = 26, 64
"""SVT-AV1 4.1 waits for ever where one side of the picture is shorter than the first and the other longer than the
second, in pixels (measured)."""


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
class EncoderSettings:
    """How a film's picture is to be encoded, or was, as the encoder noted it in the bitstream.

    Checked when they are used, not when they are made: what other programs wrote may be none that is offered here.

    Args:
        codec: One of `ENCODERS`.
        crf: Rate factor; None for the encoder's default, or where none was noted.
        preset: Speed preset; None for the encoder's default, or where none was known by the options that were noted.
        lossless: An exact encode is asked for.
    """

    codec: str = "x264"
    crf: float | None = None
    preset: str | None = None
    lossless: bool = False

    @property
    def encoder(self) -> Encoder:
        """The encoder of the codec.

        Raises:
            VideoError: There is no such codec.
        """
        if self.codec not in ENCODERS:
            raise VideoError(f"unknown codec {self.codec!r}", hint=f"choose one of {', '.join(ENCODERS)}")
        return ENCODERS[self.codec]

    def rate_options(self) -> dict[str, str]:
        """Return the encoder options that ask for this rate factor, speed and exactness, whatever the film.

        Raises:
            VideoError: There is no such codec, or it has no such rate factor, preset or lossless mode.
        """
        codec, encoder = self.codec, self.encoder
        options: dict[str, str] = {}
        if self.preset is not None and self.preset not in encoder.presets:
            allowed = ", ".join(encoder.presets) or "none: leave it out"
            raise VideoError(f"{codec} has no preset {self.preset!r}", hint=f"presets of {codec}: {allowed}")
        if self.preset or encoder.preset:
            options["preset"] = self.preset or encoder.preset or ""
        if encoder.crf is None:
            if self.crf is not None:
                raise VideoError(f"{codec} has no rate factor", hint="leave --crf out, or choose x264, x265 or svtav1")
            if self.lossless and not encoder.always_lossless:
                raise VideoError(f"{codec} is never lossless", hint="choose ffv1, x264 or x265 for a lossless film")
            return options
        if self.lossless:
            if encoder.lossless is None:
                raise VideoError(f"{codec} is not exact in its lossless mode", hint="choose ffv1, x264 or x265")
            if self.crf is not None:
                raise VideoError("a lossless encode has no rate factor", hint="give either --lossless or --crf")
            key, value = encoder.lossless
            options[key] = ":".join(filter(None, (encoder.options.get(key), value)))
            return options
        low, high = encoder.crf_range
        rate = encoder.crf if self.crf is None else self.crf
        if not low <= rate <= high:
            raise VideoError(
                f"crf {rate:g} is outside {low:g} to {high:g} for {codec}", hint="for an exact film: --lossless"
            )
        options["crf"] = f"{rate:g}"
        return options


def check_fit(film: VideoInfo, settings: EncoderSettings, *, container: str) -> None:
    """Refuse a film that cannot be written so into a container without a loss other than that of its rate.

    Args:
        film: The source.
        settings: Of the encoder.
        container: FFmpeg's name of the output container.

    Raises:
        VideoError: The container does not hold the codec, or the codec not the film.
    """
    codec, encoder = settings.codec, settings.encoder
    if container not in encoder.containers:
        raise VideoError(f"{container} does not hold {codec}", hint=f"name the output {_suffixes(encoder.containers)}")
    if film.bit_depth not in encoder.depths:
        fitting = [name for name, other in ENCODERS.items() if film.bit_depth in other.depths]
        raise VideoError(
            f"the film has {film.bit_depth} bit luma; {codec} holds {', '.join(map(str, encoder.depths))} bit",
            hint=f"choose {' or '.join(fitting)} to keep the luma",
        )
    if codec == "svtav1" and min(film.width, film.height) < _THIN and max(film.width, film.height) > _LONG:
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


def other_codec(codec: str, film: VideoInfo) -> str:
    """Return what to try where an encoder, by FFmpeg's name, refuses a film's size."""
    # Of 1 to 33 by 1 to 30,000 pixels FFV1 refused some 1 to 13 wide (1x360, 4x719); x264 took all up to 16,384.
    if codec == "ffv1" or (codec != "libx264" and min(film.width, film.height) < 16):
        return "try x264"
    return "try ffv1 in an .mkv output, it takes any size from 16x16 on"


def _suffixes(containers: tuple[str, ...]) -> str:
    return " or ".join({"matroska": ".mkv", "mp4": ".mp4", "mov": ".mov"}[each] for each in containers)
