"""Weights files: safetensors with the networks' configuration in the metadata, and a model card beside them."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vidcolor.errors import WeightsError
from vidcolor.networks import ExemplarNetwork, NetworkConfig
from vidcolor.partfile import written_whole

DEFAULT_NAME = "vidcolor-base"
_FORMAT = "vidcolor-1"


@dataclass(frozen=True, eq=False)
class Weights:
    """Loaded weights.

    Attributes:
        path: Where they came from.
        version: Version of the weights, as in the model card.
        config: Sizes of the networks.
        state: Tensors by name, float32.
        sha256: Of the file.
    """

    path: Path
    version: str
    config: Mapping[str, int | float]
    state: Mapping[str, Tensor]
    sha256: str

    def __repr__(self) -> str:
        return (
            f"Weights({self.path.name}, version {self.version}, {len(self.state)} tensors, sha256 {self.sha256[:12]})"
        )


def weights_folder() -> Path:
    """`VIDCOLOR_WEIGHTS_DIR`, or the folder inside the wheel, or `weights/` of a source checkout."""
    if chosen := os.environ.get("VIDCOLOR_WEIGHTS_DIR"):
        return Path(chosen)
    packed = Path(__file__).parent / "_weights"
    return packed if packed.is_dir() else Path(__file__).parent.parent / "weights"


def default_path() -> Path:
    """Path of the weights that are used when none are named."""
    return weights_folder() / f"{DEFAULT_NAME}.safetensors"


def save_weights(path: Path, state: Mapping[str, Tensor], *, config: Mapping[str, int | float], version: str) -> None:
    """Write weights in half precision, whole or not at all.

    Args:
        path: The file, conventionally `weights/NAME.safetensors`.
        state: Tensors by name. Floating ones are stored as float16: the error is far below that of training.
        config: Sizes of the networks.
        version: Version of the weights.
    """
    halves = {k: (v.half() if v.is_floating_point() else v).contiguous().cpu() for k, v in state.items()}
    metadata = {"format": _FORMAT, "version": version, "config": json.dumps(dict(config), sort_keys=True)}
    # Written by Python, which names what the file system refuses as safetensors does not.
    with written_whole(path) as part:
        part.write_bytes(save(halves, metadata=metadata))


def load_weights(path: str | Path | None = None) -> Weights:
    """Read and check weights.

    Raises:
        WeightsError: Missing, damaged, not safetensors, of another format, without version or sizes, with values that
            are not finite, or not the file whose checksum the model card beside it gives.
    """
    hint = "reinstall vidcolor, or name a weights file made by `vidcolor train`"
    if path is None and "VIDCOLOR_WEIGHTS_DIR" in os.environ:
        hint = f"VIDCOLOR_WEIGHTS_DIR must name a folder with {DEFAULT_NAME}.safetensors; unset, it is vidcolor's own"
    path = default_path() if path is None else Path(path)
    if not path.is_file():
        raise WeightsError(f"no weights at {path}", hint=hint)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            # A safetensors handle offers keys() but is no mapping: it cannot be iterated itself.
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} is not a whole safetensors file: {error}", hint=hint) from error
    if metadata.get("format") != _FORMAT:
        raise WeightsError(f"{path} has format {metadata.get('format')!r}; expected {_FORMAT!r}", hint=hint)
    version, config = _described(path, metadata, hint=hint)
    # As float32, for torch does not say of every floating type what is finite.
    broken = [n for n, value in state.items() if value.is_floating_point() and not value.float().isfinite().all()]
    if broken:
        raise WeightsError(f"{path} holds values that are not finite, first in {broken[0]}", hint=hint)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if (promised := _promised(path.with_suffix(".md"))) is not None and promised != sha256:
        raise WeightsError(
            f"{path} is not the file of its model card: sha256 is {sha256[:12]}..., the card's {promised[:12]}...",
            hint=hint,
        )
    return Weights(
        path=path,
        version=version,
        config=config,
        state={k: v.float() if v.dtype == torch.float16 else v for k, v in state.items()},
        sha256=sha256,
    )


def network_of(weights: Weights, *, temperature: float | None = None) -> ExemplarNetwork:
    """Build the networks that weights are of, and give them every tensor.

    Args:
        weights: Of them.
        temperature: Of the automatic colours; None for what the weights say.

    Raises:
        WeightsError: They are of another network: a size, a name or a shape is not of this one.
    """
    reason = ""
    try:
        config = NetworkConfig.from_dict(weights.config)
        network = ExemplarNetwork(config if temperature is None else replace(config, temperature=temperature))
        own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in weights.state.items()}
        if wrong := [name for name in [*own, *found] if own.get(name) != found.get(name)]:
            reason = f": its {wrong[0]} is {found.get(wrong[0], 'missing')}, expected {own.get(wrong[0], 'none')}"
        network.load_state_dict(dict(weights.state))
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise WeightsError(
            f"{weights.path} was made for another network{reason}",
            hint="take weights of this version of vidcolor, or train new ones with `vidcolor train`",
        ) from error
    return network


def _described(path: Path, metadata: Mapping[str, str], *, hint: str) -> tuple[str, dict[str, int | float]]:
    """Return the version, and the sizes of the networks by name."""
    try:
        version, config = metadata["version"], json.loads(metadata["config"])
        if isinstance(config, dict) and all(isinstance(value, int | float) for value in config.values()):
            return version, config
    except (KeyError, ValueError, RecursionError):
        pass
    raise WeightsError(f"{path} does not say which version of which networks it is", hint=hint)


def _promised(card: Path) -> str | None:
    """Return the checksum that a model card gives, None where there is no card, or none in it."""
    if not card.is_file():
        return None
    found = re.search(r"^sha256: ([0-9a-f]{64})$", card.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return found.group(1) if found else None
