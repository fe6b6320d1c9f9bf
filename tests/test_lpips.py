from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from safetensors.torch import load_file, save_file

from vidcolor.errors import WeightsError
from vidcolor.evaluation.lpips import LEAST_SIDE, Lpips
from vidcolor.metrics import Array

pictures: Any = skimage.data


def photograph() -> Array:
    return np.ascontiguousarray(pictures.astronaut()[:96, 100:260])


def distance(judge: Lpips, first: Array, second: Array) -> float:
    return judge.distance(judge.describe(first), judge.describe(second))


def test_a_picture_is_alike_itself_and_less_so_the_more_it_is_distorted(lpips_weights: Path) -> None:
    judge, noise = Lpips(lpips_weights), np.random.default_rng(0).normal(0, 1, photograph().shape)
    noisy = [np.clip(photograph() + scale * noise, 0, 255).astype(np.uint8) for scale in (0, 4, 16, 64)]
    distances = [distance(judge, rgb, photograph()) for rgb in noisy]
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert distances[1] > 0
    assert distance(judge, photograph(), noisy[3]) == pytest.approx(distances[3])


def test_colours_count(lpips_weights: Path) -> None:
    judge, grey = Lpips(lpips_weights), np.repeat(photograph()[..., 1:2], 3, axis=-1)
    faded = (0.5 * photograph() + 0.5 * grey).astype(np.uint8)
    assert distance(judge, grey, photograph()) > distance(judge, faded, photograph()) > 0


def test_loading_leaves_the_random_state_alone_and_small_pictures_can_be_described(lpips_weights: Path) -> None:
    before = torch.get_rng_state()
    judge = Lpips(lpips_weights)
    assert torch.equal(torch.get_rng_state(), before)
    features = judge.describe(np.zeros((LEAST_SIDE, LEAST_SIDE + 9, 3), np.uint8))
    assert [value.shape[1] for value in features] == [64, 192, 384, 256, 256]


def test_every_layer_takes_part(lpips_weights: Path, tmp_path: Path) -> None:
    first, second = photograph(), photograph()[::-1].copy()
    whole, parts = distance(Lpips(lpips_weights), first, second), []
    for tap in range(5):
        state = load_file(lpips_weights)
        for other in set(range(5)) - {tap}:
            state[f"lpips.lin{other}.model.1.weight"].zero_()
        save_file(state, tmp_path / "one.safetensors")
        parts.append(distance(Lpips(tmp_path / "one.safetensors"), first, second))
    assert min(parts) > 0
    assert sum(parts) == pytest.approx(whole, rel=1e-5)


def test_bad_files_are_refused(lpips_weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    with pytest.raises(WeightsError, match="no LPIPS weights at"):
        Lpips(path)
    path.write_bytes(lpips_weights.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="not a whole safetensors file") as error:
        Lpips(path)
    assert error.value.hint is not None
    state = load_file(lpips_weights)
    bias = "features.3.bias"
    for name, wrong, message in (
        ("bare", {key: value for key, value in state.items() if key != bias}, f"{bias} is None; LPIPS expects"),
        ("narrow", {**state, bias: state[bias][:9].clone()}, rf"{bias} is \(9,\); LPIPS expects \(192,\)"),
        ("more", {**state, "classifier.1.bias": state[bias].clone()}, "classifier.1.bias is .*; LPIPS expects None"),
        ("broken", {**state, bias: torch.full((192,), float("nan"))}, f"not finite, first in {bias}"),
    ):
        save_file(wrong, tmp_path / f"{name}.safetensors")
        with pytest.raises(WeightsError, match=message):
            Lpips(tmp_path / f"{name}.safetensors")
