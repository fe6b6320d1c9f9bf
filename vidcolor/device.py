"""Where the networks run, and how the machine's cores and memory are shared with them."""

import ctypes
from contextlib import suppress

import torch

from vidcolor.cores import cores
from vidcolor.errors import VidcolorError

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
_KEPT = 256 << 20  # bytes that may lie free at the end of a heap
_LARGE = 32 << 20  # bytes from which a block goes back to the system when freed; glibc allows no more


def prepare_process() -> None:
    """Share the process between the networks and what runs beside them: torch's threads, and what memory is kept.

    glibc hands planes of some MB back to the system as soon as they are freed, and the networks, which make many of
    them for every picture, then spend a seventh of their time on having them mapped and cleared again. Other
    libraries of C are left as they are.
    """
    # Decoding and encoding run beside the networks. With a torch thread per core they fight: on two busy cores
    # a keyframe took 1.9 s with two threads and 0.4 s with one.
    torch.set_num_threads(max(1, cores() // 2))
    with suppress(OSError, TypeError, AttributeError):  # no such function here
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)


def pick_device(name: str) -> torch.device:
    """Resolve `auto`, and refuse a device that is not there.

    Raises:
        VidcolorError: It is unknown, or cannot compute.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise VidcolorError(f"unknown device {name!r}", hint="use auto, cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise VidcolorError("cuda was asked for, but torch sees no GPU", hint="use --device cpu")
    try:
        torch.zeros(1, device=device).item()  # mps, meta, xla and cuda:9 are names that torch knows, here or not
    except (RuntimeError, AssertionError, ImportError) as error:
        raise VidcolorError(f"torch cannot compute on device {name!r} here", hint="use auto, cpu or cuda") from error
    return device
