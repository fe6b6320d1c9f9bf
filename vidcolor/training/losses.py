"""Losses on Lab ab, all on the scale of ab / 110."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.networks import ColorBins, ColorizationNet, Prediction
from vidcolor.networks.colorization import AB_SCALE

WEIGHTS: Mapping[str, float] = {
    "result": 10.0,
    "unrolled": 6.0,
    "steady": 2.0,
    "warped": 4.0,
    "coarse": 2.0,
    "prior": 0.25,
    "smooth": 0.3,
}

_KNOWN = 0.7
"""How far certain evidence takes a place out of the result's loss."""


def rarity(bins: ColorBins, ab: Tensor) -> Tensor:
    """(B, 1, h, w) weight of each colour: the cube root of its class weight, so that vivid colours count more."""
    indices, shares = bins.encode(ab.permute(0, 2, 3, 1))
    return (bins.weights[indices] * shares).sum(-1).pow(1 / 3)[:, None]


def _huber(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    each = F.smooth_l1_loss(x / AB_SCALE, y / AB_SCALE, beta=0.08, reduction="none").sum(1, keepdim=True)
    return (each * weight).sum() / weight.expand_as(each).sum().clamp(min=1.0)


def prior_loss(network: ColorizationNet, state: Tensor, ab: Tensor) -> Tensor:
    """Rebalanced cross-entropy (Zhang et al. 2016, equations 2 to 4) of the prior at a random quarter of the positions.

    Neighbouring positions say nearly the same; the quarter costs a quarter, which on a CPU is half of a step.

    Args:
        network: Holds the head and the bins.
        state: (B, width, h, w) the decoder's state.
        ab: (B, 2, h, w) natural colours.
    """
    states = state.permute(0, 2, 3, 1).flatten(0, 2)
    chosen = torch.randint(len(states), (len(states) // 4,), device=states.device)
    indices, shares = network.bins.encode(ab.permute(0, 2, 3, 1).flatten(0, 2)[chosen])
    log_p = torch.log_softmax(network.class_logits(states[chosen]).float(), 1)
    weight = (network.bins.weights[indices] * shares).sum(1)
    return -((log_p.gather(1, indices) * shares).sum(1) * weight).mean()


def smoothness(ab: Tensor, luma: Tensor) -> Tensor:
    """Chroma gradients where luma (B, 1, h, w), at the size of ab, has none."""

    def gradients(x: Tensor) -> tuple[Tensor, Tensor]:
        return x[..., :, 1:] - x[..., :, :-1], x[..., 1:, :] - x[..., :-1, :]

    total = ab.new_zeros(())
    for d_ab, d_luma in zip(gradients(ab / AB_SCALE), gradients(luma), strict=True):
        total = total + (d_ab.abs().sum(1, keepdim=True) * torch.exp(-d_luma.abs() * 40)).mean()
    return total


def losses(
    prediction: Prediction,
    again: Prediction,
    network: ColorizationNet,
    *,
    truth: Tensor,
    natural: Tensor,
    luma: Tensor,
    matched: Tensor,
) -> dict[str, Tensor]:
    """All terms, weighted; their sum is the objective.

    Args:
        prediction: What the networks said.
        again: What they said when that came back to them as flow would bring it.
        network: The colorization sub-net that said it.
        truth: (B, 2, h2, w2) ab to reach, hue turned where the item's hue was turned.
        natural: (B, 2, h2, w2) ab before any turn: what the prior can know.
        luma: (B, 1, h2, w2).
        matched: (B, 1, h2, w2) 1 where the reference shows the same thing, so that its colour must be found.
    """
    fused, evidence = prediction.fused, prediction.evidence
    rare = rarity(network.bins, truth)
    # What flow brought surely is kept whatever the networks say: they are asked about the rest.
    weight = rare * (1 - _KNOWN * evidence.validity)
    terms = {
        "result": _huber(fused.ab, truth, weight),
        # Colours that pass through the networks at each keyframe must neither fade nor wander.
        "unrolled": _huber(again.fused.ab, truth, rare),
        "steady": _huber(again.fused.ab, fused.ab.detach(), again.evidence.validity),
        "prior": prior_loss(network, prediction.state, F.avg_pool2d(natural, 2)),
        "smooth": smoothness(fused.ab, luma),
    }
    if evidence.match is not None:
        seen = matched * rare
        terms["warped"] = _huber(evidence.match.ab, F.avg_pool2d(truth, 2), F.avg_pool2d(seen, 2))
        terms["coarse"] = _huber(evidence.match.coarse_ab, F.avg_pool2d(truth, 4), F.avg_pool2d(seen, 4))
    return {name: WEIGHTS[name] * value for name, value in terms.items()}
