from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.networks import Bank, ColorBins, Encoder, ExemplarNetwork, Keys, NetworkConfig, SimilarityNet
from vidcolor.networks.cells import (
    among_neighbours,
    children,
    colours_around,
    from_children,
    strongest_columns,
    strongest_row,
)
from vidcolor.networks.similarity import PLANES


@pytest.fixture(scope="module")
def network() -> ExemplarNetwork:
    torch.manual_seed(0)
    return ExemplarNetwork().eval()


def _nothing_propagated(batch: int, height: int, width: int) -> dict[str, Tensor]:
    return {
        "propagated": torch.zeros(batch, 2, height // 2, width // 2),
        "validity": torch.zeros(batch, 1, height // 2, width // 2),
    }


def _imagenet_like_state(encoder: Encoder) -> dict[str, Tensor]:
    """A state dict named and shaped like the package's, with random values."""
    state: dict[str, Tensor] = {}

    def put(conv: str, norm: str, weight: Tensor) -> None:
        channels = weight.shape[0]
        state[f"{conv}.weight"] = torch.randn_like(weight) * 0.1
        state[f"{norm}.weight"] = torch.rand(channels) + 0.5
        state[f"{norm}.bias"] = torch.randn(channels) * 0.1
        state[f"{norm}.running_mean"] = torch.randn(channels) * 0.1
        state[f"{norm}.running_var"] = torch.rand(channels) + 0.5

    put("_conv_stem", "_bn0", torch.empty(32, 3, 3, 3))
    for name, parameter in encoder.named_parameters():
        if name.startswith("blocks.") and name.endswith(".weight"):
            _, index, part, _ = name.split(".")
            norm = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}[part]
            put(f"_blocks.{index}._{part}_conv", f"_blocks.{index}.{norm}", parameter)
    return state


def test_features_have_the_documented_strides_and_channels() -> None:
    features = Encoder()(torch.rand(2, 1, 64, 96))
    for feature, stride, channels in zip(features, (2, 4, 8, 16, 32), (16, 24, 40, 112, 320), strict=True):
        assert feature.shape == (2, channels, 64 // stride, 96 // stride)


def test_folded_grey_encoder_equals_the_colour_network_with_batch_normalisation() -> None:
    torch.manual_seed(1)
    encoder = Encoder()
    state = _imagenet_like_state(encoder)
    encoder.load_imagenet(state)
    luma = torch.rand(1, 1, 64, 64)

    def conv_norm(x: Tensor, conv: str, norm: str, *, stride: int = 1, padding: int = 0, groups: int = 1) -> Tensor:
        y = F.conv2d(x, state[f"{conv}.weight"], None, stride, padding, 1, groups)
        s = {k: state[f"{norm}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")}
        return F.batch_norm(y, s["running_mean"], s["running_var"], s["weight"], s["bias"], eps=1e-3)

    # "Same" padding of an even size at stride 2 puts the odd sample at the right and at the bottom.
    x = F.pad(((luma * 255 - 127) / 128).expand(-1, 3, -1, -1), (0, 1, 0, 1))
    x = F.relu6(conv_norm(x, "_conv_stem", "_bn0", stride=2))
    x = F.relu6(conv_norm(x, "_blocks.0._depthwise_conv", "_blocks.0._bn1", padding=1, groups=32))
    x = conv_norm(x, "_blocks.0._project_conv", "_blocks.0._bn2")
    torch.testing.assert_close(encoder(luma).s2, x, atol=1e-5, rtol=1e-4)

    x = F.relu6(conv_norm(x, "_blocks.1._expand_conv", "_blocks.1._bn0"))
    x = F.relu6(conv_norm(F.pad(x, (0, 1, 0, 1)), "_blocks.1._depthwise_conv", "_blocks.1._bn1", stride=2, groups=96))
    x = conv_norm(x, "_blocks.1._project_conv", "_blocks.1._bn2")
    y = F.relu6(conv_norm(x, "_blocks.2._expand_conv", "_blocks.2._bn0"))
    y = F.relu6(conv_norm(y, "_blocks.2._depthwise_conv", "_blocks.2._bn1", padding=1, groups=144))
    x = x + conv_norm(y, "_blocks.2._project_conv", "_blocks.2._bn2")
    torch.testing.assert_close(encoder(luma).s4, x, atol=1e-5, rtol=1e-4)


def test_color_bins_keep_the_mean_colour() -> None:
    bins = ColorBins()
    ab = torch.rand(500, 2) * 60 - 30
    indices, shares = bins.encode(ab)
    torch.testing.assert_close(shares.sum(-1), torch.ones(500))
    torch.testing.assert_close((bins.centers[indices] * shares[..., None]).sum(1), ab, atol=1e-3, rtol=0)


def test_color_bins_decode_the_mode_at_low_temperature_and_the_mean_at_one() -> None:
    bins = ColorBins()
    p = torch.full((len(bins),), 1e-9)
    p[3], p[90] = 0.7, 0.3
    logits = p.log()[None, :, None, None]
    torch.testing.assert_close(bins.decode(logits, temperature=0.05)[0, :, 0, 0], bins.centers[3], atol=0.05, rtol=0)
    mean = 0.7 * bins.centers[3] + 0.3 * bins.centers[90]
    torch.testing.assert_close(bins.decode(logits, temperature=1.0)[0, :, 0, 0], mean, atol=0.01, rtol=0)


def test_a_network_that_learned_the_rebalanced_colours_gives_the_natural_ones_back() -> None:
    bins = ColorBins()
    natural = torch.full((len(bins),), 1e-6)
    natural[3], natural[90] = 0.9, 0.1
    bins.set_frequencies(natural)
    # What weighted cross-entropy teaches (its minimum): each colour's probability times its weight.
    logits = (natural * bins.weights).log()[None, :, None, None]
    mean = (natural / natural.sum()) @ bins.centers
    torch.testing.assert_close(bins.decode(logits, temperature=1.0, balance=1.0)[0, :, 0, 0], mean, atol=0.02, rtol=0)
    vivid = bins.decode(logits, temperature=1.0)[0, :, 0, 0]
    assert (vivid - bins.centers[90]).norm() < (mean - bins.centers[90]).norm()


def test_rare_colours_weigh_more_and_the_mean_weight_is_one() -> None:
    bins = ColorBins()
    counts = torch.ones(len(bins))
    counts[7] = 1000.0
    bins.set_frequencies(counts)
    assert bins.weights[7] < bins.weights[8]
    torch.testing.assert_close((bins.weights * counts / counts.sum()).sum(), torch.tensor(1.0))


def test_children_round_trip() -> None:
    x = torch.randn(2, 5, 8, 12)
    assert torch.equal(from_children(children(x), 4, 6), x)


@pytest.mark.parametrize("rows", [48, 35, 7])
def test_strongest_row_of_a_column_is_its_argmax(rows: int) -> None:
    torch.manual_seed(4)
    ranked, columns = torch.rand(2, rows, 60), torch.randint(60, (2, rows))
    assert torch.equal(strongest_row(ranked, columns), ranked.argmax(1).gather(1, columns))


@pytest.mark.parametrize(("columns", "count"), [(320, 16), (320, 1), (256, 16), (100, 16), (16, 16), (320, 320)])
def test_strongest_columns_are_those_of_topk(columns: int, count: int) -> None:
    torch.manual_seed(5)
    ranked = torch.randperm(2 * 7 * columns).reshape(2, 7, columns).float()
    values, indices = strongest_columns(ranked, count)
    expected = ranked.topk(count)
    assert torch.equal(values, expected.values)
    assert torch.equal(indices, expected.indices)


def test_a_batch_matches_each_item_against_its_own_bank() -> None:
    torch.manual_seed(5)
    net = SimilarityNet()
    keys = Keys(F.normalize(torch.randn(2, 64, 4, 4), dim=1), F.normalize(torch.randn(2, 32, 8, 8), dim=1))
    luma, ab = torch.rand(2, 1, 8, 8), torch.randn(2, 2, 8, 8)
    both = net(keys, luma, net.bank(keys, ab, luma))
    for i in range(2):
        own = Keys(keys.coarse[i : i + 1], keys.fine[i : i + 1])
        lumas, colours = luma[i : i + 1], ab[i : i + 1]
        alone = net(own, lumas, net.bank(own, colours, lumas))
        for batched, single in zip(both, alone, strict=True):
            torch.testing.assert_close(batched[i : i + 1], single, atol=1e-5, rtol=1e-4)


def test_a_picture_finds_its_own_colours() -> None:
    # Equal keys have cosine 1, so that with sharp temperatures every position finds itself.
    torch.manual_seed(2)
    sharp = SimilarityNet()
    nn.init.constant_(sharp.log_scale4, 8.0)
    nn.init.constant_(sharp.log_scale8, 8.0)
    keys = Keys(F.normalize(torch.randn(1, 64, 8, 8), dim=1), F.normalize(torch.randn(1, 32, 16, 16), dim=1))
    luma4, ab = torch.rand(1, 1, 16, 16), torch.randn(1, 2, 16, 16) * 20
    match = sharp(keys, luma4, sharp.bank(keys, ab, luma4))
    found = (match.ab - ab).norm(dim=1) < 1.0
    assert found.float().mean() > 0.95
    assert match.planes.shape == (1, PLANES, 16, 16)
    agreement = match.planes[:, 1]
    assert agreement.mean() > 0.95


@pytest.mark.parametrize(("rows", "columns"), [(5, 2), (3, 4)])
def test_scores_are_means_over_pairs_displaced_alike(rows: int, columns: int) -> None:
    torch.manual_seed(6)
    scores = torch.randn(1, 12, rows * columns)
    cells = scores[0].reshape(3, 4, rows, columns)
    found = among_neighbours(scores, (3, 4), (rows, columns))[0].reshape(cells.shape)
    for y, x, row, column in product(range(3), range(4), range(rows), range(columns)):
        alike = [
            cells[y + dy, x + dx, row + dy, column + dx]
            for dy, dx in product((-1, 0, 1), repeat=2)
            if 0 <= y + dy < 3 and 0 <= x + dx < 4 and 0 <= row + dy < rows and 0 <= column + dx < columns
        ]
        torch.testing.assert_close(found[y, x, row, column], torch.stack(alike).mean())


def test_of_equal_keys_the_one_of_like_luma_is_found() -> None:
    net = SimilarityNet()
    keys = Keys(F.normalize(torch.ones(1, 64, 4, 8), dim=1), F.normalize(torch.ones(1, 32, 8, 16), dim=1))
    dark_left = torch.full((1, 1, 8, 16), 0.9)
    dark_left[..., :8] = 0.1
    ab = torch.where(dark_left > 0.5, 40.0, -40.0).expand(1, 2, 8, 16)
    match = net(keys, dark_left.flip(3), net.bank(keys, ab, dark_left))
    assert match.ab[..., 2:6].min() > 20
    assert match.ab[..., 10:14].max() < -20


def test_order_of_references_does_not_matter(network: ExemplarNetwork) -> None:
    torch.manual_seed(3)
    encoded = [network.encode(torch.rand(1, 1, 64, 64)) for _ in range(3)]
    banks = [network.bank(e, torch.randn(1, 2, 64, 64) * 20) for e in encoded[1:]]
    first, second = (
        network.similarity(encoded[0].keys, encoded[0].luma4, Bank.join(order)) for order in (banks, banks[::-1])
    )
    torch.testing.assert_close(first.ab, second.ab, atol=1e-3, rtol=1e-4)


def test_a_reference_with_a_low_bias_is_left_out() -> None:
    torch.manual_seed(4)
    net = SimilarityNet()
    frame, still, other = (
        Keys(F.normalize(torch.randn(1, 64, 8, 8), dim=1), F.normalize(torch.randn(1, 32, 16, 16), dim=1))
        for _ in range(3)
    )
    luma4, ab = torch.rand(1, 1, 16, 16), torch.randn(1, 2, 16, 16) * 20
    alone = net.bank(still, ab, luma4)
    shunned = net.bank(other, -ab, luma4, bias=-10.0)
    expected = net(frame, luma4, alone).ab
    torch.testing.assert_close(net(frame, luma4, Bank.join([alone, shunned])).ab, expected)
    assert not torch.allclose(net(frame, luma4, Bank.join([alone, net.bank(other, -ab, luma4)])).ab, expected)


def test_what_flow_explains_takes_its_cells_from_the_rest() -> None:
    """A still shows a thing left and one much like it right; a frame shows the former twice, once where flow led."""
    torch.manual_seed(1)
    net = SimilarityNet()
    net.log_scale8.data.fill_(5.0)
    coarse, other, fine = torch.randn(1, 64, 8, 4), torch.randn(1, 64, 8, 4), torch.randn(1, 32, 16, 8)
    still, frame = (
        Keys(F.normalize(torch.cat([coarse, right], 3), dim=1), F.normalize(torch.cat([fine, fine], 3), dim=1))
        for right in (coarse + 0.3 * other, coarse)
    )
    colours = torch.cat([torch.full((1, 2, 16, 8), 40.0), torch.full((1, 2, 16, 8), -40.0)], 3)
    luma4 = torch.full((1, 1, 16, 16), 0.5)
    bank, known = net.bank(still, colours, luma4), torch.zeros(1, 1, 8, 8)
    nothing = net(frame, luma4, bank).ab
    torch.testing.assert_close(net(frame, luma4, bank, known=known).ab, nothing)
    known[..., :4] = 1
    found = net(frame, luma4, bank, known=known).ab
    assert nothing[..., 10:].mean() > 20
    assert found[..., 10:].mean() < -20
    torch.testing.assert_close(found[..., :6], nothing[..., :6])


@pytest.mark.parametrize("shaded", [True, False])
def test_a_darker_frame_gets_paler_colours_of_the_same_hue(*, shaded: bool) -> None:
    torch.manual_seed(2)
    net, keys = SimilarityNet(), Keys(F.normalize(torch.randn(1, 64, 8, 8), dim=1), torch.zeros(1, 32, 16, 16))
    luma4 = torch.full((1, 1, 16, 16), 0.8)
    bank = net.bank(keys, torch.tensor([30.0, -20.0])[None, :, None, None].expand(1, 2, 16, 16), luma4)
    as_bright, darker = (net(keys, luma, bank, shaded=shaded).ab for luma in (luma4, luma4 / 2))
    torch.testing.assert_close(darker, as_bright * ((0.45 / 0.85) ** 0.25 if shaded else 1))


def test_gate_adds_up_and_gives_an_absent_reference_no_say(network: ExemplarNetwork) -> None:
    encoded = network.encode(torch.rand(2, 1, 64, 64))
    bank = network.bank(encoded, torch.randn(2, 2, 64, 64) * 30)
    colored = network(encoded, bank, present=torch.tensor([1.0, 0.0]), **_nothing_propagated(2, 64, 64))
    gate = colored.fused.gate
    torch.testing.assert_close(gate.sum(1), torch.ones(2, 32, 32))
    assert gate[1, 0].max() == 0
    assert gate[0, 0].min() > 1e-4
    assert gate[:, 1].max() == 0


def test_absent_reference_equals_no_bank(network: ExemplarNetwork) -> None:
    encoded = network.encode(torch.rand(1, 1, 64, 64))
    bank = network.bank(encoded, torch.randn(1, 2, 64, 64) * 30)
    absent = torch.zeros(1)
    with_bank = network(encoded, bank, present=absent, **_nothing_propagated(1, 64, 64))
    without = network(encoded, None, present=absent, **_nothing_propagated(1, 64, 64))
    torch.testing.assert_close(with_bank.fused.ab, without.fused.ab, atol=1e-2, rtol=0)


def test_recolouring_is_colouring_with_that_evidence(network: ExemplarNetwork) -> None:
    encoded = network.encode(torch.rand(1, 1, 64, 64))
    bank = network.bank(encoded, torch.randn(1, 2, 64, 64) * 30)
    present, validity = torch.ones(1), torch.rand(1, 1, 32, 32)
    before, after = torch.randn(2, 1, 2, 32, 32) * 30
    first = network(encoded, bank, present=present, propagated=before, validity=validity)
    again = network.recolor(encoded, first, after, validity).fused.ab
    expected = network(encoded, bank, present=present, propagated=after, validity=validity).fused.ab
    torch.testing.assert_close(again, expected)
    assert not torch.allclose(again, first.fused.ab, atol=1.0)


def test_propagated_colours_without_validity_are_ignored(network: ExemplarNetwork) -> None:
    encoded = network.encode(torch.rand(1, 1, 64, 64))
    none = _nothing_propagated(1, 64, 64)
    loud = {**none, "propagated": torch.full((1, 2, 32, 32), 80.0)}
    quiet_ab, loud_ab = (network(encoded, None, present=torch.zeros(1), **p).fused.ab for p in (none, loud))
    torch.testing.assert_close(loud_ab, quiet_ab, atol=1e-2, rtol=0)


def test_configuration_round_trip() -> None:
    config = NetworkConfig(width=32, coarse=16, fine=8)
    network = ExemplarNetwork(NetworkConfig.from_dict(config.to_dict()))
    assert network.config == config
    assert sum(each.numel() for each in network.parameters()) > 3_000_000
    with pytest.raises(TypeError, match="unknown sizes"):
        NetworkConfig.from_dict({**config.to_dict(), "depth": 3})


def test_colours_around_are_means_by_trust_and_likeness_of_luma() -> None:
    torch.manual_seed(8)
    ab, trust, luma = torch.randn(1, 2, 7, 9) * 20, torch.rand(1, 1, 7, 9) + 0.1, torch.rand(1, 1, 7, 9) * 0.1
    found = colours_around(ab, trust, luma)
    for y, x in product(range(2, 5), range(2, 7)):
        box = (0, slice(None), slice(y - 2, y + 3), slice(x - 2, x + 3))
        weight = trust[box] * torch.exp(-0.5 * ((luma[box] - luma[0, 0, y, x]) / 0.03) ** 2)
        torch.testing.assert_close(found[0, :, y, x], (ab[box] * weight).sum((1, 2)) / weight.sum())


def test_among_equal_matches_those_in_the_colours_around_win() -> None:
    """A reference shows two things side by side everywhere; the frame shows the first one, and once either."""
    torch.manual_seed(9)
    net = SimilarityNet(coarse=2, fine=2)
    coarse, fine, ab = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 8, 8)
    coarse[:, 0] = fine[:, 0, :, ::2] = fine[:, 1, :, 1::2] = 1
    ab[:, 0, :, ::2], ab[:, 0, :, 1::2] = 40, -40
    luma = torch.full((1, 1, 8, 8), 0.5)
    first = torch.zeros(1, 2, 8, 8)
    first[:, 0] = 1
    first[0, :, 3, 3] = 0.5**0.5
    found = net(Keys(coarse, first), luma, net.bank(Keys(coarse, fine), ab, luma)).ab[0, 0]
    assert found[3, 3] > 30
