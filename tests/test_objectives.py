"""The objectives of the classics: each teaches what it says, and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
import test_training
import torch
from safetensors.torch import save_file
from test_training import _TINY, _config
from torch import Tensor

from vidcolor.errors import VidcolorError, WeightsError
from vidcolor.networks import ExemplarNetwork, NetworkConfig
from vidcolor.training.adversarial import Adversarial, Critic
from vidcolor.training.config import TrainConfig
from vidcolor.training.loop import TrainProgress, train
from vidcolor.training.objectives import Classification, Regression, automatic
from vidcolor.training.pairs import Pairs
from vidcolor.training.perceptual import Perceptual
from vidcolor.weights import load_weights

folder, start = test_training.folder, test_training.start  # fixtures: a data folder, untrained weights


def _with(config: TrainConfig, objective: str) -> TrainConfig:
    return TrainConfig(**{**vars(config), "objective": objective})


def _network() -> ExemplarNetwork:
    torch.manual_seed(0)
    network = ExemplarNetwork(_TINY)
    network.encoder.train_from(None)
    return network


def _pairs(count: int = 4, size: int = 64) -> Pairs:
    """Pairs whose colours follow from their luma: bright is orange, dark is blue."""
    luma = torch.nn.functional.interpolate(torch.rand(count, 1, 4, 4), size=(size, size), mode="bilinear")
    half = torch.nn.functional.avg_pool2d(luma, 2)
    ab = torch.cat([60 * (half - 0.3), 100 * (half - 0.5)], 1)
    return Pairs(
        luma=luma,
        reference_luma=luma,
        natural=ab,
        truth=ab,
        reference_ab=ab,
        present=torch.zeros(count),
        matched=torch.zeros_like(half),
        propagated=torch.zeros_like(ab),
        validity=torch.zeros_like(half),
    )


def _at_inference(network: ExemplarNetwork, luma: Tensor) -> Tensor:
    nothing = luma.new_zeros(len(luma), 3, luma.shape[2] // 2, luma.shape[3] // 2)
    colored = network(
        network.encode(luma),
        None,
        present=luma.new_zeros(len(luma)),
        propagated=nothing[:, :2],
        validity=nothing[:, 2:],
    )
    return colored.fused.ab


def _reloaded(network: ExemplarNetwork) -> ExemplarNetwork:
    """The network as `colorize` would build it from its weights file."""
    again = ExemplarNetwork(NetworkConfig.from_dict(network.config.to_dict()))
    again.load_state_dict(network.state_dict())
    return again


@pytest.mark.parametrize("objective", ["regression", "classification"])
def test_a_classic_lowers_its_loss_and_leaves_matching_alone(
    folder: Path,
    start: Path,
    tmp_path: Path,
    objective: str,
) -> None:
    seen: list[TrainProgress] = []
    train(_with(_config(folder, tmp_path, start, 60, save_minutes=60), objective), progress=seen.append)
    (name,) = seen[-1].losses
    assert seen[-1].losses[name] < 0.9 * seen[2].losses[name]
    before, after = load_weights(start).state, load_weights(tmp_path / "weights.safetensors").state
    moved = {key.split(".")[0] for key, value in after.items() if not torch.equal(value, before[key].half().float())}
    assert moved == {"colorization"}


def test_regression_is_decoded_as_it_was_taught() -> None:
    network, pairs = _network(), _pairs()
    objective = Regression(network)
    (loss,) = objective.terms(network, pairs, 0).values()
    with torch.no_grad():
        ab = _at_inference(_reloaded(network), pairs.luma)
    expected = 10 * ((ab - pairs.natural) / 110).square().mean()
    torch.testing.assert_close(loss.detach(), expected, rtol=1e-3, atol=1e-6)


def test_classification_shows_the_classes_and_nothing_on_top() -> None:
    network, pairs = _network(), _pairs()
    torch.nn.init.normal_(network.colorization.residual_head.weight)
    Classification(network)
    with torch.no_grad():
        state = network.colorization.decode(network.encoder(pairs.luma))
        prior = network.colorization.prior(state, temperature=0.38, balance=0.0)
        ab = automatic(network, pairs.luma)
    torch.testing.assert_close(torch.nn.functional.interpolate(prior, scale_factor=2, mode="bilinear"), ab)


def test_the_critic_learns_alone_before_the_generator_moves_and_crops_grow() -> None:
    network = _network()
    stage = Adversarial(90, 128, torch.device("cpu"))
    assert [stage.size(step) for step in (0, 30, 59, 60, 89)] == [64, 64, 64, 128, 128]
    torch.manual_seed(1)
    hinges = []
    for step in range(30):
        terms = stage.terms(network, _pairs(), step)
        hinges.append(float(terms["hinge"]))
        assert list(terms) == ["hinge"]
        assert not terms["hinge"].requires_grad
    assert all(parameter.grad is None for parameter in network.parameters())
    assert sum(hinges[-5:]) < 0.8 * sum(hinges[:5])

    terms = stage.terms(network, _pairs(), 30)
    torch.autograd.backward(terms["opinion"])
    assert all(parameter.grad is not None for parameter in network.colorization.prior_head.parameters())
    assert all(parameter.requires_grad for parameter in stage.critic.parameters())


def test_a_generators_step_changes_what_the_critic_says_to_its_favour() -> None:
    torch.manual_seed(0)
    network, pairs = _network(), _pairs()
    stage = Adversarial(9, 64, torch.device("cpu"))
    for step in range(3):
        stage.terms(network, pairs, step)
    stage.critic.eval()  # spectral norms stand still, so that opinions can be compared
    luma = torch.nn.functional.avg_pool2d(pairs.luma, 2)
    before = float(stage.critic(luma, automatic(network, pairs.luma)).mean().detach())
    optimiser = torch.optim.SGD(network.colorization.parameters(), lr=0.05)
    for _ in range(5):
        optimiser.zero_grad()
        torch.autograd.backward(-stage.critic(luma, automatic(network, pairs.luma)).mean())
        optimiser.step()
    assert float(stage.critic(luma, automatic(network, pairs.luma)).mean().detach()) > before


def test_the_critic_is_bounded() -> None:
    torch.manual_seed(0)
    critic = Critic()
    luma, ab = torch.rand(2, 1, 32, 32), torch.randn(2, 2, 32, 32) * 30
    for _ in range(30):  # power iterations
        critic(luma, ab)
    critic.eval()
    step = torch.randn_like(ab)
    change = (critic(luma, ab + step) - critic(luma, ab)).norm()
    # Norms of kernels bound those of strided convolutions by the times that a pixel is read, four here.
    assert change <= 4**3 * step.norm() / 110


def test_an_adversarial_run_resumes_as_if_unbroken(folder: Path, start: Path, tmp_path: Path) -> None:
    train(_with(_config(folder, tmp_path / "unbroken", start, 6), "adversarial"))

    def stop(progress: TrainProgress) -> None:
        if progress.step == 4:
            raise KeyboardInterrupt

    broken = _with(_config(folder, tmp_path / "broken", start, 6), "adversarial")
    with pytest.raises(KeyboardInterrupt):
        train(broken, progress=stop)
    train(replace(broken, init=None))  # the run has the weights that it began with
    first, second = (load_weights(tmp_path / run / "weights.safetensors").state for run in ("unbroken", "broken"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_run_is_resumed_with_its_own_objective_only(folder: Path, start: Path, tmp_path: Path) -> None:
    train(_with(_config(folder, tmp_path, start, 1), "regression"))
    with pytest.raises(
        VidcolorError, match="a run with --objective regression, no --encoder and --singles 0"
    ) as refused:
        train(_config(folder, tmp_path, start, 2))
    assert "resume it with the same" in str(refused.value.hint)


def test_objectives_that_cannot_be_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VidcolorError, match="unknown objective 'beauty'"):
        TrainConfig(data=folder, run=tmp_path, objective="beauty")
    with pytest.raises(VidcolorError, match="needs trained weights"):
        TrainConfig(data=folder, run=tmp_path, objective="adversarial")


def test_progress_says_what_the_time_went_to(folder: Path, start: Path, tmp_path: Path) -> None:
    seen: list[TrainProgress] = []
    train(_config(folder, tmp_path, start, 3), progress=seen.append)
    assert list(seen[-1].seconds) == ["draw", "forward", "backward", "step"]
    for stage in seen[-1].seconds:
        assert 0 < seen[0].seconds[stage] < seen[-1].seconds[stage]


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGG16 by its layout only: random weights, of a gain that keeps features alive."""
    torch.manual_seed(0)
    state: dict[str, Tensor] = {}
    channels = [(0, 3, 64), (2, 64, 64), (5, 64, 128), (7, 128, 128), (10, 128, 256), (12, 256, 256), (14, 256, 256)]
    for layer, inputs, outputs in [*channels, (17, 256, 512), (19, 512, 512), (21, 512, 512)]:
        state[f"features.{layer}.weight"] = (torch.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5).half()
        state[f"features.{layer}.bias"] = torch.zeros(outputs).half()
    path = tmp_path_factory.mktemp("vgg") / "vgg.safetensors"
    save_file(state, path)
    return path


def test_perceptual_loss_falls_towards_the_truth_and_has_a_gradient(vgg: Path) -> None:
    torch.manual_seed(0)
    loss, pairs = Perceptual(vgg, torch.device("cpu")), _pairs(2)
    luma = torch.nn.functional.avg_pool2d(pairs.luma, 2)
    ab = torch.zeros_like(pairs.natural, requires_grad=True)
    far, near = (float(loss(share * pairs.natural, pairs.natural, luma)) for share in (0.0, 0.7))
    assert far > near > 0
    assert float(loss(pairs.natural, pairs.natural, luma)) == 0
    (gradient,) = torch.autograd.grad(loss(ab, pairs.natural, luma), ab)
    assert gradient.isfinite().all()
    # Downhill leads to the truth on the whole.
    assert float((gradient * (pairs.natural - ab.detach())).sum()) < 0


def test_perceptual_loss_is_a_term_where_colours_are_compared(
    folder: Path, start: Path, vgg: Path, tmp_path: Path
) -> None:
    for objective in ("exemplar", "regression"):
        seen: list[TrainProgress] = []
        config = _with(_config(folder, tmp_path / objective, start, 1), objective)
        train(TrainConfig(**{**vars(config), "perceptual": vgg}), progress=seen.append)
        assert seen[-1].losses["perceptual"] > 0
    with pytest.raises(VidcolorError, match="not colours"):
        TrainConfig(data=folder, run=tmp_path, objective="classification", perceptual=vgg)


def test_files_that_are_no_vgg_are_refused(start: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="does not hold VGG16"):
        Perceptual(start, torch.device("cpu"))
    with pytest.raises(WeightsError, match="no VGG16 weights"):
        Perceptual(tmp_path / "none.safetensors", torch.device("cpu"))


def test_only_our_objective_has_steps_on_single_pictures(folder: Path, start: Path, tmp_path: Path) -> None:
    with pytest.raises(VidcolorError, match="regression looks at single pictures in every step"):
        TrainConfig(data=folder, run=tmp_path, objective="regression", init=start, singles=3)
    with pytest.raises(VidcolorError, match="singles is -1"):
        TrainConfig(data=folder, run=tmp_path, init=start, singles=-1)
