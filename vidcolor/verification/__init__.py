"""Proof that a coloured film kept its source's luma, times and every other stream.

Pictures are decoded side by side, one at a time. Whether the output is lossless is decided by what it holds: every luma
sample equal, or else the settings that its encoder noted in the bitstream. Every frame of a lossy output is asked
whether it shows the source's, by the mean luma of small squares, and a stretch of it is measured against a plain
transcode at the same settings, where those are known.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from vidcolor.verification.pictures import Pictures, Progress, compare_pictures, stretch_psnr
from vidcolor.verification.streams import compare_shape, compare_streams, compare_tags, earliest_time
from vidcolor.video import VideoReader, plain_transcode
from vidcolor.video.encoders import EncoderSettings
from vidcolor.video.packets import read_packets
from vidcolor.video.timeline import delay_note

__all__ = ["Verification", "verify"]

_PSNR_SLACK = 1.0
"""Decibels that luma may lie below that of a plain transcode: the encoder of a coloured film has colour to keep."""
_MOST_DIFFERENCES = 20
_ALWAYS_LOSSY = ("av1", "libdav1d", "prores")
"""Decoders of codecs that are offered for lossy films alone, and that leave no note of their settings."""


@dataclass(frozen=True)
class Verification:
    """What a comparison found.

    Args:
        ok: Nothing differs that should not.
        lossless: Every luma sample equals the source's, but for frames that are damaged there or may be made of such.
        frames: Frames compared.
        differences: One line each, the first first: at most 20 of the pictures, then at most 20 of the rest.
        psnr_y: PSNR of luma over all frames in dB; None for a lossless output.
        plain_psnr_y: PSNR of luma in a plain transcode of the first seconds; None where none was made.
        stretch_psnr_y: `psnr_y` over those same seconds.
        packets: Packets found equal in the copied streams.
        notes: Streams that the container cannot hold, or holds in another form, and times that it moved.
        warnings: What reading the two films met, such as damage.
    """

    ok: bool
    lossless: bool
    frames: int
    differences: tuple[str, ...]
    psnr_y: float | None
    plain_psnr_y: float | None
    packets: int
    stretch_psnr_y: float | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the fields as JSON holds them."""
        return asdict(self)


def verify(
    source: str | Path, output: str | Path, *, stream: int | None = None, progress: Progress | None = None
) -> Verification:
    """Compare a coloured film with its source: luma, times, all other streams, chapters, tags, shape and colour tags.

    Args:
        source: The film.
        output: The whole film, coloured.
        stream: Number of the source's video stream that was coloured; None for the default one.
        progress: Called with the frames done and in all.

    Raises:
        VideoError: One of them cannot be read.
    """
    source, output = Path(source), Path(output)
    # The writer puts the picture first, whichever of several streams it was; it need not be the default one.
    own = None if stream is None else 0
    with VideoReader(source, stream=stream) as reader, VideoReader(output, stream=own) as result:
        film, made = reader.info, result.info
        container = "matroska" if "matroska" in made.container else "mov" if output.suffix.lower() == ".mov" else "mp4"
        before = read_packets(source, container=container, stream=film.stream)
        after = read_packets(output, container=container, stream=made.stream)
        pictures = compare_pictures(reader, result, earliest=earliest_time(before), progress=progress)
    streams = compare_streams(film, before, after, container=container, shift=pictures.shift)
    differences = [*compare_shape(film, made), *compare_tags(before, after, container=container), *streams.differences]
    notes = list(streams.notes)
    if pictures.shift:
        notes.append(delay_note(container, pictures.shift))
    if pictures.uncaptioned:
        notes.append(f"closed captions in {pictures.uncaptioned} pictures are not in the output")
    if pictures.damaged:
        notes.append(f"{pictures.damaged} damaged frames look otherwise in this decode of the film; they do not count")
    meant_lossless = made.codec not in _ALWAYS_LOSSY and _means_lossless(after.settings, pictures)
    lossless = not pictures.altered or (meant_lossless and not pictures.first_altered)
    plain = None
    if meant_lossless and pictures.beside_damage:
        beside = f"{pictures.beside_damage} other frames of groups of pictures that hold damaged ones"
        notes.append(f"{beside} look otherwise, for they may be made of those; they do not count")
    if meant_lossless and pictures.first_altered:
        pictures.differences.append(pictures.first_altered)
    elif not lossless:
        if after.settings is not None:
            plain = _plain_psnr(source, output.suffix, after.settings, stream)
        reached = pictures.stretch.psnr
        if plain is not None and reached is not None and reached < plain - _PSNR_SLACK:
            differences.append(f"luma PSNR is {reached:.2f} dB where a plain transcode has {plain:.2f} dB")
        if (astray := pictures.astray()) is not None:
            differences.append(astray)
    found = (*pictures.differences[:_MOST_DIFFERENCES], *differences[:_MOST_DIFFERENCES])
    return Verification(
        ok=not found,
        lossless=lossless,
        frames=pictures.frames,
        differences=found,
        psnr_y=None if lossless else pictures.all.psnr,
        plain_psnr_y=plain,
        packets=streams.equal,
        stretch_psnr_y=None if plain is None else pictures.stretch.psnr,
        notes=tuple(notes),
        warnings=tuple(f"{each.info.path.name}: {line}" for each in (reader, result) for line in each.warnings),
    )


def _means_lossless(settings: EncoderSettings | None, pictures: Pictures) -> bool:
    if settings is not None:
        return settings.lossless
    # An encoder that leaves no note: a lossy one does not return most frames bit for bit.
    return pictures.altered * 2 < pictures.frames


def _plain_psnr(source: Path, suffix: str, settings: EncoderSettings, stream: int | None) -> float | None:
    with TemporaryDirectory(prefix="vidcolor-") as folder, VideoReader(source, stream=stream) as reader:
        plain = Path(folder) / f"plain{suffix}"
        return stretch_psnr(
            reader,
            lambda end: plain_transcode(source, plain, **asdict(settings), end=end, stream=stream),
            plain,
        )
