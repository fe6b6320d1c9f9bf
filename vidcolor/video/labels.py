"""Titles, languages and tags, as containers hold them."""

from __future__ import annotations

import re

from av.stream import Stream

_ISO_639_2 = re.compile("[a-z]{3}")
_TWINS = (
    "alb sqi", "arm hye", "baq eus", "bur mya", "chi zho", "cze ces", "dut nld", "fre fra", "geo kat", "ger deu",
    "gre ell", "ice isl", "mac mkd", "mao mri", "may msa", "per fas", "rum ron", "slo slk", "tib bod", "wel cym",
    "sve swe",
)  # fmt: skip
"""Bibliographic and terminological codes of one language in ISO 639-2; and FFmpeg's own for Swedish in mov."""
_TERMINOLOGICAL = dict(pair.split() for pair in _TWINS)
_BIBLIOGRAPHIC = {after: before for before, after in _TERMINOLOGICAL.items()}
_QUICKTIME = {
    "alb", "amh", "ara", "arm", "asm", "aym", "aze", "baq", "bel", "ben", "bul", "bur", "cat", "ces", "chi", "dan",
    "dut", "dzo", "eng", "epo", "est", "fin", "fra", "geo", "ger", "gre", "grn", "guj", "heb", "hin", "hun", "ice",
    "ind", "iri", "ita", "jav", "jpn", "kan", "kas", "kaz", "khm", "kin", "kir", "kor", "kur", "lao", "lat", "lav",
    "lit", "mac", "mal", "mar", "may", "mlg", "mlt", "mol", "mon", "nep", "nor", "nya", "ori", "orm", "per", "pol",
    "por", "pus", "que", "ron", "run", "rus", "san", "sin", "slk", "slv", "smi", "snd", "som", "spa", "sve", "swa",
    "tam", "tat", "tel", "tgk", "tgl", "tha", "tib", "tir", "tuk", "tur", "uig", "ukr", "urd", "uzb", "vie", "wel",
    "yid",
}  # fmt: skip
"""Languages that come back from FFmpeg's mov muxer, of all codes of three letters; it drops others without a word."""

_WRITTEN_ANEW = (
    "encoder",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "duration",
    "vendor_id",
    "handler_name",
)
_STATISTICS = ("_STATISTICS", "BPS", "NUMBER_OF", "DURATION-")
"""How the tags begin in which mkvmerge counts what a stream had in the film that it made."""
# What FFmpeg's mov muxer writes; it drops the rest without a word.
_MP4_TAGS = {
    "title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping",
    "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "episode_sort", "season_number",
    "media_type", "hd_video", "gapless_playback", "track", "disc", "tmpo", "compilation", "creation_time", "timecode",
    "author", "performer", "language",
}  # fmt: skip


_HELD_OTHERWISE = {
    "title", "name", "language", "timecode", "filename", "mimetype", "stereo_mode", "creation_time", "encoding_tool",
}  # fmt: skip
"""Tags of streams that containers keep in places of their own, or write anew, or not at all."""


def stream_title(stream: Stream) -> str | None:
    """Return a stream's title, which FFmpeg writes into mp4 as a title and reads from there as a name."""
    if title := stream.metadata.get("title"):
        return title
    name = stream.metadata.get("name") or ""
    try:
        # It writes names in UTF-8, and reads those of up to four bytes as Mac Roman.
        written = name.encode("mac_roman")
        return (written.decode("utf-8") if len(written) <= 4 else name) or None
    except UnicodeError:
        return name


def held_language(language: str | None, container: str) -> str | None:
    """Return the code by which a container keeps a language, None where it keeps none."""
    if language is None or container == "matroska":
        return language
    if container == "mp4":
        return language if _ISO_639_2.fullmatch(language) else None
    twin = _TERMINOLOGICAL.get(language) or _BIBLIOGRAPHIC.get(language)
    return next((code for code in (language, twin) if code in _QUICKTIME), None)


def same_language(one: str | None, other: str | None) -> bool:
    """Tell whether two codes stand for one language; none stands for `und`."""
    first, second = (_TERMINOLOGICAL.get(code or "und", code or "und") for code in (one, other))
    return first == second


def held_tags(tags: dict[str, str], container: str) -> dict[str, str]:
    """Return the tags that a container keeps, without those that every muxer writes anew."""
    kept = {key: value for key, value in tags.items() if key.lower() not in _WRITTEN_ANEW}
    kept = {key: value for key, value in kept.items() if not key.upper().startswith(_STATISTICS)}
    if container == "matroska":
        return kept
    return {key: value for key, value in kept.items() if value and key.lower() in _MP4_TAGS}


def held_stream_tags(stream: Stream, container: str) -> dict[str, str]:
    """Return the tags of a stream, keys in lower case, that a container keeps beside its title and language."""
    if container != "matroska":
        return {}
    kept = {key.lower(): value for key, value in held_tags(stream.metadata, container).items() if value}
    return {key: value for key, value in kept.items() if key not in _HELD_OTHERWISE}


def lost_tags(tags: dict[str, str], container: str) -> list[str]:
    """Return the names of a film's tags that a container does not keep."""
    kept = held_tags(tags, container)
    return sorted(key for key, value in held_tags(tags, "matroska").items() if value and key not in kept)
