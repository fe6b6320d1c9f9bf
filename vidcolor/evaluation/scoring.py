"""How good a coloured film is, beside the trivial answers.

They are grey, a global colour transfer, the nearest neighbour in untrained features, and flow alone.

Pictures are scored frame by frame against the truth, both decoded to 8-bit RGB by their own matrix, range and siting.
Frames that served as references are left out of these scores. Steadiness (CDC, warp error, static flicker) compares
neighbours inside shots and looks at every frame. The truth's own value is its floor: less is no gain, since grey is
steadiest of all. It means nothing without colourfulness and CIEDE2000 beside it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from vidcolor.errors import VideoError
from vidcolor.evaluation.baselines import Canvas, trivial_colours
from vidcolor.evaluation.pictures import Bytes, luma_of, picture
from vidcolor.evaluation.scores import Scores
from vidcolor.evaluation.steadiness import Motion, ShotMotion
from vidcolor.evaluation.survey import ONE_LENGTH, Survey, pairs, require_cover, survey
from vidcolor.evaluation.tally import NAMES, ShotTally, row_of
from vidcolor.metrics import SSIM_WINDOW
from vidcolor.shots import Shot
from vidcolor.video import Frame, VideoInfo, VideoReader, count_frames
from vidcolor.video.numbering import decoded_times

if TYPE_CHECKING:
    from vidcolor.evaluation.lpips import Lpips

Luma = Literal["truth", "film"]


def evaluate(
    result: Path,
    truth: Path,
    *,
    references: Collection[int] = (0,),
    shots: Sequence[Shot] | None = None,
    every: int = 1,
    luma: Luma = "truth",
    lpips: Path | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    show: Callable[[int, Mapping[str, Bytes]], None] | None = None,
) -> Scores:
    """Score a coloured film against its truth, shot by shot and as a whole.

    The baselines get what the method got: the film's luma, and the true colours of the reference frames. Inside a shot
    they take them from the nearest reference, before or after; in a shot without one they are grey.

    Args:
        result: The coloured film.
        truth: The same film in its true colours, frame for frame and pixel for pixel.
        references: Frames whose true colours were given as stills, counted from 0.
        shots: Shots that cover every frame once, in order; () takes the film as one shot; None finds them in the
            truth's luma.
        every: Score the pictures of each so-manieth frame of every shot only (0.4 s per row and frame at 480p).
        luma: What the truth is shown with. `truth`: its own luma; the scores as everyone defines them. `film`: the
            result's luma, which the baselines have, too, so that luma is exact in every row and only colours are
            scored. For a film whose luma is not the truth's (grain, fading): there the difference of luma outweighs
            that of colours, in PSNR above all.
        lpips: Weights of LPIPS (`Lpips` says which), to score it, too: 0.2 s more per row and frame at 480p.
        progress: Called with the frames done and their number, where known.
        show: Called with each frame's number and its pictures by row name, 8-bit RGB (h, w, 3).

    Raises:
        VideoError: The films differ in size or length or are too small, the shots do not end with them, or a reference
            is beyond them or every frame served as one.
        WeightsError: The weights of LPIPS are missing or no such weights.
    """
    if every < 1:
        raise ValueError(f"every is {every}; expected at least 1")
    if luma not in get_args(Luma):
        raise ValueError(f"luma is {luma!r}; expected one of {', '.join(get_args(Luma))}")
    require_cover(shots or ())
    done: list[ShotTally] = []
    with VideoReader(result) as coloured, VideoReader(truth) as true, ThreadPoolExecutor() as threads:
        _require_one_size(coloured.info, true.info)
        _require_one_length(coloured.info, true.info)
        _require_frames(true.info, references)
        warnings = list(_turned_otherwise(coloured.info, true.info))
        judge = None if lpips is None else _judge(lpips, true.info)
        painter, frames = _Painter(coloured.info, true.info, luma), pairs(coloured, true)
        with closing(survey(result, truth, references=references, shots=shots, warnings=warnings)) as looks:
            for ahead in looks:
                tally = ShotTally(ahead, every, judge)
                done.append(tally)
                for index, pictures, motion in painter.paint(islice(frames, len(ahead.shot)), ahead):
                    tally.add(index, pictures, motion, threads)
                    if progress is not None:
                        progress(index + 1, true.info.frames)
                    if show is not None:
                        show(index, pictures)
                tally.close()
    if not any(tally.scored for tally in done):
        count = sum(len(tally.shot) for tally in done)
        raise VideoError(f"none of the {count} frames can be scored: all were references", hint="give fewer of them")
    return Scores(
        rows=tuple(row_of([tally.rows[name] for tally in done]) for name in NAMES),
        frames=sum(len(tally.scored) for tally in done),
        excluded=tuple(frame for tally in done for frame in tally.returned),
        returned=tuple(value for tally in done for value in tally.returned.values()),
        shots=tuple(tally.scores() for tally in done),
        warnings=tuple(warnings),
    )


class _Painter:
    """Turns frames into the pictures of every row, and follows what happens between them.

    Args:
        film: The coloured film.
        truth: Its true colours.
        luma: What the truth is shown with.
    """

    def __init__(self, film: VideoInfo, truth: VideoInfo, luma: Luma) -> None:
        self._film, self._truth, self._luma = film, truth, luma
        self._canvas = Canvas(film)

    def paint(
        self, frames: Iterator[tuple[Frame, Frame]], ahead: Survey
    ) -> Iterator[tuple[int, dict[str, Bytes], Motion | None]]:
        """Yield each frame's number, its pictures, and the motion from the frame before (None at the first)."""
        motion = ShotMotion(self._film, self._truth)
        for (ours, theirs), colours in zip(frames, trivial_colours(ahead), strict=True):
            shown = luma_of(ours, self._film) if self._luma == "film" else None
            small = ahead.luma(ours.index)
            pictures = {"result": picture(ours, self._film), "truth": picture(theirs, self._truth, luma=shown)}
            pictures |= {name: self._canvas.show(ours, small, ab) for name, ab in colours.items()}
            yield ours.index, pictures, motion.next(ours, theirs)


def _judge(weights: Path, film: VideoInfo) -> "Lpips":
    """Load LPIPS for a film: torch takes a second to import, so it waits until asked for."""
    from vidcolor.evaluation.lpips import LEAST_SIDE, Lpips

    if min(film.width, film.height) < LEAST_SIDE:
        raise VideoError(
            f"the films are {film.width}x{film.height}; LPIPS needs at least {LEAST_SIDE} pixels a side",
            hint="leave LPIPS out",
        )
    return Lpips(weights)


def _require_one_size(result: VideoInfo, truth: VideoInfo) -> None:
    if min(truth.width, truth.height) < SSIM_WINDOW:
        raise VideoError(
            f"the films are {truth.width}x{truth.height}; scores need at least {SSIM_WINDOW} pixels a side",
            hint="score larger films",
        )
    if (result.width, result.height) != (truth.width, truth.height):
        raise VideoError(
            f"the result is {result.width}x{result.height}, the truth {truth.width}x{truth.height}",
            hint="scores compare pixel with pixel: give the truth at the film's own size, as stored, not turned",
        )


def _require_one_length(result: VideoInfo, truth: VideoInfo) -> None:
    """Refuse films of two lengths before any scoring, where their packets were counted."""
    if None in (result.frames, truth.frames) or result.frames == truth.frames:
        return
    # A damaged packet may give no picture, so that packets alone do not tell. A decode takes a fraction of a score.
    ours, theirs = (len(decoded_times(film.path, stream=film.stream)) for film in (result, truth))
    if ours != theirs:
        (shorter, less), (longer, more) = sorted([("result", ours), ("truth", theirs)], key=itemgetter(1))
        raise VideoError(f"the {shorter} ends after {less} frames, the {longer} after {more}", hint=ONE_LENGTH)


def _require_frames(truth: VideoInfo, references: Collection[int]) -> None:
    if not references:
        return
    count = count_frames(truth.path, stream=truth.stream) if truth.frames is None else truth.frames
    if max(references) >= count:
        raise VideoError(f"there is no frame {max(references)}: the film has {count}", hint="frames are counted from 0")


def _turned_otherwise(result: VideoInfo, truth: VideoInfo) -> Iterator[str]:
    """Yield a warning where players turn two films differently: many programs turn the pictures themselves."""
    ours, theirs = ((film.rotation % 360, film.mirrored) for film in (result, truth))
    if ours != theirs:
        shown = [f"by {angle} degrees" + (" and mirrored" if mirrored else "") for angle, mirrored in (ours, theirs)]
        yield (
            f"a player turns the result {shown[0]}, the truth {shown[1]}: they are compared as stored, so that the "
            "scores mean nothing if the truth's pictures were turned when it was made"
        )
