"""Objectives of the classics: what else the same networks can be asked for, and why they are not.

All three teach automatic colours alone, the path without stills, and leave the similarity sub-net as it is.
`regression` is Deep Koalarization's mean squared error (Baldassarre et al. 2017), `classification` the rebalanced
classes of "Colorful Image Colorization" (Zhang et al. 2016), and `adversarial`, in a module of its own, a short stage
against a critic as DeOldify has it. Their weights are weights like any other: `colorize` and `--init` take them.
"""

from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.networks import Evidence, ExemplarNetwork
from vidcolor.networks.colorization import AB_SCALE
from vidcolor.training.losses import prior_loss
from vidcolor.training.pairs import PairSampler, Singles
from vidcolor.training.perceptual import Perceptual

OBJECTIVES = ("exemplar", "regression", "classification", "adversarial")

Memory = dict[str, nn.Module | torch.optim.Optimizer]

CONTENT = 10.0
"""Weight of the mean squared error."""


class Objective(Protocol):
    """What a step of training asks for.

    Attributes:
        pace: Multiplies the learning rate.
        memory: Modules and optimisers that a checkpoint must hold besides the networks, by name.
    """

    pace: float
    memory: Memory

    def draw(self, sampler: PairSampler, count: int, step: int) -> Singles:
        """Draw what this step looks at."""

    def terms(self, network: ExemplarNetwork, drawn: Singles, step: int) -> dict[str, Tensor]:
        """Weighted terms; where none has a gradient the networks stay as they are in this step."""


class Regression:
    """Mean squared error of ab: the colour that errs least, which is a dull one.

    The classes' mean is a regression head whose colours cannot leave the gamut: softmax weights times fixed centres.
    """

    pace = 1.0

    def __init__(self, network: ExemplarNetwork, perceptual: Perceptual | None = None) -> None:
        self.memory: Memory = {}
        self._perceptual = perceptual
        network.config = replace(network.config, temperature=1.0, balance=0.0)

    def draw(self, sampler: PairSampler, count: int, step: int) -> Singles:
        """Single pictures."""
        return sampler.draw_singles(count)

    def terms(self, network: ExemplarNetwork, drawn: Singles, step: int) -> dict[str, Tensor]:
        """The error of the automatic colours."""
        return content(automatic(network, drawn.luma), drawn, self._perceptual)


class Classification:
    """Cross-entropy on quantised, rebalanced ab; the automatic colours are the classes' annealed mean, no more."""

    pace = 1.0

    def __init__(self, network: ExemplarNetwork) -> None:
        self.memory: Memory = {}
        # As in the paper, and nothing on top: a residual that was trained for other states would only disturb.
        network.config = replace(network.config, temperature=0.38, balance=0.0)
        for parameter in network.colorization.residual_head.parameters():
            nn.init.zeros_(parameter)

    def draw(self, sampler: PairSampler, count: int, step: int) -> Singles:
        """Single pictures."""
        return sampler.draw_singles(count)

    def terms(self, network: ExemplarNetwork, drawn: Singles, step: int) -> dict[str, Tensor]:
        """The cross-entropy of the classes."""
        with precision(drawn.luma):
            state = network.colorization.decode(network.encoder(channels_last(drawn.luma)))
        return {"classes": prior_loss(network.colorization, state, F.avg_pool2d(drawn.natural, 2))}


def automatic(network: ExemplarNetwork, luma: Tensor) -> Tensor:
    """Automatic ab (B, 2, S/2, S/2) of luma (B, 1, S, S), as at inference but with a gradient through the classes."""
    with precision(luma):
        features = network.encoder(channels_last(luma))
        state = network.colorization.decode(features)
        logits = network.colorization.prior_head(state)
        prior = network.colorization.bins.decode(
            logits, temperature=network.config.temperature, balance=network.config.balance
        )
        count, _, height, width = luma.shape
        nothing = luma.new_zeros(count, 3, height // 2, width // 2)
        evidence = Evidence(None, luma.new_zeros(count), nothing[:, :2], nothing[:, 2:])
        return network.colorization(features, state, prior, evidence).ab.float()


def content(ab: Tensor, drawn: Singles, perceptual: Perceptual | None) -> dict[str, Tensor]:
    """How far automatic colours are from the true ones: mean squared error of ab / 110, and how they look if asked."""
    terms = {"content": CONTENT * F.mse_loss(ab / AB_SCALE, drawn.natural / AB_SCALE)}
    if perceptual is not None:
        terms["perceptual"] = perceptual(ab, drawn.natural, F.avg_pool2d(drawn.luma, 2))
    return terms


def channels_last(luma: Tensor) -> Tensor:
    """The same values in the layout in which convolutions are fast."""
    return luma.contiguous(memory_format=torch.channels_last)


def precision(luma: Tensor) -> torch.autocast:
    """bf16 on a GPU, fp32 on a CPU."""
    return torch.autocast(luma.device.type, dtype=torch.bfloat16, enabled=luma.device.type == "cuda")
