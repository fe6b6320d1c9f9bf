"""The shipped weights and their model card agree."""

import hashlib
from pathlib import Path

from vidcolor.exemplar import ExemplarColorizer
from vidcolor.weights import DEFAULT_NAME, load_weights

WEIGHTS = Path(__file__).parent.parent / "weights"


def _head() -> dict[str, str]:
    text = (WEIGHTS / f"{DEFAULT_NAME}.md").read_text(encoding="utf-8")
    _, head, _ = text.split("---\n", 2)
    return dict(line.split(": ", 1) for line in head.splitlines())


def test_card_and_weights_agree() -> None:
    head, path = _head(), WEIGHTS / f"{DEFAULT_NAME}.safetensors"
    weights = load_weights(path)
    assert head["name"] == DEFAULT_NAME
    assert head["version"] == weights.version
    assert head["sha256"] == weights.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert int(head["bytes"]) == path.stat().st_size < 30_000_000
    assert int(head["parameters"]) == sum(tensor.numel() for tensor in weights.state.values())
    assert head["licence"] == "Apache-2.0"


def test_shipped_weights_fit_the_networks() -> None:
    assert ExemplarColorizer.load(WEIGHTS / f"{DEFAULT_NAME}.safetensors", device="cpu").device.type == "cpu"
