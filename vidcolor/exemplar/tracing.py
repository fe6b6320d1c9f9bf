"""Where the colours of one shot's keyframes come from, traced beside the networks that decide them."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vidcolor.networks import Bank, Encoded, ExemplarNetwork
from vidcolor.provenance import AUTOMATIC

Floats = NDArray[np.float32]


class Trace:
    """Follows the provenance of one shot's keyframes; it must forget them when the colorizer does.

    Args:
        network: Matches as it did for the colours.
        keyframes: How many of them the colorizer remembers.

    Attributes:
        origins: The remembered keyframes' banks with what is a still's and what is guessed for a and b: matched alike,
            they tell whence colours come.
    """

    def __init__(self, network: ExemplarNetwork, *, keyframes: int) -> None:
        self._network = network
        self.origins: deque[Bank] = deque(maxlen=keyframes)

    def follow(
        self,
        encoded: Encoded,
        gate: Tensor,
        carried: Floats | None,
        validity: Tensor,
        stills: Sequence[Bank],
        *,
        bias: float,
        remember: bool,
    ) -> Floats:
        """Return the provenance of a frame's colours.

        Matched colours are a still's where those of the matched place are; carried ones are what they were before.

        Args:
            encoded: The frame.
            gate: (1, 3, h / 2, w / 2) shares of reference, propagated and prior.
            carried: Provenance of what flow brought, None where it brought nothing.
            validity: (1, 1, h / 2, w / 2) of what flow brought.
            stills: That count for the frame.
            bias: Of the frame as a keyframe.
            remember: It is one, and was matched against those before.
        """
        shares = gate[:, 2:] * _column(AUTOMATIC, gate.device)
        before = self.origins if remember else ()
        if banks := [*(bank._replace(ab=_of_still(bank.ab)) for bank in stills), *before]:
            lent = self._network.match(encoded, Bank.join(banks), validity, shaded=False).ab
            lent = F.interpolate(lent, scale_factor=2, mode="bilinear", align_corners=False).clamp(0, 1)
            matched, guessed = lent[:, :1], lent[:, 1:]
            shares += gate[:, :1] * torch.cat([torch.zeros_like(matched), matched, guessed, 1 - matched - guessed], 1)
        if carried is not None:
            shares += gate[:, 1:2] * torch.from_numpy(np.ascontiguousarray(carried)).to(gate).permute(2, 0, 1)
        if remember:
            origin = torch.cat([shares[:, :2].sum(1, keepdim=True), shares[:, 2:3]], 1)
            self.origins.append(self._network.bank(encoded, origin, bias=bias))
        return shares[0].float().clamp(0, 1).permute(1, 2, 0).contiguous().cpu().numpy()


def _of_still(ab: Tensor) -> Tensor:
    """What stands for a and b in a still's traced bank: all of it a still's, none of it guessed."""
    return ab.new_tensor([1.0, 0.0]).expand_as(ab)


def _column(source: Floats, device: torch.device) -> Tensor:
    return torch.from_numpy(source)[None, :, None, None].to(device)
