"""Colorization sub-net: an automatic prior from luma alone, and a gate that decides per pixel whom to believe.

The result is a convex mix of three colours, reference, propagated and prior, plus a small residual: never a fresh
regression, which fades (Zhang et al. 2016 on why; a prototype of this design measured it).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.networks.bins import ColorBins
from vidcolor.networks.encoder import CHANNELS, Features
from vidcolor.networks.similarity import PLANES, Match

AB_SCALE = 110.0
_RESIDUAL = 20.0
_LOUDEST = 4.0


class Evidence(NamedTuple):
    """What is known of the frame's colours besides its luma.

    Attributes:
        match: Colours lent by the references, or None.
        present: (B,) 1 where the item has references, 0 where it has none.
        propagated: (B, 2, h2, w2) ab brought by flow, at stride 2.
        validity: (B, 1, h2, w2) how far to trust it, in [0, 1]; 0 where there is none.
    """

    match: Match | None
    present: Tensor
    propagated: Tensor
    validity: Tensor


class Fused(NamedTuple):
    """The decision.

    Attributes:
        ab: (B, 2, h2, w2) the result, Lab ab at stride 2.
        gate: (B, 3, h2, w2) shares of reference, propagated and prior; they add up to 1.
    """

    ab: Tensor
    gate: Tensor


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.GroupNorm(8, outputs), nn.SiLU())


def _up(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _beside(*planes: Tensor) -> Tensor:
    """Put planes (B, _, h, w) side by side, channels last: of mixed layouts torch.cat makes the slower one."""
    return torch.cat([x.permute(0, 2, 3, 1) for x in planes], 3).permute(0, 3, 1, 2)


class ColorizationNet(nn.Module):
    """Decoder over the encoder's features with the prior's head, and the fusion with evidence."""

    def __init__(self, *, width: int = 48) -> None:
        super().__init__()
        c2, c4, c8, c16, c32 = CHANNELS
        self.bins = ColorBins()
        # Global features fused in as in Deep Koalarization (Baldassarre et al. 2017): one vector, added everywhere.
        self.bottom = nn.Conv2d(c32, 2 * width, 1)
        self.overall = nn.Sequential(nn.Linear(c32, 2 * width), nn.SiLU(), nn.Linear(2 * width, 2 * width))
        self.d16 = _block(2 * width + c16, 2 * width)
        self.d8 = _block(2 * width + c8, 3 * width // 2)
        self.d4 = _block(3 * width // 2 + c4, width)
        self.prior_head = nn.Conv2d(width, len(self.bins), 1)
        evidence = 2 + 2 + PLANES + 1 + 2 + 1 + 2
        self.join = nn.Sequential(_block(width + evidence, width), _block(width, width))
        self.last = _block(width // 2 + c2 + 3, width // 2)
        self.narrow = nn.Conv2d(width, width // 2, 1)
        self.gate_head = nn.Conv2d(width // 2, 3, 1)
        self.residual_head = nn.Conv2d(width // 2, 2, 1)
        # The residual starts at nothing, so that training begins with the mix.
        for parameter in self.residual_head.parameters():
            nn.init.zeros_(parameter)

    def decode(self, features: Features) -> Tensor:
        """What the luma alone says: the decoder's state (B, width, h4, w4), from which `prior` reads colours."""
        overall = self.overall(features.s32.mean((2, 3)))[:, :, None, None]
        x = F.silu(self.bottom(features.s32) + overall)
        x = self.d16(torch.cat([_up(x), features.s16], 1))
        x = self.d8(torch.cat([_up(x), features.s8], 1))
        return self.d4(torch.cat([_up(x), features.s4], 1))

    def prior(self, state: Tensor, *, temperature: float, balance: float) -> Tensor:
        """Automatic ab (B, 2, h4, w4), without a gradient: the prior is taught by its classes alone."""
        with torch.no_grad():
            return self.bins.decode(self.prior_head(state), temperature=temperature, balance=balance)

    def class_logits(self, states: Tensor) -> Tensor:
        """Class logits (N, Q) of single positions (N, width) of the state."""
        return F.linear(states, self.prior_head.weight[:, :, 0, 0], self.prior_head.bias)

    def forward(self, features: Features, state: Tensor, prior_ab: Tensor, evidence: Evidence) -> Fused:
        """Fuse.

        Args:
            features: The frame's encoder features.
            state: The decoder's state from `decode`.
            prior_ab: (B, 2, h4, w4) decoded automatic colours.
            evidence: References and propagated colours.
        """
        b, _, h4, w4 = state.shape
        present = evidence.present.to(state.dtype)[:, None, None, None]
        match = evidence.match
        if match is None:
            lent = state.new_zeros(b, 2, h4, w4)
            reference = state.new_zeros(b, 4 + PLANES, h4, w4)
        else:
            lent = match.ab
            reference = _beside(match.ab / AB_SCALE, _up(match.coarse_ab) / AB_SCALE, match.planes) * present
        carried = _beside(evidence.propagated * evidence.validity / AB_SCALE, evidence.validity)
        here = present.expand(b, 1, h4, w4)
        x = self.join(_beside(state, reference, here, F.avg_pool2d(carried, 2), prior_ab / AB_SCALE))
        x = self.last(_beside(_up(self.narrow(x)), features.s2, carried))
        # What a source may say is its preference times its presence: an absent one says exactly nothing. Preferences
        # are bounded, or training would learn to shout down a validity of nearly 0.
        preference = torch.exp(_LOUDEST * torch.tanh(self.gate_head(x) / _LOUDEST))
        validity = evidence.validity
        say = preference * torch.cat([present.expand_as(validity), validity, torch.ones_like(validity)], 1)
        gate = say / say.sum(1, keepdim=True)
        sources = torch.stack([_up(lent), evidence.propagated, _up(prior_ab)], 1)
        ab = (gate[:, :, None] * sources).sum(1) + _RESIDUAL * torch.tanh(self.residual_head(x))
        return Fused(ab, gate)
