"""Two films' shape, tags and streams beside the picture."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import zip_longest

from vidcolor.video import VideoInfo
from vidcolor.video.chapters import Chapter, in_turn
from vidcolor.video.labels import held_language, same_language
from vidcolor.video.packets import FilmPackets, StreamPackets
from vidcolor.video.stream_plan import HELD_DISPOSITIONS, IMPLIED_DISPOSITIONS, plan_streams

_MILLISECOND = Fraction(1, 1000)


@dataclass
class Streams:
    """What comparing the copied streams gave: packets found equal, differences, and what the container cannot hold."""

    equal: int = 0
    differences: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()


def compare_shape(film: VideoInfo, made: VideoInfo) -> Iterator[str]:
    """Yield what differs in size, depth, pixel aspect, rotation, fields and colour tags."""
    depths = (10, 12) if made.codec == "prores" else (film.bit_depth,)  # ProRes 4444 decodes to 12 bit
    expected: dict[str, tuple[object, object]] = {
        "size": (f"{film.width}x{film.height}", f"{made.width}x{made.height}"),
        "bit depth": (made.bit_depth if made.bit_depth in depths else film.bit_depth, made.bit_depth),
        "pixel aspect": (film.sar, made.sar),
        "rotation": (film.rotation % 360, made.rotation % 360),
        "mirrored": (film.mirrored, made.mirrored),
        "full range": (film.full_range, made.full_range),
        "matrix": (film.matrix, made.matrix),
        "primaries": (film.primaries, made.primaries),
        "transfer": (film.transfer, made.transfer),
        "interlaced": (film.interlaced, made.interlaced),
    }
    if film.interlaced and made.interlaced:
        expected["top field first"] = (film.top_field_first, made.top_field_first)
    for name, (ours, theirs) in expected.items():
        if ours != theirs:
            yield f"{name} is {theirs}; the source's is {ours}"


def compare_tags(before: FilmPackets, after: FilmPackets, *, container: str) -> Iterator[str]:
    """Yield what differs in the container's tags, time code and chapters, of what the container holds."""
    for key, value in before.tags.items():
        if after.tags.get(key) != value:
            yield f"tag {key} is {after.tags.get(key)!r}; the source's is {value!r}"
    if before.time_code not in (None, after.time_code):
        yield f"time code is {after.time_code}; the source's is {before.time_code}"
    chapters = list(before.chapters) if container == "matroska" else in_turn(before.chapters, container)[0]
    if len(chapters) != len(after.chapters):
        yield f"there are {len(after.chapters)} chapters; the source has {len(chapters)}"
        return
    for number, (ours, theirs) in enumerate(zip(chapters, after.chapters, strict=True), start=1):
        late = max(abs(ours.start - theirs.start), abs(ours.end - theirs.end))
        if late > _MILLISECOND or ours.title != theirs.title:
            yield f"chapter {number} is {_chapter(theirs)}; the source's is {_chapter(ours)}"
        elif container == "matroska" and ours.others != theirs.others:
            yield f"chapter {number} has the tags {theirs.others}; the source's are {ours.others}"


def compare_streams(
    film: VideoInfo, before: FilmPackets, after: FilmPackets, *, container: str, shift: Fraction
) -> Streams:
    """Compare every packet of every stream that the container holds: its bytes, and its time within a tick.

    Args:
        film: The source.
        before: The source's packets.
        after: The output's packets.
        container: FFmpeg's name of the output container.
        shift: Seconds by which the container moved picture and sound alike.
    """
    plan = plan_streams(film, container)
    found = Streams(notes=plan.notes)
    found.differences += _compare_labels(before.picture, after.picture, container)
    # Attachments and cover art come last, whatever their number in the source.
    planned = (
        i for i in (*plan.copied, *plan.converted, *plan.attached) if not _left_out(before.streams[i], container)
    )
    wanted = sorted(planned, key=lambda i: (_comes_last(before.streams[i]), i))
    held = sorted((each for each in after.streams.values() if not _left_out(each, container)), key=_comes_last)
    for index, theirs in zip_longest(wanted, held):
        if index is None or theirs is None:
            name = before.streams[index].name if theirs is None else theirs.name
            found.differences.append(f"{name} is {'missing' if theirs is None else 'not in the source'}")
            continue
        ours = before.streams[index]
        if ours.kind != theirs.kind:
            found.differences.append(f"{theirs.name} stands where the source has {ours.name}")
            continue
        found.differences += _compare_labels(ours, theirs, container)
        _compare_packets(ours, theirs, found, shift=shift, converted=index in plan.converted)
        found.differences += _compare_durations(ours, theirs, container)
    return found


def _left_out(stream: StreamPackets, container: str) -> bool:
    """Tell whether a stream is empty, of which the muxer of mp4 and mov leaves all out but subtitles."""
    return container != "matroska" and not len(stream) and stream.kind != "subtitle"


def _comes_last(stream: StreamPackets) -> bool:
    return stream.kind == "attachment" or "attached_pic" in stream.dispositions


def _compare_labels(ours: StreamPackets, theirs: StreamPackets, container: str) -> Iterator[str]:
    """Yield what differs in language, title, disposition and other tags, of what the container holds."""
    if not same_language(held_language(ours.language, container), theirs.language):
        yield f"{ours.name}: language is {theirs.language}; the source's is {ours.language}"
    if "attached_pic" in ours.dispositions:
        return
    if ours.title != theirs.title:
        yield f"{ours.name}: title is {theirs.title!r}; the source's is {ours.title!r}"
    before, after = (_held(each.dispositions, container) for each in (ours, theirs))
    if before != after:
        yield f"{ours.name}: disposition is {', '.join(after) or 'none'}; the source's is {', '.join(before) or 'none'}"
    for key, value in ours.tags.items():
        if theirs.tags.get(key) != value:
            yield f"{ours.name}: tag {key} is {theirs.tags.get(key)!r}; the source's is {value!r}"


def _held(dispositions: frozenset[str], container: str) -> list[str]:
    implied = (IMPLIED_DISPOSITIONS.get(each, each) for each in dispositions)
    return sorted(HELD_DISPOSITIONS[container] & {*dispositions, *implied})


def _compare_durations(ours: StreamPackets, theirs: StreamPackets, container: str) -> Iterator[str]:
    """Yield the first text that is shown for another time than the source's."""
    tick = max(ours.time_base, theirs.time_base)
    for number in range(min(len(ours), len(theirs))):
        expected = ours.durations[number] * ours.time_base
        begin, following = ours.time(number), ours.time(number + 1) if number + 1 < len(ours) else None
        if container != "matroska" and begin is not None and following is not None:
            expected = min(expected, following - begin)  # mp4 shows one text at a time
        found = theirs.durations[number] * theirs.time_base
        if expected > 0 and abs(found - expected) > tick:
            yield f"{ours.name}: packet {number} lasts {float(found):.3f} s; the source's {float(expected):.3f} s"
            return


def earliest_time(packets: FilmPackets) -> Fraction:
    """Return the first time of any stream beside the picture, in seconds; 0 when there is none."""
    times = [stream.time(0) for stream in packets.streams.values() if len(stream)]
    return min((time for time in times if time is not None), default=Fraction(0))


def _compare_packets(
    ours: StreamPackets, theirs: StreamPackets, found: Streams, *, shift: Fraction, converted: bool
) -> None:
    tick = max(ours.time_base, theirs.time_base)
    first = ""
    for number in range(min(len(ours), len(theirs))):
        begin, other = ours.time(number), theirs.time(number)
        late = Fraction(0) if begin is None or other is None else other - begin - shift
        if not converted and ours.digests[number] != theirs.digests[number]:
            first = first or f"{ours.name}: packet {number} differs"
        elif abs(late) > tick:
            first = first or f"{ours.name}: packet {number} comes {float(late) * 1000:+.3f} ms off"
        else:
            found.equal += 1
    if len(ours) != len(theirs):
        counts = f"{len(theirs)} packets; the source has {len(ours)}"
        first = f"{first}; {counts}" if first else f"{ours.name}: {counts}"
    if first:
        found.differences.append(first)


def _chapter(chapter: Chapter) -> str:
    return f"{float(chapter.start):.3f} to {float(chapter.end):.3f} s {chapter.title!r}"
