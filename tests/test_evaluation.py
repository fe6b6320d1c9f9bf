import json
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av import VideoFrame
from films import Film, render, write_rgb

from vidcolor.errors import VideoError
from vidcolor.evaluation import Row, Scores, evaluate, summarize
from vidcolor.evaluation.nearest import describe, nearest_neighbour
from vidcolor.evaluation.survey import survey
from vidcolor.framing import stored_size
from vidcolor.metrics import Array
from vidcolor.shots import Shot
from vidcolor.video import Frame, VideoReader, VideoWriter

WIDTH, HEIGHT, FRAMES = 96, 64, 9


def frame(step: int) -> Array:
    """A red disc on blue-green ground, moving two pixels a frame, all of it textured."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    grain = np.random.default_rng(3).normal(0, 12, (HEIGHT, WIDTH + 64))
    disc = (x - 24 - 2 * step) ** 2 + (y - 32) ** 2 < 300
    rgb = np.where(disc[..., None], [190, 60, 50], [40, 110, 140]).astype(np.float64)
    shade = np.where(disc, grain[:, 40:][y, x - 2 * step], grain[y, x])
    return np.clip(rgb + 2 * shade[..., None], 0, 255).astype(np.uint8)


def other(step: int) -> Array:
    """Another scene: two bars on yellow ground, moving down."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    grain = np.random.default_rng(5).normal(0, 12, (HEIGHT + 64, WIDTH))
    bars = ((x > 20) & (x < 40)) | ((x > 60) & (x < 70))
    rgb = np.where(bars[..., None], [30, 40, 120], [210, 190, 90]).astype(np.float64)
    return np.clip(rgb + 2 * grain[y + 20 - 2 * step, x][..., None], 0, 255).astype(np.uint8)


def film(path: Path, frames: list[Array]) -> Path:
    return write_rgb(path, frames)


def faded(rgb: Array) -> Array:
    grey = rgb.mean(axis=-1, keepdims=True)
    return np.asarray(0.3 * rgb + 0.7 * grey).astype(np.uint8)


@pytest.fixture(scope="module")
def true_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("films") / "truth.mp4", [frame(step) for step in range(FRAMES)])


def test_the_truth_scores_perfectly_and_beats_every_baseline(true_film: Path) -> None:
    scores = evaluate(true_film, true_film)
    assert [row.name for row in scores.rows] == ["result", "grey", "transfer", "nearest", "flow", "truth"]
    assert scores["result"] == Row("result", *list(vars(scores["truth"]).values())[1:])
    assert scores["result"].psnr == scores["result"].ab_psnr == 100
    assert scores["result"].ciede2000 == 0
    for name in ("grey", "transfer", "nearest", "flow"):
        assert scores[name].ciede2000 > 0.5
        assert scores[name].psnr < 45


def test_baselines_rank_as_they_should(true_film: Path) -> None:
    scores = evaluate(true_film, true_film)
    flow, nearest, transfer, grey = (scores[name].ciede2000 for name in ("flow", "nearest", "transfer", "grey"))
    assert max(flow, nearest) < transfer < grey
    assert scores["grey"].colourfulness < 0.1 * scores["truth"].colourfulness
    assert scores["grey"].warp_error <= scores["truth"].warp_error


def test_reference_frames_are_excluded_and_restart_the_baselines(true_film: Path) -> None:
    once, often = evaluate(true_film, true_film), evaluate(true_film, true_film, references=(0, 4))
    assert (once.frames, once.excluded) == (FRAMES - 1, (0,))
    assert (often.frames, often.excluded) == (FRAMES - 2, (0, 4))
    assert often["flow"].ciede2000 < once["flow"].ciede2000
    without = evaluate(true_film, true_film, references=())
    assert without.frames == FRAMES
    for name in ("transfer", "nearest", "flow"):
        assert without[name].ciede2000 == without["grey"].ciede2000


def test_flow_runs_both_ways_from_the_nearest_reference(true_film: Path) -> None:
    first, middle = evaluate(true_film, true_film), evaluate(true_film, true_film, references=(4,))
    assert middle.excluded == (4,)
    assert middle["flow"].ciede2000 < first["flow"].ciede2000 < middle["grey"].ciede2000
    assert middle["transfer"].ciede2000 < middle["grey"].ciede2000


def test_nearest_neighbours_move_with_what_they_look_like() -> None:
    cells: Array = np.random.default_rng(11).random((16, 24, 3)).repeat(8, axis=0).repeat(8, axis=1).astype(np.float32)
    luma, ab = np.asarray(cv2.blur(cells[..., 0], (9, 9)), np.float32), 80 * cells[..., 1:] - 40
    features = describe(luma)
    np.testing.assert_array_equal((features @ features.T).argmax(axis=1), np.arange(16 * 24))
    colour = nearest_neighbour(luma, ab)
    moved = colour(np.roll(luma, (16, 24), axis=(0, 1)))
    inner = (slice(48, -32), slice(48, -32))  # beyond the edges of both, where patches are mirrored
    np.testing.assert_allclose(moved[inner], np.roll(colour(luma), (16, 24), axis=(0, 1))[inner], atol=1e-3)


def test_features_of_a_blank_wall_tell_its_brightness_not_its_noise() -> None:
    noise = np.random.default_rng(12).normal(0, 0.002, (2, 64, 96)).astype(np.float32)
    dark, again, light = (describe(wall)[40] for wall in (0.3 + noise[0], 0.3 + noise[1], 0.6 + noise[0]))
    assert np.linalg.norm(dark) == pytest.approx(1)
    assert dark @ again > 0.99 > 0.9 > dark @ light


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = [frame(step) for step in range(FRAMES)] + [other(step) for step in range(7)]
    return film(tmp_path_factory.mktemp("films") / "shots.mp4", frames)


def test_baselines_begin_anew_with_each_shot(two_shots: Path) -> None:
    scores = evaluate(two_shots, two_shots, references=(11,))
    assert [table.shot for table in scores.shots] == [Shot(0, FRAMES), Shot(FRAMES, FRAMES + 7)]
    without, given = scores.shots
    assert (without.excluded, given.excluded, scores.excluded) == ((), (11,), (11,))
    assert without["flow"].ciede2000 == without["transfer"].ciede2000 == without["grey"].ciede2000
    assert given["flow"].ciede2000 < 0.5 * given["grey"].ciede2000
    assert scores.frames == without.frames + given.frames == FRAMES + 6
    for score in ("psnr", "ciede2000", "colourfulness"):
        parts = [getattr(table["flow"], score) for table in scores.shots]
        assert getattr(scores["flow"], score) == pytest.approx(np.average(parts, weights=[FRAMES, 6]))


def test_baselines_see_the_picture_in_the_shape_that_the_networks_see(tmp_path: Path) -> None:
    film = render(tmp_path / "film", Film(frames=2, width=180, height=120, sar=Fraction(32, 27), codec="libx264"))
    with VideoReader(film) as reader:
        width, height = stored_size(reader.info)
    assert (width, height) == (384, 224)  # in pixels as stored it would be 384x256
    (ahead,) = survey(film, film, references=(), shots=[], warnings=[])
    assert ahead.luma(0).shape == (height, width)


def test_shots_may_be_given(two_shots: Path) -> None:
    found = evaluate(two_shots, two_shots, every=4)
    known = evaluate(two_shots, two_shots, every=4, shots=[Shot(0, FRAMES), Shot(FRAMES, FRAMES + 7)])
    assert known == found
    one = evaluate(two_shots, two_shots, every=4, shots=())
    assert [table.shot for table in one.shots] == [Shot(0, FRAMES + 7)]
    assert one["truth"].cdc > 2 * found["truth"].cdc
    with pytest.raises(VideoError, match="the last shot stops at frame 9, the film at 16"):
        evaluate(two_shots, two_shots, every=4, shots=[Shot(0, 9)])
    with pytest.raises(ValueError, match="starts at 9, the one before it stops at 8"):
        evaluate(two_shots, two_shots, shots=[Shot(0, 8), Shot(9, 16)])
    with pytest.raises(ValueError, match="the first shot starts at 3"):
        evaluate(two_shots, two_shots, shots=[Shot(3, 16)])


def test_shots_that_are_scored_are_let_go(tmp_path: Path) -> None:
    longer = film(tmp_path / "film.mp4", [frame(step % FRAMES) for step in range(45)])
    shots = [Shot(start, start + 5) for start in range(0, 45, 5)]
    held: dict[int, int] = {}

    def measure(index: int, _pictures: Mapping[str, Array]) -> None:
        held[index] = tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        evaluate(longer, longer, references=(), shots=shots, every=5, show=measure)
    finally:
        tracemalloc.stop()
    assert held[43] - held[13] < 30 * 6_000  # of each frame there were six rows with 6 kB


def test_a_shot_of_references_alone_has_no_picture_scores(two_shots: Path) -> None:
    scores = evaluate(two_shots, two_shots, references=range(FRAMES))
    assert scores.shots[0].frames == 0
    assert scores.shots[0]["result"].psnr != scores.shots[0]["result"].psnr
    assert scores.to_dict()["shots"][0]["rows"][0]["psnr"] is None
    assert scores["result"].psnr == 100
    assert scores.returned == (0.0,) * FRAMES


def test_luma_of_the_film_leaves_only_colours_to_score(true_film: Path, tmp_path: Path) -> None:
    grainy = tmp_path / "grainy.mkv"
    rng = np.random.default_rng(1)
    with VideoReader(true_film) as reader, VideoWriter(grainy, source=reader.info, lossless=True) as writer:
        for given in reader:
            luma = np.clip(given.luma + rng.normal(0, 6, given.luma.shape), 16, 235).astype(np.uint8)
            assert given.source_chroma is not None
            writer.write(Frame(given.index, given.pts, luma, given.source_chroma), given.source_chroma)
    own, film_luma = evaluate(grainy, true_film), evaluate(grainy, true_film, luma="film")
    assert own["result"].psnr < 35
    assert film_luma["result"].psnr == 100
    assert film_luma["result"].ciede2000 == film_luma.returned[0] == 0
    assert own.returned[0] > 1
    # Every baseline colours the film, so that the grain costs it as much as the result.
    assert own["flow"].psnr < film_luma["flow"].psnr
    with pytest.raises(ValueError, match="luma is 'own'; expected one of truth, film"):
        evaluate(grainy, true_film, luma="own")  # type: ignore[arg-type]


def test_pictures_are_shown(true_film: Path) -> None:
    seen: dict[int, dict[str, tuple[int, ...]]] = {}

    def show(index: int, pictures: Mapping[str, Array]) -> None:
        seen[index] = {name: rgb.shape for name, rgb in pictures.items()}

    evaluate(true_film, true_film, every=8, show=show)
    assert list(seen) == list(range(FRAMES))
    assert seen[3] == dict.fromkeys(("result", "grey", "transfer", "nearest", "flow", "truth"), (HEIGHT, WIDTH, 3))


def test_fading_colours_show_at_the_end(true_film: Path, tmp_path: Path) -> None:
    fading = [frame(step) if step < 7 else faded(frame(step)) for step in range(FRAMES)]
    result = evaluate(film(tmp_path / "fading.mp4", fading), true_film)["result"]
    assert result.colourfulness_end < 0.6 * result.colourfulness


def test_steadiness_tells_flicker_from_the_noise_of_the_truth(tmp_path: Path) -> None:
    def still(step: int, *, gain: float = 1.0) -> Array:
        """A scene that stands still, its chroma with the fine noise of a codec."""
        rgb = frame(0).astype(np.float64)
        luma = rgb @ [0.2126, 0.7152, 0.0722]
        noise = np.random.default_rng(step).normal(0, 3, (HEIGHT, WIDTH, 2))
        blue, red = np.moveaxis(gain * (rgb[..., ::-2] - luma[..., None]) + noise, -1, 0)
        green = -(0.0722 * blue + 0.2126 * red) / 0.7152
        return np.clip(luma[..., None] + np.stack([red, green, blue], axis=-1) + 0.5, 0, 255).astype(np.uint8)

    true = film(tmp_path / "noisy.mp4", [still(step) for step in range(FRAMES)])
    flicker = film(tmp_path / "flicker.mp4", [still(step, gain=1 + 0.1 * (-1) ** step) for step in range(FRAMES)])
    scores = evaluate(flicker, true, shots=(), every=8)
    assert scores["result"].warp_error > 10 * scores["truth"].warp_error
    assert scores["result"].static_flicker > 4 * scores["truth"].static_flicker > 0
    # Grey is steadiest of all: these scores mean nothing without its colourfulness beside them.
    for score in ("cdc", "warp_error", "static_flicker", "colourfulness"):
        assert getattr(scores["grey"], score) < 0.5 * getattr(scores["truth"], score)


def test_lpips_is_scored_when_its_weights_are_given(true_film: Path, lpips_weights: Path, tmp_path: Path) -> None:
    scores = evaluate(true_film, true_film, every=4, lpips=lpips_weights)
    assert scores["result"].lpips == scores["truth"].lpips == 0
    assert scores["grey"].lpips > scores["flow"].lpips > 0
    assert scores.shots[0].rows == scores.rows
    without = evaluate(true_film, true_film, every=4)
    assert without["grey"].lpips != without["grey"].lpips
    assert without.to_dict()["rows"][1]["lpips"] is None
    assert without["grey"].ssim == scores["grey"].ssim
    low = film(tmp_path / "low.mp4", [np.ascontiguousarray(frame(step)[:30]) for step in range(2)])
    with pytest.raises(VideoError, match="96x30; LPIPS needs at least 31"):
        evaluate(low, low, lpips=lpips_weights)


def test_a_reference_frame_returned_verbatim_does_not_count(true_film: Path, tmp_path: Path) -> None:
    dull = [faded(frame(step)) for step in range(FRAMES)]
    result = evaluate(film(tmp_path / "dull.mp4", dull), true_film)["result"]
    copied = evaluate(film(tmp_path / "copied.mp4", [frame(0), *dull[1:]]), true_film)["result"]
    assert copied.psnr == pytest.approx(result.psnr, abs=0.3)
    assert 0.1 < result.colourfulness / evaluate(true_film, true_film)["truth"].colourfulness < 0.5


def test_skipping_frames_keeps_steadiness(true_film: Path) -> None:
    done: list[tuple[int, int | None]] = []
    sparse = evaluate(true_film, true_film, every=4, progress=lambda *state: done.append(state))
    assert sparse.frames == 2  # of 1 to 8 the third and the seventh
    assert sparse["flow"].cdc == evaluate(true_film, true_film)["flow"].cdc
    assert done[-1] == (FRAMES, FRAMES)


def test_scores_are_json(true_film: Path) -> None:
    scores = evaluate(true_film, true_film, every=8)
    read = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    assert read["rows"][0]["name"] == "result"
    assert read["excluded"] == [0]
    assert read["shots"][0]["rows"][0]["psnr"] == 100
    assert (read["shots"][0]["start"], read["shots"][0]["stop"]) == (0, FRAMES)
    still = Row("result", 30, 30, 5, 9, 0.9, 20, 20, 0.01, float("nan"), 0.01)
    assert Scores((still,), 3, ()).to_dict()["rows"][0]["warp_error"] is None


def test_summary_means_over_films_and_over_frames() -> None:
    def table(psnr: float, frames: int) -> Scores:
        return Scores((Row("result", psnr, 30, 5, 9, 0.9, 20, 20, 0.01, float("nan"), 0.01),), frames, (0,))

    (line,) = summarize([table(30, 10), table(34, 30)])
    assert line["name"] == "result"
    assert (line["films"], line["frames"]) == (2, 40)
    assert line["psnr"]["mean"] == 32
    assert line["psnr"]["frame_mean"] == 33
    assert line["psnr"]["interval"] == [30, 34]
    assert "warp_error" not in line


def test_films_of_two_lengths_are_refused_before_a_frame_is_scored(
    true_film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = film(tmp_path / "short.mp4", [frame(step) for step in range(5)])
    seen: list[int] = []
    with pytest.raises(VideoError, match=f"the result ends after 5 frames, the truth after {FRAMES}"):
        evaluate(short, true_film, shots=[Shot(0, 3), Shot(3, FRAMES)], progress=lambda done, _: seen.append(done))
    assert seen == []
    # A film too large for its packets to be counted is scored as far as it goes.
    monkeypatch.setattr("vidcolor.video.source.COUNTED_BYTES", 0)
    with pytest.raises(VideoError, match="the truth ends after 5 frames, the result goes on"):
        evaluate(true_film, short, shots=[Shot(0, 3), Shot(3, FRAMES)], progress=lambda done, _: seen.append(done))
    assert seen == [1, 2, 3]


def test_films_that_cannot_be_compared_are_refused(true_film: Path, tmp_path: Path) -> None:
    frames = [frame(step) for step in range(FRAMES)]
    short = film(tmp_path / "short.mp4", frames[:5])
    with pytest.raises(VideoError, match="the result ends after 5 frames"):
        evaluate(short, true_film)
    with pytest.raises(VideoError, match="the truth ends after 5 frames"):
        evaluate(true_film, short)
    small = film(tmp_path / "small.mp4", [np.ascontiguousarray(rgb[:32]) for rgb in frames])
    with pytest.raises(VideoError, match="96x32, the truth 96x64"):
        evaluate(small, true_film)
    tiny = film(tmp_path / "tiny.mp4", [np.ascontiguousarray(rgb[:6]) for rgb in frames])
    with pytest.raises(VideoError, match="at least 7 pixels a side"):
        evaluate(tiny, tiny)
    with pytest.raises(VideoError, match="there is no frame 99: the film has 9"):
        evaluate(true_film, true_film, references=[0, 99])
    with pytest.raises(VideoError, match="none of the 9 frames"):
        evaluate(true_film, true_film, references=range(FRAMES))
    with pytest.raises(ValueError, match="every is 0"):
        evaluate(true_film, true_film, every=0)


def test_frames_beyond_a_film_too_large_to_be_counted_at_opening_are_refused(
    true_film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcolor.video.source.COUNTED_BYTES", 0)
    with pytest.raises(VideoError, match="there is no frame 9: the film has 9"):
        evaluate(true_film, true_film, references=[9])
    assert evaluate(true_film, true_film, references=[8], shots=(), every=8).excluded == (8,)


def test_films_that_players_turn_differently_are_told_of(tmp_path: Path) -> None:
    look = Film(suffix=".mp4", codec="libx264", look="color", frames=3)
    turned = render(tmp_path / "turned.mp4", replace(look, rotation=180))
    plain = render(tmp_path / "plain.mp4", look)
    (line,) = evaluate(turned, plain, references=(), shots=()).warnings
    assert "turns the result by 180 degrees, the truth by 0 degrees" in line
    assert evaluate(turned, turned, references=(), shots=()).warnings == ()


def test_a_truth_in_rgb_is_scored_as_it_is(tmp_path: Path) -> None:
    shown = [frame(step) for step in range(3)]
    path = tmp_path / "truth.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24, width=WIDTH, height=HEIGHT, pix_fmt="bgr0")
        for rgb in shown:
            container.mux(stream.encode(VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="bgr0")))
        container.mux(stream.encode(None))
    seen: list[Array] = []
    scores = evaluate(path, path, references=(), shots=(), show=lambda _, rows: seen.append(rows["truth"]))
    assert all(np.array_equal(rgb, true) for rgb, true in zip(seen, shown, strict=True))
    assert "stored as colour RGB" in scores.warnings[0]
