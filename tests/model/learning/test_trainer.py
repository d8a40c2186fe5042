import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from model.examples import Examples
from model.learning.errors import DivergedError, StoppedError
from model.learning.options import PlanOptions, TrainOptions
from model.learning.plan import Plan
from model.learning.published import published_network
from model.learning.trainer import StepFacts, train
from tests.support.learning import MLP, SMALL_CONV, fresh_state, run_round, stripes

SHARES = np.full(3, 1 / 3)


def start(state, fresh, plan, *, options=None, **more):
    replay = stripes(plan.replay_n, fresh.pixels_NHWC.shape[1], seed=8)
    return train(
        state, fresh, replay, SHARES, plan, options or TrainOptions(), seed=1, round_number=1, clock=lambda: 0.0, **more
    )


@pytest.mark.parametrize(
    "architecture", ["resnet18", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny", "vit_b_16"]
)
def test_the_named_five_train_and_publish(architecture):
    state = fresh_state(architecture, size=32)
    before = {name: parameter.detach().clone() for name, parameter in state.network.named_parameters()}
    options = TrainOptions(optimiser="sgd" if architecture == "vit_b_16" else "auto")
    facts = start(
        state, stripes(4, 32), Plan(1, 2, 2) if architecture == "vit_b_16" else Plan(2, 4, 4), options=options
    )
    assert np.isfinite(facts.loss)
    frozen = [n for n, parameter in state.network.named_parameters() if torch.equal(parameter, before[n])]
    assert not frozen
    network = published_network(state, stripes(6, 32))
    assert torch.isfinite(network(torch.rand(2, 3, 32, 32))).all()


@pytest.mark.parametrize("architecture", [MLP, SMALL_CONV])
def test_learns(architecture):
    state = fresh_state(architecture)
    for number in range(1, 7):
        facts = run_round(state, stripes(300), round_number=number)
    network, test = published_network(state, stripes(64)), stripes(200, seed=2)
    image = torch.from_numpy(test.pixels_NHWC).permute(0, 3, 1, 2) / 255
    assert (network(image).argmax(1).numpy() == test.labels).mean() > 0.85
    assert facts.loss < 0.5


@pytest.mark.parametrize("architecture", [SMALL_CONV, "mobilenet_v3_small", "efficientnet_b0"])
def test_same_inputs_same_bytes(tmp_path, architecture):
    digests = set()
    for attempt in range(2):
        torch.manual_seed(attempt)  # what others did with the global generators makes no difference
        np.random.seed(attempt)
        state = fresh_state(architecture, size=32)
        run_round(state, stripes(20, 32), plan=PlanOptions(batch=16, steps_min=2))
        published_network(state, stripes(20, 32))
        digests.add(state.save(tmp_path / "state"))
    assert len(digests) == 1


def test_same_bytes_in_another_process(tmp_path):
    code = (
        "import sys, pathlib; from tests.support.learning import *;"
        "state = fresh_state(); run_round(state, stripes(40)); print(state.save(pathlib.Path(sys.argv[1])))"
    )
    threads = torch.get_num_threads()
    child = subprocess.run(
        [sys.executable, "-c", f"import torch; torch.set_num_threads({threads}); {code}", str(tmp_path / "child")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "77", "PYTHONPATH": str(Path.cwd())},
    )
    state = fresh_state()
    run_round(state, stripes(40))
    assert state.save(tmp_path / "here") == child.stdout.strip()


@pytest.mark.parametrize("change", [{"seed": 4}, {"round_number": 2}, {"options": TrainOptions(flip=False)}])
def test_seed_round_and_options_matter(tmp_path, change):
    one, other = fresh_state(), fresh_state()
    run_round(one, stripes(40))
    run_round(other, stripes(40), **change)
    assert one.save(tmp_path / "one") != other.save(tmp_path / "other")


def test_leaves_the_global_generator_as_it_was():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    run_round(fresh_state(), stripes(20))
    assert torch.equal(torch.rand(3), expected)


def test_facts_count_what_was_trained():
    facts = start(fresh_state(), stripes(30), Plan(6, 60, 90))
    assert (facts.steps, facts.fresh, facts.replayed, facts.epochs) == (6, 60, 90, 2.0)
    assert (facts.device, facts.threads) == ("cpu", torch.get_num_threads())


def test_each_sample_goes_in_as_planned(monkeypatch):
    seen = []
    fresh = Examples(np.arange(10, dtype=np.uint8).repeat(8 * 8 * 3).reshape(10, 8, 8, 3), np.zeros(10, np.int64))
    replay = Examples(
        (100 + np.arange(20, dtype=np.uint8)).repeat(8 * 8 * 3).reshape(20, 8, 8, 3), np.ones(20, np.int64)
    )
    state = fresh_state(MLP)
    state.network.register_forward_pre_hook(lambda _m, inputs: seen.append((inputs[0][:, 0, 0, 0] * 255).round().int()))
    train(state, fresh, replay, SHARES, Plan(5, 20, 20), TrainOptions(), seed=1, round_number=1, clock=lambda: 0.0)
    counts = np.bincount(torch.cat(seen).numpy())
    assert counts[:10].tolist() == [2] * 10
    assert counts[100:120].tolist() == [1] * 20
    assert [(int((batch < 100).sum()), int((batch >= 100).sum())) for batch in seen] == [(4, 4)] * 5


def test_refuses_a_replay_that_was_not_planned():
    with pytest.raises(ValueError, match="asks for 9 replayed samples, not 8"):
        train(
            fresh_state(),
            stripes(8),
            stripes(8),
            SHARES,
            Plan(2, 8, 9),
            TrainOptions(),
            seed=1,
            round_number=1,
            clock=lambda: 0.0,
        )


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_stops_before_an_update_that_is_not_finite(broken):
    state = fresh_state(MLP)
    calls = itertools.count(1)

    def spoil(_module, _inputs, output):
        return output * broken if next(calls) == 3 else output

    state.network.body[-1].register_forward_hook(spoil)
    with pytest.raises(DivergedError, match=r"by step 3.*learning\.lr"):
        start(state, stripes(40), Plan(6, 40, 40))
    assert all(torch.isfinite(parameter).all() for parameter in state.network.parameters())


def test_a_look_that_comes_late_finds_the_weights_untouched(monkeypatch):
    monkeypatch.setattr("model.learning.trainer.LOOK_EVERY", 1)
    late, state = fresh_state(MLP), fresh_state(MLP)
    calls = itertools.count(1)
    late.network.body[-1].register_forward_hook(
        lambda _m, _i, output: output * float("nan") if next(calls) > 2 else output
    )
    monkeypatch.setattr("model.learning.trainer._Watch._look", lambda self: None)
    start(late, stripes(40), Plan(4, 40, 40))
    monkeypatch.undo()
    stop = itertools.count(1)
    with pytest.raises(StoppedError):
        start(state, stripes(40), Plan(4, 40, 40), stop=lambda: next(stop) > 2)
    pairs = zip(late.network.parameters(), state.network.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_stops_when_asked():
    asked = itertools.count()
    with pytest.raises(StoppedError):
        start(fresh_state(), stripes(40), Plan(9, 40, 40), stop=lambda: next(asked) == 3)
    assert next(asked) == 4


def test_tells_four_times_a_second_and_at_the_end():
    told: list[StepFacts] = []
    ticks = itertools.count()
    train(
        fresh_state(MLP),
        stripes(40),
        stripes(40),
        SHARES,
        Plan(20, 40, 40),
        TrainOptions(),
        seed=1,
        round_number=1,
        clock=lambda: next(ticks) * 0.0625,
        progress=told.append,
    )
    assert [facts.step for facts in told] == [4, 8, 12, 16, 20] or [facts.step for facts in told][-1] == 20
    assert 4 <= len(told) <= 6
    assert all(facts.steps == 20 and facts.samples_per_second > 0 for facts in told)
