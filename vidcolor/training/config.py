"""What a training run is asked to do."""

from dataclasses import dataclass, field
from pathlib import Path

from vidcolor.errors import VidcolorError
from vidcolor.networks import NetworkConfig
from vidcolor.networks.encoder import STRIDES
from vidcolor.training.objectives import OBJECTIVES

_LARGEST = 512
"""Crops: pictures are held at 208 x 256 pixels, so that larger ones show no more and fill the memory."""

_MOST = 4096
"""Samples per step: with crops of 64 pixels 27 GB, with the usual ones 107."""


@dataclass(frozen=True)
class TrainConfig:
    """A training run: what it learns from, how, and how long.

    Attributes:
        data: Folder of pictures and clips, see `training.data`.
        run: Folder for the checkpoint and the weights.
        objective: `exemplar`, or one of the classics, see `training.objectives`.
        perceptual: VGG16 weights, see `training.perceptual`; None leaves that loss out.
        steps: Optimiser steps in all; the last quarter lets the learning rate fall to zero.
        batch: Samples per step: pairs, or single pictures; at most 4096.
        size: Side of the crops in pixels, a multiple of 32, at most 512.
        learning_rate: Peak learning rate of AdamW.
        train_encoder: Train the encoder too, from the features of this stride on, at a tenth of the learning rate; 2 is
            all of it. None leaves it as it is.
        singles: Between two steps on pairs, so many on single pictures, for the automatic colours; see `Following`.
        init: Weights to start from; None starts the encoder from ImageNet.
        seed: Seed of all random numbers.
        device: `cpu`, `cuda` or `auto`.
        threads: CPU threads; None leaves torch's choice.
        save_minutes: Time between checkpoints.
        version: Version written into the weights.
        network: Sizes of the networks; those of `init`, or of the run that is resumed, win.
    """

    data: Path
    run: Path
    objective: str = "exemplar"
    perceptual: Path | None = None
    steps: int = 20_000
    batch: int = 32
    size: int = 128
    learning_rate: float = 1e-3
    train_encoder: int | None = None
    singles: int = 0
    init: Path | None = None
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    save_minutes: float = 5.0
    version: str = "0.1.0"
    network: NetworkConfig = field(default_factory=NetworkConfig)

    @property
    def checkpoint(self) -> Path:
        """The run's state, from which it goes on."""
        return self.run / "checkpoint.pt"

    def __post_init__(self) -> None:
        self._check_objective()
        if self.size % 32 or not 0 < self.size <= _LARGEST:
            raise VidcolorError(f"size is {self.size}: it must be a multiple of 32, at most {_LARGEST}", hint="try 128")
        if self.steps <= 0:
            raise VidcolorError(f"steps is {self.steps}: it must be positive", hint="try 20000")
        if not 0 < self.batch <= _MOST:
            raise VidcolorError(f"batch is {self.batch}: allowed is 1 to {_MOST}", hint="try 32")
        if self.singles < 0:
            raise VidcolorError(f"singles is {self.singles}: it must not be negative", hint="try 3")
        if not 0 <= self.seed < 1 << 63:
            raise VidcolorError(f"seed is {self.seed}: allowed is 0 to 2**63 - 1", hint="try 0")

    def _check_objective(self) -> None:
        if self.objective not in OBJECTIVES:
            raise VidcolorError(f"unknown objective {self.objective!r}", hint=f"use one of {', '.join(OBJECTIVES)}")
        if self.objective == "adversarial" and self.init is None and not self.checkpoint.is_file():
            raise VidcolorError(
                "the adversarial objective is a last stage: it needs trained weights",
                hint="train with --objective regression first and give its weights with --init",
            )
        if self.objective == "classification" and self.perceptual is not None:
            raise VidcolorError("classification compares classes, not colours", hint="leave --perceptual out")
        if self.train_encoder not in (None, *STRIDES):
            raise VidcolorError(
                f"the encoder has no features of stride {self.train_encoder}",
                hint=f"use one of {', '.join(map(str, STRIDES))}",
            )
        if self.train_encoder is not None and self.objective != "exemplar":
            raise VidcolorError(
                f"{self.objective} leaves the encoder as it is, for matching with stills rests on it",
                hint="train the encoder with --objective exemplar",
            )
        if self.singles and self.objective != "exemplar":
            raise VidcolorError(f"{self.objective} looks at single pictures in every step", hint="leave --singles out")
