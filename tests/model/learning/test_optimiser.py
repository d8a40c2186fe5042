import pytest
import torch

from model.learning.optimiser import Moments, laid_out_like, make_optimiser
from model.learning.options import TrainOptions
from model.network.build import build
from model.network.spec import NetworkSpec
from tests.support.learning import MLP, SMALL_CONV


def network(architecture=SMALL_CONV):
    return build(NetworkSpec(architecture, 8, 3), 0)


def groups(net, *, pretrained=False, **options):
    optimiser = make_optimiser(net, TrainOptions(**options), Moments(), pretrained=pretrained)
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    return {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in optimiser.param_groups
        for parameter in group["params"]
    }


def test_biases_and_norms_do_not_decay_and_every_parameter_is_there_once():
    found = groups(network(), weight_decay=0.1)
    assert {name for name, (_, decay) in found.items() if decay} == {"body.0.weight", "body.6.weight"}
    assert len(found) == len(list(network().parameters()))


def test_backbone_at_a_tenth_where_it_came_from_a_file():
    assert {rate for rate, _ in groups(network()).values()} == {1e-3}
    found = groups(network(), pretrained=True)
    assert {name for name, (rate, _) in found.items() if rate == 1e-3} == {"body.6.weight", "body.6.bias"}
    assert found["body.0.weight"][0] == pytest.approx(1e-4)


def test_choice_by_name_and_its_own_rate():
    adam = make_optimiser(network(), TrainOptions(), Moments(), pretrained=False)
    assert isinstance(adam, torch.optim.AdamW)
    assert adam.defaults["betas"] == (0.9, 0.99)
    sgd = make_optimiser(network(), TrainOptions(optimiser="sgd"), Moments(), pretrained=False)
    assert isinstance(sgd, torch.optim.SGD)
    assert (sgd.defaults["lr"], sgd.defaults["momentum"]) == (0.02, 0.9)
    assert {rate for rate, _ in groups(network(), optimiser="sgd", lr=0.5).values()} == {0.5}


def step(net, optimiser):
    net(torch.ones(2, 3, 8, 8)).square().sum().backward()
    optimiser.step()
    optimiser.zero_grad()


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_one_that_takes_over_goes_on_as_if_it_had_never_stopped(kind):
    options = TrainOptions(optimiser=kind)
    once, twice = network(MLP), network(MLP)
    optimiser = make_optimiser(once, options, Moments(), pretrained=False)
    for _ in range(4):
        step(once, optimiser)
    moments = Moments()
    for _ in range(4):
        optimiser = make_optimiser(twice, options, moments, pretrained=False)
        step(twice, optimiser)
        moments.take_from(optimiser, dict(twice.named_parameters()))
    assert all(torch.equal(a, b) for a, b in zip(once.parameters(), twice.parameters(), strict=True))


def test_another_kind_forgets():
    net, moments = network(MLP), Moments()
    optimiser = make_optimiser(net, TrainOptions(optimiser="adamw"), moments, pretrained=False)
    step(net, optimiser)
    moments.take_from(optimiser, dict(net.named_parameters()))
    fresh = make_optimiser(net, TrainOptions(optimiser="sgd"), moments, pretrained=False)
    assert not fresh.state
    assert moments.kind == "sgd"


def test_memory_order_follows_the_parameter():
    parameter = torch.rand(4, 3, 5, 5).to(memory_format=torch.channels_last)
    tensor = torch.rand(4, 3, 5, 5)
    found = laid_out_like(tensor, parameter)
    assert found.stride() == parameter.stride()
    assert torch.equal(found, tensor)
