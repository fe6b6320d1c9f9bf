"""One shot: its frames coloured one by one, with its references and its latest keyframes.

Networks are stateless; `ShotColorizer` holds what belongs to a shot and is thrown away at the cut, so that nothing
crosses it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.color import Chroma
from vidcolor.exemplar.scales import EncodedReference, ScaledReference
from vidcolor.exemplar.tracing import Trace
from vidcolor.flow import CERTAIN, DOUBTFUL
from vidcolor.networks import Bank, ExemplarNetwork

Floats = NDArray[np.float32]

# A coloured keyframe helps where the still shows nothing, but it is an opinion, not a fact: near-equal matches go to
# the stills. In units of cosine.
_KEYFRAME_BIAS = -0.04
# One keyframe scores as two on seven validation clips (33.91 and 33.90 dB), none 33.81; each costs as much as a still.
KEYFRAMES_KEPT = 1

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
        nearer: How many times as near as in a still things are in the frame, as far as is known; 1 without stills.
    """

    chroma: Chroma
    gate: Floats
    nearer: float = 1.0

    def __repr__(self) -> str:
        return f"Colored({self.chroma!r})"


class Remembered(NamedTuple):
    """What a `ShotColorizer` remembered at some time: keyframes, the stills that counted, where colours came from."""

    keyframes: tuple[Bank, ...]
    counted: tuple[int, ...]
    origins: tuple[Bank, ...]


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
        self._keyframes: deque[Bank] = deque(maxlen=KEYFRAMES_KEPT)
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
        encoded = self._network.encode(tensor_of(luma[:, :, None], self._device))
        count = self._counting(frame)
        if remember and count != self._counted:  # what other stills decided is no memory of these
            self._keyframes.clear()
            if self._trace is not None:
                self._trace.origins.clear()
            self._counted = count
        keys = encoded.keys.coarse[0]
        fittings = [self._references[number][0].fitting(keys) for number in count]
        stills = [bank for fitting in fittings for bank in fitting.banks]
        banks = [*stills, *self._keyframes] if remember else stills
        carried = _carried(propagated, (width // 2, height // 2), self._device)
        prediction = self._network(
            encoded,
            Bank.join(banks) if banks else None,
            present=torch.full((1,), float(bool(banks)), device=self._device),
            propagated=carried[:, :2],
            validity=carried[:, 2:],
        )
        trust = ((carried[:, 2:] - DOUBTFUL) / (CERTAIN - DOUBTFUL)).clamp(0, 1)
        ab = torch.lerp(prediction.fused.ab, carried[:, :2], trust)
        gate = torch.lerp(prediction.fused.gate, _ALL_PROPAGATED.to(self._device), trust)
        bias = _bias(count)
        if remember:
            self._keyframes.append(self._network.bank(encoded, ab, bias=bias))
        provenance = None
        if self._trace is not None:
            brought = None if propagated is None else propagated.provenance
            provenance = self._trace.follow(
                encoded, gate, brought, carried[:, 2:], stills, bias=bias, remember=remember
            )
        shares, found = _array(gate, size), _array(ab, size)
        if propagated is not None:  # what was carried keeps the detail that half size has no room for
            share = shares[:, :, 1:2] * (propagated.confidence > 0)[:, :, None]
            found += share * (propagated.ab - _array(carried[:, :2], size))
        confidence = np.exp(-_DOUBT * np.clip(shares[:, :, 2], 0.0, 1.0))
        nearer = max((fitting.nearer for fitting in fittings), default=1.0)
        return Colored(Chroma(found, confidence, provenance), shares, nearer)

    @torch.inference_mode()
    def likeness(self, luma: Floats, frame: int) -> float:
        """Return how well a frame (h, w) is found in the one of its references that it resembles most.

        The mean best cosine of its places, which grows with the places to be found in: compare frames of one shot.
        """
        keys = self._network.encode(tensor_of(luma[:, :, None], self._device)).keys.coarse[0]
        return max(self._references[number][0].likeness(keys) for number in self._counting(frame))

    def counts(self, frame: int) -> bool:
        """Return whether a reference counts in a frame."""
        return bool(self._counting(frame))

    def nearest(self, frame: int) -> float:
        """Return how near things may be in a frame to be found in all of its stills, in times as near as in those.

        0 where no still counts.
        """
        return min((self._references[number][0].nearest for number in self._counting(frame)), default=0.0)

    @property
    def remembered(self) -> Remembered:
        """What it remembers now; set it to go on from there another way."""
        origins = () if self._trace is None else tuple(self._trace.origins)
        return Remembered(tuple(self._keyframes), tuple(self._counted), origins)

    @remembered.setter
    def remembered(self, then: Remembered) -> None:
        self._keyframes.clear()
        self._keyframes.extend(then.keyframes)
        self._counted = [*then.counted]
        if self._trace is not None:
            self._trace.origins.clear()
            self._trace.origins.extend(then.origins)

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
        encoded = self._network.encode(tensor_of(luma[:, :, None], self._device))
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


def _carried(propagated: Chroma | None, size: tuple[int, int], device: torch.device) -> Tensor:
    """Propagated ab and its validity (1, 3, h, w) at another (width, height); all 0 for None."""
    if propagated is None:
        return torch.zeros(1, 3, *size[::-1], device=device)
    weighted = propagated.ab * propagated.confidence[:, :, None]
    validity = cv2.resize(propagated.confidence, size, interpolation=cv2.INTER_AREA)
    ab = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA) / np.maximum(validity, 1e-3)[:, :, None]
    return tensor_of(np.dstack([ab, validity]), device)


def tensor_of(x: Floats, device: torch.device) -> Tensor:
    """(h, w, C) array to (1, C, h, w) tensor on the device."""
    return torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))[None].to(device)


def _array(x: Tensor, size: tuple[int, int]) -> Floats:
    """(1, C, h, w) tensor to an array (H, W, C) of the given width and height."""
    small = np.ascontiguousarray(x[0].float().permute(1, 2, 0).cpu().numpy())
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.float32)
