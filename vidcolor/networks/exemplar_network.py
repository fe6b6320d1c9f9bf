"""The whole network: encoder, similarity sub-net and colorization sub-net under one state dict."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.networks.colorization import ColorizationNet, Evidence, Fused
from vidcolor.networks.encoder import Encoder, Features
from vidcolor.networks.similarity import Bank, Keys, Match, SimilarityNet


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the networks; they travel with the weights.

    Attributes:
        width: Channels of the colorization sub-net at stride 4.
        coarse: Length of the keys at stride 8.
        fine: Length of the keys at stride 4.
        temperature: Of the prior's annealed mean.
        balance: Power of the class weights that the prior divides out, see `ColorBins.decode`.
        top_k: Coarse cells whose children compete at stride 4.

    Raises:
        ValueError: No network has such sizes.
    """

    width: int = 48
    coarse: int = 64
    fine: int = 32
    temperature: float = 0.6
    balance: float = 0.65
    top_k: int = 16

    def __post_init__(self) -> None:
        if self.width < 16 or self.width % 16:
            raise ValueError(f"width is {self.width}; expected a multiple of 16")
        if min(self.coarse, self.fine, self.top_k) < 1:
            raise ValueError(f"coarse, fine and top_k are {self.coarse}, {self.fine}, {self.top_k}; expected 1 or more")
        if not (0 < self.temperature <= 1 and 0 <= self.balance <= 1):
            raise ValueError(f"temperature and balance are {self.temperature}, {self.balance}; expected 0 to 1")

    @classmethod
    def from_dict(cls, values: Mapping[str, int | float]) -> "NetworkConfig":
        """The configuration that `to_dict` wrote; unknown keys are a TypeError."""
        known = {f.name for f in fields(cls)}
        if set(values) - known:
            raise TypeError(f"unknown sizes {sorted(set(values) - known)}; known are {sorted(known)}")
        ints = {name: int(values[name]) for name in ("width", "coarse", "fine", "top_k") if name in values}
        return cls(
            **ints,
            temperature=float(values.get("temperature", cls.temperature)),
            balance=float(values.get("balance", cls.balance)),
        )

    def to_dict(self) -> dict[str, int | float]:
        """Plain values, for the weights' metadata."""
        return asdict(self)


class Encoded(NamedTuple):
    """Pictures, encoded once.

    Attributes:
        features: Encoder features.
        keys: Keys for matching.
        luma4: (B, 1, H/4, W/4) luma.
    """

    features: Features
    keys: Keys
    luma4: Tensor

    def halves(self) -> "tuple[Encoded, Encoded]":
        """Split a batch of 2B pictures into its first and its second B."""
        parts = [(x.chunk(2) for x in group) for group in (self.features, self.keys)]
        features, keys = (list(zip(*part, strict=True)) for part in parts)
        lumas = self.luma4.chunk(2)
        first, second = (Encoded(Features(*features[i]), Keys(*keys[i]), lumas[i]) for i in range(2))
        return first, second


class Prediction(NamedTuple):
    """What the networks say of a batch of frames.

    Attributes:
        fused: The decision.
        evidence: What it rests on.
        state: (B, width, H/4, W/4) the decoder's state, from which the prior is read.
        prior_ab: (B, 2, H/4, W/4) the automatic colours.
    """

    fused: Fused
    evidence: Evidence
    state: Tensor
    prior_ab: Tensor


class ExemplarNetwork(nn.Module):
    """Stateless: everything that belongs to a shot is passed in."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        self.encoder = Encoder()
        self.similarity = SimilarityNet(coarse=self.config.coarse, fine=self.config.fine)
        self.colorization = ColorizationNet(width=self.config.width)

    def encode(self, luma: Tensor) -> Encoded:
        """Encode luma (B, 1, H, W) in [0, 1]; H and W are multiples of 32."""
        features = self.encoder(luma)
        return Encoded(features, self.similarity.keys(features), F.avg_pool2d(luma, 4))

    def bank(self, encoded: Encoded, ab: Tensor, *, bias: float = 0.0) -> Bank:
        """A bank of one reference: `ab` (B, 2, H, W) or any even fraction of it are its colours."""
        height, width = encoded.luma4.shape[2:]
        return self.similarity.bank(encoded.keys, F.adaptive_avg_pool2d(ab, (height, width)), encoded.luma4, bias=bias)

    def match(self, encoded: Encoded, bank: Bank, validity: Tensor, *, shaded: bool = True) -> Match:
        """Match the encoded frames, explained by flow as surely as `validity` (B, 1, H/2, W/2) says, against a bank."""
        known, top_k = F.avg_pool2d(validity, 4), self.config.top_k
        return self.similarity(encoded.keys, encoded.luma4, bank, top_k=top_k, known=known, shaded=shaded)

    def forward(
        self, encoded: Encoded, bank: Bank | None, *, present: Tensor, propagated: Tensor, validity: Tensor
    ) -> "Prediction":
        """Colour the encoded frames.

        Args:
            encoded: The frames.
            bank: References, or None for none at all.
            present: (B,) which items of the batch have references.
            propagated: (B, 2, H/2, W/2) ab brought by flow.
            validity: (B, 1, H/2, W/2) its validity.

        Returns:
            The decision, and what it rests on.
        """
        match = None
        if bank is not None:
            match = self.match(encoded, bank, validity)
        state = self.colorization.decode(encoded.features)
        prior_ab = self.colorization.prior(state, temperature=self.config.temperature, balance=self.config.balance)
        evidence = Evidence(match, present, propagated, validity)
        return Prediction(self.colorization(encoded.features, state, prior_ab, evidence), evidence, state, prior_ab)

    def recolor(self, encoded: Encoded, prediction: Prediction, propagated: Tensor, validity: Tensor) -> Prediction:
        """Colour the same frames again, as `forward` does, with other colours brought by flow, matched as it was."""
        evidence = prediction.evidence._replace(propagated=propagated, validity=validity)
        fused = self.colorization(encoded.features, prediction.state, prediction.prior_ab, evidence)
        return prediction._replace(fused=fused, evidence=evidence)
