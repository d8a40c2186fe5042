import numpy as np

from daemon.report.history import forgetting

NAN = np.nan


def test_forgetting_is_what_a_class_lost_against_its_best_so_far():
    grid = np.array([[0.5, 0.9, 0.7, 0.95], [NAN, NAN, 0.6, 0.5]])
    lost = forgetting(grid)
    assert np.allclose(lost[0, 1:], [0.0, 0.2, 0.0])
    assert np.isnan(lost[:, 0]).all(), "nothing can be forgotten by the first version"
    assert np.isnan(lost[1, 2]), "nor of a class that is new"
    assert np.isclose(lost[1, 3], 0.1)


def test_a_class_without_held_out_samples_for_a_while_keeps_its_best():
    lost = forgetting(np.array([[0.9, NAN, 0.8]]))
    assert np.isnan(lost[0, 1])
    assert np.isclose(lost[0, 2], 0.1)
