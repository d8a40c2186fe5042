"""What ends a learner is told with the setting that it belongs to."""

import pytest

from daemon.composition.learn import told_to_operators
from daemon.errors import OperatorError
from streaming.buffer import BufferForeignError, BufferMisconfiguredError, BufferTakenError


@pytest.mark.parametrize(
    ("error", "setting"),
    [(BufferForeignError, "job"), (BufferTakenError, "job"), (BufferMisconfiguredError, "redis.url")],
)
def test_a_right_that_redis_takes_away_is_not_taken_for_another_learner(error, setting):
    with pytest.raises(OperatorError) as caught, told_to_operators():
        raise error("what Redis said")
    assert caught.value.setting == setting
