"""Training pairs: a target to colour, a reference to colour it from, and what is true about the two."""

from dataclasses import dataclass

import kornia.color
import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.training.augment import FilmLook, View, carried_colours, plain_luma, sample, turn_hue, uniform
from vidcolor.training.data import PictureStore
from vidcolor.training.followed import followed_colours

# Shares of: the same picture twice, two frames of a clip, the nearest other picture, an unrelated picture, none.
_SHARES = (0.25, 0.40, 0.12, 0.08, 0.15)
_SAME, _CLIP, _NEAREST, _UNRELATED, _NONE = range(5)
_FARTHEST = 60
# Of the pairs from clips, how many see what flow really brings, and from how many frames away at most.
_FOLLOWED = 0.6
_NEAR = 6


@dataclass(frozen=True, eq=False)
class Singles:
    """A batch of B pictures at size S, with nothing to go by.

    Attributes:
        luma: (B, 1, S, S) as film would show them.
        natural: (B, 2, S/2, S/2) their ab, before any turn of hue.
    """

    luma: Tensor
    natural: Tensor


@dataclass(frozen=True, eq=False)
class Pairs(Singles):
    """A batch of B pairs at size S; luma and natural colours are the target's.

    Attributes:
        reference_luma: (B, 1, S, S).
        truth: (B, 2, S/2, S/2) the target's ab, its hue turned or not.
        reference_ab: (B, 2, S/2, S/2), turned alike.
        present: (B,) 1 where there is a reference.
        matched: (B, 1, S/2, S/2) how surely the reference shows what the target shows there.
        propagated: (B, 2, S/2, S/2) simulated colours from flow.
        validity: (B, 1, S/2, S/2) their validity.
    """

    reference_luma: Tensor
    truth: Tensor
    reference_ab: Tensor
    present: Tensor
    matched: Tensor
    propagated: Tensor
    validity: Tensor

    def __repr__(self) -> str:
        return f"Pairs({tuple(self.luma.shape)})"


class PairSampler:
    """Draws batches of pairs from a store, on the store's device."""

    def __init__(self, store: PictureStore, neighbours: Tensor, size: int) -> None:
        """Prepare.

        Args:
            store: The pictures.
            neighbours: (P, K) nearest other photographs of each photograph.
            size: Side of the crops, a multiple of 32.
        """
        self._store = store
        self._neighbours = neighbours
        self._size = size
        device = store.pixels.device
        self._clips = torch.tensor(store.clips, device=device).reshape(-1, 2)
        self._clip_weights = (self._clips[:, 1] - self._clips[:, 0]).float().sqrt()
        # A store without clips, or without photographs, draws its pairs from what it has.
        shares = list(_SHARES)
        if not len(self._clips):
            shares[_SAME] += shares[_CLIP]
            shares[_CLIP] = 0.0
        if not len(store.weights):
            shares = [0.0, 1.0, 0.0, 0.0, 0.0]
        self._shares = torch.tensor(shares, device=device)

    def _items(self, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Kinds (B,), target pictures (B,), reference pictures (B,), pictures near the target on the way there (B,)."""
        device = self._store.pixels.device
        kind = self._shares.multinomial(count, replacement=True)
        if len(self._store.weights):
            target = self._store.weights.multinomial(count, replacement=True)
            column = torch.randint(self._neighbours.shape[1], (count,), device=device)
            reference = torch.where(kind == _NEAREST, self._neighbours[target, column], target)
            other = torch.randint(len(self._store.weights), (count,), device=device)
            reference = torch.where(kind == _UNRELATED, other, reference)
        else:
            target = reference = torch.zeros(count, dtype=torch.long, device=device)
        near = target
        if len(self._clips):
            clip = self._clips[self._clip_weights.multinomial(count, replacement=True)]
            start, stop = clip[:, 0], clip[:, 1]
            now = start + (torch.rand(count, device=device) * (stop - start)).long()
            away = 1 + (torch.rand(count, device=device).square() * _FARTHEST).long()
            away = torch.where(torch.rand(count, device=device) < 0.5, away, -away)
            then = torch.maximum(torch.minimum(now + away, stop - 1), start)
            steps = torch.randint(1, _NEAR + 1, (count,), device=device)
            target = torch.where(kind == _CLIP, now, target)
            reference = torch.where(kind == _CLIP, then, reference)
            near = torch.where(kind == _CLIP, now + (then - now).clamp(-steps, steps), near)
        return kind, target, reference, near

    def at(self, size: int) -> "PairSampler":
        """A sampler of the same pictures with crops of another side."""
        return self if size == self._size else PairSampler(self._store, self._neighbours, size)

    def draw_singles(self, count: int) -> Singles:
        """Draw `count` pictures as the targets of pairs are drawn."""
        _, target, _, _ = self._items(count)
        view = self._target_view(target)
        rgb = sample(self._store, target, view.positions(self._size))
        return Singles(FilmLook(count, rgb.device)(rgb), _half_ab(rgb))

    def _target_view(self, target: Tensor) -> View:
        return View.draw(self._store.sizes[target], self._size, crop=(0.6, 1.0), degrees=6, bend=0.0)

    def draw(self, count: int) -> Pairs:
        """Draw `count` pairs."""
        store, size = self._store, self._size
        device = store.pixels.device
        kind, target, reference, near = self._items(count)
        view = self._target_view(target)
        ref_view = View.draw(store.sizes[reference], size, crop=(0.4, 1.0), degrees=25, bend=0.03)
        # Film cameras mostly stand still, and a painted still is often the very frame.
        still = torch.rand(count, device=device) < torch.where(kind == _CLIP, 0.6, 0.25)
        ref_view.copy_where(view, still & ((kind == _SAME) | (kind == _CLIP)))
        positions = view.positions(size)
        rgb = sample(store, target, positions)
        ref_rgb = sample(store, reference, ref_view.positions(size))

        look = FilmLook(count, device)
        luma, aged = look(rgb), look(ref_rgb)
        shared = torch.rand(count, 1, 1, 1, device=device) < 0.4
        ref_luma = torch.where(shared, aged, plain_luma(ref_rgb))

        natural, ref_ab = _half_ab(rgb), _half_ab(ref_rgb)
        same = (kind == _SAME) | (kind == _CLIP)
        turned = same & (torch.rand(count, device=device) < 0.5)
        angle = torch.where(turned, torch.rand(count, device=device) * (2 * torch.pi), 0.0)
        saturation = torch.where(turned, torch.rand(count, device=device) * 0.8 + 0.5, 1.0)
        truth = turn_hue(natural, angle, saturation)
        inside = ref_view.contains(positions[:, ::2, ::2])[:, None].float()
        matched = inside * torch.where(kind == _SAME, 1.0, torch.where(kind == _CLIP, 0.6, 0.0))[:, None, None, None]
        propagated, validity = carried_colours(truth)
        followed = (kind == _CLIP) & (torch.rand(count, device=device) < _FOLLOWED)
        if followed.any():
            near_rgb = sample(store, near, positions)
            near_ab = turn_hue(
                kornia.color.rgb_to_lab(near_rgb)[:, 1:], angle, saturation * uniform(count, 0.93, 1.07, device)
            )
            brought = followed_colours(luma[followed], look(near_rgb)[followed], near_ab[followed])
            propagated[followed], validity[followed] = brought
        return Pairs(
            luma=luma,
            reference_luma=ref_luma,
            natural=natural,
            truth=truth,
            reference_ab=turn_hue(ref_ab, angle, saturation),
            present=(kind != _NONE).float(),
            matched=matched,
            propagated=propagated,
            validity=validity,
        )


def _half_ab(rgb: Tensor) -> Tensor:
    """(B, 3, S, S) RGB in [0, 1] to ab (B, 2, S/2, S/2)."""
    return F.avg_pool2d(kornia.color.rgb_to_lab(rgb)[:, 1:], 2)
