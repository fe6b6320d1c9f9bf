"""Positions of a frame and cells of references: how they lie in arrays, and how their scores are looked through.

A cell, at stride 8, has four children at stride 4.
"""

from math import gcd

import torch
from torch import Tensor
from torch.nn import functional as F

_GROUP = 16  # divides the cells of any picture whose sides are multiples of 32
_AROUND = 2  # positions on each side whose colours count
_AS_BRIGHT = 0.03  # the difference of luma at which they count for 0.6 as much


def children(x: Tensor) -> Tensor:
    """(B, C, 2h, 2w) to (B, h * w, 4, C): the four stride-4 positions under each stride-8 cell."""
    b, c, h, w = x.shape
    return x.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(b, (h // 2) * (w // 2), 4, c)


def from_children(x: Tensor, h: int, w: int) -> Tensor:
    """(B, h * w, 4, C) back to (B, C, 2h, 2w)."""
    b, _, _, c = x.shape
    return x.reshape(b, h, w, 2, 2, c).permute(0, 5, 1, 3, 2, 4).reshape(b, c, 2 * h, 2 * w)


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


def colours_around(ab: Tensor, trust: Tensor, luma: Tensor) -> Tensor:
    """Mean colours of the 5 x 5 positions around each one, weighted by trust and by likeness of luma.

    Args:
        ab: (B, 2, h, w).
        trust: (B, 1, h, w), at least somewhat above 0.
        luma: (B, 1, h, w) in [0, 1].

    Returns:
        (B, 2, h, w).
    """

    def around(x: Tensor) -> Tensor:
        """(B, C, h, w) to (B, C, 25, h, w)."""
        b, c, h, w = x.shape
        wide = F.pad(x, (_AROUND,) * 4, mode="replicate")
        return F.unfold(wide, 2 * _AROUND + 1).reshape(b, c, -1, h, w)

    alike = torch.exp((around(luma) - luma[:, :, None]).square() / (-2 * _AS_BRIGHT**2))
    weight = alike * around(trust)
    return (around(ab) * weight).sum(2) / weight.sum(2)
