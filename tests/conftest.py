"""What every test shares: random state put back, and a tiny film to work on."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from vidcolor import Colorizer
from vidcolor.exemplar import ExemplarColorizer


@pytest.fixture(autouse=True)
def _random_state() -> Iterator[None]:
    """Put the random state back, so that the order of tests changes nothing."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    yield
    random.setstate(before[0])
    np.random.set_state(before[1])  # noqa: NPY002
    torch.set_rng_state(before[2])


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the variables that vidcolor reads, so that a developer's shell changes nothing."""
    for name in ("VIDCOLOR_WEIGHTS_DIR", "VIDCOLOR_DEVICE", "VIDCOLOR_DEBUG"):
        monkeypatch.delenv(name, raising=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip GPU tests where there is no CUDA, and fail there when CUDA was promised."""
    if torch.cuda.is_available() or os.environ.get("VIDCOLOR_REQUIRE_CUDA") == "1":
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="needs CUDA; VIDCOLOR_REQUIRE_CUDA=1 makes this a failure"))


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of the sample film and its stills."""
    return Path(__file__).parent.parent / "samples"


@pytest.fixture(scope="session")
def truth() -> Path:
    """The sample film in its true colours."""
    return Path(__file__).parent / "data" / "bikes-truth.mp4"


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of small networks that have learned nothing: enough wherever colours do not matter."""
    from vidcolor.networks import ExemplarNetwork, NetworkConfig
    from vidcolor.weights import save_weights

    torch.manual_seed(0)
    network = ExemplarNetwork(NetworkConfig(width=16, coarse=16, fine=16))
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    save_weights(path, network.state_dict(), config=network.config.to_dict(), version="0.0.0")
    return path


@pytest.fixture(scope="session")
def networks(untrained: Path) -> ExemplarColorizer:
    """Those networks; where colours matter a test file has trained ones of its own under this name."""
    return ExemplarColorizer.load(untrained)


@pytest.fixture(scope="session")
def colorizer(untrained: Path) -> Colorizer:
    return Colorizer.load(untrained, device="cpu")


@pytest.fixture(scope="session")
def lpips_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of LPIPS by their layout only: random, so that distances are none of the published ones."""
    from safetensors.torch import save_file

    random_numbers = torch.Generator().manual_seed(0)
    state: dict[str, torch.Tensor] = {}
    widths = [3, 64, 192, 384, 256, 256]
    for tap, (layer, side) in enumerate([(0, 11), (3, 5), (6, 3), (8, 3), (10, 3)]):
        shape = widths[tap + 1], widths[tap], side, side
        spread = (2 / (widths[tap] * side * side)) ** 0.5
        state[f"features.{layer}.weight"] = (spread * torch.randn(shape, generator=random_numbers)).half()
        state[f"features.{layer}.bias"] = torch.zeros(shape[0], dtype=torch.float16)
        state[f"lpips.lin{tap}.model.1.weight"] = torch.rand((1, shape[0], 1, 1), generator=random_numbers)
    path = tmp_path_factory.mktemp("weights") / "lpips.safetensors"
    save_file(state, path)
    return path
