"""Evidence as films give it: colours that optical flow brings from a near frame of a clip, holes and errors included.

What flow cannot explain is seldom what the references show well: it has just come into view, or turned, or is blurred.
Holes drawn at random do not teach that.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.color import Chroma
from vidcolor.propagation.fusion import carry, key_planes
from vidcolor.propagation.motion import Sight, explained, link


def followed_colours(luma: Tensor, near_luma: Tensor, near_ab: Tensor) -> tuple[Tensor, Tensor]:
    """Bring a near frame's colours to each frame as propagation does. The flow is found on the CPU.

    Args:
        luma: (B, 1, h, w) frames, in [0, 1].
        near_luma: (B, 1, h, w) other frames of the same shots.
        near_ab: (B, 2, h, w) their Lab ab.

    Returns:
        ab (B, 2, h / 2, w / 2) and its validity (B, 1, h / 2, w / 2), both 0 in holes.
    """
    brought = [
        _follow(here, there, ab)
        for here, there, ab in zip(
            luma[:, 0].cpu().numpy(),
            near_luma[:, 0].cpu().numpy(),
            near_ab.permute(0, 2, 3, 1).cpu().numpy(),
            strict=True,
        )
    ]
    planes = torch.from_numpy(np.stack(brought)).to(luma.device).permute(0, 3, 1, 2)
    half = F.avg_pool2d(planes, 2)
    # Where some of the four pixels are holes, the colour is that of the others.
    ab, given, validity = half[:, :2], half[:, 2:3], half[:, 3:]
    return ab / given.clamp(min=1e-3), validity


def _follow(luma: np.ndarray, near_luma: np.ndarray, near_ab: np.ndarray) -> np.ndarray:
    """Return (h, w, 4): ab, 1 where there is any, validity."""
    here, there = Sight.of(luma, "half"), Sight.of(near_luma, "half")
    track, _ = link(here, there)
    painted = Chroma(np.ascontiguousarray(near_ab), np.ones_like(luma))
    evidence = carry(key_planes(painted), track, explained(track, here, there)).evidence()
    return np.dstack([evidence.ab, evidence.confidence > 0, evidence.confidence])
