import numpy as np
import torch

from model.learning.margins import Margins
from model.learning.options import TrainOptions
from model.learning.plan import Plan
from model.learning.trainer import train
from tests.support.learning import MLP, fresh_state, stripes

SHARES = np.full(3, 1 / 3)


def run(state, fresh, replay, plan, margins=None):
    options = TrainOptions(flip=False, crop=False)
    train(state, fresh, replay, SHARES, plan, options, seed=1, round_number=1, margins=margins, clock=lambda: 0.0)


def test_a_margin_is_the_labels_logit_less_the_largest_other_one():
    margins = Margins()
    logits = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [0.5, 0.5, -1.0]], requires_grad=True)
    margins.note(logits, torch.tensor([0, 1, 1]), np.array([4, 0, 9]))
    margins.note(torch.tensor([[0.0, 0.0, -4.0]]), torch.tensor([2]), np.array([4]))
    seen = margins.read()
    assert seen.rows.tolist() == [4, 0, 9, 4]
    assert seen.margins.tolist() == [1.0, -2.0, 0.0, -4.0]
    assert seen.said.tolist() == [0, 0, 0, 0]


def test_training_tells_the_margin_of_each_sample_as_it_went_in():
    fresh, replay = stripes(10), stripes(6, seed=5)
    state, told = fresh_state(MLP), Margins()
    logits = []
    state.network.register_forward_hook(lambda _m, inputs, output: logits.append((inputs[0], output.detach())))
    run(state, fresh, replay, Plan(2, 20, 6), told)
    seen = told.read()
    pixels = np.concatenate([fresh.pixels_NHWC, replay.pixels_NHWC])
    labels = np.concatenate([fresh.labels, replay.labels])
    assert np.bincount(seen.rows).tolist() == [2] * 10 + [1] * 6
    images, answers = torch.cat([one for one, _ in logits]), torch.cat([one for _, one in logits])
    expected = torch.from_numpy(pixels[seen.rows]).permute(0, 3, 1, 2) / 255
    assert torch.allclose(images, expected)
    for margin, said, row, logit in zip(seen.margins, seen.said, seen.rows, answers.numpy(), strict=True):
        others = np.delete(logit, labels[row])
        assert np.isclose(margin, logit[labels[row]] - others.max(), atol=1e-6)
        assert said == logit.argmax()


def test_telling_margins_changes_no_weight(tmp_path):
    digests = set()
    for margins in (None, Margins()):
        state = fresh_state(MLP)
        run(state, stripes(40), stripes(40, seed=5), Plan(4, 40, 40), margins)
        digests.add(state.save(tmp_path / "state"))
    assert len(digests) == 1
