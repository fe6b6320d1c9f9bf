"""Files appear whole or not at all, and nobody else's file is touched."""

import os
from pathlib import Path

import numpy as np
import pytest

from vidcolor.partfile import part_name, written_whole
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.sheets import write_picture
from vidcolor.video.output import PartFile


@pytest.mark.parametrize("letter", ["a", "ü", "影", "\U0001f3ac", "\udcff"])
def test_a_long_name_leaves_room_for_the_temporary_one(tmp_path: Path, letter: str) -> None:
    name = letter
    while len(f"{name}{letter}.mkv".encode(errors="surrogateescape")) <= 255:
        name += letter
    part = PartFile(tmp_path / f"{name}.mkv", overwrite=False)
    part.path.write_bytes(b"a film")
    part.publish()
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.mkv"]


def test_a_film_may_be_read_by_whom_the_user_lets_read_new_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(mask: int) -> int:
        pytest.fail(f"a umask of {mask} is that of files which other threads make meanwhile, too")

    (tmp_path / "usual").touch()
    monkeypatch.setattr(os, "umask", asked)
    PartFile(tmp_path / "film.mkv", overwrite=False).publish()
    assert (tmp_path / "film.mkv").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_names_differ_and_lie_beside_the_file(tmp_path: Path) -> None:
    names = {part_name(tmp_path / "film.mkv") for _ in range(10)}
    assert len(names) == 10
    assert {name.parent for name in names} == {tmp_path}


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(part: Path) -> None:
        part.write_bytes(b"half")
        raise ValueError

    with pytest.raises(ValueError), written_whole(tmp_path / "file") as part:  # noqa: PT011
        fail(part)
    assert list(tmp_path.iterdir()) == []


def test_a_users_file_named_part_is_left_alone(tmp_path: Path) -> None:
    for name in ("plan.json", "sheet.png"):
        (tmp_path / f"{name}.part").write_bytes(b"precious")
    ColorPlan(video="film.mkv", frames=1, shots=[PlannedShot(start=0, stop=1)]).save(tmp_path / "plan.json")
    write_picture(tmp_path / "sheet.png", np.zeros((4, 4, 3), np.uint8))
    assert {path.read_bytes() for path in tmp_path.glob("*.part")} == {b"precious"}
    assert len(list(tmp_path.iterdir())) == 4
