import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vidcolor.errors import WeightsError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.networks import ExemplarNetwork, NetworkConfig
from vidcolor.weights import load_weights, save_weights

_CONFIG: dict[str, int | float] = {"width": 48, "temperature": 0.38}


def _saved(path: Path) -> Path:
    state = {"a": torch.linspace(-1, 1, 64), "n": torch.tensor([3, 4])}
    save_weights(path, state, config=_CONFIG, version="1.2.3")
    return path


def test_round_trip_keeps_values_configuration_and_version(tmp_path: Path) -> None:
    weights = load_weights(_saved(tmp_path / "w.safetensors"))
    assert weights.version == "1.2.3"
    assert weights.config == _CONFIG
    assert weights.state["a"].dtype == torch.float32
    torch.testing.assert_close(weights.state["a"], torch.linspace(-1, 1, 64), atol=5e-4, rtol=0)
    assert torch.equal(weights.state["n"], torch.tensor([3, 4]))
    assert not list(tmp_path.glob("*.part"))


def test_missing_file_is_named(tmp_path: Path) -> None:
    """Checklist 41."""
    with pytest.raises(WeightsError, match="no weights at"):
        load_weights(tmp_path / "none.safetensors")


@pytest.mark.parametrize("keep", [0, 5, 40, -10])
def test_truncated_file_is_refused(tmp_path: Path, keep: int) -> None:
    """Checklist 41."""
    path = _saved(tmp_path / "w.safetensors")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load_weights(path)


def test_pickle_is_refused_without_running_it(tmp_path: Path) -> None:
    """Checklist 41."""

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",)

    path = tmp_path / "w.safetensors"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(WeightsError):
        load_weights(path)
    assert not (tmp_path / "sprung").exists()


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    """Checklist 41."""
    path = tmp_path / "w.safetensors"
    save_weights(path, {"layer.bias": torch.tensor([1.0, float("nan")])}, config=_CONFIG, version="1")
    with pytest.raises(WeightsError, match=r"not finite, first in layer\.bias"):
        load_weights(path)


def test_weights_of_another_program_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match="format None"):
        load_weights(path)


@pytest.mark.parametrize(
    "metadata",
    [{"config": "{}"}, {"version": "1"}, *({"version": "1", "config": c} for c in ("{", "[1]", '{"width": "x"}'))],
    ids=["no version", "no sizes", "no JSON", "a list", "a word"],
)
def test_weights_without_version_or_sizes_are_refused(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(2)}, path, metadata={"format": "vidcolor-1", **metadata})
    with pytest.raises(WeightsError, match="does not say which version of which networks") as caught:
        load_weights(path)
    assert caught.value.hint


def test_weights_of_a_quarter_of_the_precision_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    metadata = {"format": "vidcolor-1", "version": "1", "config": "{}"}
    save_file({"a": torch.ones(2).to(torch.float8_e4m3fn)}, path, metadata=metadata)
    assert load_weights(path).state["a"].float().tolist() == [1, 1]


def test_the_variable_is_named_where_its_folder_has_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDCOLOR_WEIGHTS_DIR", str(tmp_path))
    with pytest.raises(WeightsError, match="no weights at") as caught:
        load_weights()
    assert "VIDCOLOR_WEIGHTS_DIR must name a folder with vidcolor-base.safetensors" in str(caught.value.hint)


@pytest.mark.parametrize(
    "sizes",
    [{"width": 20}, {"coarse": 0}, {"top_k": float("inf")}, {"temperature": 0}, {"balance": float("nan")}],
    ids=str,
)
def test_weights_of_sizes_that_no_network_has_are_refused(tmp_path: Path, sizes: dict[str, float]) -> None:
    network = ExemplarNetwork(NetworkConfig(width=16, coarse=16, fine=16))
    path = tmp_path / "w.safetensors"
    save_weights(path, network.state_dict(), config=network.config.to_dict() | sizes, version="0")
    with pytest.raises(WeightsError, match="was made for another network"):
        ExemplarColorizer.load(path, device="cpu")
