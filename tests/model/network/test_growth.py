import pytest
import torch

from model.network.build import build
from model.network.growth import grow, keep_rows
from model.network.spec import NetworkSpec
from tests.support.factories import small_conv
from tests.support.learning import MLP


def grown(seed=4):
    network = build(NetworkSpec(MLP, 8, 3), 0)
    with torch.no_grad():
        network.head.bias.copy_(torch.tensor([0.5, -0.25, 0.125]))
    before = (network.head.weight.detach().clone(), network.head.bias.detach().clone())
    grow(network, 6, seed)
    return network, *before


def test_old_rows_stay_bit_for_bit():
    network, weight, bias = grown()
    assert network.spec.classes_n == network.head.out_features == 6
    assert torch.equal(network.head.weight[:3], weight)
    assert torch.equal(network.head.bias[:3], bias)


def test_new_rows_have_the_mean_norm_and_the_least_bias():
    network, weight, _ = grown()
    norms = network.head.weight[3:].norm(dim=1)
    assert torch.allclose(norms, weight.norm(dim=1).mean().expand(3), rtol=1e-5)
    assert torch.equal(network.head.bias[3:], torch.full((3,), -0.25))


def test_new_rows_differ_and_follow_from_the_seed():
    one, two, other = (grown(seed)[0].head.weight[3:] for seed in (4, 4, 5))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert not torch.equal(one[0], one[1])


def test_gives_logits_for_all_and_learns_them():
    network, *_ = grown()
    logits = network(torch.rand(2, 3, 8, 8))
    assert logits.shape == (2, 6)
    logits.sum().backward()
    assert network.head.weight.grad is not None


def test_neither_shrinks_nor_touches_what_is_large_enough():
    network, *_ = grown()
    head = network.head.weight
    grow(network, 6, 1)
    assert network.head.weight is head
    with pytest.raises(ValueError, match="cannot shrink"):
        grow(network, 5, 1)


def test_a_head_without_bias_grows_too(monkeypatch):
    def biasless(classes_n, size):
        body = small_conv(classes_n, size)
        body[-1] = torch.nn.Linear(body[-1].in_features, classes_n, bias=False)
        return body

    monkeypatch.setattr("tests.support.factories.small_conv", biasless)
    network = build(NetworkSpec("tests.support.factories:small_conv", 8, 2), 0)
    grow(network, 3, 0)
    assert network.head_parameters == ("body.6.weight",)
    assert network(torch.rand(2, 3, 8, 8)).shape == (2, 3)


def test_rows_that_are_kept_stay_bit_for_bit_in_the_order_asked_for():
    network, weight, bias = grown()
    keep_rows(network, [2, 0])
    assert network.spec.classes_n == network.head.out_features == 2
    assert torch.equal(network.head.weight, weight[[2, 0]])
    assert torch.equal(network.head.bias, bias[[2, 0]])
    assert network(torch.rand(2, 3, 8, 8)).shape == (2, 2)
    with pytest.raises(ValueError, match="needs a row"):
        keep_rows(network, [])
