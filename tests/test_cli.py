import json
import logging
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import typer
from PIL import Image
from terminal import drawn_by, run

from vidcolor.cli.console import Talk, signals_interrupt
from vidcolor.cli.options import CodecName, frame_numbers, seconds
from vidcolor.errors import VideoError
from vidcolor.video import plain_transcode
from vidcolor.video.encoders import ENCODERS

COMMANDS = [
    "colorize", "batch", "preview", "scenes", "recommend", "suggest", "sheet", "wrap", "verify", "eval", "weights",
    "train",
]  # fmt: skip


@pytest.fixture(scope="module")
def clip(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first second of the sample film, 25 frames."""
    path = tmp_path_factory.mktemp("film") / "clip.mkv"
    plain_transcode(samples / "bikes.mkv", path, end=Fraction(1))
    return path


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_opens_with_an_example_and_fits_a_screen(command: str, flag: str) -> None:
    status, out, _ = run(command, flag)
    lines = out.splitlines()
    assert status == 0
    assert lines[0].startswith("Usage: ")
    assert lines[2].strip().startswith(f"vidcolor {command}")
    assert len(lines) <= 48
    assert max(map(len, lines)) <= 100


def test_help_lists_every_command() -> None:
    status, out, _ = run("--help")
    assert status == 0
    assert all(f"\n  {command} " in out for command in COMMANDS)


def test_help_loads_neither_torch_nor_anything_else_heavy() -> None:
    code = "import sys, vidcolor.cli as cli\ntry: cli.app(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "av", "cv2", "PIL", "pydantic", "kornia"} & set(done.stderr.split())


def test_module_is_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-m", "vidcolor", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("vidcolor 0.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", Fraction(90)),
        ("1:30", Fraction(90)),
        ("0:01:30.5", Fraction(181, 2)),
        ("0.04", Fraction(1, 25)),
        (".5", Fraction(1, 2)),
    ],
)
def test_times_are_exact(text: str, expected: Fraction) -> None:
    assert seconds(text) == expected


def test_frame_numbers_have_commas_between_them() -> None:
    assert frame_numbers("") == []
    assert frame_numbers("14,120") == [14, 120]
    with pytest.raises(typer.BadParameter):
        frame_numbers("14 120")


@pytest.mark.parametrize("text", ["", "x", "-1", "1:60", "1:2:3:4", "1/0", "nan", "1e30", "1e99999999", "9" * 400])
def test_times_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        seconds(text)


@pytest.mark.parametrize(
    "words",
    ["nonsense", "colorize", "scenes --stils x", "preview film.mkv --start x", "colorize film.mkv --codec h264"],
)
def test_wrong_usage_exits_with_2(words: str) -> None:
    status, out, err = run(*words.split())
    assert (status, out) == (2, "")
    assert "Try 'vidcolor" in err or "Usage" in err


def test_every_codec_can_be_chosen() -> None:
    assert [codec.value for codec in CodecName] == list(ENCODERS)


def test_no_command_prints_help() -> None:
    assert run()[0] == 2


@pytest.mark.parametrize("kind", ["name", "symlink", "hard link", "case"])
def test_output_is_never_the_input(tmp_path: Path, kind: str) -> None:
    """Checklist 31."""
    film, output = tmp_path / "film.mkv", tmp_path / "other.mkv"
    film.write_bytes(b"a film")
    if kind == "name":
        output = tmp_path / "sub" / ".." / "film.mkv"
        (tmp_path / "sub").mkdir()
    elif kind == "symlink":
        output.symlink_to(film)
    elif kind == "hard link":
        output.hardlink_to(film)
    else:
        output = tmp_path / "FILM.mkv"
        if not output.exists():
            pytest.skip("this file system tells cases apart")
    status, out, err = run("colorize", film, "-o", output, "-y")
    assert (status, out) == (2, "")
    assert err.splitlines()[0].startswith("error: the output")
    assert err.splitlines()[1].startswith("hint: ")
    assert film.read_bytes() == b"a film"


@pytest.mark.parametrize(
    "words",
    [
        "colorize LOOP -o out.mkv",
        "colorize FILM -o LOOP",
        "colorize FILM -o out.mkv -r LOOP",
        "colorize FILM -o out.mkv --plan LOOP",
        "scenes FILM -r LOOP",
        "suggest FILM -r LOOP",
        "sheet FILM -o sheet.png -r LOOP",
        "recommend FILM LOOP",
        "batch LOOP",
        "preview FILM -o LOOP",
    ],
)
def test_links_in_a_circle_lead_to_one_error_and_one_hint(
    clip: Path, untrained: Path, tmp_path: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loop = tmp_path / "loop.mkv"
    loop.symlink_to(loop)
    names = {"LOOP": loop, "FILM": clip}
    options = [] if words.startswith("scenes") else ["--weights", untrained]
    status, _, err = run(*(names.get(word, word) for word in words.split()), *options)
    assert status == 1
    assert [line.split(":")[0] for line in err.splitlines()] == ["error", "hint"]


def test_output_is_never_a_still(tmp_path: Path) -> None:
    status, _, err = run("colorize", tmp_path / "film.mkv", "-r", tmp_path / "a.png", "-o", tmp_path / "a.png", "-y")
    assert status == 2
    assert "is the input" in err


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("colorize", "-o"),
        ("colorize", "--provenance"),
        ("scenes", "-o"),
        ("recommend", "-o"),
        ("recommend", "--sheet"),
        ("recommend", "--index"),
        ("suggest", "-o"),
        ("sheet", "-o"),
    ],
)
@pytest.mark.parametrize("folder", [".", "/", "", "a folder"])
def test_an_output_that_is_a_folder_is_refused_before_the_film_is_read(
    tmp_path: Path, command: str, option: str, folder: str
) -> None:
    (tmp_path / "a folder").mkdir()
    needed = {
        "--provenance": ("-o", tmp_path / "out.mkv"),
        "recommend": (tmp_path / "photographs",),
        "suggest": ("--stills", tmp_path / "paint"),
    }
    words = needed.get(option) or needed.get(command, ())
    given = tmp_path / folder if folder == "a folder" else folder
    status, out, err = run(command, tmp_path / "film.mkv", *words, option, given)
    assert (status, out) == (2, "")
    assert err.splitlines() == [
        f"error: the output {given or '.'} is a folder", f"hint: name a file in it with {option}",
    ]  # fmt: skip


@pytest.mark.parametrize("folder", [".", "/", "", ".."])
@pytest.mark.parametrize("command", ["colorize", "preview", "scenes", "suggest", "sheet"])
def test_a_folder_is_no_film(command: str, folder: str, untrained: Path) -> None:
    weights = [] if command == "scenes" else ["--weights", untrained]
    status, out, err = run(command, folder, *weights)
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        f"error: {folder or '.'} is a folder, not a film",
        "hint: name one film file; `vidcolor wrap` makes one of scans",
    ]


@pytest.mark.parametrize("way", ["name", "dots", "link to it", "link in the folder"])
def test_scenes_never_writes_over_a_still_that_it_reads(samples: Path, tmp_path: Path, way: str) -> None:
    folder = tmp_path / "paint"
    folder.mkdir()
    painted = folder / "bikes_000015.png"
    painted.write_bytes((samples / "stills" / "rush-hour.png").read_bytes())
    given = painted
    if way == "dots":
        given = folder / ".." / "paint" / painted.name
    elif way == "link to it":
        given = tmp_path / "still.png"
        given.symlink_to(painted)
    elif way == "link in the folder":
        painted.rename(tmp_path / "still.png")
        painted.symlink_to(tmp_path / "still.png")
    before = painted.read_bytes()
    status, out, err = run("scenes", samples / "bikes.mkv", "--stills", folder, "-r", given, "-y")
    assert (status, out) == (2, "")
    assert "may be the input" in err
    assert painted.read_bytes() == before


def test_scenes_never_writes_the_plan_over_a_still(samples: Path, tmp_path: Path) -> None:
    status, _, err = run("scenes", samples / "bikes.mkv", "--stills", tmp_path, "-o", tmp_path / "bikes_000015.png")
    assert status == 2
    assert "name of a still" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", ["missing", "no folder", "a folder", "stills"])
def test_scenes_looks_at_its_outputs_before_the_film(tmp_path: Path, way: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    words: dict[str, list[object]] = {
        "missing": ["-o", tmp_path / "missing" / "plan.json"],
        "no folder": ["-o", tmp_path / "file" / "plan.json"],
        "a folder": ["-o", tmp_path],
        "stills": ["--stills", tmp_path / "file" / "stills"],
    }
    status, out, err = run("scenes", tmp_path / "no film.mkv", *words[way])
    assert (status, out) == (2 if way == "a folder" else 1, "")
    assert "folder" in err.splitlines()[0]


def test_scenes_may_write_the_plan_into_the_folder_that_it_makes(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "paint"
    assert run("scenes", clip, "--stills", folder, "-o", folder / "plan.json")[0] == 0
    assert (folder / "plan.json").exists()


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    """Checklist 32."""
    output = tmp_path / "out.mkv"
    output.write_bytes(b"precious")
    status, out, err = run("colorize", tmp_path / "film.mkv", "-o", output)
    assert (status, out) == (2, "")
    assert err == f"error: {output} exists already\nhint: -y replaces it, -o names another file\n"
    assert output.read_bytes() == b"precious"


def test_plan_and_stills_exclude_each_other(tmp_path: Path) -> None:
    status, _, err = run("colorize", tmp_path / "film.mkv", "-r", "a.png", "b.png", "--plan", "p.json")
    assert status == 2
    assert err.startswith("error: both --plan and stills given\nhint: ")


def test_failure_is_one_error_line_and_one_hint_line(tmp_path: Path) -> None:
    status, out, err = run("scenes", tmp_path / "no\nfilm.mkv")
    assert (status, out) == (1, "")
    assert [line.split(":")[0] for line in err.splitlines()] == ["error", "hint"]


def test_debug_raises_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDCOLOR_DEBUG", "1")
    with pytest.raises(VideoError):
        run("scenes", tmp_path / "missing.mkv")


@pytest.mark.parametrize("command", ["colorize", "batch"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--preset", "hasty"], "x264 has no preset 'hasty'"),
        (["--crf", "99"], "crf 99 is outside 1 to 51 for x264"),
        (["--crf", "9", "--lossless"], "a lossless encode has no rate factor"),
        (["--codec", "prores", "--lossless"], "prores is never lossless"),
    ],
)
def test_settings_that_an_encoder_has_for_no_film_are_wrong_usage(
    clip: Path, command: str, options: list[str], said: str
) -> None:
    before = {*clip.parent.iterdir()}
    status, out, err = run(command, clip, *options)
    assert (status, out) == (2, "")
    assert err.splitlines()[0] == f"error: {said}"
    assert err.splitlines()[1].startswith("hint: ")
    assert {*clip.parent.iterdir()} == before


def test_weights_prints_what_the_file_says(untrained: Path) -> None:
    from vidcolor.weights import load_weights

    status, out, _ = run("weights", untrained, "--json")
    facts = json.loads(out)
    assert status == 0
    parameters = sum(tensor.numel() for tensor in load_weights(untrained).state.values())
    assert (facts["name"], facts["version"], facts["parameters"]) == ("untrained", "0.0.0", parameters)
    assert facts["bytes"] == untrained.stat().st_size
    status, out, _ = run("weights", untrained)
    assert facts["sha256"] in out


@pytest.mark.parametrize("fault", ["shape", "missing", "too many"])
def test_weights_whose_tensors_are_not_the_networks_are_a_failure(tmp_path: Path, untrained: Path, fault: str) -> None:
    import torch

    from vidcolor.weights import load_weights, save_weights

    whole = load_weights(untrained)
    state = dict(whole.state)
    name = list(state)[-1]
    if fault == "shape":
        state[name] = torch.ones(3, 4)
    elif fault == "missing":
        del state[name]
    else:
        state["more"] = torch.ones(2)
    save_weights(tmp_path / "w.safetensors", state, config=whole.config, version="1")
    status, out, err = run("weights", tmp_path / "w.safetensors")
    assert (status, out) == (1, "")
    assert f"w.safetensors was made for another network: its {'more' if fault == 'too many' else name} is " in err
    assert {"shape": "(3, 4), expected (", "missing": "missing, expected (", "too many": "(2,), expected none"}[
        fault
    ] in err


def test_weights_missing_is_a_failure(tmp_path: Path) -> None:
    status, out, err = run("weights", tmp_path / "none.safetensors")
    assert (status, out) == (1, "")
    assert err.startswith("error: no weights at")


def test_train_neither_overwrites_a_run_nor_resumes_nothing(tmp_path: Path) -> None:
    assert run("train", tmp_path, "-o", tmp_path / "run", "--resume")[0] == 2
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"")
    status, _, err = run("train", tmp_path, "-o", tmp_path / "run")
    assert status == 2
    assert "--resume goes on with it" in err


@pytest.mark.parametrize("saved", [False, True])
def test_an_interrupted_train_says_how_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: bool) -> None:
    def interrupted(config: Any, **_: object) -> Path:
        if saved:
            config.run.mkdir()
            config.checkpoint.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("vidcolor.training.loop.train", interrupted)
    status, _, err = run("train", tmp_path, "-o", tmp_path / "run")
    assert status == 130
    assert ("the same command with --resume goes on" in err) == saved
    assert ("run the same command again" in err) == (not saved)


def test_names_in_log_lines_do_nothing_to_the_terminal(tmp_path: Path, untrained: Path) -> None:
    (tmp_path / "line\nend \x1b[31m.png").write_bytes(b"no picture")
    _, _, err = run("train", tmp_path, "-o", tmp_path / "run", "--init", untrained)
    assert "\x1b" not in err
    assert "line end [31m.png cannot be decoded" in " ".join(err.split())


def test_provenance_is_named_and_needs_no_job(clip: Path, untrained: Path, tmp_path: Path) -> None:
    output, sources = tmp_path / "out.mkv", tmp_path / "sources.mp4"
    words = ["colorize", clip, "-o", output, "--provenance", sources, "--weights", untrained, "--device", "cpu"]
    status, out, err = run(*words)
    assert (status, out.split()) == (0, [str(output), str(sources)])
    assert f"provenance is traced anew: {tmp_path / 'out.job'} was neither used nor added to" in " ".join(err.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mkv", "sources.mp4"]
    output.unlink()
    status, _, err = run(*words)
    assert (status, f"{sources} exists already" in " ".join(err.split())) == (2, True)
    assert run(*words, "-y", "--temperature", "7")[0] == 2
    status, _, err = run(*words[:3], tmp_path / "other.mkv", *words[4:])
    assert status == 2
    assert "--provenance names another file" in err


def test_train_says_what_its_time_went_to(tmp_path: Path, untrained: Path) -> None:
    for number in range(2):
        noise = np.random.default_rng(number).integers(0, 255, (120, 160, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{number}.png")
    words = ["train", tmp_path, "-o", tmp_path / "run", "--init", untrained, "--size", "32", "--batch", "2"]
    status, out, err = run(*words, "--steps", "2", "--objective", "regression", "--device", "cpu", "--json")
    found = json.loads(out)
    assert (status, found["objective"]) == (0, "regression")
    assert list(found["stage_seconds"]) == ["draw", "forward", "backward", "step"]
    assert found["samples_per_second"] > 0
    assert "samples/s: draw " in err
    assert run(*words, "--objective", "beauty")[0] == 2


def test_scenes_lists_the_shots_and_writes_stills_and_plan(samples: Path, tmp_path: Path) -> None:
    plan, folder = tmp_path / "plan.json", tmp_path / "paint"
    film = samples / "bikes.mkv"
    status, out, _ = run("scenes", film, "--stills", folder, "-o", plan, "-r", *sorted((samples / "stills").iterdir()))
    starts = [int(line.split()[1]) for line in out.splitlines()[1:]]
    assert status == 0
    assert starts[:5] == [0, 30, 76, 137, 187]
    assert len(list(folder.iterdir())) == len(starts)
    shots = json.loads(plan.read_text())["shots"]
    assert [each["frame"] for each in shots[2]["references"]] == [120, shots[2]["keyframe"]]
    status, out, _ = run("scenes", film, "--json")
    assert status == 0
    assert [shot["start"] for shot in json.loads(out)["shots"]] == starts
    still = sorted(folder.iterdir())[0]
    with av.open(str(film)) as container:
        frames = container.decode(video=0)
        luma = next(f for i, f in enumerate(frames) if i == int(still.stem[-6:])).to_ndarray()[:272]
    expected = np.clip((luma.astype(float) - 16) / 219, 0, 1) * 255
    assert np.abs(np.asarray(Image.open(still).convert("L")) - expected).max() <= 1


def edit(plan: Path, number: int, **settings: object) -> None:
    """Change keys of a shot in a plan, as a person does with an editor."""
    values = json.loads(plan.read_text())
    values["shots"][number].update(settings)
    plan.write_text(json.dumps(values, indent=2))


def paint(still: Path, colors: Path, frame: int) -> None:
    """Put the colours of a frame of the true film into its grey still."""
    with av.open(str(colors)) as container:
        rgb = next(f for i, f in enumerate(container.decode(video=0)) if i == frame).to_ndarray(format="rgb24")
    Image.fromarray(rgb).save(still)


def test_a_reel_is_painted_edited_and_made_again(samples: Path, truth: Path, untrained: Path, tmp_path: Path) -> None:
    film, plan, folder = samples / "bikes.mkv", tmp_path / "film.plan.json", tmp_path / "paint"
    assert run("scenes", film, "--stills", folder, "-o", plan)[0] == 0
    shots = json.loads(plan.read_text())["shots"]
    bound = [(each["references"][0]["path"], each["references"][0]["frame"]) for each in shots]
    assert bound == [(f"paint/bikes_{shot['keyframe']:06d}.png", shot["keyframe"]) for shot in shots]
    # Two are painted; one shot is cut, one joined to the shot before it, one gets settings.
    painted = [folder / f"bikes_{shots[number]['keyframe']:06d}.png" for number in (0, 3)]
    for number, still in zip((0, 3), painted, strict=True):
        paint(still, truth, shots[number]["keyframe"])
    pixels = [still.read_bytes() for still in painted]
    edit(plan, 1, saturation=0.8, borrow=[0])
    status, out, err = run("scenes", film, "--stills", folder, "-o", plan, "--cut", 100, "--join", 242)
    assert status == 0
    assert [int(line.split()[1]) for line in out.splitlines()[1:]] == [0, 30, 76, 100, 137, 187]
    assert "note: kept of the plan: 6 stills; settings of shot 2; cuts made at 100; cuts taken out at 242" in err
    assert [still.read_bytes() for still in painted] == pixels
    again = json.loads(plan.read_text())["shots"]
    assert (again[1]["saturation"], again[1]["borrow"]) == (0.8, [0])
    new = [shot["keyframe"] for shot in again if shot["keyframe"] not in [each["keyframe"] for each in shots]]
    assert len(new) == 1  # one part of the shot that was cut had no still yet
    assert (folder / f"bikes_{new[0]:06d}.png").exists()
    # Even -y, which makes the plan anew, leaves what was painted.
    copy = tmp_path / "copy.plan.json"
    copy.write_bytes(plan.read_bytes())
    status, _, err = run("scenes", film, "--stills", folder, "-o", copy, "-y")
    assert status == 0
    assert "note: 2 of 6 stills were there and stay as they are" in err
    assert [still.read_bytes() for still in painted] == pixels
    assert len(json.loads(copy.read_text())["shots"]) == 6
    assert json.loads(copy.read_text())["shots"][1]["saturation"] == 1.0
    output = tmp_path / "out.mkv"
    words = ["--plan", plan, "--end", "1.4", "--weights", untrained]
    status, _, err = run("colorize", film, "-o", output, *words)
    assert status == 0
    assert "5 of 7 stills are not painted yet (shots 2 to 4, 6); automatic colours in shots 3 and 4, 6" in err
    status, out, err = run(
        "preview", film, "--plan", plan, "--start", "1.1", "--duration", "0.3", "-o", tmp_path, *words[4:]
    )
    assert status == 0, err


def test_what_is_wrong_in_a_plan_is_said_in_one_line_before_any_work(clip: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    assert run("scenes", clip, "-o", plan)[0] == 0
    before = plan.read_text()
    plan.write_text(before.replace('"hue": 0.0', '"hue": 200'))
    line = before[: before.index('"hue"')].count("\n") + 1
    for words in (["colorize", clip, "--plan", plan], ["preview", clip, "--plan", plan], ["scenes", clip, "-o", plan]):
        status, out, err = run(*words)
        assert (status, out) == (1, "")
        assert err.splitlines()[0] == (
            f"error: {plan}, line {line}: key shots.0.hue is 200: input should be less than or equal to 180; "
            "allowed: -180 to 180 degrees"
        )
        assert len(err.splitlines()) == 2
    status, _, err = run("scenes", clip, "-o", plan)
    assert err.splitlines()[1].endswith("-y replaces the file")
    plan.write_text("a shopping list")
    assert run("scenes", clip, "-o", plan)[0] == 1
    assert plan.read_text() == "a shopping list"
    assert list(tmp_path.iterdir()) == [plan]


def test_cuts_are_changed_in_a_plan_that_exists(clip: Path, tmp_path: Path) -> None:
    status, out, err = run("scenes", clip, "--cut", 9)
    assert (status, out) == (2, "")
    assert err.startswith("error: --cut and --join change a plan, and there is none\nhint: ")
    plan = tmp_path / "plan.json"
    assert run("scenes", clip, "-o", plan)[0] == 0
    before = plan.read_bytes()
    status, _, err = run("scenes", clip, "-o", plan, "--join", 7)
    assert status == 1
    assert "no shot to join starts at frame 7" in err
    assert plan.read_bytes() == before


def test_colour_is_listed_warned_of_and_kept_on_demand(truth: Path, untrained: Path, tmp_path: Path) -> None:
    """Checklist 27."""
    colored = tmp_path / "colored.mkv"
    plain_transcode(truth, colored, start=Fraction(61, 50), end=Fraction(81, 50))
    status, out, err = run("scenes", colored, "-q")
    assert status == 0
    assert out.splitlines()[1].split()[5] == "color"
    assert err.startswith("warning: already in colour, and coloured anew: the whole film; --keep-color")
    words = ["colorize", colored, "-o", tmp_path / "out.mkv", "--weights", untrained]
    status, _, err = run(*words)
    assert err.count("already in colour") == 1
    status, _, err = run(*words, "--keep-color", "-y", "--lossless")
    assert (status, "warning" in err) == (0, False)
    with av.open(str(colored)) as before, av.open(str(tmp_path / "out.mkv")) as after:
        pairs = zip(before.decode(video=0), after.decode(video=0), strict=True)
        assert all(np.array_equal(a.to_ndarray(), b.to_ndarray()) for a, b in pairs)


def test_colorize_prints_where_the_film_is(samples: Path, tmp_path: Path, untrained: Path) -> None:
    output = tmp_path / "out.mkv"
    stills = sorted((samples / "stills").iterdir())
    words = ["colorize", samples / "bikes.mkv", "-r", *stills, "-o", output, "--end", "0.4", "--weights", untrained]
    status, out, err = run(*words)
    assert (status, out) == (0, f"{output}\n")
    assert "10 frames in" in err
    status, out, err = run(*words, "-y", "-q", "--json")
    report = json.loads(out)
    assert (status, err) == (0, "")
    assert (report["output"], report["frames"]) == (str(output), 10)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "out.job", output]


def test_preview_writes_a_clip_and_a_contact_sheet(samples: Path, clip: Path, tmp_path: Path, untrained: Path) -> None:
    still = samples / "stills" / "rush-hour.png"
    words = ["preview", samples / "bikes.mkv", "-r", still, "-o", tmp_path]
    status, out, _ = run(*words, "--start", "1", "--duration", "0.5", "--weights", untrained)
    side_by_side, sheet = map(Path, out.splitlines())
    assert status == 0
    with av.open(str(side_by_side)) as film:
        assert film.streams.video[0].width >= 2 * 640
        assert len(list(film.decode(video=0))) == pytest.approx(12, abs=1)
    assert Image.open(sheet).width > 0
    status, out, _ = run("preview", clip, "-o", tmp_path, "--weights", untrained)
    assert (status, Path(out.splitlines()[0]).name) == (0, "clip.preview.mp4")
    assert run(*words, "--weights", untrained)[0] == 2


def in_a_shell(line: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **variables}
    return subprocess.run(
        ["sh", "-c", line.replace("vidcolor", f"{sys.executable} -m vidcolor", 1)],
        capture_output=True,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize("closed", ["2>&-", "<&- 2>&-", ">&-"])
def test_closed_streams_are_no_failure(clip: Path, tmp_path: Path, closed: str) -> None:
    done = in_a_shell(f"vidcolor scenes '{clip}' -o '{tmp_path}/plan.json' {closed}")
    assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0)
    assert json.loads((tmp_path / "plan.json").read_text())["frames"] == 25


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("json_too", ["", "--json"])
def test_names_are_printed_in_any_encoding(clip: Path, tmp_path: Path, encoding: str, json_too: str) -> None:
    """Checklist 43, 47."""
    film = tmp_path / os.fsdecode("Küche \U0001f3ac ".encode() + b"\xff.mkv")
    film.write_bytes(clip.read_bytes())
    done = in_a_shell(f"vidcolor scenes '{film}' --stills '{tmp_path}' {json_too}", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0)
    if json_too:
        assert json.loads(done.stdout)["frames"] == 25


def test_seed_out_of_range_is_wrong_usage(tmp_path: Path) -> None:
    assert run("train", tmp_path, "-o", tmp_path / "run", "--seed", 1 << 64)[0] == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interruption_exits_with_130_and_leaves_nothing(
    samples: Path, tmp_path: Path, untrained: Path, number: int
) -> None:
    """Checklist 35."""
    options = ["-o", str(tmp_path / "out.mkv"), "--weights", str(untrained)]
    words = [sys.executable, "-m", "vidcolor", "colorize", str(samples / "bikes.mkv"), *options]
    environment = {**os.environ, "PYTHONPATH": str(samples.parent)}
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment) as process:
        while not any(tmp_path.glob("*.part")) and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(number)
        _, err = process.communicate()
    assert process.returncode == 130, err
    assert "error: interrupted" in err
    assert "Traceback" not in err
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".part", ".mkv")]


def test_an_impatient_ctrl_c_does_not_cut_the_end_short(samples: Path, tmp_path: Path, untrained: Path) -> None:
    """Checklist 35."""
    options = ["-o", str(tmp_path / "out.mkv"), "--weights", str(untrained)]
    words = [sys.executable, "-m", "vidcolor", "colorize", str(samples / "bikes.mkv"), *options]
    environment = {**os.environ, "PYTHONPATH": str(samples.parent)}
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment) as process:
        while not any(tmp_path.rglob("*.chroma.*.part")) and process.poll() is None:
            time.sleep(0.02)
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        _, err = process.communicate()
    assert (process.returncode, err.splitlines()) == (
        130,
        ["error: interrupted", "hint: nothing half-done was left under an output's name; run the same command again"],
    )
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".part", ".mkv")]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_meets_a_deletion_is_not_lost(number: int) -> None:
    """Python drops what is raised while an object is being deleted: the next step of the work must end it."""

    class Deleted:
        def __del__(self) -> None:
            os.kill(os.getpid(), number)
            time.sleep(0.01)

    with signals_interrupt(), Talk(quiet=True, json=False) as talk:
        talk.progress("plan", 0, 2)
        Deleted()
        with pytest.raises(KeyboardInterrupt):
            talk.progress("plan", 1, 2)
    with signals_interrupt(), Talk(quiet=True, json=False) as talk:
        talk.progress("plan", 0, 2)


def test_verify_tells_a_copy_from_another_film(samples: Path, truth: Path, tmp_path: Path) -> None:
    film, copy = samples / "bikes.mkv", tmp_path / "copy.mkv"
    copy.write_bytes(film.read_bytes())
    status, out, _ = run("verify", film, copy)
    assert (status, out.splitlines()[-1][:3]) == (0, "ok:")
    assert json.loads(run("verify", film, copy, "--json")[1])["lossless"] is True
    status, out, _ = run("verify", film, truth)
    assert status == 1
    assert out.startswith("differs: ")
    assert out.splitlines()[-1].startswith("not ok:")


def test_scenes_verify_and_eval_warn_of_a_film_that_breaks_off(clip: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 3])
    status, _, err = run("scenes", cut, "-q")
    assert status == 0
    assert "warning: the film breaks off at" in err
    assert "breaks off" in str(json.loads(run("scenes", cut, "--json")[1])["warnings"])
    status, _, err = run("verify", clip, cut, "-q")
    assert status == 1
    assert "warning: cut.mkv: the film breaks off at" in err
    status, out, err = run("eval", cut, cut, "-q", "--every", 100, "--json")
    assert status == 0
    assert "warning: cut.mkv: the film breaks off at" in err
    assert "breaks off" in str(json.loads(out)["warnings"])


def test_eval_puts_the_baselines_beside_the_result(
    clip: Path, truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_clip = tmp_path / "truth.mkv"
    plain_transcode(truth, true_clip, end=Fraction(1))
    words = ["eval", clip, true_clip, "--reference-frame", 3, "--reference-frame", 4, "--every", 12]
    status, out, err = run(*words)
    assert status == 0
    lines = [line.split() for line in out.splitlines()[1:]]
    assert [line[0] for line in lines] == ["1"] * 6 + ["all"] * 6
    assert [line[3] for line in lines[:6]] == ["result", "grey", "transfer", "nearest", "flow", "truth"]
    assert "means over 2 frames; 2 reference frames left out" in err
    table = json.loads(run(*words, "--json")[1])
    rows = {row["name"]: row for row in table["rows"]}
    assert rows["truth"]["ciede2000"] == 0
    assert rows["result"]["colourfulness"] < 1 < rows["truth"]["colourfulness"]
    assert [(shot["start"], shot["stop"]) for shot in table["shots"]] == [(0, 25)]
    shots = json.loads(run(*words, "--shots", "0,10", "--luma", "film", "--json")[1])["shots"]
    assert [(shot["start"], shot["stop"]) for shot in shots] == [(0, 10), (10, 25)]
    monkeypatch.setattr("vidcolor.video.source.COUNTED_BYTES", 0)  # as if it were too large to be counted at opening
    assert len(json.loads(run(*words, "--shots", "0,10", "--json")[1])["shots"]) == 2
    status, _, err = run(*words, "--shots", "0,30")
    assert status == 2
    assert "rising frame numbers from 0 to 24" in err


def test_eval_has_no_share_of_colour_where_the_truth_is_grey(clip: Path, truth: Path, tmp_path: Path) -> None:
    result = tmp_path / "result.mkv"
    plain_transcode(truth, result, end=Fraction(1))
    status, out, err = run("eval", result, clip, "--every", 12)
    assert status == 0
    heads, *lines = out.splitlines()
    assert {line.split()[6] for line in lines} == {"-"}
    assert all(len(line) == len(heads) for line in lines)
    assert "no row has a share of colour where the truth has none: in 1 of 1 shots, the first 1" in err
    assert "share of colour" not in run("eval", clip, result, "--every", 12)[2]


def test_eval_prints_lpips_when_its_weights_are_given(truth: Path, lpips_weights: Path, tmp_path: Path) -> None:
    true_clip = tmp_path / "truth.mkv"
    plain_transcode(truth, true_clip, end=Fraction(1, 5))
    status, out, _ = run("eval", true_clip, true_clip, "--every", 3, "--lpips", lpips_weights)
    heads, *lines = out.splitlines()
    assert status == 0
    assert heads.endswith("LPIPS")
    assert {line.split()[3]: float(line.split()[-1]) for line in lines}["result"] == 0
    assert all(len(line) == len(heads) for line in lines)
    status, out, err = run("eval", true_clip, true_clip, "--lpips", true_clip)
    assert (status, out) == (1, "")
    message, hint = err.splitlines()
    assert message.startswith("error: ")
    assert "truth.mkv is not a whole safetensors file" in message
    assert hint.startswith("hint: ")


def test_bars_show_a_rate_on_a_terminal_and_only_there(clip: Path) -> None:
    """Checklist 47."""
    assert "frames/s" in drawn_by("scenes", clip)
    assert drawn_by("scenes", clip, "-q") == ""
    assert "frames/s" not in drawn_by("scenes", clip, "--json")
    assert run("scenes", clip)[2] == ""


def test_bar_of_unknown_length_moves_too() -> None:
    from io import StringIO

    from rich.console import Console

    from vidcolor.cli.bars import Bars

    drawn = StringIO()
    bars = Bars(Console(file=drawn, force_terminal=True, width=100))
    bars.start()
    bars.move("shots", 3, None, "frames")
    bars.move("shots", 7, None, "frames")
    bars.move("train", 64, 128, "pairs")
    bars.stop()
    assert "7/?" in drawn.getvalue()
    assert "64/128" in drawn.getvalue()


def test_a_quiet_command_leaves_the_log_as_it_was() -> None:
    log = logging.getLogger("vidcolor")
    before = log.handlers, log.level
    with Talk(quiet=True, json=False):
        assert log.level == logging.WARNING
    assert (log.handlers, log.level) == before
