import errno
import fcntl
import gzip
import logging
import resource
import shutil
import struct
import tarfile
import time
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from vidcolor.errors import VidcolorError, WeightsError
from vidcolor.networks import ExemplarNetwork, NetworkConfig
from vidcolor.training.augment import FilmLook, View, carried_colours, sample, turn_hue
from vidcolor.training.config import TrainConfig
from vidcolor.training.data import CANVAS, PictureStore, load_pictures
from vidcolor.training.followed import followed_colours
from vidcolor.training.loop import TrainProgress, train
from vidcolor.training.pairs import PairSampler
from vidcolor.weights import load_weights, save_weights

_TINY = NetworkConfig(width=16, coarse=16, fine=8)


def _picture(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Coloured blobs on a gradient, BGR."""
    picture = np.zeros((height, width, 3), np.float32)
    picture[:] = np.linspace(40, 160, width)[None, :, None]
    for _ in range(6):
        center = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(picture, center, int(rng.integers(10, 40)), [float(c) for c in rng.integers(0, 255, 3)], -1)
    return cv2.GaussianBlur(picture, (0, 0), 1.5).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    (root / "photos").mkdir()
    for i in range(6):
        cv2.imwrite(str(root / "photos" / f"{i}.png"), _picture(rng, 160 + 30 * (i % 3), 150))
    for clip in range(2):
        (root / "clips" / f"{clip:04d}").mkdir(parents=True)
        base = _picture(rng, 200, 150)
        for frame in range(8):
            cv2.imwrite(str(root / "clips" / f"{clip:04d}" / f"{frame:03d}.png"), np.roll(base, frame * 3, 1))
    (root / "photos" / "broken.jpg").write_bytes(b"no picture")
    return root


@pytest.fixture(scope="module")
def store(folder: Path) -> PictureStore:
    return load_pictures(folder)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small untrained network, so that tests need no ImageNet file."""
    torch.manual_seed(0)
    network = ExemplarNetwork(_TINY)
    path = tmp_path_factory.mktemp("init") / "init.safetensors"
    save_weights(path, network.state_dict(), config=_TINY.to_dict(), version="0")
    return path


def test_photos_and_clips_are_told_apart_and_broken_pictures_left_out(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        store = load_pictures(folder)
    assert len(store.weights) == 6
    assert store.clips == ((6, 14), (14, 22))
    assert store.pixels.shape == (22, 3, *CANVAS)
    assert "broken.jpg" in caplog.text


def _tar(path: Path, names: list[str], data: bytes) -> None:
    with tarfile.open(path, "w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, BytesIO(data))


def _png(width: int, height: int) -> bytes:
    """The start of a PNG that claims a size, whatever it holds."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header))


@pytest.mark.parametrize("data", [b"", _png(60_000, 60_000), _png(0, 0)], ids=["empty", "huge", "no size"])
def test_a_picture_that_the_decoder_refuses_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    cv2.imwrite(str(tmp_path / "good.png"), _picture(np.random.default_rng(0), 60, 40))
    (tmp_path / "bad.png").write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert len(load_pictures(tmp_path).weights) == 1
    assert "bad.png cannot be decoded and is left out" in caplog.text


@pytest.mark.parametrize("kind", ["junk", "empty", "cut off", "cut off gzip"])
def test_a_damaged_tar_file_is_read_as_far_as_it_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    picture = tmp_path / "good.png"
    cv2.imwrite(str(picture), _picture(np.random.default_rng(0), 60, 40))
    whole = tmp_path / "whole"
    _tar(whole, ["one.png", "two.png"], picture.read_bytes())
    packed = {
        "junk": b"junk" * 300,
        "empty": b"",
        "cut off": whole.read_bytes()[: 512 + picture.stat().st_size // 2],
        "cut off gzip": gzip.compress(whole.read_bytes())[:1000],
    }
    (tmp_path / "x.tar").write_bytes(packed[kind])
    with caplog.at_level(logging.WARNING):
        assert len(load_pictures(tmp_path).weights) == 1
    assert "x.tar is damaged: what follows in it is left out" in caplog.text


def test_links_in_tar_files_are_followed_and_those_to_nothing_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture = tmp_path / "good.png"
    cv2.imwrite(str(picture), _picture(np.random.default_rng(0), 60, 40))
    _tar(tmp_path / "x.tar", ["one.png"], picture.read_bytes())
    with tarfile.open(tmp_path / "x.tar", "a") as tar:
        for name, goal in (("to one.png", "one.png"), ("to nothing.png", "gone.png")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, goal
            tar.addfile(link)
    with caplog.at_level(logging.WARNING):
        assert len(load_pictures(tmp_path).weights) == 3
    assert "to nothing.png is a link" in caplog.text


def test_a_file_that_may_not_be_read_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bad.png", "good.png"):
        cv2.imwrite(str(tmp_path / name), _picture(np.random.default_rng(0), 60, 40))
    read = Path.read_bytes

    def deny(path: Path) -> bytes:
        if path.name == "bad.png":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", deny)
    with caplog.at_level(logging.WARNING):
        assert len(load_pictures(tmp_path).weights) == 1
    assert "bad.png cannot be read and is left out (Permission denied)" in caplog.text


@pytest.mark.parametrize(
    ("listed", "weight"),
    [
        (b"file,set\nphoto.png,coco_bits\n", 2.0),
        (b"file,set\n\xff.png,mine\nphoto.png,coco_bits\n", 2.0),
        (b"file,set\nphoto.png\n", 1.0),
        (b"name,label\nphoto.png,cat\n", 1.0),
        (b"file,set\n" + b"x" * 200_000, 1.0),
    ],
    ids=["sets", "not utf-8", "cut off", "another list", "not a list"],
)
def test_an_index_of_another_kind_is_passed_over(tmp_path: Path, listed: bytes, weight: float) -> None:
    cv2.imwrite(str(tmp_path / "photo.png"), _picture(np.random.default_rng(0), 60, 40))
    (tmp_path / "index.csv").write_bytes(listed)
    assert load_pictures(tmp_path).weights.tolist() == [weight]


def test_files_are_read_as_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(100):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.zeros((8, 8, 3), np.uint8))
    read, decode = Path.read_bytes, cv2.imdecode
    held, most = 0, 0

    def counted(path: Path) -> bytes:
        nonlocal held, most
        held += 1
        most = max(most, held)
        return read(path)

    def slow(data: np.ndarray, flags: int) -> np.ndarray | None:
        nonlocal held
        time.sleep(0.002)
        held -= 1
        return decode(data, flags)

    monkeypatch.setattr(Path, "read_bytes", counted)
    monkeypatch.setattr(cv2, "imdecode", slow)
    assert len(load_pictures(tmp_path).weights) == 100
    assert most < 40


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VidcolorError, match="no pictures"):
        load_pictures(tmp_path)


def test_view_of_the_whole_picture_is_the_picture(store: PictureStore) -> None:
    width, height = (int(n) for n in store.sizes[0])
    side = min(width, height)
    view = View(
        torch.tensor([[side / 2, side / 2]]),
        torch.tensor([float(side)]),
        torch.zeros(1),
        torch.ones(1),
        torch.zeros(1, 2, side, side),
    )
    seen = sample(store, torch.tensor([0]), view.positions(side))
    torch.testing.assert_close(seen[0], store.pixels[0, :, :side, :side].float() / 255, atol=1e-3, rtol=0)


def test_a_view_contains_its_own_positions_and_not_those_far_away() -> None:
    sizes = torch.tensor([[200, 150]] * 4)
    view = View.draw(sizes, 32, crop=(0.4, 0.5), degrees=25, bend=0.0)
    inside = view.contains(view.positions(32))
    assert inside.float().mean() > 0.85
    assert not view.contains(view.positions(32) + 500).any()


def test_turning_hue_by_a_full_circle_changes_nothing_and_by_90_degrees_turns() -> None:
    ab = torch.randn(3, 2, 4, 4) * 30
    full = turn_hue(ab, torch.full((3,), 2 * torch.pi), torch.ones(3))
    torch.testing.assert_close(full, ab, atol=1e-3, rtol=1e-4)
    quarter = turn_hue(ab, torch.full((3,), torch.pi / 2), torch.full((3,), 2.0))
    torch.testing.assert_close(quarter, torch.stack([-ab[:, 1], ab[:, 0]], 1) * 2, atol=1e-3, rtol=1e-4)


def test_film_look_is_luma_in_range_and_shares_its_stock() -> None:
    torch.manual_seed(0)
    look = FilmLook(16, torch.device("cpu"))
    rgb = torch.rand(16, 3, 32, 32)
    once, twice = look(rgb), look(rgb)
    assert once.shape == (16, 1, 32, 32)
    assert once.min() >= 0
    assert once.max() <= 1
    assert not torch.equal(once, twice)
    assert (once - twice).abs().mean() < 0.1


def test_carried_colours_have_holes_and_are_sometimes_absent() -> None:
    torch.manual_seed(0)
    ab, validity = carried_colours(torch.randn(32, 2, 32, 32) * 20)
    assert ab.shape == (32, 2, 32, 32)
    given = validity.amax((1, 2, 3)) > 0
    assert 6 < int(given.sum()) < 26
    assert (validity[given] < 0.2).float().mean() > 0.02
    assert ab[(validity == 0).expand_as(ab)].abs().max() == 0


def test_followed_colours_move_with_the_picture_and_what_came_into_view_has_none() -> None:
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(rng.random((96, 140), np.float32), (0, 0), 2)
    scene = (scene - scene.min()) / np.ptp(scene)
    ab = np.stack([scene * 60, 40 - scene * 80])
    near, here = slice(0, 96), slice(6, 102)
    newcomer = scene[:, here].copy()
    newcomer[30:60, 30:60] = rng.random((30, 30), np.float32)
    luma = torch.from_numpy(np.stack([scene[:, here], newcomer]))[:, None]
    near_luma = torch.from_numpy(scene[:, near]).expand(2, 1, 96, 96)
    brought, validity = followed_colours(luma, near_luma, torch.from_numpy(ab[..., near]).expand(2, 2, 96, 96))
    assert brought.shape == (2, 2, 48, 48)
    assert validity.shape == (2, 1, 48, 48)
    truth = torch.from_numpy(cv2.resize(ab[..., here].transpose(1, 2, 0), (48, 48), interpolation=cv2.INTER_AREA))
    sure = validity[0, 0] > 0.8
    assert sure.float().mean() > 0.8
    assert (brought[0].permute(1, 2, 0)[sure] - truth[sure]).abs().mean() < 2
    inside = validity[1, 0, 18:27, 18:27]
    assert inside.mean() < 0.2
    assert validity[0, 0, 18:27, 18:27].mean() > 0.8
    assert brought[(validity == 0).expand_as(brought)].abs().max() == 0


def test_evidence_of_pairs_from_clips_is_mostly_true_where_it_is_sure(store: PictureStore) -> None:
    torch.manual_seed(0)
    clips = PictureStore(store.pixels[6:], store.sizes[6:], store.weights[:0], ((0, 8), (8, 16)))
    pairs = PairSampler(clips, torch.zeros(0, 1, dtype=torch.long), 64).draw(64)
    error = (pairs.propagated - pairs.truth).square().sum(1).sqrt()
    sure = pairs.validity[:, 0] > 0.8
    assert 0.3 < (pairs.validity.amax((1, 2, 3)) > 0).float().mean() < 0.95
    assert error[sure].mean() < 0.5 * pairs.truth.square().sum(1).sqrt()[sure].mean()


def test_pairs_have_documented_shapes_and_an_unturned_item_keeps_its_truth(store: PictureStore) -> None:
    torch.manual_seed(0)
    pairs = PairSampler(store, torch.arange(6).roll(1)[:, None], 64).draw(64)
    assert pairs.luma.shape == (64, 1, 64, 64)
    assert pairs.truth.shape == (64, 2, 32, 32)
    absent = pairs.present == 0
    assert 0 < int(absent.sum()) < 32
    # Without a reference nothing tells of a turn of hue, so there must be none.
    assert torch.equal(pairs.truth[absent], pairs.natural[absent])
    assert pairs.matched[absent].max() == 0
    assert not torch.equal(pairs.truth, pairs.natural)


def test_photographs_alone_and_clips_alone_can_be_trained_on(store: PictureStore) -> None:
    photos = PictureStore(store.pixels[:6], store.sizes[:6], store.weights, ())
    assert PairSampler(photos, torch.zeros(6, 1, dtype=torch.long), 64).draw(8).luma.shape == (8, 1, 64, 64)
    clips = PictureStore(store.pixels[6:], store.sizes[6:], store.weights[:0], ((0, 8), (8, 16)))
    pairs = PairSampler(clips, torch.zeros(0, 1, dtype=torch.long), 64).draw(8)
    assert pairs.present.min() == 1


def _config(folder: Path, run: Path, start: Path, steps: int, save_minutes: float = 0.0) -> TrainConfig:
    return TrainConfig(
        data=folder,
        run=run,
        steps=steps,
        batch=4,
        size=64,
        init=start,
        save_minutes=save_minutes,
        device="cpu",
        threads=1,
    )


def test_training_lowers_the_loss_on_a_handful_of_pictures(folder: Path, start: Path, tmp_path: Path) -> None:
    seen: list[TrainProgress] = []
    train(_config(folder, tmp_path, start, 60, save_minutes=60), progress=seen.append)
    assert [p.step for p in seen] == list(range(1, 61))
    assert seen[-1].losses["result"] < 0.9 * seen[5].losses["result"]
    weights = load_weights(tmp_path / "weights.safetensors")
    assert weights.config == _TINY.to_dict()


@pytest.mark.parametrize("singles", [0, 2])
def test_a_resumed_run_equals_an_unbroken_one(folder: Path, start: Path, tmp_path: Path, singles: int) -> None:
    def config(run: str) -> TrainConfig:
        return replace(_config(folder, tmp_path / run, start, 6), singles=singles, train_encoder=8)

    train(config("unbroken"))

    def stop(progress: TrainProgress) -> None:
        if progress.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config("broken"), progress=stop)
    train(config("broken"))
    unbroken, broken = (load_weights(tmp_path / run / "weights.safetensors") for run in ("unbroken", "broken"))
    for name, value in unbroken.state.items():
        assert torch.equal(value, broken.state[name]), name


@pytest.fixture(scope="module")
def begun(folder: Path, start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one step."""
    run = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vidcolor.training.loop._count_colours", lambda *_: None)  # ten seconds of drawing
        train(_config(folder, run, start, 1))
    return run


@pytest.mark.parametrize("most", [1_000, 10_000_000], ids=["weights", "checkpoint"])
def test_a_full_disk_is_one_clear_line_and_the_checkpoint_before_stays(
    folder: Path, start: Path, begun: Path, tmp_path: Path, most: int
) -> None:
    run = shutil.copytree(begun, tmp_path / "run")
    assert (run / "weights.safetensors").stat().st_size < 10_000_000 < (run / "checkpoint.pt").stat().st_size
    names = sorted(run.iterdir())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with pytest.raises(VidcolorError, match=f"{run}: the file grows") as caught:
            train(_config(folder, run, start, 2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.hint
    assert sorted(run.iterdir()) == names
    assert (run / "checkpoint.pt").read_bytes() == (begun / "checkpoint.pt").read_bytes()


@pytest.mark.parametrize("saves", ["save_weights", "save_checkpoint"])
def test_a_run_killed_while_it_saves_has_its_weights_when_it_is_done(
    folder: Path, start: Path, begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saves: str
) -> None:
    config = _config(folder, shutil.copytree(begun, tmp_path / "run"), start, 2)

    def kill(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"vidcolor.training.loop.{saves}", kill)
        with pytest.raises(KeyboardInterrupt):
            train(config)
    state = load_weights(train(config)).state
    average = torch.load(config.run / "checkpoint.pt", weights_only=True)["average"]
    assert all(torch.equal(value, average[name].half().to(value.dtype)) for name, value in state.items())


@pytest.mark.parametrize("count", [1, 9])
def test_a_run_goes_on_with_fewer_or_more_photographs(
    folder: Path, start: Path, begun: Path, tmp_path: Path, count: int
) -> None:
    run, rng = shutil.copytree(begun, tmp_path / "run"), np.random.default_rng(1)
    (tmp_path / "photos").mkdir()
    for i in range(count):
        cv2.imwrite(str(tmp_path / "photos" / f"{i}.png"), _picture(rng, 60, 50))
    train(replace(_config(tmp_path / "photos", run, start, 2), batch=32))  # of 32 pairs five are with neighbours
    neighbours = torch.load(run / "checkpoint.pt", weights_only=True)["neighbours"]
    assert len(neighbours) == count > int(neighbours.max())


def test_a_run_that_is_done_says_so(folder: Path, start: Path, begun: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = (begun / "weights.safetensors").stat()
    with caplog.at_level(logging.INFO):
        train(_config(folder, begun, start, 1))
    assert "the run has done 1 steps" in caplog.text
    assert (begun / "weights.safetensors").stat() == before


def test_a_run_is_resumed_without_the_weights_that_it_began_with(folder: Path, start: Path, tmp_path: Path) -> None:
    train(_config(folder, tmp_path, start, 1))
    train(replace(_config(folder, tmp_path, start, 2), init=None))
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 2


def test_a_run_finds_the_neighbours_of_other_photographs_anew(
    folder: Path, start: Path, begun: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def resumed(data: Path, name: str) -> str:
        caplog.clear()
        with caplog.at_level(logging.INFO):
            train(_config(data, shutil.copytree(begun, tmp_path / name), start, 2))
        return caplog.text

    others = shutil.copytree(folder, tmp_path / "others")
    assert "found anew" not in resumed(others, "same")
    (others / "photos" / "0.png").rename(others / "photos" / "9.png")  # as many, in another order
    assert "other photographs than before" in resumed(others, "other")


def test_a_run_keeps_others_out_of_its_folder(folder: Path, start: Path, tmp_path: Path) -> None:
    def second(progress: TrainProgress) -> None:
        if progress.step == 1:
            with pytest.raises(VidcolorError, match=f"another run is writing to {tmp_path}") as caught:
                train(_config(folder, tmp_path, start, 1))
            assert caught.value.hint

    train(_config(folder, tmp_path, start, 2), progress=second)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 2


def test_a_run_goes_on_where_folders_cannot_be_locked(
    folder: Path, start: Path, begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert train(_config(folder, shutil.copytree(begun, tmp_path / "run"), start, 2)).is_file()


def test_a_run_is_not_resumed_with_more_single_pictures(folder: Path, start: Path, tmp_path: Path) -> None:
    train(_config(folder, tmp_path, start, 1))
    with pytest.raises(VidcolorError, match="no --encoder and --singles 0"):
        train(replace(_config(folder, tmp_path, start, 2), singles=2))


def test_single_pictures_teach_automatic_colours_and_hold_the_keys(folder: Path, start: Path, tmp_path: Path) -> None:
    seen: list[TrainProgress] = []
    train(replace(_config(folder, tmp_path, start, 5), singles=5, train_encoder=8), progress=seen.append)
    before, after = load_weights(start).state, torch.load(tmp_path / "checkpoint.pt", weights_only=True)["network"]
    changed = {name for name, value in before.items() if not torch.equal(value.float(), after[name].half().float())}
    assert {"colorization.prior_head.weight", "colorization.d4.0.weight", "encoder.blocks.15.project.weight"} <= changed
    assert not any(
        name.startswith(("colorization.gate_head", "colorization.join", "colorization.last")) for name in changed
    )
    assert seen[0].losses["moved"] == pytest.approx(0, abs=1e-5)
    assert 0 < seen[-1].losses["moved"] < 0.1


@pytest.mark.parametrize("stride", [None, 2, 8, 32])
def test_the_encoder_is_trained_from_the_stride_asked_for(
    folder: Path, start: Path, tmp_path: Path, stride: int | None
) -> None:
    train(replace(_config(folder, tmp_path, start, 2), train_encoder=stride))
    before, after = load_weights(start).state, torch.load(tmp_path / "checkpoint.pt", weights_only=True)["network"]
    changed = {name for name, value in before.items() if not torch.equal(value.float(), after[name].half().float())}
    blocks = {int(name.split(".")[2]) for name in changed if name.startswith("encoder.blocks.")}
    first = {None: 16, 2: 0, 8: 3, 32: 11}[stride]
    assert blocks == set(range(first, 16))
    assert ("encoder.stem.weight" in changed) == (stride == 2)
    assert "similarity.key8.weight" in changed


def test_a_run_is_not_resumed_with_another_part_of_the_encoder(folder: Path, start: Path, tmp_path: Path) -> None:
    train(replace(_config(folder, tmp_path, start, 1), train_encoder=8))
    with pytest.raises(VidcolorError, match="holds a run with --objective exemplar, --encoder 8 and --singles 0"):
        train(_config(folder, tmp_path, start, 2))


def test_an_encoder_that_cannot_be_trained_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VidcolorError, match="no features of stride 7"):
        TrainConfig(data=folder, run=tmp_path, train_encoder=7)
    with pytest.raises(VidcolorError, match="regression leaves the encoder as it is"):
        TrainConfig(data=folder, run=tmp_path, objective="regression", train_encoder=8)


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04junk"], ids=["empty", "junk", "cut off"])
def test_a_damaged_checkpoint_is_refused(folder: Path, start: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=r"checkpoint\.pt is damaged"):
        train(_config(folder, tmp_path, start, 2))


def test_a_checkpoint_without_a_part_is_refused(folder: Path, start: Path, tmp_path: Path) -> None:
    torch.save({"step": 1}, tmp_path / "checkpoint.pt")
    with pytest.raises(WeightsError, match=r"checkpoint\.pt is damaged"):
        train(_config(folder, tmp_path, start, 2))


def test_unknown_device_and_seed_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VidcolorError, match="device 'meta'"):
        train(TrainConfig(data=folder, run=tmp_path, device="meta"))
    with pytest.raises(VidcolorError, match="seed is -1"):
        TrainConfig(data=folder, run=tmp_path, seed=-1)


@pytest.mark.parametrize("size", [100, 0, 4096])
def test_sizes_that_do_not_fit_are_refused(folder: Path, tmp_path: Path, size: int) -> None:
    with pytest.raises(VidcolorError, match=f"size is {size}: it must be a multiple of 32, at most 512"):
        TrainConfig(data=folder, run=tmp_path, size=size)


@pytest.mark.parametrize("batch", [0, 4097])
def test_batches_that_no_memory_holds_are_refused(folder: Path, tmp_path: Path, batch: int) -> None:
    with pytest.raises(VidcolorError, match=f"batch is {batch}: allowed is 1 to 4096"):
        TrainConfig(data=folder, run=tmp_path, batch=batch)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
    ],
    ids=["cpu", "cuda", "python", "another error"],
)
def test_a_batch_that_does_not_fit_into_memory_is_one_clear_line(
    folder: Path, tmp_path: Path, start: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, *, told: bool
) -> None:
    def descend(*_: object) -> bool:
        raise error

    monkeypatch.setattr("vidcolor.training.loop._descend", descend)
    with pytest.raises(VidcolorError if told else RuntimeError) as caught:
        train(TrainConfig(data=folder, run=tmp_path / "run", steps=1, batch=2, size=32, init=start, device="cpu"))
    if told:
        assert str(caught.value).startswith("a batch of 2 crops of 32 x 32 pixels does not fit into memory")
        assert caught.value.hint == "try a batch of 1, or a smaller size"  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["other sizes", "other names", "other settings"])
def test_init_of_another_network_is_one_clear_line(folder: Path, tmp_path: Path, start: Path, kind: str) -> None:
    """Checklist 41."""
    weights = load_weights(start)
    state, config = dict(weights.state), dict(weights.config)
    if kind == "other sizes":
        config["width"] = 2 * config["width"]
    elif kind == "other names":
        state = {f"old.{name}": value for name, value in state.items()}
    else:
        config["layers"] = 3
    other = tmp_path / "other.safetensors"
    save_weights(other, state, config=config, version="0")
    with pytest.raises(WeightsError, match="was made for another network") as caught:
        train(TrainConfig(data=folder, run=tmp_path / "run", steps=1, batch=2, size=64, init=other, device="cpu"))
    assert caught.value.hint
    assert "\n" not in str(caught.value)
