import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vidcolor.color import Chroma, working_size
from vidcolor.coloring import encode
from vidcolor.device import pick_device
from vidcolor.errors import VidcolorError, WeightsError
from vidcolor.exemplar import ExemplarColorizer, similarity
from vidcolor.networks import ExemplarNetwork, NetworkConfig
from vidcolor.references import load_reference
from vidcolor.upsample import film_to_working
from vidcolor.video import VideoReader
from vidcolor.weights import save_weights

Floats = np.ndarray


@pytest.fixture(scope="module")
def colorizer() -> ExemplarColorizer:
    torch.manual_seed(0)
    return ExemplarColorizer(ExemplarNetwork(), torch.device("cpu"))


@pytest.fixture
def luma() -> Floats:
    return np.random.default_rng(0).random((64, 96), dtype=np.float32)


def _ab(luma: Floats, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(0, 25, (*luma.shape, 2)).astype(np.float32)


def test_colours_have_the_size_of_the_luma_and_the_gate_adds_up(colorizer: ExemplarColorizer, luma: Floats) -> None:
    colored = colorizer.shot([colorizer.encode_reference(luma, _ab(luma))]).colorize(luma, None)
    assert colored.chroma.ab.shape == (64, 96, 2)
    np.testing.assert_allclose(colored.gate.sum(2), 1.0, atol=1e-4)
    # More of the prior, less confidence; never outside [0, 1], which Chroma checks.
    order = np.argsort(colored.gate[:, :, 2].ravel())
    assert (np.diff(colored.chroma.confidence.ravel()[order]) <= 1e-6).all()


def test_without_reference_the_first_frame_is_all_prior(colorizer: ExemplarColorizer, luma: Floats) -> None:
    colored = colorizer.shot([]).colorize(luma, None)
    assert colored.gate[:, :, 2].min() > 0.999
    assert colored.chroma.confidence.max() < 0.001


def test_a_later_frame_may_use_the_first_as_reference(colorizer: ExemplarColorizer, luma: Floats) -> None:
    shot = colorizer.shot([])
    shot.colorize(luma, None)
    assert shot.colorize(luma, None).gate[:, :, 0].min() > 1e-4


def test_a_frame_that_is_not_remembered_depends_on_no_other(colorizer: ExemplarColorizer, luma: Floats) -> None:
    shot, other = colorizer.shot([]), luma[:, ::-1].copy()
    alone = shot.colorize(other, None, remember=False).chroma.ab
    first = shot.colorize(luma, None).chroma.ab
    np.testing.assert_array_equal(first, colorizer.shot([]).colorize(luma, None).chroma.ab)
    np.testing.assert_array_equal(shot.colorize(other, None, remember=False).chroma.ab, alone)
    assert not np.array_equal(shot.colorize(other, None).chroma.ab, alone)


def test_shots_share_nothing(colorizer: ExemplarColorizer, luma: Floats) -> None:
    colorizer.shot([colorizer.encode_reference(luma, _ab(luma))]).colorize(luma, None)
    first = colorizer.shot([]).colorize(luma, None)
    second = colorizer.shot([]).colorize(luma, None)
    np.testing.assert_array_equal(first.chroma.ab, second.chroma.ab)
    assert second.gate[:, :, 0].max() < 1e-4


def test_propagated_colours_without_confidence_are_ignored(colorizer: ExemplarColorizer, luma: Floats) -> None:
    nothing = Chroma(np.full((*luma.shape, 2), 70, np.float32), np.zeros_like(luma))
    loud = colorizer.shot([]).colorize(luma, nothing)
    quiet = colorizer.shot([]).colorize(luma, None)
    np.testing.assert_allclose(loud.chroma.ab, quiet.chroma.ab, atol=1e-3)


def test_what_flow_surely_brought_keeps_its_detail(colorizer: ExemplarColorizer, luma: Floats) -> None:
    ab = _ab(luma)  # of one pixel each, finer than the networks' half size
    colored = colorizer.shot([]).colorize(luma, Chroma(ab, np.ones_like(luma)))
    np.testing.assert_allclose(colored.chroma.ab, ab, atol=1e-3)


def test_a_frame_is_most_similar_to_itself(colorizer: ExemplarColorizer, luma: Floats) -> None:
    other = np.random.default_rng(5).random(luma.shape, dtype=np.float32) ** 3
    keys = colorizer.coarse_keys(luma)
    own, foreign = (similarity(keys, colorizer.coarse_keys(picture)) for picture in (luma, other))
    assert own == pytest.approx(1.0, abs=1e-3)
    assert foreign < own


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    """Checklist 41."""
    network = ExemplarNetwork(NetworkConfig(width=16))
    path = tmp_path / "w.safetensors"
    save_weights(path, network.state_dict(), config=NetworkConfig().to_dict(), version="1")
    with pytest.raises(WeightsError, match="another network"):
        ExemplarColorizer.load(path)


def test_unknown_device_is_refused() -> None:
    with pytest.raises(VidcolorError, match="unknown device 'abacus'"):
        pick_device("abacus")


@pytest.mark.parametrize("name", ["meta", "xla", "vulkan"])
def test_device_that_cannot_compute_is_refused(name: str) -> None:
    with pytest.raises(VidcolorError, match=f"cannot compute on device '{name}'"):
        pick_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_missing_gpu_is_refused() -> None:
    with pytest.raises(VidcolorError, match="torch sees no GPU"):
        pick_device("cuda")


@pytest.mark.gpu
def test_a_gpu_colours_as_the_cpu_does(samples: Path) -> None:
    """A GPU's convolutions may round to 10 bits; on a CPU, rounding to 8 (bfloat16) errs by a mean of 0.14 ab."""
    with VideoReader(samples / "bikes.mkv") as reader:
        frames = [frame.luma for frame, _ in zip(reader, range(2), strict=False)]
        size = working_size(reader.info.width, reader.info.height)
        lumas = [film_to_working(each, size, bit_depth=reader.info.bit_depth, full_range=False) for each in frames]
    still = load_reference(sorted((samples / "stills").glob("*.png"))[0])
    results = []
    for device in ("cpu", "cuda"):
        networks = ExemplarColorizer.load(device=device)
        shot = networks.shot([encode(still, networks, "bt709", max(size))])
        results.append([shot.colorize(luma, None).chroma.ab for luma in lumas])
    error = np.abs(np.stack(results[0]) - np.stack(results[1]))
    assert error.mean() < 0.2
    assert np.percentile(error, 99) < 2.0


def test_temperature_livens_automatic_colours(untrained: Path, luma: Floats) -> None:
    shots = [ExemplarColorizer.load(untrained, device="cpu", temperature=each).shot([]) for each in (1.0, 0.4, 0.1)]
    spreads = [float(np.std(shot.colorize(luma, None).chroma.ab)) for shot in shots]
    assert spreads[0] < spreads[1] < spreads[2]
    for wrong in (0.0, 1.5, float("nan")):
        with pytest.raises(VidcolorError, match=f"temperature {wrong} is outside 0.05 to 1"):
            ExemplarColorizer.load(untrained, device="cpu", temperature=wrong)


_FAULTS_OF_PICTURES = """
import resource
import numpy as np
from vidcolor.exemplar import ExemplarColorizer

shot = ExemplarColorizer.load(device="cpu").shot([])
luma = np.random.default_rng(1).random((224, 384), np.float32)
for again in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        shot.colorize(luma, None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries of C are left as they are")
def test_memory_of_pictures_is_kept_for_the_next() -> None:
    """Three pictures ask for 16,000 pages and more where glibc gives back what was freed."""
    done = subprocess.run([sys.executable, "-c", _FAULTS_OF_PICTURES], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 4_000
