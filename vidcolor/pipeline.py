"""The main flow: film and stills in, coloured film out. The page to read first."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, nullcontext
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.color import Chroma, working_size
from vidcolor.coloring import ColoredFrame, Still, color_shot, load_stills
from vidcolor.errors import PlanError, VidcolorError, VideoError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.framing import show, show_provenance
from vidcolor.partfile import written_whole
from vidcolor.plan import ColorPlan, make_plan
from vidcolor.propagation import EFFORTS
from vidcolor.readahead import read_ahead
from vidcolor.references import Reference
from vidcolor.reports import Clock, PreviewReport, Report
from vidcolor.sheets import Bytes, SheetRow, lay_out, place_side_by_side, write_png
from vidcolor.upsample import ChromaUpsampler
from vidcolor.video import RgbVideoWriter, VideoInfo, VideoReader, VideoWriter, default_output, write_rgb_video
from vidcolor.video.output import check_output
from vidcolor.weights import Weights

Floats = NDArray[np.float32]
Progress = Callable[[str, int, int | None], None]

_COLORED_AHEAD = 4


class Colorizer:
    """Colours films. Make one with `Colorizer.load()`; it may be used for any number of films."""

    def __init__(self, networks: ExemplarColorizer) -> None:
        self._networks = networks

    @classmethod
    def load(
        cls, weights: Path | Weights | None = None, *, device: str = "auto", temperature: float | None = None
    ) -> "Colorizer":
        """Load the networks.

        Args:
            weights: A weights file, or None for those that came with vidcolor.
            device: `auto`, `cpu`, `cuda`, `cuda:1` and so on.
            temperature: Of the automatic colours, 0.05 (lively, speckled) to 1 (calm); None for what the weights say.

        Raises:
            WeightsError: The weights are missing or damaged.
        """
        return cls(ExemplarColorizer.load(weights, device=device, temperature=temperature))

    def colorize(
        self,
        video: str | Path,
        *,
        references: Sequence[str | Path | Reference] = (),
        output: str | Path | None = None,
        plan: ColorPlan | None = None,
        start: Fraction | None = None,
        end: Fraction | None = None,
        saturation: float = 1.0,
        quality: str = "balanced",
        codec: str = "x264",
        crf: float | None = None,
        preset: str | None = None,
        lossless: bool = False,
        overwrite: bool = False,
        provenance: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Report:
        """Colour a film. Luma, timestamps and all other streams stay as they are.

        Args:
            video: The film.
            references: Colour stills; assigned to frames and shots unless a plan does that.
            output: Default: `film.color.*` beside the film.
            plan: Shots and their stills; made by `make_plan` when None.
            start: First time to colour, in seconds; a plan must have been made for the same segment.
            end: Time to stop before, in seconds.
            saturation: Multiplies the chroma; 1 leaves it as predicted.
            quality: `fast`, `balanced` or `best`, see `propagation.EFFORTS`.
            codec: `x264`, `x265`, `ffv1`, `prores` or `svtav1`.
            crf: Constant rate factor of the codec; None for its default.
            preset: Speed preset of the codec; None for its default.
            lossless: Encode without loss.
            overwrite: Replace an existing output.
            provenance: Write a video of where each colour came from, see `provenance`: .mp4, .mkv or .mov.
            progress: Called with stage, frames done and frames in all.

        Raises:
            VideoError: The film cannot be read or the output cannot be written.
            ReferenceImageError: A still cannot be used.
            PlanError: The plan does not fit the film.
        """
        started = time.perf_counter()
        video, clock = Path(video), Clock()
        _check_options(quality, saturation)
        with VideoReader(video, start=start, end=end) as reader:
            if plan is not None and start is None and end is None:
                _check_length(plan, reader)
            target = Path(output) if output is not None else default_output(reader.info)
            with (
                VideoWriter(
                    target,
                    source=reader.info,
                    codec=codec,
                    crf=crf,
                    preset=preset,
                    lossless=lossless,
                    overwrite=overwrite,
                    start=start,
                    end=end,
                ) as writer,
                _provenance_film(provenance, target, reader.info, overwrite=overwrite) as sources,
            ):
                stills = load_stills([*references, *(plan.stills() if plan else ())], self._networks, reader.info)
                with clock("plan"):
                    plan = plan or self._plan(video, stills, start=start, end=end, progress=progress)
                upsample = ChromaUpsampler(
                    writer.chroma_format, bit_depth=reader.info.bit_depth, full_range=reader.info.full_range
                )
                frames = 0
                colorizer = self if sources is None else Colorizer(self._networks.tracing())
                with closing(colorizer._color(reader, plan, stills, quality, clock)) as colored:
                    for item in colored:
                        if sources is not None:
                            with clock("provenance"):
                                sources.write(show_provenance(item.chroma, item.luma, reader.info))
                        with clock("upsample"):
                            planes = upsample(_saturated(item.chroma, saturation), item.frame.luma, item.luma)
                        with clock("encode"):
                            writer.write(item.frame, planes)
                        frames += 1
                        if progress is not None:
                            progress("color", frames, plan.frames)
                if frames < plan.frames:
                    raise PlanError(
                        f"the film ends after {frames} frames, its plan after {plan.frames} frames",
                        hint="make the plan anew with `vidcolor scenes`",
                    )
        seconds = time.perf_counter() - started
        return Report(
            output=target,
            frames=frames,
            seconds=seconds,
            rate=frames / seconds,
            shots=len(plan.shots),
            network_frames=clock.calls.get("networks", 0),
            stage_seconds=clock.seconds,
            notes=(*plan.notes, *writer.notes),
            warnings=tuple(reader.warnings),
        )

    def preview(
        self,
        video: str | Path,
        *,
        references: Sequence[str | Path | Reference] = (),
        side_by_side: str | Path,
        contact_sheet: str | Path,
        start: Fraction = Fraction(0),
        duration: Fraction = Fraction(5),
        saturation: float = 1.0,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> PreviewReport:
        """Colour a short segment and show it beside the film.

        Args:
            video: The film.
            references: Colour stills; a still bound to a frame is bound to that frame of the whole film.
            side_by_side: MP4 to write: the film left, its colours right.
            contact_sheet: PNG to write: a row for each shot with the film, its still and the result.
            start: First time to show, in seconds.
            duration: Seconds to show.
            saturation: Multiplies the chroma.
            overwrite: Replace existing files.
            progress: Called with stage, frames done and frames in all.
        """
        started = time.perf_counter()
        video, clock, sheet = Path(video), Clock(), Path(contact_sheet)
        _check_options("balanced", saturation)
        with VideoReader(video, start=start, end=start + duration) as reader, written_whole(sheet) as part:
            check_output(sheet, source=video, overwrite=overwrite)
            info = reader.info
            stills = load_stills(references, self._networks, info)
            plan = self._plan(video, stills, start=start, end=start + duration, progress=progress)
            middles = {(shot.start + shot.stop) // 2: shot for shot in plan.shots}
            rows: list[SheetRow] = []

            def pictures() -> Iterator[Bytes]:
                with closing(self._color(reader, plan, stills, "balanced", clock)) as items:
                    for item in items:
                        film, colored = show(item.frame, _saturated(item.chroma, saturation), info)
                        if shot := middles.get(item.frame.index):
                            painted = [stills[planned.path].reference.rgb for planned in shot.references]
                            frames = f"frames {shot.start} to {shot.stop - 1}"
                            caption = f"shot {len(rows) + 1}, {frames}: film, stills, result"
                            rows.append(SheetRow(caption, (film, *painted, colored)))
                        yield place_side_by_side(film, colored)
                        if progress is not None:
                            progress("color", item.frame.index + 1, plan.frames)
                write_png(part, lay_out(rows))  # before the clip gets its name: both appear, or neither

            rate = info.average_rate or Fraction(25)
            write_rgb_video(Path(side_by_side), pictures(), rate=rate, overwrite=overwrite)
        return PreviewReport(
            side_by_side=Path(side_by_side),
            contact_sheet=sheet,
            frames=plan.frames,
            seconds=time.perf_counter() - started,
            notes=tuple(plan.notes),
            warnings=tuple(reader.warnings),
        )

    def _plan(
        self,
        video: Path,
        stills: dict[str, Still],
        *,
        start: Fraction | None,
        end: Fraction | None,
        progress: Progress | None,
    ) -> ColorPlan:
        seen: tuple[Floats, Tensor] | None = None

        def similarity(luma: Floats, reference: Reference) -> float:
            nonlocal seen
            if seen is None or seen[0] is not luma:  # one frame is compared with every still
                size = working_size(*luma.shape[::-1])
                frame = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
                seen = luma, self._networks.coarse_keys(frame)
            return self._networks.similarity(seen[1], stills[reference.key].encoded)

        return make_plan(
            video,
            [still.reference for still in stills.values()],
            start=start,
            end=end,
            similarity=similarity,
            progress=None if progress is None else lambda done, total: progress("plan", done, total),
        )

    def _color(
        self, reader: VideoReader, plan: ColorPlan, stills: dict[str, Still], quality: str, clock: Clock
    ) -> Generator[ColoredFrame, None, None]:
        """Colour the film's frames in order, some ahead of the one that is asked for."""
        return read_ahead(self._shots(reader, plan, stills, quality, clock), _COLORED_AHEAD, name="vidcolor-color")

    def _shots(
        self, reader: VideoReader, plan: ColorPlan, stills: dict[str, Still], quality: str, clock: Clock
    ) -> Iterator[ColoredFrame]:
        """Colour the film shot by shot; nothing is carried from one shot to the next."""
        frames = iter(reader)
        for shot in plan.shots:
            yield from color_shot(
                islice(frames, shot.stop - shot.start),
                reader.info,
                self._networks.shot([stills[planned.path].encoded for planned in shot.references]),
                start=shot.start,
                painted={p.frame: stills[p.path].painted for p in shot.references if p.frame is not None},
                effort=EFFORTS[quality],
                clock=clock,
            )
        if next(frames, None) is not None:
            raise PlanError(
                f"the film goes on after the plan's {plan.frames} frames",
                hint="make the plan anew with `vidcolor scenes`",
            )


def _check_options(quality: str, saturation: float) -> None:
    if quality not in EFFORTS:
        raise VidcolorError(f"unknown quality {quality!r}", hint=f"use one of {', '.join(EFFORTS)}")
    if not 0.0 <= saturation <= 4.0:
        raise VidcolorError(f"saturation {saturation} is outside 0 to 4", hint="1 leaves the colours as they are")


def _check_length(plan: ColorPlan, reader: VideoReader) -> None:
    """Refuse a plan of another length than the whole film, where its frames were counted, before any work."""
    if reader.info.frames in (None, plan.frames):
        return
    # The count by packets does not see damage: only a decode tells whether it is the plan that is wrong.
    if (frames := sum(1 for _ in reader)) != plan.frames:
        raise PlanError(
            f"the plan has {plan.frames} frames, the film {frames}", hint="make the plan anew with `vidcolor scenes`"
        )


def _provenance_film(
    path: str | Path | None, target: Path, info: VideoInfo, *, overwrite: bool
) -> RgbVideoWriter | nullcontext[None]:
    if path is None:
        return nullcontext()
    if Path(path).absolute() == target.absolute():
        raise VideoError(f"{path} is the coloured film", hint="give the provenance a name of its own")
    check_output(Path(path), source=info.path, overwrite=overwrite)
    return RgbVideoWriter(path, rate=info.average_rate or Fraction(25), overwrite=overwrite)


def _saturated(chroma: Chroma, saturation: float) -> Chroma:
    return chroma if saturation == 1.0 else Chroma(chroma.ab * np.float32(saturation), chroma.confidence)
