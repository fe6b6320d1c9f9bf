"""The networks: one grey encoder, a similarity sub-net, a colorization sub-net."""

from vidcolor.networks.bins import ColorBins
from vidcolor.networks.colorization import ColorizationNet, Evidence, Fused
from vidcolor.networks.encoder import Encoder, Features
from vidcolor.networks.exemplar_network import Encoded, ExemplarNetwork, NetworkConfig, Prediction
from vidcolor.networks.similarity import Bank, Keys, Match, SimilarityNet

__all__ = [
    "Bank",
    "ColorBins",
    "ColorizationNet",
    "Encoded",
    "Encoder",
    "Evidence",
    "ExemplarNetwork",
    "Features",
    "Fused",
    "Keys",
    "Match",
    "NetworkConfig",
    "Prediction",
    "SimilarityNet",
]
