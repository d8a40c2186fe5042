import numpy as np
import torch

from model.examples import Examples
from model.learning.published import published_network
from tests.support.learning import MLP, fresh_state, run_round, stripes


def learnt():
    state = fresh_state()
    run_round(state, stripes(40))
    return state


def test_has_the_averaged_weights_in_eval_mode_and_leaves_the_state_alone():
    state = learnt()
    before = {name: tensor.clone() for name, tensor in state.network.state_dict().items()}
    network = published_network(state, stripes(20))
    assert not any(module.training for module in network.modules())
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, state.average.tensors[name])
    assert all(torch.equal(tensor, before[name]) for name, tensor in state.network.state_dict().items())
    assert state.network.training


def test_statistics_are_those_of_the_samples_under_the_averaged_weights():
    state, samples = learnt(), stripes(600)
    network = published_network(state, samples)
    image = torch.from_numpy(samples.pixels_NHWC).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        planes = network.body[0]((image - network.mean) / network.std)
    assert torch.allclose(network.body[1].running_mean, planes.mean(dim=(0, 2, 3)), atol=1e-4)
    assert torch.allclose(network.body[1].running_var, planes.var(dim=(0, 2, 3)), rtol=2e-2)
    assert network.body[1].momentum == 0.1


def test_are_kept_for_the_next_time():
    state = learnt()
    first = published_network(state, stripes(50))
    run = published_network(state)
    assert torch.equal(first.body[1].running_mean, run.body[1].running_mean)
    assert not torch.equal(first.body[1].running_mean, state.network.body[1].running_mean)


def test_one_sample_says_nothing():
    state = learnt()
    one = stripes(1)
    assert torch.equal(published_network(state, one).body[1].running_mean, state.network.body[1].running_mean)
    assert published_network(state, Examples(one.pixels_NHWC[:0], np.empty(0, np.int64)))


def test_a_network_without_norms_needs_none():
    state = fresh_state(MLP)
    published_network(state, stripes(20))
    assert state.statistics == {}
