"""Reading and writing films: the only room that knows PyAV."""

from vidcolor.video.info import ChromaFormat, ChromaPlanes, ColorTags, Frame, StreamInfo, VideoInfo
from vidcolor.video.output import default_output
from vidcolor.video.reader import VideoReader
from vidcolor.video.source import count_frames, probe
from vidcolor.video.transcode import RgbVideoWriter, plain_transcode
from vidcolor.video.wrapping import wrap_scans
from vidcolor.video.writer import VideoWriter

__all__ = [
    "ChromaFormat",
    "ChromaPlanes",
    "ColorTags",
    "Frame",
    "RgbVideoWriter",
    "StreamInfo",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "count_frames",
    "default_output",
    "plain_transcode",
    "probe",
    "wrap_scans",
]
