"""LPIPS: how unlike two pictures look to a network that was trained on what people find alike.

Source: Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", AlexNet, version
0.1. Within 1e-7 of the authors' code on five pairs of pictures, with the same weights.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torchvision.models import alexnet

from vidcolor.errors import WeightsError
from vidcolor.evaluation.pictures import Bytes

LEAST_SIDE = 31
"""Fewer pixels to a side leave nothing after AlexNet's strides."""
_TAPS = {1: 64, 4: 192, 7: 384, 9: 256, 11: 256}  # the layer of each ReLU and its channels
_SHIFT = torch.tensor([-0.030, -0.088, -0.188]).reshape(1, 3, 1, 1)  # the authors' ImageNet statistics over [-1, 1]
_SCALE = torch.tensor([0.458, 0.448, 0.450]).reshape(1, 3, 1, 1)


class Lpips:
    """The distance; pictures are described first, so that one truth serves many results.

    Args:
        path: A safetensors file with AlexNet's convolutions (`features.N.weight` and `.bias`, as torchvision names
            them) and the linear layers of LPIPS (`lpips.linN.model.1.weight`).

    Raises:
        WeightsError: Missing, damaged, or of another layout.
    """

    def __init__(self, path: Path) -> None:
        with torch.device("meta"):  # no memory and no random numbers for what the file replaces
            network = alexnet(weights=None).features
        shapes = {f"features.{name}": tuple(value.shape) for name, value in network.state_dict().items()}
        shapes |= {f"lpips.lin{tap}.model.1.weight": (1, width, 1, 1) for tap, width in enumerate(_TAPS.values())}
        state = _read(path, shapes)
        linear = [state.pop(f"lpips.lin{tap}.model.1.weight") for tap in range(len(_TAPS))]
        network.load_state_dict({name.removeprefix("features."): value for name, value in state.items()}, assign=True)
        self._layers, self._linear = list(network)[: max(_TAPS) + 1], linear

    @torch.inference_mode()
    def describe(self, rgb: Bytes) -> list[Tensor]:
        """Return the features (1, c, h, w) of an 8-bit RGB picture at each tap, of length 1 at every place."""
        values = (torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 127.5 - 1 - _SHIFT) / _SCALE
        features: list[Tensor] = []
        for number, layer in enumerate(self._layers):
            values = layer(values)
            if number in _TAPS:
                features.append(values / (values.square().sum(dim=1, keepdim=True).sqrt() + 1e-10))
        return features

    @torch.inference_mode()
    def distance(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> float:
        """Return the distance of two described pictures of one size: 0 for the same, rarely above 1."""
        taps = zip(first, second, self._linear, strict=True)
        return sum(float(((a - b).square() * linear).sum(dim=1).mean()) for a, b, linear in taps)


def _read(path: Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    hint = "give a safetensors file with AlexNet's features.N.* and the LPIPS 0.1 layers lpips.linN.model.1.weight"
    if not path.is_file():
        raise WeightsError(f"no LPIPS weights at {path}", hint=hint)
    try:
        state = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} is not a whole safetensors file: {error}", hint=hint) from error
    found = {name: tuple(value.shape) for name, value in state.items()}
    if wrong := sorted(found.items() ^ shapes.items()):
        name = wrong[0][0]
        raise WeightsError(f"{path}: {name} is {found.get(name)}; LPIPS expects {shapes.get(name)}", hint=hint)
    if broken := [name for name, value in state.items() if not value.isfinite().all()]:
        raise WeightsError(f"{path} holds values that are not finite, first in {broken[0]}", hint=hint)
    return {name: value.float() for name, value in state.items()}
