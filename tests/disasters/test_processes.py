"""Real processes: all is killed at once; a second learner is refused while the first lives or stands still."""

import json
import shutil
import subprocess

import pytest

from tests.chaos.process import RoleProcess
from tests.chaos.site import Site
from tests.support.roles import TIDEMILL, eventually, free_port

SEED = 7


def second_learner(site, name, **settings):
    """Run another learner to its end; return (exit status, last line). `settings` as section__key."""
    sets = {"learn__port": free_port(), **settings}
    command = ["learn", "--config", str(site.cluster.tidemill.file)]
    command += [f"--set={key.replace('__', '.')}={value}" for key, value in sets.items() if key != "adopt"]
    command += ["--adopt"] if settings.get("adopt") else []
    one = RoleProcess(name, command, site.cluster.folder)
    one.start()
    try:
        eventually(lambda: not one.alive(), f"{name} is refused", 120)
    finally:
        one.close()
    return one.status, one.tail()


def check_second_learners_are_refused(site):
    cluster, folder = site.cluster, site.cluster.folder
    tries = {
        "same-state": ({"adopt": True}, "paths.state", "is in use by process"),
        "same-repository": ({"paths__state": folder / "s2", "adopt": True}, "paths.repository", "another learner"),
        "same-buffer": ({"paths__state": folder / "s3", "paths__repository": folder / "m3"}, "paths.state", "--adopt"),
    }
    for name, (settings, setting, words) in tries.items():
        status, said = second_learner(site, name, **settings)
        assert status == 78, said
        assert setting in said and words in said, said
    assert cluster.learner.alive()


def kill_everything(site):
    """As when the power goes: nobody is asked, nothing is awaited."""
    cluster = site.cluster
    for role in cluster.roles:
        role.kill()
    cluster.kafka.kill()
    cluster.redis.kill()


def start_everything(site):
    cluster = site.cluster
    cluster.redis.start()
    cluster.kafka.start()
    cluster.start()


@pytest.mark.chaos
def test_power_cut_and_second_learners(tmp_path, kafka_server, redis_server):
    with Site(tmp_path, kafka_server, redis_server, seed=SEED) as site:
        cluster = site.cluster
        cluster.learner.freeze()
        check_second_learners_are_refused(site)
        mark = site.work.mark()
        cluster.learner.thaw()
        site.work.wait_back(mark)
        kill_everything(site)
        start_everything(site)
        site.work.wait_back(site.work.mark())
        site.check_at_rest()


@pytest.mark.chaos
def test_a_stopped_learner_that_was_replaced_ends_when_it_wakes_up(tmp_path, kafka_server, redis_server):
    with Site(tmp_path, kafka_server, redis_server, seed=SEED) as site:
        cluster = site.cluster
        cluster.learner.freeze()
        # The state's last backup goes on on other disks, as after the loss of a machine that then comes back.
        heir = tmp_path / "heir"
        shutil.copytree(cluster.state, heir / "state")
        shutil.copytree(cluster.repository, heir / "models")
        sets = [f"--set=paths.state={heir / 'state'}", f"--set=paths.repository={heir / 'models'}"]
        command = ["learn", "--config", str(cluster.tidemill.file), *sets, f"--set=learn.port={free_port()}"]
        replacing = RoleProcess("heir", command, tmp_path)
        replacing.start()
        try:
            owner = "tidemill:{default}:owner"
            before = cluster.redis.client().get(owner)
            eventually(lambda: cluster.redis.client().get(owner) != before, "the heir owns the buffer", 120)
            cluster.learner.thaw()
            eventually(lambda: not cluster.learner.alive(), "the first ends", 60)
            assert cluster.learner.status == 78, cluster.learner.tail()
            assert "another learner has taken the buffer over" in cluster.learner.tail()
            assert replacing.alive()
            assert replacing.stop() == 0, replacing.tail()
        finally:
            replacing.close()
        verify = [*TIDEMILL, "verify", "--config", str(cluster.tidemill.file), "--json", *sets]
        done = subprocess.run(verify, capture_output=True, text=True, check=False, timeout=120)
        assert [one for one in json.loads(done.stdout)["findings"] if not one["harmless"]] == []
