"""The state of a training run on disk, from which it goes on as if it had never stopped."""

import logging
import os
import pickle
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from vidcolor.errors import VidcolorError, WeightsError
from vidcolor.networks import ExemplarNetwork, NetworkConfig
from vidcolor.partfile import written_whole
from vidcolor.training.config import TrainConfig
from vidcolor.training.objectives import Memory

try:
    import fcntl
except ImportError:  # Windows: there nothing keeps two runs out of one folder
    fcntl = None  # type: ignore[assignment]

_log = logging.getLogger(__name__)
_BROKEN = (
    pickle.UnpicklingError, struct.error, EOFError, RuntimeError, LookupError, ValueError, TypeError, AttributeError,
    AssertionError,
)  # fmt: skip
"""What torch raises on a damaged checkpoint, or one of another network."""


class Checkpoint(NamedTuple):
    """What a run goes on with, beside its networks.

    Attributes:
        step: The one to go on from.
        neighbours: (P, K) of each photograph, see `nearest_photographs`.
        photographs: Their `PictureStore.marks`, or None where an earlier version made the checkpoint.
        average: The moving average of the weights.
    """

    step: int
    neighbours: Tensor
    photographs: Tensor | None
    average: dict[str, Tensor]


@contextmanager
def held(run: Path) -> Iterator[None]:
    """Make a run's folder where it is missing, and hold it: two runs in it would overwrite each other's files.

    Raises:
        VidcolorError: Another run holds it.
    """
    run.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    folder = os.open(run, os.O_RDONLY)
    try:
        _lock(folder, run)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, run: Path) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise VidcolorError(
            f"another run is writing to {run}", hint="wait until it ends, or choose another folder with -o"
        ) from error
    except OSError as error:  # some file systems of networks have no locks
        _log.info("%s cannot be locked (%s): start no other run in it", run, error.strerror)


def save_checkpoint(
    config: TrainConfig,
    step: int,
    network: ExemplarNetwork,
    optimiser: torch.optim.AdamW,
    average: dict[str, Tensor],
    neighbours: Tensor,
    photographs: Tensor,
    memory: Memory,
) -> None:
    """Save everything that a run needs to go on, whole or not at all.

    Of `config` its objective, what it trains of the encoder and its single pictures must be the same again, the rest is
    for the record.
    """
    random = {"cpu": torch.get_rng_state()}
    if neighbours.device.type == "cuda":
        random["cuda"] = torch.cuda.get_rng_state()
    state = {
        "step": step,
        "config": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()}
        | {"network": network.config.to_dict()},
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "average": average,
        "neighbours": neighbours,
        "photographs": photographs,
        "random": random,
        "memory": {name: part.state_dict() for name, part in memory.items()},
    }
    # torch's own writer names a full disk as it does a bug of ours.
    packed = BytesIO()
    torch.save(state, packed)
    with written_whole(config.checkpoint) as part:
        part.write_bytes(packed.getbuffer())


def checkpoint_sizes(path: Path) -> NetworkConfig:
    """Return the sizes of a checkpoint's networks.

    Raises:
        WeightsError: It is damaged.
    """
    try:
        return NetworkConfig.from_dict(torch.load(path, map_location="cpu", weights_only=True)["config"]["network"])
    except _BROKEN as error:
        raise _damaged(path) from error


def load_checkpoint(
    path: Path,
    config: TrainConfig,
    network: ExemplarNetwork,
    optimiser: torch.optim.AdamW,
    memory: Memory,
    device: torch.device,
) -> Checkpoint:
    """Load a checkpoint into the networks, the optimiser and the memory, and return the rest of it.

    Raises:
        WeightsError: It is damaged, or of another network.
        VidcolorError: It was made with another objective, trains another part of the encoder, or sees more or fewer
            single pictures.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        made = state["config"]
        before = made.get("objective", "exemplar"), made.get("train_encoder") or None, made.get("singles", 0)
        if before == (config.objective, config.train_encoder, config.singles):
            network.load_state_dict(state["network"])
            optimiser.load_state_dict(state["optimiser"])
            for name, part in memory.items():
                part.load_state_dict(state["memory"][name])
            torch.set_rng_state(state["random"]["cpu"].cpu())
            if "cuda" in state["random"] and device.type == "cuda":
                torch.cuda.set_rng_state(state["random"]["cuda"].cpu())
            _log.info("resuming %s at step %d", path, state["step"])
            return Checkpoint(state["step"], state["neighbours"], state.get("photographs"), state["average"])
    except _BROKEN as error:
        raise _damaged(path) from error
    objective, stride, singles = before
    encoder = "no --encoder" if stride is None else f"--encoder {stride}"
    raise VidcolorError(
        f"{path.parent} holds a run with --objective {objective}, {encoder} and --singles {singles}",
        hint="resume it with the same, or start a new run with its weights as --init",
    )


def _damaged(path: Path) -> WeightsError:
    return WeightsError(
        f"{path} is damaged, or of another network", hint="start a new run, with --init if its weights are good"
    )
