"""The layers and walls of the package, read from its syntax trees."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "vidcolor"
# A room imports only from rooms of a lower layer.
LAYERS = {
    "__main__": 10,
    "cli": 9,
    "batch": 8,
    "web": 8,
    "pipeline": 7,
    "runs": 6,
    "delivery": 5,
    "filmwork": 5,
    "planning": 5,
    "previewing": 5,
    "recommendation": 5,
    "suggestion": 5,
    "overview": 5,
    "coloring": 4,
    "dissolves": 4,
    "plan": 3,
    "training": 3,
    "evaluation": 3,
    "verification": 3,
    "marking": 3,
    "shotframes": 3,
    "jobs": 3,
    "references": 2,
    "exemplar": 2,
    "propagation": 2,
    "stills": 3,
    "framing": 2,
    "grading": 2,
    "shots": 1,
    "upsample": 1,
    "marks": 1,
    "exposure": 1,
    "device": 0,
    "weights": 1,
    "metrics": 1,
    "color": 0,
    "video": 0,
    "networks": 0,
    "flow": 0,
    "reports": 0,
    "sheets": 0,
    "provenance": 0,
    "placement": 0,
    "profiles": 0,
    "planes": -1,
    "heldpictures": -1,
    "cores": -1,
    "errors": -1,
    "readahead": -1,
    "partfile": -1,
    "places": -1,
}
# A library stays in the rooms named here.
WALLS = {
    "av": {"video"},
    "typer": {"cli"},
    "rich": {"cli"},
    "click": set(),
    "scenedetect": {"shots"},
    "ray": {"batch"},
    "gradio": {"web"},
}
WITHOUT_TORCH = {"errors", "video", "shots", "plan", "jobs", "cli", "__main__"}
FORBIDDEN_NAMES = {
    "util", "utils", "common", "core", "misc", "helper", "helpers", "manager", "managers", "factory", "factories",
    "registry", "base", "shared", "tools",
}  # fmt: skip
MOST_LINES = 320


def imported(tree: ast.AST, module: str, *, package: bool) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything that a module imports, at its head or inside its functions."""
    here = module.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            steps = node.level - (1 if package else 0)
            start = here[: len(here) - steps] if node.level else []
            origin = ".".join([*start, *([node.module] if node.module else [])])
            if origin == "vidcolor":
                yield from ((node.lineno, f"vidcolor.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, origin


def complaint(room: str, name: str) -> str | None:
    """Return why a room may not import what has this full name, or None when it may."""
    library, _, inner = name.partition(".")
    if library in WALLS and room not in WALLS[library]:
        return f"{library} belongs to {sorted(WALLS[library]) or 'no room'}"
    if library in {"torch", "torchvision", "kornia"} and room in WITHOUT_TORCH:
        return f"{room} works without torch"
    origin = inner.partition(".")[0]
    if library != "vidcolor" or inner == "__version__" or origin == room:
        return None
    if origin not in LAYERS:
        return f"import {name} from the room where it lives"
    if LAYERS[origin] >= LAYERS[room]:
        return f"{room} (layer {LAYERS[room]}) imports {origin} (layer {LAYERS[origin]})"
    return None


def module_violations(path: Path, root: Path) -> Iterator[str]:
    """Yield what breaks the rules in one module, one line each."""
    parts = path.relative_to(root).with_suffix("").parts
    where = path.relative_to(root).as_posix()
    source = path.read_text()
    if (lines := len(source.splitlines())) > MOST_LINES:
        yield f"{where}: {lines} lines, more than {MOST_LINES}"
    yield from (f"{where}: {part!r} says nothing" for part in parts if part.lstrip("_") in FORBIDDEN_NAMES)
    if parts == ("__init__",):
        return  # the public names, loaded on first use; test_importing_loads_nothing_heavy holds it
    if parts[0] not in LAYERS:
        yield f"{where}: {parts[0]!r} has no layer"
        return
    module = ".".join(["vidcolor", *(part for part in parts if part != "__init__")])
    for line, name in imported(ast.parse(source), module, package=parts[-1] == "__init__"):
        if problem := complaint(parts[0], name):
            yield f"{where}:{line}: {problem}"


def violations(root: Path) -> list[str]:
    """Return what breaks the layers, the walls, the sizes and the names of a package folder, one line each."""
    found = [line for path in sorted(root.rglob("*.py")) for line in module_violations(path, root)]
    for folder in (path for path in sorted(root.rglob("*")) if path.is_dir()):
        if 0 < (files := len(list(folder.glob("*.py")))) < 3:
            found.append(f"{folder.relative_to(root).as_posix()}/: {files} file(s), a folder needs three")
    return found


def test_package_keeps_its_layers_and_walls() -> None:
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "source", "expected"),
    [
        ("flow.py", "from vidcolor.pipeline import Colorizer", "flow (layer 0) imports pipeline (layer 7)"),
        ("color.py", "import vidcolor.flow", "color (layer 0) imports flow (layer 0)"),
        ("shots.py", "def f():\n    from .plan import make_plan", "shots.py:2: shots (layer 1) imports plan (layer 3)"),
        ("plan.py", "from vidcolor import Colorizer", "import vidcolor.Colorizer from the room where it lives"),
        ("plan.py", "import torch.nn", "plan works without torch"),
        ("metrics.py", "import av", "av belongs to ['video']"),
        ("pipeline.py", "from rich.progress import Progress", "rich belongs to ['cli']"),
        ("cli.py", "import click", "click belongs to no room"),
        ("color.py", "x = 1\n" * 321, "321 lines, more than 320"),
        ("utils.py", "", "'utils' says nothing"),
        ("studio.py", "", "'studio' has no layer"),
        ("networks/encoder.py", "from ..exemplar import bank", "networks (layer 0) imports exemplar (layer 2)"),
        ("networks/__init__.py", "from .encoder import Encoder", "a folder needs three"),
    ],
)
def test_checker_finds_what_it_forbids(tmp_path: Path, file: str, source: str, expected: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(source)
    assert any(expected in line for line in violations(tmp_path)), violations(tmp_path)


def test_checker_accepts_what_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "__init__.py").write_text("from .reader import VideoReader")
    (tmp_path / "video" / "reader.py").write_text("import av\nfrom vidcolor.video.info import VideoInfo")
    (tmp_path / "video" / "info.py").write_text("from vidcolor import errors\nfrom ..errors import VideoError")
    (tmp_path / "cli.py").write_text("import typer\nfrom vidcolor import __version__\nfrom vidcolor.pipeline import x")
    assert violations(tmp_path) == []


def loaded_after(statement: str) -> set[str]:
    """Return the names of all modules that a fresh interpreter holds after one statement."""
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    return set(run.stdout.split())


def test_importing_loads_nothing_heavy() -> None:
    assert not {"torch", "av", "cv2", "numpy", "typer", "rich"} & loaded_after("import vidcolor")


@pytest.mark.parametrize("room", sorted({"video", "shots", "plan", "evaluation", "jobs", "batch", "cli.batching"}))
def test_room_loads_without_torch(room: str) -> None:
    assert "torch" not in loaded_after(f"import vidcolor.{room}")
