from dataclasses import replace

import pytest

from daemon.demo.board import View
from daemon.demo.plan import Promises
from daemon.demo.verdict import in_time, judge, kept
from tests.support.demo import finished, measured

PROMISES = Promises()


def test_a_good_end_keeps_every_promise():
    assert kept(judge(finished(), PROMISES))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"versions": finished().versions[1:]}, "4 versions"),
        ({"versions": (*finished().versions, measured(6, 0.97, 0.9))}, "of the test set right"),
        ({"versions": (*finished().versions, measured(6, 0.93, 1.0))}, "not forgotten"),
        ({"dead": {"empty": 2}}, "2 dead letters of 3"),
        ({"dead": {"empty": 1, "undecodable": 2}}, "right reason"),
        ({"spoilt": {}, "dead": {}}, "0 dead letters of 0"),
    ],
)
def test_each_promise_can_be_broken_alone(change, said):
    broken = [finding for finding in judge(replace(finished(), **change), PROMISES) if not finding.kept]
    assert len(broken) == 1
    assert said in broken[0].text


def test_without_a_version_nothing_is_kept():
    assert not any(finding.kept for finding in judge(View(), PROMISES))


def test_time_is_a_promise():
    assert in_time(119.9, PROMISES).kept
    assert not in_time(120.1, PROMISES).kept
