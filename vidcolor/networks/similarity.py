"""Similarity sub-net: where in the references does each position of the frame come from, and how sure is that?

Exemplar colorization after He et al. 2018 and Zhang et al. 2019, with three changes. Both sides are grey, so that
colour never leaks into matching. Matching is coarse to fine: every position at stride 8 is compared with every position
of the bank, and its best cells are then compared child by child at stride 4. A dense match at stride 4 costs
sixteen times the coarse one; this costs little more than the coarse one and is as sharp. A match counts for more where
its neighbours match alike: coarse scores are means over 3 x 3 pairs of neighbours.
"""

from itertools import chain
from math import gcd
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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


def children(x: Tensor) -> Tensor:
    """(B, C, 2h, 2w) to (B, h * w, 4, C): the four stride-4 positions under each stride-8 cell."""
    b, c, h, w = x.shape
    return x.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(b, (h // 2) * (w // 2), 4, c)


def from_children(x: Tensor, h: int, w: int) -> Tensor:
    """(B, h * w, 4, C) back to (B, C, 2h, 2w)."""
    b, _, _, c = x.shape
    return x.reshape(b, h, w, 2, 2, c).permute(0, 5, 1, 3, 2, 4).reshape(b, c, 2 * h, 2 * w)


_GROUP = 16  # divides the cells of any picture whose sides are multiples of 32


def strongest_row(ranked: Tensor, columns: Tensor) -> Tensor:
    """The row of the largest value in each of the given columns: `ranked.argmax(1)` at `columns`, eight times as fast.

    Args:
        ranked: (B, Q, N).
        columns: (B, M) indices of columns.

    Returns:
        (B, M) indices of rows.
    """
    b, q, n = ranked.shape
    size = gcd(q, _GROUP)
    group = ranked.reshape(b, q // size, size, n).amax(2).max(1).indices.gather(1, columns)
    rows = (group * size)[..., None] + torch.arange(size, device=ranked.device)
    inside = ranked.reshape(b, -1).gather(1, (rows * n + columns[..., None]).flatten(1))
    return group * size + inside.reshape(b, -1, size).argmax(2)


def strongest_columns(ranked: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest values of each row and their columns: `ranked.topk(count)` in half the time.

    The columns are dealt out to groups; those with the largest values lie in the groups with the largest maxima.

    Args:
        ranked: (B, Q, N).
        count: How many, at most N.

    Returns:
        (B, Q, count) values, the largest first, and indices of columns.
    """
    b, q, n = ranked.shape
    groups = n // _GROUP
    if n % _GROUP or groups <= count:
        return ranked.topk(count)
    dealt = ranked.reshape(b, q, _GROUP, groups)
    best = dealt.amax(2).topk(count, sorted=False).indices
    among = dealt.gather(3, best[:, :, None].expand(-1, -1, _GROUP, -1)).flatten(2)
    values, found = among.topk(count)
    return values, found // count * groups + best.gather(2, found % count)


def among_neighbours(scores: Tensor, grid: tuple[int, int], cells: tuple[int, int]) -> Tensor:
    """Mean of each pair's score and those of the up to eight pairs displaced alike by one cell.

    Args:
        scores: (B, h * w, r * c) of every position with every cell of one reference.
        grid: h and w.
        cells: r and c.

    Returns:
        (B, h * w, r * c).
    """
    pairs = scores.reshape(-1, *grid, *cells)
    return _along(_along(pairs, 2, 4), 1, 3).reshape(scores.shape)


def _along(pairs: Tensor, here: int, there: int) -> Tensor:
    """Mean of pairs (B, h, w, rows, columns) and their neighbours one step along two dimensions at once."""
    n, m = pairs.shape[here], pairs.shape[there]
    total = pairs.clone()
    total.narrow(here, 0, n - 1).narrow(there, 0, m - 1).add_(pairs.narrow(here, 1, n - 1).narrow(there, 1, m - 1))
    total.narrow(here, 1, n - 1).narrow(there, 1, m - 1).add_(pairs.narrow(here, 0, n - 1).narrow(there, 0, m - 1))
    shape = [1] * pairs.ndim
    shape[here], shape[there] = n, m
    i, j = torch.arange(n, device=pairs.device)[:, None], torch.arange(m, device=pairs.device)
    count = 1.0 + ((i > 0) & (j > 0)) + ((i < n - 1) & (j < m - 1))
    return total.mul_(count.reciprocal().view(shape))


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

    def forward(self, query: Keys, luma: Tensor, bank: Bank, *, top_k: int = 16) -> Match:
        """Match the frame's keys against the bank.

        Args:
            query: Keys of the frame.
            luma: (B, 1, h4, w4) its luma at stride 4.
            bank: What to match against.
            top_k: Coarse cells whose children compete at stride 4; also the width of the coarse average.
        """
        b, _, h, w = query.coarse.shape
        q8 = query.coarse.flatten(2).transpose(1, 2)
        q4, luma4 = children(query.fine), children(luma)[..., 0]
        ranked = self._scores(q8, luma4.mean(2), bank, (h, w))
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
        p = torch.softmax(logits, 3)
        warped = p @ ab.flatten(2, 3)
        spread = (p @ ab.flatten(2, 3).square() - warped.square()).clamp(min=0).sum(3).add(1e-6).sqrt()
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

    def _scores(self, q8: Tensor, luma8: Tensor, bank: Bank, grid: tuple[int, int]) -> Tensor:
        """Cosine, bias and likeness of luma of every position with every cell: (B, h * w, N).

        -c (x - y)^2 = 2 c x y - c x^2 - c y^2 rides in the product of keys: another array of this size costs as much.

        Args:
            q8: (B, h * w, C8) keys of the frame.
            luma8: (B, h * w) its luma.
            bank: What to match against.
            grid: h and w.
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
        return torch.cat(scores, 2) if len(scores) > 1 else scores[0]

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
