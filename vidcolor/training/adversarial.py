"""A critic, and a short stage of training against it: DeOldify's NoGAN on our networks.

The generator comes trained (`--init`). First the critic alone learns to tell its colours from true ones; then both
learn, at growing sizes and for a short time, because that is all it takes until colours turn vivid, and soon after it
they turn wrong.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from vidcolor.networks import ExemplarNetwork
from vidcolor.networks.colorization import AB_SCALE
from vidcolor.training.objectives import Memory, automatic, content
from vidcolor.training.pairs import PairSampler, Singles
from vidcolor.training.perceptual import Perceptual

_ALONE = 1 / 3  # share of the steps in which the critic learns alone
_SIZES = ((0.0, 0.5), (2 / 3, 1.0))  # from this share of the steps on, this share of the crops' side
_CRITIC = 0.1  # weight of the critic's opinion beside the content
_LEARNING_RATE = 4e-4


class Critic(nn.Module):
    """Says of each patch of 22 x 22 positions at stride 2 how true its colours look, above 0 for true ones."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        sides = (3, width, 2 * width, 4 * width)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sides):
            layers += [spectral_norm(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(sides[-1], 1, 1)))

    def forward(self, luma: Tensor, ab: Tensor) -> Tensor:
        """Judge ab (B, 2, h, w) on its luma (B, 1, h, w) in [0, 1]: (B, 1, h / 8, w / 8)."""
        return self.layers(torch.cat([2 * luma - 1, ab / AB_SCALE], 1))


class Adversarial:
    """The final stage; the automatic colours are decoded as the weights that it starts from say."""

    pace = 0.1

    def __init__(self, steps: int, size: int, device: torch.device, perceptual: Perceptual | None = None) -> None:
        self._steps, self._size, self._perceptual = steps, size, perceptual
        self.critic = Critic().to(device)
        self._optimiser = torch.optim.Adam(self.critic.parameters(), lr=_LEARNING_RATE, betas=(0.0, 0.9))
        self.memory: Memory = {
            "critic": self.critic,
            "critic optimiser": self._optimiser,
        }

    def alone(self, step: int) -> bool:
        """Whether only the critic learns in this step."""
        return step < _ALONE * self._steps

    def size(self, step: int) -> int:
        """Side of the crops, a multiple of 32: half, then whole."""
        share = [part for start, part in _SIZES if step >= start * self._steps][-1]
        return max(32, int(share * self._size) // 32 * 32)

    def draw(self, sampler: PairSampler, count: int, step: int) -> Singles:
        """Single pictures of this step's size."""
        return sampler.at(self.size(step)).draw_singles(count)

    def terms(self, network: ExemplarNetwork, drawn: Singles, step: int) -> dict[str, Tensor]:
        """One step of the critic, and the generator's terms once the critic knows something."""
        alone = self.alone(step)
        with torch.set_grad_enabled(not alone):
            ab = automatic(network, drawn.luma)
        luma = F.avg_pool2d(drawn.luma, 2)
        hinge = F.relu(1 - self.critic(luma, drawn.natural)).mean() + F.relu(1 + self.critic(luma, ab.detach())).mean()
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(hinge)
        self._optimiser.step()
        terms = {"hinge": hinge.detach()}
        if alone:
            return terms
        self.critic.requires_grad_(False)
        terms["opinion"] = -_CRITIC * self.critic(luma, ab).mean()
        self.critic.requires_grad_(True)
        return terms | content(ab, drawn, self._perceptual)
