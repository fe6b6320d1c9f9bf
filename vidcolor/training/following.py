"""Our own objective: stills, colours brought by flow and automatic colours together."""

from copy import deepcopy

import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.networks import ExemplarNetwork, Features
from vidcolor.training.augment import carried_colours
from vidcolor.training.losses import WEIGHTS, losses, prior_loss
from vidcolor.training.objectives import Memory, channels_last, precision
from vidcolor.training.pairs import Pairs, PairSampler, Singles
from vidcolor.training.perceptual import Perceptual

_KEPT = 3.0
"""Weight of one less the cosine of the keys with what they were."""
_COMPARED = 6
"""One picture in so many is compared: keys of a batch move together."""


class Following:
    """Steps on pairs and, between them, cheap ones on single pictures.

    Automatic colours need to see far more pictures than matching does, which learns what a place looks like anywhere. A
    step on single pictures costs a third of one on pairs. Without pairs nothing would hold the keys in place while
    the encoder learns, so that they are held to what they were at first (Hinton et al. 2015, on distillation).
    """

    pace = 1.0

    def __init__(self, network: ExemplarNetwork, *, singles: int, perceptual: Perceptual | None) -> None:
        """Prepare.

        Args:
            network: As training begins with it.
            singles: Steps on single pictures between two on pairs.
            perceptual: Loss to add to the steps on pairs, or None.
        """
        self.memory: Memory = {}
        self._singles, self._perceptual = singles, perceptual
        if singles:
            self.memory["at first"] = self._at_first = deepcopy(network).eval().requires_grad_(False)

    def on_pairs(self, step: int) -> bool:
        """Whether a step is one on pairs: the last of each round."""
        return (step + 1) % (self._singles + 1) == 0

    def draw(self, sampler: PairSampler, count: int, step: int) -> Singles:
        """Pairs, or single pictures."""
        return sampler.draw(count) if self.on_pairs(step) else sampler.draw_singles(count)

    def terms(self, network: ExemplarNetwork, drawn: Singles, step: int) -> dict[str, Tensor]:
        """All losses on pairs; on single pictures the classes' cross-entropy, and how far keys have moved."""
        return self._of_pairs(network, drawn) if isinstance(drawn, Pairs) else self._of_singles(network, drawn)

    def _of_pairs(self, network: ExemplarNetwork, pairs: Pairs) -> dict[str, Tensor]:
        """Losses of one batch; bf16 on a GPU, fp32 on a CPU, where bf16 can be ten times slower."""
        with precision(pairs.luma):
            both = channels_last(torch.cat([pairs.luma, pairs.reference_luma]))
            target, reference = network.encode(both).halves()
            prediction = network(
                target,
                network.bank(reference, pairs.reference_ab),
                present=pairs.present,
                propagated=pairs.propagated,
                validity=pairs.validity,
            )
            again = network.recolor(target, prediction, *carried_colours(prediction.fused.ab))
        small = F.avg_pool2d(pairs.luma, 2)
        terms = losses(
            prediction,
            again,
            network.colorization,
            truth=pairs.truth,
            natural=pairs.natural,
            luma=small,
            matched=pairs.matched,
        )
        if self._perceptual is not None:
            terms["perceptual"] = self._perceptual(prediction.fused.ab, pairs.truth, small)
        return terms

    def _of_singles(self, network: ExemplarNetwork, singles: Singles) -> dict[str, Tensor]:
        luma = channels_last(singles.luma)
        compared = -(-len(luma) // _COMPARED)
        with precision(luma):
            features = network.encoder(luma)
            state = network.colorization.decode(features)
            keys = network.similarity.keys(Features(*(x[:compared] for x in features)))
            with torch.no_grad():
                before = self._at_first.encode(luma[:compared]).keys
        moved = torch.stack(
            [1 - F.cosine_similarity(now.float(), then.float()).mean() for now, then in zip(keys, before, strict=True)]
        ).sum()
        prior = prior_loss(network.colorization, state, F.avg_pool2d(singles.natural, 2))
        return {"prior": WEIGHTS["prior"] * prior, "moved": _KEPT * moved}
