"""Quantised ab: the classes of the automatic prior (Zhang, Isola, Efros 2016, "Colorful Image Colorization")."""

import kornia.color
import torch
from torch import Tensor, nn

_STEP = 10.0
_HALF = 11  # the grid reaches from -110 to 110


def _gamut_cells() -> Tensor:
    """Grid cells (2 * _HALF + 1, 2 * _HALF + 1) that hold at least one sRGB colour, as booleans."""
    levels = torch.linspace(0, 1, 48)
    rgb = torch.stack(torch.meshgrid(levels, levels, levels, indexing="ij")).reshape(1, 3, -1, 1)
    ab = kornia.color.rgb_to_lab(rgb)[0, 1:, :, 0]
    cell = (ab / _STEP).round().long() + _HALF
    cells = torch.zeros(2 * _HALF + 1, 2 * _HALF + 1, dtype=torch.bool)
    cells[cell[0], cell[1]] = True
    return cells


class ColorBins(nn.Module):
    """The in-gamut points of a 10-unit grid on the ab plane, their class weights, encoding and decoding.

    `centers` (Q, 2) are ab values; `weights` (Q,) multiply the cross-entropy and have mean 1 under the training
    colours (equation 4 of the paper, lambda = 1/2), all ones until `set_frequencies` is called.
    """

    centers: Tensor
    weights: Tensor
    lookup: Tensor

    def __init__(self) -> None:
        super().__init__()
        cells = _gamut_cells()
        index = cells.nonzero()
        centers = (index - _HALF).float() * _STEP
        side = torch.arange(-_HALF, _HALF + 1).float() * _STEP
        grid = torch.stack(torch.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
        # Cells outside the gamut stand for their nearest class, so that every ab has four corners to share among.
        self.register_buffer("lookup", torch.cdist(grid, centers).argmin(1).reshape(cells.shape))
        self.register_buffer("centers", centers)
        self.register_buffer("weights", torch.ones(len(centers)))

    def __len__(self) -> int:
        return len(self.centers)

    def encode(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        """Share each ab among its four surrounding classes.

        Bilinear shares keep the mean colour exact, which the five nearest neighbours of the paper do not.

        Args:
            ab: (..., 2) Lab ab.

        Returns:
            Class indices (..., 4) and shares (..., 4) that add up to 1.
        """
        position = (ab / _STEP + _HALF).clamp(0, 2 * _HALF - 1e-3)
        low = position.floor().long()
        f = position - low
        fa, fb = f[..., 0], f[..., 1]
        a, b = low[..., 0], low[..., 1]
        indices = torch.stack(
            [self.lookup[a, b], self.lookup[a, b + 1], self.lookup[a + 1, b], self.lookup[a + 1, b + 1]], -1
        )
        shares = torch.stack([(1 - fa) * (1 - fb), (1 - fa) * fb, fa * (1 - fb), fa * fb], -1)
        return indices, shares

    def set_frequencies(self, counts: Tensor, *, mix: float = 0.5) -> None:
        """Set the class weights from how often each class occurs.

        Args:
            counts: (Q,) soft counts over the training colours.
            mix: lambda of equation 4, the share of the uniform distribution.
        """
        p = counts / counts.sum()
        raw = 1.0 / ((1 - mix) * p + mix / len(p))
        self.weights.copy_(raw / (p * raw).sum())

    def decode(self, logits: Tensor, *, temperature: float = 0.38, balance: float = 0.0) -> Tensor:
        """Annealed mean (equation 5 of the paper) of the rebalanced distribution, or of one nearer to nature.

        Training with class weights w teaches q proportional to w p instead of p, so that the colours as they occur
        are q / w. Rare colours are then as rare as they are: right more often, and dull. `balance` goes between.

        Args:
            logits: (B, Q, h, w), of a network trained with the class weights.
            temperature: 1 gives the mean (dull), towards 0 the mode (speckled).
            balance: Power of the class weights that is divided out: 0 for none, as in the paper, 1 for all.

        Returns:
            ab (B, 2, h, w).
        """
        # Channels last: the softmax then runs along memory, three times faster on a CPU.
        scores = logits.permute(0, 2, 3, 1).float()
        p = torch.softmax(torch.add(self.weights.log() * (-balance / temperature), scores, alpha=1 / temperature), 3)
        return (p @ self.centers).permute(0, 3, 1, 2)
