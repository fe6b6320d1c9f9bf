"""Similarity sub-net: where in the references does each position of the frame come from, and how sure is that?

Exemplar colorization after He et al. 2018 and Zhang et al. 2019, with three changes. Both sides are grey, so that
colour never leaks into matching. Matching is coarse to fine: every position at stride 8 is compared with every position
of the bank, and its best cells are then compared child by child at stride 4. A dense match at stride 4 costs
sixteen times the coarse one; this costs little more than the coarse one and is as sharp. A match counts for more where
its neighbours match alike: coarse scores are means over 3 x 3 pairs of neighbours, and among its candidates a position
prefers those in the colours of positions around it that are as bright. And what a reference shows only once is seldom
seen twice: where flow explains the frame its positions take their cells, and those are less for the others.
"""

from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.networks.cells import (
    among_neighbours,
    children,
    colours_around,
    from_children,
    strongest_columns,
    strongest_row,
)
from vidcolor.networks.encoder import CHANNELS, Features

PLANES = 6
"""Confidence planes of a match: cosine at stride 8, forth-and-back agreement, cosine at stride 4, spread of ab, luma
mismatch at strides 4 and 8."""


class Keys(NamedTuple):
    """Unit-length keys of one picture: coarse (B, C8, h, w) at stride 8, fine (B, C4, 2h, 2w) at stride 4."""

    coarse: Tensor
    fine: Tensor


class Bank(NamedTuple):
    """Positions of the references to match against: N coarse cells with four children each.

    Attributes:
        coarse: (B, N, C8) unit keys of cells at stride 8.
        fine: (B, N, 4, C4) unit keys of their children at stride 4.
        ab: (B, N, 4, 2) Lab ab of the children.
        luma: (B, N, 4) luma of the children, in [0, 1].
        bias: (B, N) added to the coarse cosine: a preference among near-equal references, 0 for none.
        grids: Rows and columns of cells of each reference, in the order of their cells.
    """

    coarse: Tensor
    fine: Tensor
    ab: Tensor
    luma: Tensor
    bias: Tensor
    grids: tuple[tuple[int, int], ...]

    @staticmethod
    def join(banks: "list[Bank]") -> "Bank":
        """Put the cells of several banks of the same batch size side by side."""

        def beside(part: str) -> Tensor:
            return torch.cat([getattr(bank, part) for bank in banks], 1)

        grids = tuple(chain.from_iterable(bank.grids for bank in banks))
        return Bank(beside("coarse"), beside("fine"), beside("ab"), beside("luma"), beside("bias"), grids)


class Match(NamedTuple):
    """Colours that the references lend to the frame.

    Attributes:
        ab: (B, 2, h4, w4) warped ab at stride 4.
        coarse_ab: (B, 2, h8, w8) warped ab at stride 8, a wider and safer average.
        planes: (B, PLANES, h4, w4) confidence planes, each about 0 to 1.
    """

    ab: Tensor
    coarse_ab: Tensor
    planes: Tensor


# On the twelve validation clips at the working size: without it 34.86 dB, at 0.2 to 0.5 34.90 to 34.92 whatever luma
# counts (0.02 to 0.05) and however often it is done; from 1 on the small things of one clip lose up to 0.7 dB.
_CONSENSUS = 0.3  # of a hundredth of the squared distance in ab


# A position whose colours flow brought at least so surely takes its best cell of each reference, which costs the others
# so much cosine, the more the less they are explained: a hand that moved is not the wall that is in view anyway. On the
# twelve validation clips at the working size 0, 0.1, 0.15, 0.2, 0.3 make 35.20, 35.30, 35.33, 35.31, 35.28 dB (blocks,
# moved by hand, 31.0 and 31.7 at 0 and 0.15), at 0.2 with positions that take from 0.5 on 35.29. Cells taken by where
# flow really comes from are no better, a preference for places nearby loses where the camera moves, and the frame's own
# explained positions as another reference make 35.18 dB.
_TAKES = 0.3
_TAKEN = 0.15

# Of one thing in two lights ab goes with about the power 0.7 of luma; of what is merely alike it does less. Single
# frames of the validation clips from their first frames, and from the same made darker, brighter, or mirrored, cropped
# and darker, give 32.83, 30.67, 31.02, 28.16 dB with a power of 0, 32.84, 31.22, 31.57, 28.42 with 0.25, and 32.80,
# 31.38, 31.43, 28.52 with 0.5 of ratios up to 2. The whole clips lose 0.03 dB by it, but their colours fade less: 0.908
# of the truth's in their last fifths instead of 0.901.
_BLACK = 0.05
_MOST_SHADE = 3.0


class SimilarityNet(nn.Module):
    """Keys from encoder features, and matching of keys against a bank."""

    def __init__(self, *, width: int = 96, coarse: int = 64, fine: int = 32) -> None:
        super().__init__()
        _, c4, c8, c16, c32 = CHANNELS
        self.lateral32 = nn.Conv2d(c32, width, 1)
        self.lateral16 = nn.Conv2d(c16, width, 1)
        self.lateral8 = nn.Conv2d(c8, width, 1)
        self.lateral4 = nn.Conv2d(c4, width // 2, 1)
        self.mix8 = nn.Conv2d(width, width, 3, padding=1)
        self.key8 = nn.Conv2d(width, coarse, 1)
        self.down = nn.Conv2d(width, width // 2, 1)
        self.mix4 = nn.Conv2d(width // 2, width // 2, 3, padding=1)
        self.key4 = nn.Conv2d(width // 2, fine, 1)
        # Inverse temperatures, learned: cosines of 64-dimensional keys need a factor of some tens to be selective.
        self.log_scale8 = nn.Parameter(torch.tensor(3.0))
        self.log_scale4 = nn.Parameter(torch.tensor(2.5))
        # What a difference of luma takes from the cosine, per squared unit: things of one colour are alike in grey too.
        self.luma_cost8 = nn.Parameter(torch.tensor(3.0))
        self.luma_cost4 = nn.Parameter(torch.tensor(3.0))

    def keys(self, features: Features) -> Keys:
        """Unit-length keys at strides 8 and 4."""
        x = F.interpolate(self.lateral32(features.s32), scale_factor=2, mode="nearest") + self.lateral16(features.s16)
        x = F.interpolate(F.relu(x), scale_factor=2, mode="nearest") + self.lateral8(features.s8)
        x = F.relu(self.mix8(F.relu(x)))
        coarse = F.normalize(self.key8(x), dim=1)
        y = F.interpolate(self.down(x), scale_factor=2, mode="nearest") + self.lateral4(features.s4)
        fine = F.normalize(self.key4(F.relu(self.mix4(F.relu(y)))), dim=1)
        return Keys(coarse, fine)

    @staticmethod
    def bank(keys: Keys, ab: Tensor, luma: Tensor, *, bias: float = 0.0) -> Bank:
        """Make a bank of one reference per batch item.

        Args:
            keys: Keys of the reference.
            ab: (B, 2, h4, w4) its colours at stride 4.
            luma: (B, 1, h4, w4) its luma at stride 4.
            bias: Preference of this reference, in units of cosine.
        """
        coarse = keys.coarse.flatten(2).transpose(1, 2)
        rows, columns = keys.coarse.shape[2:]
        biases = coarse.new_full(coarse.shape[:2], bias)
        return Bank(coarse, children(keys.fine), children(ab), children(luma)[..., 0], biases, grids=((rows, columns),))

    def forward(
        self,
        query: Keys,
        luma: Tensor,
        bank: Bank,
        *,
        top_k: int = 16,
        known: Tensor | None = None,
        shaded: bool = True,
    ) -> Match:
        """Match the frame's keys against the bank.

        Args:
            query: Keys of the frame.
            luma: (B, 1, h4, w4) its luma at stride 4.
            bank: What to match against.
            top_k: Coarse cells whose children compete at stride 4; also the width of the coarse average.
            known: (B, 1, h8, w8) how surely flow explains the frame; None where nothing is known.
            shaded: Colours are stronger where the frame is brighter than what lends them; False where a and b of the
                bank stand for something else.
        """
        b, _, h, w = query.coarse.shape
        q8 = query.coarse.flatten(2).transpose(1, 2)
        q4, luma4 = children(query.fine), children(luma)[..., 0]
        ranked = self._scores(q8, luma4.mean(2), bank, (h, w), None if known is None else known.flatten(1))
        top_k = min(top_k, ranked.shape[2])
        top, cells = strongest_columns(ranked, top_k)
        cell_logits = top * self.log_scale8.exp()

        def take(x: Tensor) -> Tensor:
            """(B, N, ...) to (B, h * w, top_k, ...): what the bank holds at the best cells."""
            n = x.shape[1]
            # Whole rows at once: gather, which looks every number up by itself, takes fifteen times as long.
            index = cells + torch.arange(b, device=x.device)[:, None, None] * n
            return x.reshape(b * n, -1).index_select(0, index.flatten()).reshape(b, h * w, top_k, *x.shape[2:])

        fine_keys, ab, ref_luma = (take(x) for x in (bank.fine, bank.ab, bank.luma))
        fine_cosine = torch.einsum("bqic,bqkjc->bqikj", q4, fine_keys).flatten(3)
        unlike = (luma4[..., None] - ref_luma.flatten(2)[:, :, None]).square()
        fine_score = (fine_cosine - self.luma_cost4 * unlike) * self.log_scale4.exp()
        logits = fine_score + cell_logits.repeat_interleave(4, dim=2)[:, :, None]
        p = torch.softmax(logits - _CONSENSUS * self._unlike_around(logits, ab.flatten(2, 3), luma), 3)
        mean = p @ ab.flatten(2, 3)
        spread = (p @ ab.flatten(2, 3).square() - mean.square()).clamp(min=0).sum(3).add(1e-6).sqrt()
        warped = (p * _shade(luma4, ref_luma.flatten(2))) @ ab.flatten(2, 3) if shaded else mean
        fine_luma = (p @ ref_luma.flatten(2)[..., None])[..., 0]
        coarse_p = torch.softmax(cell_logits, 2)
        coarse_ab = (coarse_p[:, :, None] @ ab.mean(3)).squeeze(2)
        coarse_luma = (coarse_p * ref_luma.mean(3)).sum(2)
        best = (p * fine_cosine).sum(3)
        parent = torch.stack([top[..., 0], self._agreement(ranked.detach(), cells[:, :, 0], w)], 2)
        planes = torch.cat(
            [
                parent[:, :, None].expand(-1, -1, 4, -1),
                torch.stack(
                    [
                        best,
                        spread / 20.0,
                        (luma4 - fine_luma).abs() * 4.0,
                        (luma4.mean(2, keepdim=True) - coarse_luma[..., None]).abs().expand_as(luma4) * 4.0,
                    ],
                    3,
                ),
            ],
            3,
        )
        return Match(
            from_children(warped, h, w), coarse_ab.transpose(1, 2).reshape(b, 2, h, w), from_children(planes, h, w)
        )

    def _scores(self, q8: Tensor, luma8: Tensor, bank: Bank, grid: tuple[int, int], known: Tensor | None) -> Tensor:
        """Cosine, bias and likeness of luma of every position with every cell: (B, h * w, N).

        -c (x - y)^2 = 2 c x y - c x^2 - c y^2 rides in the product of keys: another array of this size costs as much.

        Args:
            q8: (B, h * w, C8) keys of the frame.
            luma8: (B, h * w) its luma.
            bank: What to match against.
            grid: h and w.
            known: (B, h * w) how surely flow explains each position, or None.
        """
        cost = self.luma_cost8
        ones, bank_luma = torch.ones_like(luma8), bank.luma.mean(2)
        frame = torch.stack([2 * cost * luma8, ones, -cost * luma8.square()], 2)
        cells = torch.stack([bank_luma, bank.bias - cost * bank_luma.square(), torch.ones_like(bank_luma)], 2)
        query, keys = torch.cat([q8, frame], 2), torch.cat([bank.coarse, cells], 2)
        # One reference at a time: means over parts of a larger array take three times as long.
        parts = torch.split(keys, [rows * columns for rows, columns in bank.grids], 1)
        scores = [
            among_neighbours(query @ part.transpose(1, 2), grid, shape)
            for part, shape in zip(parts, bank.grids, strict=True)
        ]
        if known is not None and bool((known > _TAKES).any()):
            scores = [_without_taken(part, known) for part in scores]
        return torch.cat(scores, 2) if len(scores) > 1 else scores[0]

    @staticmethod
    def _unlike_around(logits: Tensor, candidates: Tensor, luma: Tensor) -> Tensor:
        """How unlike the colours around it each candidate of a position is: |difference|^2 / 100, (B, h * w, 4, 4 k).

        One step of mean field inference (Kraehenbuehl and Koltun 2011).

        Args:
            logits: (B, h * w, 4, 4 k) of each child's candidates.
            candidates: (B, h * w, 4 k, 2) their ab.
            luma: (B, 1, 2 h, 2 w).
        """
        h, w = luma.shape[2] // 2, luma.shape[3] // 2
        p = torch.softmax(logits, 3)
        trust = from_children(p.amax(3, keepdim=True), h, w)
        around = children(colours_around(from_children(p @ candidates, h, w), trust, luma))
        squares = candidates.square().sum(3)[:, :, None] + around.square().sum(3, keepdim=True)
        return (squares - 2 * around @ candidates.mT) / 100

    @staticmethod
    def _agreement(ranked: Tensor, best: Tensor, w: int) -> Tensor:
        """exp(-d / 2), d in cells from each position to where its best match finds its own best match: (B, h * w).

        Args:
            ranked: (B, h * w, N) scores of the frame's positions and the bank's cells; a preference for some cells
                changes nothing here.
            best: (B, h * w) each position's best cell.
            w: Cells per row.
        """
        back = strongest_row(ranked, best)
        here = torch.arange(ranked.shape[1], device=ranked.device)
        dx, dy = back % w - here % w, back // w - here // w
        return torch.exp(-0.5 * torch.hypot(dx.float(), dy.float()))


def _without_taken(scores: Tensor, known: Tensor) -> Tensor:
    """Scores (B, h * w, N) with one reference, less for unexplained positions where explained ones take the cells."""
    best = scores.detach().max(2).indices
    takes = (known > _TAKES).to(scores.dtype)
    taken = torch.zeros_like(scores[:, 0]).scatter_reduce(1, best, takes, "amax")
    return torch.baddbmm(scores, (1 - known)[:, :, None], taken[:, None], alpha=-_TAKEN)


def _shade(luma: Tensor, lender: Tensor) -> Tensor:
    """How much stronger colours are where light makes a thing brighter: (B, h * w, 4, 4 k) for each candidate.

    Args:
        luma: (B, h * w, 4) of the frame.
        lender: (B, h * w, 4 k) of what lends its colours.
    """
    brighter = (luma[..., None] + _BLACK) / (lender[:, :, None] + _BLACK)
    return brighter.clamp(1 / _MOST_SHADE, _MOST_SHADE).sqrt().sqrt()
