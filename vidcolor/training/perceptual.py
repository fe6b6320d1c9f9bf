"""A perceptual loss: coloured pictures should look alike to a network that was trained to name things.

It is the top-level term of Deep Exemplar-based Colorization (He et al. 2018), at relu4_3 of VGG16 instead of relu5_2
of VGG19, and as a share of the truth's own features, so that its weight means the same for every layer.
"""

from pathlib import Path

import kornia.color
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import vgg16

from vidcolor.errors import WeightsError

WEIGHT = 1.0
_LAYERS = 23  # of VGG16's features up to relu4_3
_MEAN = torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)  # ImageNet statistics that VGG was trained with
_SPREAD = torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)


class Perceptual:
    """The loss.

    Args:
        path: A safetensors file with VGG16's convolutions up to relu4_3, named as torchvision names them
            (`features.N.weight` and `.bias`).
        device: Where it runs.

    Raises:
        WeightsError: Missing, damaged, or of another layout.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        hint = "give a safetensors file with VGG16's features.0 to features.21, as torchvision names them"
        if not path.is_file():
            raise WeightsError(f"no VGG16 weights at {path}", hint=hint)
        with torch.device("meta"):  # no memory and no random numbers for what the file replaces
            layers = vgg16(weights=None).features[:_LAYERS]
        try:
            state = {name.removeprefix("features."): value.float() for name, value in load_file(path).items()}
            layers.load_state_dict(state, assign=True)
        except (SafetensorError, OSError, ValueError, RuntimeError) as error:
            raise WeightsError(f"{path} does not hold VGG16 up to relu4_3", hint=hint) from error
        for layer in layers:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False
        self._layers = layers.requires_grad_(False).eval().to(device).to(memory_format=torch.channels_last)

    def __call__(self, ab: Tensor, truth: Tensor, luma: Tensor) -> Tensor:
        """Weighted distance of colours (B, 2, h, w) and true colours on their luma (B, 1, h, w) in [0, 1]."""
        lightness = kornia.color.rgb_to_lab(luma.expand(-1, 3, -1, -1))[:, :1]
        with torch.no_grad():
            wanted = self._features(lightness, truth)
        return (
            WEIGHT * (self._features(lightness, ab) - wanted).square().mean() / wanted.square().mean().clamp(min=1e-6)
        )

    def _features(self, lightness: Tensor, ab: Tensor) -> Tensor:
        rgb = kornia.color.lab_to_rgb(torch.cat([lightness, ab.float()], 1))
        features: Tensor = self._layers((rgb - _MEAN.to(rgb)) / _SPREAD.to(rgb))
        return features
