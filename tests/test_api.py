"""The examples of the README, parsed or run, and what the public names take."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from films import Film, render
from PIL import Image

import vidcolor
from vidcolor import Colorizer, Reference, VidcolorError, detect_shots, make_plan
from vidcolor.cli import app
from vidcolor.errors import ReferenceImageError, WeightsError

README = (Path(__file__).parent.parent / "README.md").read_text()
COMMANDS = sorted({*re.findall(r"^    (vidcolor \S.*)$", README, re.M), *re.findall(r"\| `(vidcolor .*?)` \|", README)})


def test_readme_shows_every_command() -> None:
    shown = {shlex.split(command)[1] for command in COMMANDS}
    assert shown == {"--help", *typer.main.get_command(app).commands}  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "vidcolor --help"])
def test_readme_command_can_be_typed(command: str) -> None:
    _, name, *words = shlex.split(command)
    # Parsing alone: a wrong option or a missing argument raises here.
    context = typer.main.get_command(app).commands[name].make_context(name, words)  # type: ignore[attr-defined]
    assert context.info_name == name


def test_readme_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (Path(__file__).parent.parent / target).exists(), target


def test_films_and_weights_may_be_named_by_text(tmp_path: Path, untrained: Path) -> None:
    film = render(tmp_path / "film.mkv", Film(frames=4))
    assert detect_shots(str(film)) == detect_shots(film)
    assert isinstance(Colorizer.load(str(untrained), device="cpu"), Colorizer)
    with pytest.raises(WeightsError, match="no weights at"):
        Colorizer.load(str(tmp_path / "none.safetensors"))


def test_make_plan_takes_stills_by_name_in_memory_or_none(tmp_path: Path) -> None:
    film = render(tmp_path / "film.mkv", Film(frames=4))
    rgb = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    still = tmp_path / "still.png"
    Image.fromarray(rgb).save(still)
    assert make_plan(film).stills() == []
    named, given = make_plan(film, [str(still)]), make_plan(film, [Reference(still, rgb)])
    assert named.stills() == [still]
    assert named == given
    with pytest.raises(ReferenceImageError, match="no such still"):
        make_plan(film, [tmp_path / "none.png"])
    with pytest.raises(ReferenceImageError, match="expected a list of stills"):
        make_plan(film, str(still))


@pytest.mark.parametrize(
    ("rgb", "frame", "message"),
    [
        (np.zeros((4, 4, 3)), None, "rgb is float64"),
        (np.zeros((4, 4), np.uint8), None, r"rgb is uint8 \(4, 4\)"),
        ([[1, 2, 3]], None, "rgb is a list"),
        (np.zeros((4, 4, 3), np.uint8), -1, "frame is -1"),
    ],
)
def test_a_still_in_memory_that_is_none_is_refused_with_a_hint(rgb: Any, frame: int | None, message: str) -> None:
    with pytest.raises(VidcolorError, match=message) as caught:
        Reference(None, rgb, frame=frame)
    assert isinstance(caught.value, ValueError)
    assert caught.value.hint


def test_type_checkers_of_others_are_told_that_the_package_is_typed() -> None:
    assert (Path(vidcolor.__file__).parent / "py.typed").is_file()
