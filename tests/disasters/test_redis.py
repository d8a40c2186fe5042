"""Redis is wiped, loses the end of its file, is full: the buffer is filled again, and every record is learnt once."""

import pytest

from tests.support.ingestors import eventually


def test_redis_wiped_fills_again_from_what_is_learnt_for_good(mill):
    mill.send(200)
    with mill.site.ingesting() as ingesting, mill.learning():
        mill.wait_learnt(128)
        mill.site.redis.kill()
        mill.send(60)
        mill.site.redis.wipe()
        mill.send(60)
        mill.wait_all_learnt()
        eventually(lambda: ingesting.ingestor.ready() == (True, ""))
    mill.check()


def append_only_file(server):
    """The file that grows: in a folder of its own from Redis 7 on."""
    (file,) = [*server.folder.glob("appendonlydir/*.incr.aof"), *server.folder.glob("appendonly.aof")]
    return file


@pytest.mark.parametrize("learning_first", [True, False])
def test_redis_that_lost_the_end_of_its_file_takes_the_ingestor_back_with_it(make_mill, own_redis, learning_first):
    server = own_redis()
    mill = make_mill(redis=server)
    mill.send(120)
    log = mill.site.log()
    with mill.site.ingesting() as ingesting:
        mill.site.wait_position(120)
        kept = append_only_file(server).stat().st_size
        mill.send(150)
        mill.site.wait_position(270)
        if learning_first:
            with mill.learning():
                mill.wait_learnt(270)
        server.kill()
        with append_only_file(server).open("r+b") as file:
            file.truncate(kept + 1_000)  # in the midst of a command
        server.start()
        assert 120 <= mill.site.buffer.position(log) < 270, "the stream's last id went back"
        with mill.learning():
            mill.send(40)
            mill.wait_all_learnt()
        mill.site.wait_position(310)
    assert ingesting.seen.counts["consumed"] > 310, "some were read again"
    mill.check()


def fill_up(server):
    """Leave no room for anything: Redis' limit is below what it holds."""
    with server.client() as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] - 1)


def make_room(server):
    with server.client() as client:
        client.config_set("maxmemory", 0)


def crowd(server, bytes_free):
    with server.client() as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + bytes_free)


@pytest.mark.parametrize("restarts", [False, True])
def test_at_maxmemory_the_learner_makes_room_also_when_it_starts_then(make_mill, own_redis, restarts):
    server = own_redis(appendonly=False)
    mill = make_mill(redis=server)
    mill.send(64)
    with mill.site.ingesting() as ingesting:
        mill.site.wait_position(64)
        if restarts:
            with mill.learning():
                mill.wait_learnt(64)
        # Far more than what connections of Redis' clients take and give back.
        crowd(server, 1_000_000)
        mill.send(4_000)
        eventually(lambda: ingesting.causes == {"buffer_full"}, "Redis is full")
        # Not even a small write passes: what the learner does at its start must do without.
        fill_up(server)
        with server.client() as client:
            client.delete(f"tidemill:{{{mill.site.job}}}:owner")
        with mill.learning() as learner:
            mill.wait_learnt(400)
            assert learner.outage == ""
            make_room(server)
            mill.wait_all_learnt()
    mill.check()
