"""The exemplar colorizer: the networks with their weights, ready for pictures and shots."""

import hashlib
from collections.abc import Sequence
from copy import copy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vidcolor.device import pick_device, prepare_process
from vidcolor.errors import VidcolorError
from vidcolor.exemplar.scales import EncodedReference, ScaledReference
from vidcolor.exemplar.shot import KEYFRAMES_KEPT, ShotColorizer, tensor_of
from vidcolor.exemplar.tracing import Trace
from vidcolor.networks import ExemplarNetwork
from vidcolor.weights import Weights, load_weights, network_of

Floats = NDArray[np.float32]

COLDEST = 0.05
"""Least temperature of the automatic colours; below it they are the single likeliest class, and speckle."""


class ExemplarColorizer:
    """The networks with their weights on a device.

    Args:
        network: The networks.
        device: Where they run.
        weights: Checksum of the file that the weights came from; by default one of the networks' own state.
    """

    def __init__(self, network: ExemplarNetwork, device: torch.device, *, weights: str = "") -> None:
        self._network = network.eval().to(device).to(memory_format=torch.channels_last)
        self.device = device
        self.weights = weights or _checksum(network)
        self._traces = False

    @classmethod
    def load(
        cls, weights: str | Path | Weights | None = None, *, device: str = "auto", temperature: float | None = None
    ) -> "ExemplarColorizer":
        """Load weights, and make the process ready, see `device.prepare_process`.

        Args:
            weights: A weights file, already loaded weights, or None for those that came with vidcolor.
            device: `auto` (a GPU when there is one), `cpu`, `cuda`, `cuda:1` and so on.
            temperature: Of the automatic colours, see `ColorBins.decode`; None for what the weights say.

        Raises:
            WeightsError: They are missing, damaged or made for another network.
            VidcolorError: The device is unknown or not there, or the temperature out of range.
        """
        if temperature is not None and not COLDEST <= temperature <= 1:
            raise VidcolorError(
                f"temperature {temperature} is outside {COLDEST} to 1", hint="1 gives calm colours, 0.3 lively ones"
            )
        prepare_process()
        loaded = weights if isinstance(weights, Weights) else load_weights(weights)
        network = network_of(loaded, temperature=temperature)
        return cls(network, pick_device(device), weights=loaded.sha256)

    @torch.inference_mode()
    def encode_reference(self, luma: Floats, ab: Floats) -> EncodedReference:
        """Prepare a reference once.

        Args:
            luma: (h, w) in [0, 1], h and w multiples of 32.
            ab: (h, w, 2) its colours.
        """
        return EncodedReference(self._network.bank(self._network.encode(self._luma(luma)), self._planes(ab)))

    @torch.inference_mode()
    def coarse_keys(self, luma: Floats, *, every: int = 1) -> Tensor:
        """Unit keys (N, C8) of a picture (h, w), one for each `every` times 8 pixels across and down."""
        return self._network.encode(self._luma(luma)).keys.coarse[0, :, ::every, ::every].flatten(1).T

    @torch.inference_mode()
    def describe(self, luma: Floats, *, grid: int) -> tuple[Floats, Floats]:
        """Describe what a picture shows, for search.

        Args:
            luma: (h, w) in [0, 1], h and w multiples of 32.
            grid: Cells per row and column.

        Returns:
            Content (C,) of the whole picture and features (grid * grid, C16) of its cells, row by row; unit length.
        """
        features = self._network.encode(self._luma(luma)).features
        pooled = [F.relu(features.s32).mean((2, 3)), features.s16.mean((2, 3))]
        content = F.normalize(torch.cat([F.normalize(each, dim=1) for each in pooled], 1), dim=1)
        cells = F.normalize(F.adaptive_avg_pool2d(features.s16, (grid, grid)), dim=1).flatten(2).mT
        return content[0].float().cpu().numpy(), cells[0].float().cpu().numpy()

    @property
    def temperature(self) -> float:
        """Of the automatic colours."""
        return self._network.config.temperature

    def tracing(self) -> "ExemplarColorizer":
        """The same networks, whose shots trace where colours come from; otherwise they do not."""
        traced = copy(self)
        traced._traces = True
        return traced

    def shot(
        self,
        references: Sequence[EncodedReference | ScaledReference],
        spans: Sequence[range | None] | None = None,
    ) -> "ShotColorizer":
        """Start a shot with its references; none means automatic colours.

        Args:
            references: Stills to match against.
            spans: The frames in which each counts, None for the whole shot; None if all do.
        """
        trace = Trace(self._network, keyframes=KEYFRAMES_KEPT) if self._traces else None
        return ShotColorizer(self._network, self.device, references, spans or [None] * len(references), trace)

    def _luma(self, luma: Floats) -> Tensor:
        return tensor_of(luma[:, :, None], self.device)

    def _planes(self, x: Floats) -> Tensor:
        return tensor_of(x, self.device)


def _checksum(network: ExemplarNetwork) -> str:
    found = hashlib.sha256()
    for name, value in network.state_dict().items():
        found.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
