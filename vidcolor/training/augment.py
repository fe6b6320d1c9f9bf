"""Batched augmentation on the device: views of pictures, film look, simulated evidence.

All functions take their random numbers from torch's global generator, which `loop.train` seeds and restores.
"""

import math

import kornia.filters
import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.training.data import PictureStore


def uniform(count: int, low: float, high: float, device: torch.device) -> Tensor:
    """(count,) uniform numbers in [low, high)."""
    return torch.rand(count, device=device) * (high - low) + low


def smooth_noise(count: int, channels: int, size: int, cells: int, device: torch.device) -> Tensor:
    """(count, channels, size, size) noise of about unit variance that varies over size / cells pixels."""
    coarse = torch.randn(count, channels, cells + 2, cells + 2, device=device)
    wide = F.interpolate(coarse, scale_factor=size / cells, mode="bicubic", align_corners=False)
    edge = (wide.shape[2] - size) // 2
    return wide[:, :, edge : edge + size, edge : edge + size]


class View:
    """Where each of B crops lies in its picture: centre, side, rotation, mirror, smooth displacement."""

    def __init__(self, center: Tensor, side: Tensor, angle: Tensor, mirror: Tensor, bend: Tensor) -> None:
        self.center = center
        self.side = side
        self.angle = angle
        self.mirror = mirror
        self.bend = bend

    @classmethod
    def draw(cls, sizes: Tensor, size: int, *, crop: tuple[float, float], degrees: float, bend: float) -> "View":
        """Draw crops.

        Args:
            sizes: (B, 2) width and height of the pictures in pixels.
            size: Side of the output.
            crop: Range of the crop's side as a share of the picture's short side.
            degrees: Largest rotation either way.
            bend: Deviation of the smooth displacement, as a share of the crop.
        """
        device, count = sizes.device, len(sizes)
        side = sizes.min(1).values * uniform(count, *crop, device)
        room = sizes - side[:, None]
        center = side[:, None] / 2 + room * torch.rand(count, 2, device=device)
        angle = uniform(count, -degrees, degrees, device) * (math.pi / 180)
        mirror = torch.where(torch.rand(count, device=device) < 0.5, -1.0, 1.0)
        return cls(center, side, angle, mirror, smooth_noise(count, 2, size, 3, device) * bend)

    def copy_where(self, other: "View", mask: Tensor) -> None:
        """Take over the other view's geometry for the items in `mask` (B,), keeping the displacement."""
        self.center = torch.where(mask[:, None], other.center, self.center)
        self.side = torch.where(mask, other.side, self.side)
        self.angle = torch.where(mask, other.angle, self.angle)
        self.mirror = torch.where(mask, other.mirror, self.mirror)

    def _axes(self) -> Tensor:
        """(B, 2, 2): crop coordinates in [-1, 1] to picture pixels, without the centre."""
        c, s, half = self.angle.cos(), self.angle.sin(), self.side / 2
        return (
            torch.stack([torch.stack([c * self.mirror, -s], 1), torch.stack([s * self.mirror, c], 1)], 1)
            * half[:, None, None]
        )

    def positions(self, size: int) -> Tensor:
        """(B, size, size, 2) pixel coordinates x, y in the picture."""
        line = (torch.arange(size, device=self.side.device) + 0.5) * (2 / size) - 1
        y, x = torch.meshgrid(line, line, indexing="ij")
        local = torch.stack([x, y], -1) + self.bend.permute(0, 2, 3, 1) * 2
        return torch.einsum("bij,bhwj->bhwi", self._axes(), local) + self.center[:, None, None]

    def contains(self, positions: Tensor) -> Tensor:
        """(B, h, w) whether picture positions (B, h, w, 2) lie inside this crop, displacement left aside."""
        local = torch.einsum("bij,bhwj->bhwi", torch.linalg.inv(self._axes()), positions - self.center[:, None, None])
        return local.abs().amax(-1) < 0.97


def sample(store: PictureStore, items: Tensor, positions: Tensor) -> Tensor:
    """RGB (B, 3, h, w) in [0, 1] of the pictures `items` (B,) at pixel positions (B, h, w, 2); edges repeat."""
    pixels = store.pixels[items].float() / 255
    last = (store.sizes[items] - 1).float()[:, None, None]
    inside = torch.minimum((positions - 0.5).clamp(min=0), last)
    height, width = pixels.shape[2:]
    grid = (inside + 0.5) * (2 / torch.tensor([width, height], device=pixels.device)) - 1
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)


_BT601 = (0.299, 0.587, 0.114)


def plain_luma(rgb: Tensor) -> Tensor:
    """Y' (B, 1, h, w) of RGB (B, 3, h, w)."""
    return torch.einsum("bchw,c->bhw", rgb, rgb.new_tensor(_BT601))[:, None]


class FilmLook:
    """How a stock of film and its age turn colours into grey; drawn once per item, so that two frames may share it."""

    def __init__(self, count: int, device: torch.device) -> None:
        usual = torch.tensor(_BT601, device=device)
        mix = torch.distributions.Dirichlet(torch.full((3,), 1.5, device=device)).sample((count,))
        # Orthochromatic stock is blind to red and keen on blue.
        ortho = torch.tensor([0.05, 0.4, 0.55], device=device).expand(count, 3)
        pick = torch.rand(count, 1, device=device)
        self.mix = torch.where(pick < 0.55, usual, torch.where(pick < 0.85, 0.5 * usual + 0.5 * mix, ortho))
        self.gamma = torch.exp(torch.randn(count, device=device) * 0.2)
        self.gain = uniform(count, 0.7, 1.15, device)
        self.lift = uniform(count, -0.06, 0.12, device)
        self.grain = torch.rand(count, device=device).square() * 0.06
        self.coarseness = torch.rand(count, 1, 1, 1, device=device)
        self.blur = torch.rand(count, 1, 1, 1, device=device).square()
        self.vignette = uniform(count, -0.1, 0.4, device).clamp(min=0)
        self.scratched = torch.rand(count, device=device) < 0.1
        plain = torch.rand(count, device=device) < 0.2
        for name, neutral in (("gamma", 1.0), ("gain", 1.0), ("lift", 0.0), ("grain", 0.0), ("vignette", 0.0)):
            setattr(self, name, torch.where(plain, torch.full_like(self.gamma, neutral), getattr(self, name)))

    def __call__(self, rgb: Tensor) -> Tensor:
        """Luma (B, 1, h, w) in [0, 1] of RGB (B, 3, h, w); grain, flicker and scratches are drawn anew."""
        count, _, h, w = rgb.shape
        device = rgb.device

        def each(x: Tensor) -> Tensor:
            return x[:, None, None, None]

        luma = torch.einsum("bchw,bc->bhw", rgb, self.mix)[:, None]
        luma = luma.clamp(1e-4, 1).pow(each(self.gamma)) * each(self.gain) + each(self.lift)
        luma = torch.lerp(luma, kornia.filters.gaussian_blur2d(luma, (5, 5), (1.0, 1.0)), self.blur)
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, h, device=device), torch.linspace(-1, 1, w, device=device), indexing="ij"
        )
        luma = luma * (1 - each(self.vignette) * 0.5 * (x * x + y * y))
        noise = torch.randn_like(luma)
        noise = torch.lerp(noise, F.avg_pool2d(noise, 3, 1, 1) * 3, self.coarseness)
        flicker = torch.exp(torch.randn(count, device=device) * 0.04)
        luma = luma * each(flicker) + noise * each(self.grain)
        columns = torch.rand(count, 1, 1, w, device=device) < 0.012
        return torch.where(columns & each(self.scratched), luma + 0.4, luma).clamp(0, 1)


def turn_hue(ab: Tensor, angle: Tensor, saturation: Tensor) -> Tensor:
    """Rotate ab (B, 2, h, w) by `angle` (B,) radians and scale it by `saturation` (B,)."""
    c, s = angle.cos()[:, None, None], angle.sin()[:, None, None]
    a, b = ab[:, 0], ab[:, 1]
    return torch.stack([c * a - s * b, s * a + c * b], 1) * saturation[:, None, None, None]


def carried_colours(ab: Tensor) -> tuple[Tensor, Tensor]:
    """What flow would bring: the truth slightly displaced and blurred, with holes, wrong where its validity is low.

    How often a place is right follows what propagation measures on film: 99 % at a validity of 0.95, 79 % at 0.55, 49 %
    at 0.15. Saturation errs both ways alike: evidence that was always faded taught the networks to add a seventh at
    each keyframe, and their own colours came back to them more vivid every time.

    Args:
        ab: (B, 2, h, w) true ab, square.

    Returns:
        ab of the same shape and its validity (B, 1, h, w), both 0 in holes; about half of the items get none at all.
    """
    count, _, size, _ = ab.shape
    device = ab.device

    def each(power: float) -> Tensor:
        return torch.rand(count, 1, 1, 1, device=device).pow(power)

    line = (torch.arange(size, device=device) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    shift = smooth_noise(count, 2, size, 4, device) * (each(2) * 3 / size)
    moved = F.grid_sample(
        ab, torch.stack([x, y], -1) + shift.permute(0, 2, 3, 1) * 2, padding_mode="border", align_corners=False
    )
    moved = torch.lerp(moved, kornia.filters.gaussian_blur2d(moved, (7, 7), (2.0, 2.0)), each(2))
    moved = moved * uniform(count, 0.93, 1.07, device)[:, None, None, None]
    holes = smooth_noise(count, 1, size, 5, device) - uniform(count, -0.2, 2.5, device)[:, None, None, None]
    validity = torch.sigmoid(-holes * 6) * uniform(count, 0.85, 1.0, device)[:, None, None, None]
    quantile = torch.special.ndtr(smooth_noise(count, 1, size, 6, device))
    moved = torch.where(quantile > 0.42 + 0.6 * validity, ab.roll(1, 0), moved)
    # Where nothing was brought there must be nothing to read: the truth left there would be found and used.
    given = (torch.rand(count, 1, 1, 1, device=device) < 0.5) & (validity > 0.02)
    return torch.where(given, moved, torch.zeros_like(moved)), torch.where(given, validity, torch.zeros_like(validity))
