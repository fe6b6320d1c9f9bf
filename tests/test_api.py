"""The examples of the README, parsed or run."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from vidcolor.cli import app

README = (Path(__file__).parent.parent / "README.md").read_text()
COMMANDS = sorted({*re.findall(r"^    (vidcolor \S.*)$", README, re.M), *re.findall(r"\| `(vidcolor .*?)` \|", README)})


def test_readme_shows_every_command() -> None:
    shown = {shlex.split(command)[1] for command in COMMANDS}
    assert shown >= {"colorize", "preview", "scenes", "recommend", "suggest", "sheet", "verify", "weights", "train"}


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "vidcolor --help"])
def test_readme_command_can_be_typed(command: str) -> None:
    _, name, *words = shlex.split(command)
    # Parsing alone: a wrong option or a missing argument raises here.
    context = typer.main.get_command(app).commands[name].make_context(name, words)  # type: ignore[attr-defined]
    assert context.info_name == name


def test_readme_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (Path(__file__).parent.parent / target).exists(), target
