"""The pull towards former answers."""

import numpy as np
import torch

from model.examples import Examples
from model.learning.loss import label_shares
from model.learning.options import PlanOptions, TrainOptions
from model.learning.plan import plan_round
from model.learning.published import answered, published_network
from model.learning.recall import Recall, recall_loss
from model.learning.trainer import train
from tests.support.learning import MLP, fresh_state, stripes

NAN = float("nan")


def test_only_known_classes_of_known_samples_pull():
    logits = torch.tensor([[1.0, 2.0, 9.0], [5.0, 5.0, 5.0]], requires_grad=True)
    loss = recall_loss(logits, torch.tensor([[0.0, 4.0, NAN], [NAN, NAN, NAN]]))
    assert loss.item() == (1 + 4) / 2 / 2
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[0, 2] == 0 and (logits.grad[1] == 0).all()
    assert logits.grad[0, 0] > 0 > logits.grad[0, 1]


def test_replay_is_held_to_what_was_answered():
    def distance(weight: float) -> float:
        state, fresh, replay = fresh_state(MLP), stripes(64, seed=1), stripes(64, seed=2)
        former = answered(published_network(state), replay)
        plan = plan_round(64, PlanOptions(batch=16), replay=True)
        chosen = np.arange(plan.replay_n) % 64
        recall = Recall(former[chosen], weight)
        some = Examples(replay.pixels_NHWC[chosen], replay.labels[chosen])
        train(
            state,
            fresh,
            some,
            label_shares(some.labels, 3),
            plan,
            TrainOptions(crop=False, flip=False, ema_decay=0.0),
            seed=0,
            round_number=1,
            recall=recall,
            clock=lambda: 0.0,
        )
        return float(np.square(answered(published_network(state), replay) - former).mean())

    assert distance(3.0) < distance(0.0) / 2
