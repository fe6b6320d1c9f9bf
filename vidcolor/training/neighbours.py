"""Which photographs show alike things: references that are plausible and not the picture itself."""

import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.networks import ExemplarNetwork
from vidcolor.training.augment import plain_luma
from vidcolor.training.data import PictureStore

_NEIGHBOURS = 5


@torch.no_grad()
def nearest_photographs(network: ExemplarNetwork, store: PictureStore) -> Tensor:
    """(P, K) nearest other photographs by pooled encoder features; K is 1 (itself) when there are no others."""
    count, device = len(store.weights), store.pixels.device
    if count < 2:
        return torch.zeros(count, 1, dtype=torch.long, device=device)
    vectors = []
    for part in torch.split(torch.arange(count, device=device), 64):
        luma = plain_luma(F.interpolate(store.pixels[part].float() / 255, size=(96, 128), mode="area"))
        vectors.append(network.encoder(luma).s32.mean((2, 3)))
    unit = F.normalize(torch.cat(vectors), dim=1)
    rows = [(part @ unit.T).topk(min(_NEIGHBOURS + 1, count), dim=1).indices[:, 1:] for part in torch.split(unit, 512)]
    return torch.cat(rows)
