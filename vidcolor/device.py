"""Where the networks run."""

import torch

from vidcolor.errors import VidcolorError


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
