import numpy as np
import torch

from model.examples import Examples
from model.judging.answers import Answers, evaluate
from model.network.build import build
from model.network.spec import NetworkSpec
from tests.support.learning import SMALL_CONV, stripes


def test_answers_every_sample_in_order_however_it_is_cut():
    network = build(NetworkSpec(SMALL_CONV, 8, 3), 0)
    all_in_one = stripes(50)
    first = Examples(all_in_one.pixels_NHWC[:20], all_in_one.labels[:20])
    rest = Examples(all_in_one.pixels_NHWC[20:], all_in_one.labels[20:])
    network.eval()
    with torch.no_grad():
        expected = network(torch.from_numpy(all_in_one.pixels_NHWC).permute(0, 3, 1, 2) / 255).argmax(1).numpy()
    network.train()
    for batch in (7, 256):
        found = evaluate(network, iter([first, rest]), batch)
        assert np.array_equal(found.predicted, expected)
        assert np.array_equal(found.labels, all_in_one.labels)
    assert found.predicted.dtype == np.int64


def test_no_batch_is_larger_than_asked():
    network = build(NetworkSpec(SMALL_CONV, 8, 3), 0)
    sizes = []
    network.register_forward_pre_hook(lambda _module, inputs: sizes.append((len(inputs[0]), inputs[0].dtype)))
    evaluate(network, [stripes(25)], 10)
    assert sizes == [(10, torch.float32), (10, torch.float32), (5, torch.float32)]


def test_accuracy_is_the_share_of_right_answers():
    answers = Answers(np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2]))
    assert answers.correct.tolist() == [True, True, False, True]
    assert answers.accuracy == 0.75


def test_nothing_asked_nothing_answered():
    found = evaluate(build(NetworkSpec(SMALL_CONV, 8, 3), 0), [])
    assert (len(found.predicted), found.accuracy) == (0, None)
