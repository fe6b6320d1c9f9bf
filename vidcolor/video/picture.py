"""Pictures for the encoder: the film's luma, its flags and side data, and new chroma."""

from __future__ import annotations

import numpy as np
from av import VideoFrame
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import PictureType

from vidcolor.errors import VideoError
from vidcolor.video.encoding import Encoding
from vidcolor.video.formats import writable_plane
from vidcolor.video.info import ChromaPlanes, Frame, VideoInfo


class PictureBuilder:
    """Puts luma and chroma into pictures of the encoder's format.

    A decoded picture of that format is cloned with everything that FFmpeg keeps on it (field flags, side data, chroma
    location); from other formats the properties are taken over and all planes written anew. Luma is never converted.

    Args:
        film: The source.
        encoding: The encoder's settings.
    """

    def __init__(self, film: VideoInfo, encoding: Encoding) -> None:
        self._film = film
        self._encoding = encoding
        self._dtype = np.dtype(np.uint8 if encoding.chroma.bit_depth <= 8 else np.uint16)
        self._graph: Graph | None = None
        self._ends: tuple[FilterContext, FilterContext] | None = None
        self._key: tuple[object, ...] = ()

    def check(self, frame: Frame, chroma: ChromaPlanes) -> None:
        """Refuse planes that do not fit the film and its chroma format.

        Raises:
            VideoError: A shape, a type or a bit depth differs.
        """
        film, form = self._film, self._encoding.chroma
        luma_type = np.dtype(np.uint8 if film.bit_depth <= 8 else np.uint16)
        if frame.luma.shape != (film.height, film.width) or frame.luma.dtype != luma_type:
            raise VideoError(
                f"luma is {frame.luma.shape} {frame.luma.dtype}, the film's is {(film.height, film.width)} {luma_type}",
                hint="write the frames that the film's own VideoReader gives",
            )
        if chroma.cb.shape != (form.height, form.width) or chroma.cb.dtype != self._dtype:
            raise VideoError(
                f"chroma is {chroma.cb.shape} {chroma.cb.dtype}, not {(form.height, form.width)} {self._dtype}",
                hint="make the planes for VideoWriter.chroma_format",
            )

    def build(self, frame: Frame, chroma: ChromaPlanes, pts: int) -> VideoFrame:
        """Return a picture of the encoder's format with the frame's luma and the given chroma."""
        film, encoding = self._film, self._encoding
        picture = self._properties(frame)
        luma = writable_plane(picture, 0, film.width, film.height, self._dtype)
        if encoding.widen:
            np.left_shift(frame.luma, encoding.widen, out=luma, dtype=self._dtype)
        elif not self._already_there(frame):
            np.copyto(luma, frame.luma)
        form = encoding.chroma
        for number, plane in ((1, chroma.cb), (2, chroma.cr)):
            np.copyto(writable_plane(picture, number, form.width, form.height, self._dtype), plane)
        tags = encoding.tags
        picture.color_range, picture.colorspace = tags.range, tags.matrix
        picture.color_primaries, picture.color_trc = tags.primaries, tags.transfer
        # A decoded picture's type would force the encoder's own decision.
        picture.pict_type = PictureType.NONE
        picture.pts = pts
        picture.time_base = film.time_base
        return picture

    def _already_there(self, frame: Frame) -> bool:
        # A clone holds the source picture's luma; a luma that was replaced since does not lie in that picture.
        source = frame.picture
        if source is None or source.format.name != self._encoding.pixel_format:
            return False
        return np.may_share_memory(frame.luma, np.frombuffer(memoryview(source.planes[0]), np.uint8))

    def _properties(self, frame: Frame) -> VideoFrame:
        film, encoding = self._film, self._encoding
        source = frame.picture
        if source is None:
            picture = VideoFrame(film.width, film.height, encoding.pixel_format)
            if not film.interlaced:
                return picture
            return self._through("setfield", "tff" if film.top_field_first else "bff", picture)
        if source.format.name != encoding.pixel_format:
            return source.reformat(format=encoding.pixel_format)
        picture = self._through("null", None, source)
        picture.make_writable()
        return picture

    def _through(self, name: str, arguments: str | None, picture: VideoFrame) -> VideoFrame:
        key = (name, picture.format.name, int(picture.colorspace), int(picture.color_range))
        if key != self._key or self._ends is None:
            graph = Graph()
            buffer = graph.add(
                "buffer",
                video_size=f"{picture.width}x{picture.height}",
                pix_fmt=picture.format.name,
                time_base=str(self._film.time_base),
                pixel_aspect=f"{self._film.sar.numerator}/{self._film.sar.denominator}",
                colorspace=str(int(picture.colorspace)),
                range=str(int(picture.color_range)),
            )
            sink = graph.add("buffersink")
            graph.link_nodes(buffer, graph.add(name, arguments), sink).configure()
            self._graph, self._ends, self._key = graph, (buffer, sink), key
        self._ends[0].push(picture)
        passed = self._ends[1].pull()
        assert isinstance(passed, VideoFrame)
        return passed
