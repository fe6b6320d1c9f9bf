"""Titles and languages of streams, as containers hold them."""

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
