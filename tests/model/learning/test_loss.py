import numpy as np
import pytest
import torch
from torch.nn import functional

from model.learning.loss import SHARE_MIN, balanced_loss, label_shares, log_shares, robust_loss


def test_shares_are_the_mixture_of_window_and_draw():
    window = label_shares(np.array([0, 0, 0, 1]), 3)
    draw = np.array([0.2, 0.2, 0.6])
    found = np.exp(log_shares(window, draw, 0.25))
    assert found == pytest.approx([0.3375, 0.2125, 0.45])


def test_shares_have_a_floor():
    assert np.exp(log_shares(np.array([1.0, 0.0]), np.array([1.0, 0.0]), 0.5))[1] == pytest.approx(SHARE_MIN)


def test_no_replay_leaves_the_window_alone():
    found = log_shares(label_shares(np.array([0, 1]), 2), np.zeros(2), 1.0)
    assert np.exp(found) == pytest.approx([0.5, 0.5])


def test_even_shares_give_plain_cross_entropy():
    logits, labels = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    found = balanced_loss(logits, labels, torch.full((4,), 0.25).log())
    assert torch.allclose(found, functional.cross_entropy(logits, labels))


def test_a_rare_class_is_pushed_harder():
    logits = torch.zeros(2, 2, requires_grad=True)
    balanced_loss(logits, torch.tensor([0, 1]), torch.tensor([0.9, 0.1]).log()).backward()
    assert logits.grad[1, 1].abs() > 5 * logits.grad[0, 0].abs()


def test_is_float32_whatever_the_logits_are():
    logits = torch.tensor([[10.0, 0.0]], dtype=torch.bfloat16)
    found = balanced_loss(logits, torch.tensor([1]), torch.zeros(2))
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(10.0000454, abs=1e-5)


def test_smoothing_spreads_the_label():
    logits = torch.tensor([[5.0, 0.0]])
    plain = balanced_loss(logits, torch.tensor([0]), torch.zeros(2))
    assert balanced_loss(logits, torch.tensor([0]), torch.zeros(2), 0.2) > plain


def test_the_robust_loss_is_cross_entropy_in_the_limit_and_bounded_otherwise():
    logits, labels, even = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1]), torch.full((4,), 0.25).log()
    assert torch.allclose(robust_loss(logits, labels, even, 1e-4), functional.cross_entropy(logits, labels), rtol=1e-2)
    hopeless = torch.tensor([[50.0, 0.0, 0.0, 0.0]], requires_grad=True)
    robust_loss(hopeless, torch.tensor([1]), even, 0.5).backward()
    assert hopeless.grad is not None
    assert hopeless.grad.abs().max() < 1e-6
