"""Where the colours of one shot's keyframes come from, traced beside the networks that decide them."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vidcolor.networks import Bank, Encoded, ExemplarNetwork

Floats = NDArray[np.float32]


class Trace:
    """Follows the provenance of one shot's keyframes; it must forget them when the colorizer does.

    Args:
        network: Matches as it did for the colours.
        keyframes: How many of them the colorizer remembers.
    """

    def __init__(self, network: ExemplarNetwork, *, keyframes: int) -> None:
        self._network = network
        # The keyframes' banks with shares of still and automatic for a and b: matched alike, they tell the source.
        self._origins: deque[Bank] = deque(maxlen=keyframes)

    def forget(self) -> None:
        """Forget the keyframes."""
        self._origins.clear()

    def follow(
        self, encoded: Encoded, gate: Tensor, carried: Floats | None, stills: Sequence[Bank], *, bias: float
    ) -> Floats:
        """Return the provenance of a frame's colours, and remember it as a keyframe's.

        Matched colours come from where those of the matched place came from, carried ones from where they set out.

        Args:
            encoded: The frame.
            gate: (1, 3, h / 2, w / 2) shares of reference, propagated and prior.
            carried: Provenance of what flow brought, None where it brought nothing.
            stills: That count for the frame.
            bias: Of the frame as a keyframe.
        """
        still = gate.new_tensor([1.0, 0.0])
        banks = [*(bank._replace(ab=still.expand_as(bank.ab)) for bank in stills), *self._origins]
        shares = torch.cat([torch.zeros_like(gate[:, 2:]), gate[:, 2:]], 1)
        if banks:
            top_k = self._network.config.top_k
            match = self._network.similarity(encoded.keys, encoded.luma4, Bank.join(banks), top_k=top_k)
            shares += gate[:, :1] * F.interpolate(match.ab, scale_factor=2, mode="bilinear", align_corners=False)
        if carried is not None:
            shares += gate[:, 1:2] * _tensor(carried[:, :, :2], gate.device)
        self._origins.append(self._network.bank(encoded, shares, bias=bias))
        known = torch.cat([shares, 1 - shares.sum(1, keepdim=True)], 1).clamp(0, 1)
        return known[0].float().permute(1, 2, 0).contiguous().cpu().numpy()


def _tensor(x: Floats, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))[None].to(device)
