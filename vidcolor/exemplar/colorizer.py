"""The exemplar colorizer: the networks, applied to the frames of one shot with its references.

Networks are stateless; `ShotColorizer` holds what belongs to a shot, its bank of references and coloured keyframes,
and is thrown away at the cut, so that nothing crosses it.
"""

import hashlib
import os
from collections import deque
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vidcolor.color import Chroma
from vidcolor.device import pick_device
from vidcolor.errors import VidcolorError
from vidcolor.exemplar.scales import EncodedReference, ScaledReference
from vidcolor.exemplar.tracing import Trace
from vidcolor.flow import CERTAIN, DOUBTFUL
from vidcolor.networks import Bank, ExemplarNetwork
from vidcolor.weights import Weights, load_weights, network_of

Floats = NDArray[np.float32]

# A coloured keyframe helps where the still shows nothing, but it is an opinion, not a fact: near-equal matches go to
# the stills. In units of cosine.
_KEYFRAME_BIAS = -0.04
# One keyframe scores as two on seven validation clips (33.91 and 33.90 dB), none 33.81; each costs as much as a still.
_KEYFRAMES_KEPT = 1

COLDEST = 0.05
"""Least temperature of the automatic colours; below it they are the single likeliest class, and speckle."""

# How fast confidence falls with the share of the prior. At 0.5, 1, 2, 3 and 5 % of it 92, 83, 75, 70 and 65 % of the
# colours were right (ab error below 6) on the twelve validation clips with their first frames as the only stills; at
# 8 and 15 % 49 and 51 %, better than confidence says there, but so much has one pixel in fifty.
_DOUBT = np.float32(12.0)
_ALL_PROPAGATED = torch.tensor([0.0, 1.0, 0.0])[None, :, None, None]


@dataclass(frozen=True, eq=False)
class Colored:
    """A frame's colours and whom the networks believed.

    Attributes:
        chroma: ab at the size of the luma that was given, and as confidence about the chance that it is right.
        gate: (h, w, 3) shares of reference, propagated and prior; they add up to 1.
    """

    chroma: Chroma
    gate: Floats

    def __repr__(self) -> str:
        return f"Colored({self.chroma!r})"


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
        """Load weights, and give torch half of the cores.

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
        # Decoding and encoding run beside the networks. With a torch thread per core they fight: on two busy cores
        # a keyframe took 1.9 s with two threads and 0.4 s with one.
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
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
        trace = Trace(self._network, keyframes=_KEYFRAMES_KEPT) if self._traces else None
        return ShotColorizer(self._network, self.device, references, spans or [None] * len(references), trace)

    def _luma(self, luma: Floats) -> Tensor:
        return _tensor(luma[:, :, None], self.device)

    def _planes(self, x: Floats) -> Tensor:
        return _tensor(x, self.device)


class ShotColorizer:
    """Colours single frames of one shot; remembers the shot's references and its latest keyframes.

    Attributes:
        changes: First frames from which other references count than before.
    """

    def __init__(
        self,
        network: ExemplarNetwork,
        device: torch.device,
        references: Sequence[EncodedReference | ScaledReference],
        spans: Sequence[range | None],
        trace: Trace | None,
    ) -> None:
        self._network = network
        self._device = device
        self._references = list(zip(references, spans, strict=True))
        self._counted: list[int] = []
        self.changes = frozenset(frame for span in spans if span is not None for frame in (span.start, span.stop))
        self._keyframes: deque[Bank] = deque(maxlen=_KEYFRAMES_KEPT)
        self._trace = trace

    @property
    def traces(self) -> bool:
        """Whether provenance was asked for."""
        return self._trace is not None

    @torch.inference_mode()
    def colorize(
        self, luma: Floats, propagated: Chroma | None, *, frame: int | None = None, remember: bool = True
    ) -> Colored:
        """Colour one frame.

        Args:
            luma: (h, w) in [0, 1], h and w multiples of 32.
            propagated: What flow brought to the frame, confidence meaning validity; None for nothing.
            frame: Its number, by which references count or not; None lets all count.
            remember: Match it against the latest keyframes, too, and let it be one. Otherwise the result depends on no
                other frame, and the call may run beside others.
        """
        size = width, height = luma.shape[1], luma.shape[0]
        encoded = self._network.encode(_tensor(luma[:, :, None], self._device))
        count = self._counting(frame)
        if remember and count != self._counted:  # what other stills decided is no memory of these
            self._keyframes.clear()
            if self._trace is not None:
                self._trace.forget()
            self._counted = count
        keys = encoded.keys.coarse[0]
        stills = [bank for number in count for bank in self._references[number][0].fitting(keys)]
        banks = [*stills, *self._keyframes] if remember else stills
        carried = _carried(propagated, (width // 2, height // 2), self._device)
        colored = self._network(
            encoded,
            Bank.join(banks) if banks else None,
            present=torch.full((1,), float(bool(banks)), device=self._device),
            propagated=carried[:, :2],
            validity=carried[:, 2:],
        )
        trust = ((carried[:, 2:] - DOUBTFUL) / (CERTAIN - DOUBTFUL)).clamp(0, 1)
        ab = torch.lerp(colored.fused.ab, carried[:, :2], trust)
        gate = torch.lerp(colored.fused.gate, _ALL_PROPAGATED.to(self._device), trust)
        bias = _bias(count)
        if remember:
            self._keyframes.append(self._network.bank(encoded, ab, bias=bias))
        provenance = None
        if self._trace is not None:
            brought = None if propagated is None else propagated.provenance
            provenance = self._trace.follow(encoded, gate, brought, stills, bias=bias, remember=remember)
        shares, found = _array(gate, size), _array(ab, size)
        if propagated is not None:  # what was carried keeps the detail that half size has no room for
            share = shares[:, :, 1:2] * (propagated.confidence > 0)[:, :, None]
            found += share * (propagated.ab - _array(carried[:, :2], size))
        confidence = np.exp(-_DOUBT * np.clip(shares[:, :, 2], 0.0, 1.0))
        return Colored(Chroma(found, confidence, provenance), shares)

    def memory(self) -> Floats:
        """Return the latest keyframe's colours (N, 4, 2) as later ones are matched against them, for `recall`."""
        return np.asarray(self._keyframes[-1].ab[0].float().cpu().numpy(), np.float32)

    @torch.inference_mode()
    def recall(self, luma: Floats, memory: Floats, *, frame: int) -> None:
        """Remember a keyframe that another `ShotColorizer` of this shot coloured, as that one does.

        Args:
            luma: (h, w), the keyframe's.
            memory: What the other one's `memory` was after it.
            frame: Its number.
        """
        encoded = self._network.encode(_tensor(luma[:, :, None], self._device))
        self._counted = self._counting(frame)
        nothing = torch.zeros(1, 2, *luma.shape, device=self._device)
        bank = self._network.bank(encoded, nothing, bias=_bias(self._counted))
        self._keyframes.append(bank._replace(ab=torch.from_numpy(memory)[None].to(bank.ab)))

    def _counting(self, frame: int | None) -> list[int]:
        """Numbers of the references that count in a frame."""
        return [
            number
            for number, (_, span) in enumerate(self._references)
            if span is None or frame is None or frame in span
        ]


def _bias(counting: Sequence[int]) -> float:
    """Without a still a keyframe is the only memory of what was decided; with one it is second to it."""
    return _KEYFRAME_BIAS if counting else 0.0


def _checksum(network: ExemplarNetwork) -> str:
    found = hashlib.sha256()
    for name, value in network.state_dict().items():
        found.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def _carried(propagated: Chroma | None, size: tuple[int, int], device: torch.device) -> Tensor:
    """Propagated ab and its validity (1, 3, h, w) at another (width, height); all 0 for None."""
    if propagated is None:
        return torch.zeros(1, 3, *size[::-1], device=device)
    weighted = propagated.ab * propagated.confidence[:, :, None]
    validity = cv2.resize(propagated.confidence, size, interpolation=cv2.INTER_AREA)
    ab = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA) / np.maximum(validity, 1e-3)[:, :, None]
    return _tensor(np.dstack([ab, validity]), device)


def _tensor(x: Floats, device: torch.device) -> Tensor:
    """(h, w, C) array to (1, C, h, w) tensor on the device."""
    return torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))[None].to(device)


def _array(x: Tensor, size: tuple[int, int]) -> Floats:
    """(1, C, h, w) tensor to an array (H, W, C) of the given width and height."""
    small = np.ascontiguousarray(x[0].float().permute(1, 2, 0).cpu().numpy())
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.float32)
