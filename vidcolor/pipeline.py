"""The main flow: film and stills in, coloured film out. The page to read first."""

import time
from collections.abc import Iterable, Sequence
from contextlib import closing, nullcontext
from fractions import Fraction
from pathlib import Path

from vidcolor.delivery import ChromaDelivery
from vidcolor.errors import PlanError, VideoError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.filmwork import color_film
from vidcolor.framing import show_provenance
from vidcolor.jobs import Job
from vidcolor.partfile import written_whole
from vidcolor.places import real_place
from vidcolor.plan import ColorPlan
from vidcolor.plan.segment import PLAN_ANEW
from vidcolor.planning import Progress
from vidcolor.previewing import PreviewPictures, beginning
from vidcolor.references import Reference
from vidcolor.reports import Clock, PreviewReport, Report, refuse_warnings
from vidcolor.runs import check_options, prepare_run
from vidcolor.sheets import check_picture, lay_out, write_picture
from vidcolor.shotframes import ColoredFrame
from vidcolor.video import RgbVideoWriter, VideoInfo, VideoReader, VideoWriter, default_output, probe
from vidcolor.video.output import check_writable
from vidcolor.weights import Weights


class Colorizer:
    """Colours films. Make one with `Colorizer.load()`; it may be used for any number of films."""

    def __init__(self, networks: ExemplarColorizer) -> None:
        self._networks = networks

    @classmethod
    def load(
        cls, weights: str | Path | Weights | None = None, *, device: str = "auto", temperature: float | None = None
    ) -> "Colorizer":
        """Load the networks, and make the whole process ready for them, see `device.prepare_process`.

        Args:
            weights: A weights file, already loaded weights, or None for those that came with vidcolor.
            device: `auto`, `cpu`, `cuda`, `cuda:1` and so on.
            temperature: Of the automatic colours, 0.05 (lively, speckled) to 1 (calm); None for what the weights say.

        Raises:
            WeightsError: The weights are missing, damaged or made for another network.
            VidcolorError: The device is unknown or not there, or the temperature out of range.
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
        keep_color: bool = False,
        quality: str = "balanced",
        codec: str = "x264",
        crf: float | None = None,
        preset: str | None = None,
        lossless: bool = False,
        overwrite: bool = False,
        stream: int | None = None,
        verify_input: bool = False,
        strict: bool = False,
        job: str | Path | None = None,
        fresh: bool = False,
        threads: int | None = None,
        provenance: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Report:
        """Colour a film. Luma, timestamps and all other streams stay as they are.

        Args:
            video: The film.
            references: Colour stills; assigned to frames and shots unless a plan does that.
            output: Default: `film.color.*` beside the film.
            plan: Shots and their stills; those not painted yet are left out. None has one made by `make_plan`.
            start: First time to colour, in seconds; a plan may have been made for the film or for the same segment.
            end: Time to stop before, in seconds.
            saturation: Multiplies the chroma, after that of the plan; 1 leaves it as predicted.
            keep_color: Leave shots that are in colour already as they are.
            quality: `fast`, `balanced` or `best`, see `propagation.EFFORTS`.
            codec: `x264`, `x265`, `ffv1`, `prores` or `svtav1`.
            crf: Constant rate factor of the codec; None for its default.
            preset: Speed preset of the codec; None for its default.
            lossless: Encode without loss.
            overwrite: Replace an existing output.
            stream: Number of the video stream, where the film has several.
            verify_input: Decode the film once more beforehand, to find damage that a decoder passes over in silence.
            strict: Fail where else the report has warnings; nothing is then left under the output's name.
            job: Folder in which the work is kept, see `vidcolor.jobs`: shots that it holds are not coloured again. None
                keeps nothing.
            fresh: Forget what the job holds.
            threads: Of the decoder and of the encoder, each; None lets them choose. x264 divides its work by them, so
                that another number gives other losses.
            provenance: Write a video of where each colour came from, see `provenance`: .mp4, .mkv or .mov. Then no
                job is used, for a job keeps colours alone.
            progress: Called with stage, frames done and frames in all.

        Raises:
            VideoError: The film cannot be read, or the output or the job cannot be written.
            VidcolorError: `strict` met a warning.
            ReferenceImageError: A still cannot be used.
            PlanError: The plan does not fit the film.
        """
        started, clock = time.perf_counter(), Clock()
        check_options(quality, saturation)
        with (
            VideoReader(video, start=start, end=end, stream=stream, threads=threads) as reader,
            nullcontext() if job is None or provenance is not None else Job(Path(job), fresh=fresh) as work,
        ):
            target = Path(output) if output is not None else default_output(reader.info, codec=codec)
            writer = VideoWriter(
                target,
                source=reader.info,
                codec=codec,
                crf=crf,
                preset=preset,
                lossless=lossless,
                overwrite=overwrite,
                start=start,
                end=end,
                threads=threads,
            )
            if work is not None:
                work.names(writer.part)
            with writer, _provenance_film(provenance, target, reader.info, overwrite=overwrite) as sources:
                networks = self._networks if sources is None else self._networks.tracing()
                run = prepare_run(
                    reader,
                    networks,
                    quality=quality,
                    plan=plan,
                    given=references,
                    keep_color=keep_color,
                    job=work,
                    verify_input=verify_input,
                    strict=strict,
                    clock=clock,
                    progress=progress,
                )
                bound = run.bound_stills(reader.info, first=0 if start is None else None, strict=strict)
                deliver = ChromaDelivery(reader.info, run.plan, writer.chroma_format, saturation=saturation)
                colors = color_film(
                    reader, run.plan, run.stills, networks, quality=quality, clock=clock, job=work, look=bound.look
                )
                with closing(colors):
                    _write(
                        colors,
                        deliver,
                        writer,
                        sources,
                        info=reader.info,
                        frames=run.plan.frames,
                        clock=clock,
                        progress=progress,
                    )
                writer.finish()
                damage = [*reader.warnings, *writer.warnings]
                refuse_warnings(reader.info.path, damage, strict=strict)
        untraced = [f"provenance is traced anew: {job} was neither used nor added to"] if job and provenance else []
        frames, seconds = run.plan.frames, time.perf_counter() - started
        job_bytes, unused = (0, 0) if work is None else work.size()
        return Report(
            output=target,
            frames=frames,
            seconds=seconds,
            rate=frames / seconds,
            shots=len(run.plan.shots),
            shots_reused=0 if work is None else work.reused,
            shots_colored=sum(shot.colored for shot in run.plan.shots) if work is None else work.colored,
            job=None if work is None else work.folder,
            job_bytes=job_bytes,
            job_bytes_unused=unused,
            network_frames=clock.calls.get("networks", 0),
            stage_seconds=clock.seconds,
            notes=(*run.notes, *writer.notes, *deliver.notes, *(() if work is None else work.remarks), *untraced),
            warnings=(*run.warnings, *bound.warnings, *damage),
        )

    def preview(
        self,
        video: str | Path,
        *,
        references: Sequence[str | Path | Reference] = (),
        side_by_side: str | Path,
        contact_sheet: str | Path,
        plan: ColorPlan | None = None,
        start: Fraction | None = None,
        duration: Fraction = Fraction(5),
        saturation: float = 1.0,
        keep_color: bool = False,
        overwrite: bool = False,
        stream: int | None = None,
        provenance: bool = False,
        progress: Progress | None = None,
    ) -> PreviewReport:
        """Colour a short segment and show it beside the film.

        Args:
            video: The film.
            references: Colour stills; a still bound to a frame is bound to that frame of the whole film.
            side_by_side: MP4 to write: the film left, its colours beside it.
            contact_sheet: PNG or JPEG to write: a row for each shot with the film, its stills by name and the
                result, under the film's own numbers and time.
            plan: Shots and their stills of the film, or of this segment of it; made when None.
            start: First time to show, in seconds; None for the film's first frame.
            duration: Seconds to show.
            saturation: Multiplies the chroma.
            keep_color: Leave shots that are in colour already as they are.
            overwrite: Replace existing files.
            stream: Number of the video stream, where the film has several.
            provenance: Show in both, right of the result, where each colour came from, see `provenance`.
            progress: Called with stage, frames done and frames in all.

        Raises:
            VideoError: The film cannot be read, or the clip or the sheet cannot be written.
            ReferenceImageError: A still cannot be used.
            PlanError: The plan does not fit the film.
        """
        started, sheet = time.perf_counter(), Path(contact_sheet)
        check_options("balanced", saturation)
        end = (probe(video, stream=stream).start or Fraction(0) if start is None else start) + duration
        with VideoReader(video, start=start, end=end, stream=stream) as reader, written_whole(sheet) as part:
            info = reader.info
            for made in (Path(side_by_side), sheet):
                check_writable(made, source=info.path, overwrite=overwrite)
            check_picture(sheet)
            networks = self._networks.tracing() if provenance else self._networks
            run = prepare_run(
                reader,
                networks,
                quality="balanced",
                plan=plan,
                given=references,
                keep_color=keep_color,
                progress=progress,
            )
            first, shot = beginning(run.whole, info, start=start)
            pictures = PreviewPictures(
                info, run.plan, run.stills, saturation=saturation, provenance=provenance, first=first, shot=shot
            )
            rate = info.average_rate or Fraction(25)
            bound = run.bound_stills(info, first=first)
            colors = color_film(
                reader, run.plan, run.stills, networks, quality="balanced", clock=Clock(), look=bound.look
            )
            with RgbVideoWriter(side_by_side, rate=rate, overwrite=overwrite) as clip, closing(colors):
                for item in colors:
                    clip.write(pictures.side_by_side(item))
                    if progress is not None:
                        progress("color", item.frame.index + 1, run.plan.frames)
                # Before the clip is finished: both appear, or neither.
                write_picture(part, lay_out(pictures.rows), final=sheet)
        return PreviewReport(
            side_by_side=Path(side_by_side),
            contact_sheet=sheet,
            frames=run.plan.frames,
            seconds=time.perf_counter() - started,
            notes=run.notes,
            warnings=(*run.warnings, *bound.warnings, *reader.warnings),
        )


def _write(
    colors: Iterable[ColoredFrame],
    deliver: ChromaDelivery,
    writer: VideoWriter,
    sources: RgbVideoWriter | None,
    *,
    info: VideoInfo,
    frames: int,
    clock: Clock,
    progress: Progress | None,
) -> None:
    """Write a film of so many frames, and where its colours come from if there is a clip for that.

    Raises:
        PlanError: The film ends before the plan.
    """
    written = 0
    for written, item in enumerate(colors, 1):
        if sources is not None:
            with clock("provenance"):
                sources.write(show_provenance(item.chroma, item.luma, info))
        with clock("upsample"):
            planes = deliver(item)
        with clock("encode"):
            writer.write(item.frame, planes)
        if progress is not None:
            progress("color", written, frames)
    if written < frames:
        raise PlanError(
            f"the film ends after {written} frames, its plan after {frames} frames",
            hint=PLAN_ANEW,
        )


def _provenance_film(
    path: str | Path | None, target: Path, info: VideoInfo, *, overwrite: bool
) -> RgbVideoWriter | nullcontext[None]:
    if path is None:
        return nullcontext()
    if real_place(Path(path)) == real_place(target):
        raise VideoError(f"{path} is the coloured film", hint="give the provenance a name of its own")
    check_writable(Path(path), source=info.path, overwrite=overwrite)
    return RgbVideoWriter(path, rate=info.average_rate or Fraction(25), overwrite=overwrite)
