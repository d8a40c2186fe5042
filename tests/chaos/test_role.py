"""The named steps that the harness knows are those of the code, and a lit fuse kills at one of them."""

import subprocess
import sys

import pytest

from tests.chaos import points
from tests.chaos.process import HERE
from tests.support.learners import Bench, CrashAt

COUNTS = """
import sys
from pathlib import Path
from tests.chaos.role import Fuse
reached = Fuse(Path(sys.argv[1]), sys.stderr)
for _ in range(5):
    for point in ("round.train.before", "after champion.json"):
        print(point, flush=True)
        reached(point)
"""


def test_every_step_that_a_learner_reaches_is_in_the_catalogue(tmp_path):
    bench, reached = Bench(tmp_path), CrashAt()
    learner = bench.learner(reached)
    for _ in range(3):
        bench.feed(200)
        learner.run_once()
    bench.die()
    unknown = set(reached.reached) - set(points.LEARN)
    assert not unknown
    assert {"round.claim.before", "commit.inside", "after champion.json"} <= set(reached.reached)


def test_each_step_belongs_to_one_role():
    assert {points.role_of(point) for point in points.ALL} == {"ingest", "learn"}
    with pytest.raises(KeyError, match="no named step"):
        points.role_of("round.lunch.before")


@pytest.mark.parametrize(("lit", "passed"), [("after champion.json 2", 4), ("round.train.before 3", 5)])
def test_a_fuse_kills_at_its_step_once(tmp_path, lit, passed):
    fuse = tmp_path / "learn.fuse"
    fuse.write_text(lit)

    def run():
        return subprocess.run(
            [sys.executable, "-c", COUNTS, str(fuse)], cwd=HERE, capture_output=True, text=True, check=False
        )

    killed = run()
    assert killed.returncode == -9
    assert len(killed.stdout.splitlines()) == passed
    assert not fuse.exists()
    assert run().returncode == 0
